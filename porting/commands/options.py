"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from reference.errors import UsageError

Command = Callable[..., Any]


def names(_: click.Context, option: click.Parameter, value: str | None) -> list[str] | None:
    """``a:0,b:0`` as a list; None where nothing is given.

    Raises:
        UsageError: it names nothing.
    """
    if value is None:
        return None
    found = [part.strip() for part in value.split(",") if part.strip()]
    if not found:
        msg = f"--{option.name} names no tensor: give a:0,b:0, or leave it out"
        raise UsageError(msg)
    return found


def reading(command: Command) -> Command:
    """How the artefact is read."""
    for option in reversed((
        click.option("--inputs", callback=names, metavar="a:0,b:0", help="Tensors to feed; any of the graph."),
        click.option("--outputs", callback=names, metavar="c:0", help="Tensors to compute."),
        click.option("--freeze", multiple=True, metavar="NAME=VALUE", help="Fix a tensor; repeatable."),
        click.option("--signature", metavar="S", help="Which signature of a SavedModel."),
        click.option("--tag", metavar="T", help="Which graph of a SavedModel, by its tags."),
        click.option("--max-tensor", type=click.IntRange(1), metavar="BYTES", help="Largest tensor that is read."),
    )):  # fmt: skip
        command = option(command)
    return command


def comparing(command: Command) -> Command:
    """What a port is compared on where no recording says it, and how."""
    for option in reversed((
        click.option("--cases", type=click.IntRange(1), default=8, show_default=True, help="Runs drawn without a recording."),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the runs drawn."),
        click.option("--live", is_flag=True, help="Run what is drawn by TensorFlow too, where it is installed."),
        click.option("--max-error", type=click.FloatRange(0), help="What an int8 port may be off by."),
        click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of ONNX Runtime, comparing."),
    )):  # fmt: skip
        command = option(command)
    return command


def as_json(command: Command) -> Command:
    """``--json``."""
    return click.option(
        "--json", "json_", is_flag=True, help="Print one JSON object and nothing else."
    )(command)

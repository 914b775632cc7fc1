"""What the commands print: one JSON object, or text for people."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

import click


def print_json(value: Mapping[str, Any], /) -> None:
    """One object on stdout, ``"schema": 1`` first; a number that JSON lacks is null."""
    click.echo(json.dumps(finite({"schema": 1} | dict(value)), ensure_ascii=False, allow_nan=False))


def finite(value: Any, /) -> Any:
    """NaN and infinities as null, all the way down."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


@contextmanager
def progress_bar(*, quiet: bool) -> Any:
    """A function ``(what, done, total)`` that draws a bar on a terminal, and does nothing in a pipe."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda *_: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total
        )


def console() -> Any:
    """Rich's console on stdout; plain text in a pipe."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


Printer = Callable[[str], None]

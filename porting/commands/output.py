"""What the commands print: one JSON object, or text for people."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

Progress = Callable[[str, int, int], Any]
BAR = "{desc} {bar} {n_fmt}/{total_fmt} {elapsed}"


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
def progress_bar(*, quiet: bool) -> Iterator[Progress]:
    """A function ``(what, done, total)`` that draws a bar on a terminal, and does nothing in a pipe."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from tqdm import tqdm

    with tqdm(desc="starting", leave=False, bar_format=BAR) as bar:

        def show(what: str, done: int, total: int) -> None:
            bar.set_description_str(what, refresh=False)
            bar.n, bar.total = done, total
            bar.refresh()

        yield show

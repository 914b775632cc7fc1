"""``rnnport inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from porting.commands import options
from porting.commands.output import print_json


@click.command("inspect", short_help="What recurrences are in a model, and what each will become.")
@click.argument("artefact", type=click.Path(path_type=Path))
@options.reading
@options.as_json
def command(artefact: Path, freeze: tuple[str, ...], json_: bool, **chosen: Any) -> int:
    """List the recurrences of ARTEFACT: what each is, what it will become, and why not, where not."""
    from porting.inspection import inspect
    from porting.model import parse_freeze

    found = inspect(artefact, freeze=parse_freeze(freeze), **chosen)
    if json_:
        print_json(found.as_json())
    else:
        click.echo(str(found.tree()))
    return 0

"""``rnnport scan``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command(
    "scan", short_help="Find TF1 recurrent API use in source code, and what each use becomes."
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "json_", is_flag=True, help="One JSON object on stdout.")
def command(paths: tuple[Path, ...], json_: bool) -> int:
    """Find every use of TF1's recurrent API below PATHS. Status 0: none; 1: some; 2: a path does not exist."""
    from porting.scan.report import scan

    found = scan(paths)
    if json_:
        click.echo(json.dumps(found.as_json(), indent=1))
    else:
        for line in found.lines():
            click.echo(line)
    return 1 if found.uses else 0

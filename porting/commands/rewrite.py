"""``rnnport rewrite``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    "rewrite", short_help="Rewrite TF1 recurrent source code; prints a diff unless --write."
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Choice(["tf1", "keras"]),
    default="tf1",
    show_default=True,
    help="tf1: run it under current TensorFlow; keras: common shapes to Keras layers too.",
)
@click.option("--write", is_flag=True, help="Change the files; otherwise a diff is printed.")
def command(paths: tuple[Path, ...], to: str, write: bool) -> int:
    """Rewrite the Python files below PATHS. What is not certain is left alone, with a comment that says why."""
    from porting.rewrite.engine import rewrite

    for result in rewrite(paths, to_keras=to == "keras", write=write):
        if result.problem is not None:
            click.echo(f"{result.path}: {result.problem}", err=True)
        elif result.changed and write:
            click.echo(f"{result.path}: rewritten", err=True)
        elif result.changed:
            click.echo(result.diff(), nl=False)
    return 0

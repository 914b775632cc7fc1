"""``rnnport demo``."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("demo", short_help="The whole story on the shipped example.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo-out"),
    show_default=True,
    help="Folder to write to.",
)
def command(out: Path) -> int:
    """Inspect the shipped model, convert it to ONNX and Keras, verify both, compose a tune, time, and write a report.

    Fails when any of these does.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from porting.demo import demo

    demo(out, click.echo)
    return 0

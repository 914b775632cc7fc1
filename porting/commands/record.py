"""``rnnport record``."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import click

from reference.errors import UsageError


@click.command("record", short_help="Write the recorder, one file for your old TF1 environment.")
@click.option(
    "-o", "--out", required=True, type=click.Path(path_type=Path), metavar="record_tf1.py"
)
def command(out: Path) -> int:
    """Write the recorder: one file that runs on Python 2.7 and 3.5 to 3.7 with TensorFlow 1.0 to 1.15 and NumPy."""
    write_recorder(out)
    click.echo(
        f"wrote {out}: copy it to where the model runs, then: python {out.name} MODEL -o samples.npz"
    )
    return 0


def write_recorder(out: Path) -> None:
    """Put the recorder at ``out``.

    Raises:
        UsageError: it cannot be written there.
    """
    data = resources.files("porting").joinpath("record_tf1.py").read_bytes()
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, out)
    except OSError as error:
        part.unlink(missing_ok=True)
        msg = f"{out} cannot be written: {error.strerror or error}"
        raise UsageError(msg) from error

"""``rnnport convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from porting.commands import options
from porting.commands.output import print_json, progress_bar
from porting.conversion import TARGETS, Conversion


@click.command("convert", short_help="Convert a TF1 model, and prove the port equal.")
@click.argument("artefact", type=click.Path(path_type=Path))
@click.option("--to", required=True, type=click.Choice(TARGETS))
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), metavar="OUT")
@options.reading
@click.option("--samples", type=click.Path(path_type=Path), help="A recording to verify against.")
@options.comparing
@click.option("--no-verify", is_flag=True, help="Write the port without comparing it.")
@click.option("--opset", type=int, metavar="N", help="ONNX operator set.")
@click.option(
    "--dtype",
    type=click.Choice(("float32", "float16", "int8")),
    default="float32",
    show_default=True,
)
@click.option(
    "--prefer", type=click.Choice(("speed", "native")), default="speed", show_default=True
)
@click.option(
    "--batch",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="Rows that speed is judged for.",
)
@click.option(
    "--ragged/--no-ragged",
    default=None,
    help="Batches with lengths in segments of time, each with the rows that still run. Left out: from a size on.",
)
@click.option("--streaming", is_flag=True, help="A step model: states in, states out.")
@options.as_json
def command(
    artefact: Path, out: Path, freeze: tuple[str, ...], no_verify: bool, json_: bool, **chosen: Any
) -> int:
    """Convert ARTEFACT (frozen .pb, SavedModel folder, checkpoint prefix) and verify the port.

    Status: 0 done and equivalent; 1 different (written as OUT.different); 2 wrong call or file; 3 not convertible; 4 done, unverified.
    """
    from porting.conversion import convert
    from porting.model import parse_freeze

    with progress_bar(quiet=json_) as progress:
        done = convert(
            artefact,
            out=out,
            freeze=parse_freeze(freeze),
            verify=not no_verify,
            progress=progress,
            **chosen,
        )
    if json_:
        print_json(done.as_json())
    else:
        show(done)
    return done.status


def show(done: Conversion) -> None:
    """The result for people."""
    click.echo(f"wrote {done.output}")
    for item in done.recurrences:
        why = f": {item['reason']}" if item["reason"] else ""
        cut = f" in {item['segments']} segments of time" if item.get("segments") else ""
        click.echo(f"  {item['cell']}({item['units']}) {item['name']} -> {item['form']}{cut}{why}")
    for name, value in done.frozen.items():
        click.echo(f"  {name} is frozen to {value}")
    for note in done.notes:
        click.echo(f"  note: {note}")
    if done.verification is None:
        click.echo("not verified (--no-verify)")
        return
    click.echo(done.verification.sentence())
    for reason in done.verification.reasons:
        click.echo(f"  {reason}")
    for note in done.verification.notes:
        click.echo(f"  note: {note}")

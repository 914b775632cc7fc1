"""``rnnport verify``."""

from __future__ import annotations

from pathlib import Path

import click

from porting.commands import options
from porting.commands.output import print_json, progress_bar


@click.command("verify", short_help="Compare a port with the original.")
@click.argument("artefact", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@options.reading
@click.option(
    "--samples", metavar="GLOB", help="Recordings to compare with; a pattern may name several."
)
@click.option(
    "--cases",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Runs drawn without a recording.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the runs drawn."
)
@click.option(
    "--live", is_flag=True, help="Run what is drawn by TensorFlow too, where it is installed."
)
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="OUT.html", help="Write a page to look at."
)
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="Of ONNX Runtime."
)
@click.option("--max-error", type=click.FloatRange(0), help="What an int8 port may be off by.")
@click.option("--trust", is_flag=True, help="Run a .py candidate.")
@options.as_json
def command(
    artefact: Path,
    candidate: Path,
    inputs: list[str] | None,
    outputs: list[str] | None,
    freeze: tuple[str, ...],
    signature: str | None,
    tag: str | None,
    max_tensor: int | None,
    samples: str | None,
    live: bool,
    cases: int,
    seed: int,
    report: Path | None,
    threads: int,
    max_error: float | None,
    trust: bool,
    json_: bool,
) -> int:
    """Compare CANDIDATE (.onnx, .keras, .py) with ARTEFACT.

    Status: 0 equivalent, 1 different, 2 wrong call or file, 4 unverified.
    """
    from porting.comparing import compare
    from porting.model import parse_freeze

    with progress_bar(quiet=json_) as progress:
        done = compare(
            artefact, candidate, inputs=inputs, outputs=outputs, freeze=parse_freeze(freeze), signature=signature, tag=tag,
            max_tensor=max_tensor, samples=samples, live=live, cases=cases, seed=seed, threads=threads, trust=trust, progress=progress,
        )  # fmt: skip
    if report is not None:
        from porting.report import write_report

        write_report(report, done.sections(), title=f"{candidate.name} against {artefact.name}")
    if json_:
        print_json(done.verdict.as_json())
    else:
        click.echo(done.verdict.sentence())
        for line in (*done.verdict.reasons, *(f"note: {note}" for note in done.verdict.notes)):
            click.echo(f"  {line}")
    return done.verdict.status(max_error)

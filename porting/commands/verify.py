"""``rnnport verify``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from porting.commands import options
from porting.commands.output import print_json, progress_bar
from reference.errors import UsageError


@click.command("verify", short_help="Compare a port with the original.")
@click.argument("artefact", type=click.Path(path_type=Path))
@click.argument("candidate", type=click.Path(path_type=Path))
@options.reading
@click.option(
    "--samples", metavar="GLOB", help="Recordings to compare with; a pattern may name several."
)
@options.comparing
@click.option(
    "--report", type=click.Path(path_type=Path), metavar="OUT.html", help="Write a page to look at."
)
@click.option("--trust", is_flag=True, help="Run a .py candidate.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes, one samples file each.",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Of a Dask scheduler: its workers compare the samples files.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on where a verification of many samples files was interrupted.",
)
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
    jobs: int,
    cluster: str | None,
    resume: bool,
    json_: bool,
) -> int:
    """Compare CANDIDATE (.onnx, .keras, .py) with ARTEFACT.

    Status: 0 equivalent, 1 different, 2 wrong call or file, 4 unverified.
    """
    from porting.comparing import compare
    from porting.model import parse_freeze
    from porting.shards import verify_shards

    reading: dict[str, Any] = {
        "inputs": inputs, "outputs": outputs, "freeze": parse_freeze(freeze), "signature": signature, "tag": tag,
        "max_tensor": max_tensor, "threads": threads, "trust": trust,
    }  # fmt: skip
    many = _many(samples, jobs, cluster, resume, live)
    with progress_bar(quiet=json_) as progress:
        if many is not None:
            found = verify_shards(
                artefact,
                candidate,
                many,
                jobs=jobs,
                cluster=cluster,
                resume=resume,
                progress=progress,
                **reading,
            )
            done, status, told = found.comparison, found.status(max_error), found.as_json()
        else:
            done = compare(
                artefact,
                candidate,
                samples=samples,
                live=live,
                cases=cases,
                seed=seed,
                progress=progress,
                **reading,
            )
            status, told = done.verdict.status(max_error), done.verdict.as_json()
    if report is not None:
        from porting.report import write_report

        write_report(report, done.sections(), title=f"{candidate.name} against {artefact.name}")
    if json_:
        print_json(told)
    else:
        click.echo(done.verdict.sentence())
        for line in (*done.verdict.reasons, *(f"note: {note}" for note in done.verdict.notes)):
            click.echo(f"  {line}")
    return status


def _many(
    samples: str | None, jobs: int, cluster: str | None, resume: bool, live: bool
) -> str | None:
    """The pattern of many samples files; None where one file, or none, is compared in the plain way.

    Raises:
        UsageError: an option is for many files, and there are none; or ``--live``, which is for drawn runs.
    """
    asked = jobs > 1 or cluster is not None or resume
    if samples is None:
        if asked:
            msg = "--jobs, --cluster and --resume are for recordings: give --samples 'shards/*.npz'"
            raise UsageError(msg)
        return None
    if Path(samples).is_file() and not asked:
        return None
    if live:
        msg = "--live runs what is drawn, and --samples names recordings: give one"
        raise UsageError(msg)
    return samples

"""``rnnport bench``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from porting.commands import options
from porting.commands.output import print_json, progress_bar

if TYPE_CHECKING:
    from porting.benching import Time


@click.command("bench", short_help="Time a model and its ports side by side.")
@click.argument("artefact", type=click.Path(path_type=Path))
@click.argument("candidates", type=click.Path(path_type=Path), nargs=-1, required=True)
@options.reading
@click.option("--samples", type=click.Path(path_type=Path), help="Inputs to time with.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the inputs drawn."
)
@click.option(
    "--repeat",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Rounds; each times all once.",
)
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="Of ONNX Runtime."
)
@click.option("--trust", is_flag=True, help="Run .py candidates.")
@options.as_json
def command(
    artefact: Path,
    candidates: tuple[Path, ...],
    freeze: tuple[str, ...],
    json_: bool,
    **chosen: Any,
) -> int:
    """Time CANDIDATES in turn on one input, round after round; medians, and ratios to the first.

    ARTEFACT itself is timed too where TensorFlow is installed (graph optimisers off).
    """
    from porting.benching import bench
    from porting.model import parse_freeze

    with progress_bar(quiet=json_) as progress:
        times = bench(
            artefact, candidates, freeze=parse_freeze(freeze), progress=progress, **chosen
        )
    if json_:
        print_json({"times": [item.as_json() for item in times]})
    else:
        click.echo(shown(times))
    return 0


def shown(times: Sequence[Time], /) -> str:
    """For people."""
    from porting.tree import table

    rows = [
        (
            item.name,
            f"{item.median * 1e3:.2f} ms",
            f"{item.fastest * 1e3:.2f} ms",
            f"{item.ratio:.2f}",
        )
        for item in times
    ]
    return table(("", "median", "fastest", "ratio"), rows)

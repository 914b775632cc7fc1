"""The table of docs/keras_backends.md from what was measured: ``python -m tests.support.keras_table``.

Arguments are files that ``tests.porting.zoo_sweep --to keras --json`` (first) and ``tests.support.keras_backends --all --json`` wrote, each as
``COLUMN=FILE``; all of them ran at the commit that is named.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

HEAD = """# Keras ports of the zoo, by backend

Measured with Keras {keras} on {day}: every recorded model of the zoo, all columns by one state of the code ({commit}). TensorFlow: the verdict against the recording of
TensorFlow 1.15.5 (`python -m tests.porting.zoo_sweep --to keras --json FILE`; cuDNN's two models have no recording and are not here). JAX and PyTorch, on the CPU, in
environments of their own: `python -m tests.support.keras_backends --all --json FILE` (`make test-backends` runs a choice); *same*: the recorded numbers within 2e-5 of the
largest (float16: 3e-3), integers equal. On JAX a decoder runs to its maximum; the steps that TensorFlow did not run are one value (zeros, the end token), and are compared
as such; an int64 that provably fits 32 bits is an int32, and compared by value. What is refused there has shapes that depend on values, strings, float64 or a CTC beam
search; of the zoo nothing has int64 that may be wide ([what is proven, and what of it is said](keras.md#backends)).

"""


def read(path: Path, /) -> dict[str, tuple[str, str]]:
    """(outcome, reason) by model."""
    found: Any = json.loads(path.read_text())
    if isinstance(found, list):
        return {one["name"]: (one["outcome"], one["cause"]) for one in found}
    return {name: (kind, why) for name, (kind, why) in found.items()}


def cell(outcome: tuple[str, str] | None, /) -> str:
    """One cell of the table."""
    if outcome is None:
        return ""
    kind, why = outcome
    text = re.sub(r"\s+", " ", why).replace("|", "/")
    return kind if kind in ("same", "equivalent") else f"{kind}: {text[:170]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("columns", nargs="+", metavar="COLUMN=FILE")
    for said in ("keras", "day", "commit"):
        parser.add_argument(f"--{said}", required=True, help="what the page says of it")
    options = parser.parse_args()
    columns = {
        name: read(Path(path)) for name, path in (arg.split("=", 1) for arg in options.columns)
    }
    models = sorted({model for found in columns.values() for model in found})
    lines = [HEAD.format(keras=options.keras, day=options.day, commit=options.commit)]
    for name, found in columns.items():
        counts = Counter(kind for kind, _ in found.values())
        said = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
        lines.append(f"- {name}: {said}, of {len(found)}\n")
    lines.append("\nModels that are not the same everywhere:\n\n")
    lines.append(f"| model | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}\n")
    good = ("same", "equivalent")
    plain = []
    for model in models:
        row = [found.get(model) for found in columns.values()]
        if all(one is None or one[0] in good for one in row):
            plain.append(model)
        else:
            lines.append(f"| {model} | {' | '.join(map(cell, row))} |\n")
    lines.append(f"\nThe same on all: {', '.join(plain)}.\n")
    Path("docs/keras_backends.md").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()

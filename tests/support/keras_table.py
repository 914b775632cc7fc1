"""The table of docs/keras_backends.md from what was measured: ``python -m tests.support.keras_table``.

Arguments are files that ``tests.porting.zoo_sweep --to keras --json`` (first) and ``tests.support.keras_backends --all --json`` wrote, each as
``COLUMN=FILE``.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

HEAD = """# Keras ports of the zoo, by backend

Measured with Keras 3.15, by `python -m tests.porting.zoo_sweep --to keras --json FILE` (TensorFlow: the verdict against the recording of TensorFlow
1.15.5) and `python -m tests.support.keras_backends --all --json FILE` in environments with JAX and with PyTorch (`make test-backends` runs a choice).
*same*: the recorded numbers within 2e-5 of the largest (float16: 3e-3). On JAX a decoder runs to its maximum; the steps that TensorFlow did not run
are one value (zeros, the end token), and are compared as such. With `JAX_ENABLE_X64=1` only those refused without it were run. An empty cell was not run.
TensorFlow's column is one run of the code beside it; those of JAX and PyTorch are older but for the rows that the last changes touched. cuDNN's two models have
no recording and were judged on drawn inputs (`--drawn`).

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
    columns = {name: read(Path(path)) for name, path in (arg.split("=", 1) for arg in sys.argv[1:])}
    models = sorted({model for found in columns.values() for model in found})
    lines = [HEAD]
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

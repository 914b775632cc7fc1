"""What is measured: one row a graph, at production sizes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

GATES = {
    "lstm": 4,
    "static": 4,
    "bidirectional": 4,
    "two_layers": 4,
    "peephole": 4,
    "projected": 4,
    "layer_norm": 4,
    "gru": 3,
    "rnn": 1,
}
"""By kind: column blocks of the kernel."""


@dataclass(frozen=True)
class Row:
    """One graph and the sizes it is fed."""

    kind: str
    batch: int
    steps: int
    units: int
    ragged: bool = False

    @property
    def features(self) -> int:
        return 128 if self.units <= 256 else 256

    @property
    def output(self) -> int:
        """Units that a layer hands on."""
        return self.units // 2 if self.kind == "projected" else self.units

    @property
    def graph(self) -> str:
        """The name of the graph: rows that differ in batch only share it. static_rnn holds its number of steps."""
        steps = f"-t{self.steps}" if self.kind == "static" else ""
        return f"{self.kind}-u{self.units}{steps}{'-ragged' if self.ragged else ''}"

    @property
    def name(self) -> str:
        return f"{self.kind}-b{self.batch}-t{self.steps}-u{self.units}{'-ragged' if self.ragged else ''}"

    def feeds(self) -> dict[str, np.ndarray]:
        """Random inputs; lengths from 1 to all steps, the first row's full."""
        rng = np.random.default_rng(self.batch * 1000 + self.steps)
        x = rng.normal(size=(self.batch, self.steps, self.features)).astype(np.float32)
        found = {"x:0": x}
        if self.ragged:
            lengths = rng.integers(1, self.steps + 1, self.batch).astype(np.int32)
            lengths[0] = self.steps
            found["lengths:0"] = lengths
        return found


def _rows() -> list[Row]:
    """Every kind at one size, full and ragged, for 1, 16 and 64 rows; some at other sizes."""
    rows = []
    for batch, ragged in product((1, 16, 64), (False, True)):
        for kind in GATES:
            steps, units = {"static": (50, 256), "projected": (100, 512)}.get(kind, (100, 256))
            rows.append(Row(kind, batch, steps, units, ragged))
        for steps, units in ((50, 128), (200, 512), (50, 1024)):
            rows.append(Row("lstm", batch, steps, units, ragged))
        for kind in ("bidirectional", "gru"):
            rows.append(Row(kind, batch, 200, 128, ragged))
    order = list(GATES)
    return sorted(rows, key=lambda r: (order.index(r.kind), r.ragged, r.units, r.batch))


ROWS = _rows()
QUICK = [Row(kind, 4, 12, 32, ragged) for kind in GATES for ragged in (False, True)]
"""Sizes that prove nothing but that all of it runs."""

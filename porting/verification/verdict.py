"""What a comparison says, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

EQUIVALENT, DIFFERENT, APPROXIMATE, UNVERIFIED = (
    "equivalent",
    "different",
    "approximate",
    "unverified",
)
STATUS = {EQUIVALENT: 0, DIFFERENT: 1, UNVERIFIED: 4}
"""Exit statuses; ``approximate`` is 0 or 1 by ``--max-error``."""


@dataclass(frozen=True)
class Row:
    """One output tensor (or its padded steps alone) in the table."""

    tensor: str
    region: str
    """``"valid"`` or ``"padded"``."""
    dtype: str
    largest: float
    """max |T|."""
    difference: float
    """max |port - T|."""
    floor: float
    """F."""
    recording: float | None
    """max |R - T|, where there is a recording."""
    mean: float = 0.0
    """mean |port - T|."""
    values: int = 0
    problem: str = ""
    """Why this row is not equivalent; "" where it is."""
    steps: tuple[tuple[float, float], ...] = ()
    """(difference, floor) by time step, where the tensor has a time axis."""
    ulps: tuple[int, ...] = ()
    """How many values differ by up to 1/2, 1, 2, 4, … ULPs of T: the bins of :data:`floors.ULP_EDGES`."""

    @property
    def ratio(self) -> float:
        """The difference in floors; 8 are allowed."""
        if self.difference == 0:
            return 0.0
        return self.difference / self.floor if self.floor else float("inf")

    def as_json(self) -> dict[str, Any]:
        return {
            "tensor": self.tensor, "region": self.region, "dtype": self.dtype, "max_abs": self.largest,
            "max_abs_diff": self.difference, "mean_abs_diff": self.mean, "noise_floor": self.floor,
            "recording_diff": self.recording, "values": self.values, "problem": self.problem or None, "ulps": list(self.ulps),
        }  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """The result of one comparison."""

    verdict: str
    oracle: str
    """``"recording"``, ``"tensorflow"`` or ``"reference"``."""
    cases: int
    few: bool = False
    """Under 3 runs or 64 values were compared."""
    rows: tuple[Row, ...] = ()
    worst: dict[str, Any] = field(default_factory=dict)
    """Where the largest difference (in floors) lies; of a ``different`` port: where it differs first."""
    reasons: tuple[str, ...] = ()
    """Why it is not ``equivalent``, in sentences."""
    notes: tuple[str, ...] = ()
    audit: dict[str, Any] | None = None
    """What the comparison of the weights found."""
    threads: int = 1
    stepwise: dict[str, Any] | None = None
    """Of a chaotic model: what its short runs from T's own states show."""
    diagnosis: dict[str, Any] | None = None
    """Of a ``different`` port: the known mistake that explains it, and its place."""

    @property
    def max_abs_diff(self) -> float:
        return max((row.difference for row in self.rows), default=0.0)

    @property
    def noise_floor(self) -> float:
        """F of the tensor with the largest difference."""
        worst = max(self.rows, key=lambda row: row.difference, default=None)
        return worst.floor if worst else 0.0

    @property
    def mean_abs_diff(self) -> float:
        count = sum(row.values for row in self.rows)
        return sum(row.mean * row.values for row in self.rows) / count if count else 0.0

    def status(self, max_error: float | None = None) -> int:
        """The exit status of CONTRACT's ``convert`` and ``verify``."""
        if self.verdict == APPROXIMATE:
            return 0 if max_error is not None and self.max_abs_diff <= max_error else 1
        return STATUS[self.verdict]

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict, "oracle": self.oracle, "cases": self.cases, "few": self.few,
            "max_abs_diff": self.max_abs_diff, "mean_abs_diff": self.mean_abs_diff,
            "noise_floor": self.noise_floor, "worst": self.worst, "threads": self.threads,
            "reasons": list(self.reasons), "notes": list(self.notes), "weights": self.audit, "diagnosis": self.diagnosis,
            "stepwise": self.stepwise,
            "tensors": [row.as_json() for row in self.rows],
        }  # fmt: skip

    def sentence(self) -> str:
        """One line for people."""
        if not self.rows:
            return f"{self.verdict}: {self.reasons[0]}" if self.reasons else self.verdict
        if self.verdict == APPROXIMATE:
            return (
                f"approximate ({self.cases} cases, oracle: {self.oracle}): max |difference| "
                f"{self.max_abs_diff:.2g}, mean {self.mean_abs_diff:.2g}; no equivalence is claimed"
            )
        worst = max(self.rows, key=lambda row: row.ratio)
        size = (
            f"at most {worst.ratio:.2g} noise floors"
            if worst.ratio < 1e6
            else f"by {worst.difference:.2g}"
        )
        return (
            f"{self.verdict} ({self.cases} cases, oracle: {self.oracle}): outputs differ {size}, "
            f"max |difference| {self.max_abs_diff:.2g}"
        )

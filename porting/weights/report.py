"""What a loading did, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Match:
    """One layer, and the variables it was given."""

    layer: str
    form: str
    """How the checkpoint holds it: ``"tf1"``, ``"keras"``, ``"cudnn opaque"``, ``"dense"``, …"""
    tensors: tuple[str, ...]
    """Names in the checkpoint."""
    forget_bias: float | None = None
    """What was added to the forget gate's bias; None where there is none."""


@dataclass(frozen=True)
class Missing:
    """One layer that was left as it is."""

    layer: str
    reason: str


@dataclass(frozen=True)
class LoadReport:
    """What matched and what did not."""

    matched: tuple[Match, ...]
    missing: tuple[Missing, ...] = ()
    unused: tuple[str, ...] = ()
    """Variables in the scope that no layer took."""
    ignored: tuple[str, ...] = ()
    """Slots of optimizers, moving averages that were not asked for, counters."""

    @property
    def complete(self) -> bool:
        """Whether every layer with weights got them."""
        return not self.missing

    def as_json(self) -> dict[str, Any]:
        return {
            "matched": [vars(match) | {"tensors": list(match.tensors)} for match in self.matched],
            "missing": [vars(item) for item in self.missing],
            "unused": list(self.unused), "ignored": list(self.ignored),
        }  # fmt: skip

    def __str__(self) -> str:
        lines = []
        for match in self.matched:
            added = (
                "" if match.forget_bias is None else f", forget bias {match.forget_bias:g} added"
            )
            lines.append(f"{match.layer} <- {', '.join(match.tensors)} ({match.form}{added})")
        lines += [f"{item.layer}: NOT LOADED: {item.reason}" for item in self.missing]
        if self.unused:
            lines.append(f"in the checkpoint, and in no layer: {', '.join(self.unused)}")
        return "\n".join(lines)

"""Which of the values that loops and branches give are read in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reference.vocabulary.tracer import Expr

if TYPE_CHECKING:
    from converters.to_source.blocks.trace import Trace


class Live:
    """Everything that ``wanted`` depends on.

    Args:
        trace: the statements.
        wanted: what is asked for.
    """

    def __init__(self, trace: Trace, wanted: Sequence[Expr]) -> None:
        controls: list[Any] = list(trace.made_by.values())
        self._carried: dict[Expr, Any] = {
            e: one for one in controls if hasattr(one, "go_on") for e in one.inputs
        }
        self._places: dict[int, set[int]] = {}
        self._made_by = trace.made_by
        self.read: set[Expr] = set()
        """All expressions that something reads."""
        seen = self.read
        stack = list(wanted)
        while stack:
            expr = stack.pop()
            if expr in seen:
                continue
            seen.add(expr)
            stack += expr.operands
            stack += self._behind(expr)

    def places(self, one: Any, /) -> list[int]:
        """The places of what is read, those that the condition of a loop reads first."""
        found = sorted(self._places.get(id(one), ()))
        if not hasattr(one, "go_on"):
            return found
        tested = set(_leaves(one.go_on))
        return sorted(found, key=lambda k: (one.inputs[k] not in tested, k))

    def _behind(self, expr: Expr) -> list[Expr]:
        one: Any = self._made_by.get(expr) or self._carried.get(expr)
        if one is None:
            return []
        among = one.outputs if expr in self._made_by else one.inputs
        place = next(k for k, e in enumerate(among) if e is expr)
        self._places.setdefault(id(one), set()).add(place)
        if not hasattr(one, "go_on"):
            return [one.predicate, *(side[place] for side in one.sides)]
        return [one.go_on, one.start[place], one.new[place]]


def _leaves(expr: Expr) -> list[Expr]:
    found, seen, stack = [], set(), [expr]
    while stack:
        one = stack.pop()
        if one in seen:
            continue
        seen.add(one)
        found.append(one)
        stack += one.operands
    return found

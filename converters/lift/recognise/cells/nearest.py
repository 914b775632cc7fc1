"""Of a step that is no reference cell: which cell comes nearest, and what tells the two apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from converters.lift.recognise.cells.patterns import Pattern
from converters.lift.recognise.cells.question import Question, all_atoms
from converters.lift.recognise.form.functions import ACTIVATION, ELEMENTWISE
from converters.lift.recognise.form.poly import Atom

NONE = "no cell that is looked for has this equation"
_QUIET = frozenset(("leaf", "slice", "sum"))
"""Atoms that are no function."""
_SHOWN = 3
_LIKE = 0.5
"""Of a step's functions the part that may be others for a cell to be called near."""
_WORDS = {"normalised": "layer normalisation", ACTIVATION: "activation function"}


UNSOUGHT = {
    "bidirectionalgridlstmcell": "BidirectionalGridLSTMCell",
    "gridlstmcell": "GridLSTMCell",
    "timefreqlstmcell": "TimeFreqLSTMCell",
    "ntmcell": "NTMCell",
}
"""Reference cells without a pattern, by name as it stands in a scope: their states are as many as their bands or heads."""


def unsought(names: str) -> str | None:
    """The reason where these names say that it is a cell without a pattern."""
    flat = names.lower().replace("_", "")
    found = next((cell for key, cell in UNSOUGHT.items() if key in flat), None)
    if found is None:
        return None
    return f"it is named {found}, which is kept as its own equation: no pattern of that cell is looked for"


def told_apart(question: Question, patterns: Iterable[Pattern]) -> str:
    """A sentence: no cell has the equation, and what the nearest of these has not, or has beside."""
    mine = _functions(a for a in question.atoms if a in question.dependent)
    best: tuple[tuple[int, int], str, Counter[str], Counter[str]] | None = None
    for pattern in patterns:
        theirs = _functions(all_atoms(pattern.next_forms))
        more, less = mine - theirs, theirs - mine
        _absorb(more, less)
        far = more.total() + less.total(), more.total()
        if best is None or far < best[0]:
            best = far, pattern.variant.spec.cell.__name__, more, less
    if best is None:
        return NONE
    (distance, _), name, more, less = best
    if distance > max(_LIKE * mine.total(), 1):
        return NONE
    if more:
        lacked = f", and lacks {_list(less)}" if less else ""
        return f"{NONE}: beside what {name} has, the nearest, its step has {_list(more)}{lacked}"
    if less:
        return f"{NONE}: of what {name} has, the nearest, its step lacks {_list(less)}"
    return (
        f"{NONE}: it has the functions of {name}, the nearest, but other sums or products of them"
    )


def _functions(atoms: Iterable[Atom]) -> Counter[str]:
    """How often each function stands in the step; of what has no rule, the operation."""
    return Counter(
        a.params[0].op if a.op == "opaque" else a.op for a in atoms if a.op not in _QUIET
    )


def _absorb(more: Counter[str], less: Counter[str]) -> None:
    """An activation of the pattern may be any function."""
    for name in ELEMENTWISE & more.keys():
        taken = min(more[name], less[ACTIVATION])
        more[name] -= taken
        less[ACTIVATION] -= taken
    for counts in (more, less):
        for name in [name for name, count in counts.items() if count <= 0]:
            del counts[name]


def _list(counts: Counter[str]) -> str:
    names = [
        f"{count} times {_WORDS.get(name, name)}" if count > 1 else _WORDS.get(name, name)
        for name, count in counts.items()
    ]
    shown = names[:_SHOWN]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} other functions" if rest else "")

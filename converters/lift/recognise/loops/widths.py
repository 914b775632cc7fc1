"""Numbers of features that the shapes do not tell, and the step does: what a state becomes, and the rows of the kernel it is multiplied by."""

from __future__ import annotations

from converters.lift.recognise.loops.model import Step
from converters.program import Loop
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import CONSTANT, Expr, needed


def told_widths(step: Step, loop: Loop, read: dict[Expr, str]) -> dict[str, Fact]:
    """By value name: what is known of it now. ``read`` names the value that each leaf is."""
    found: dict[str, Fact] = {}
    for state in (*step.states, *step.delays.values()):
        old, new = state.old.fact, state.new.fact
        # After a step the state is as wide as this; TF refuses to multiply any other by the kernel.
        if _open(old) and new.shape is not None and old.shape is not None:
            width = new.shape[-1]
            if len(new.shape) == len(old.shape) and isinstance(width, int) and width > 1:
                found[loop.body.inputs[state.carried]] = _with(old, width)
    roots = [s.new for s in step.states] + [w.item for w in step.writes]
    for expr in needed(roots):
        if expr.op == "matmul" and expr.args[1].op == CONSTANT and not expr.params["transpose_a"]:
            side = 1 if expr.params["transpose_b"] else 0
            leaf, width = _unknown(expr.args[0], expr.args[1].shape[side])
            if leaf in read and width > 0:
                found[read[leaf]] = _with(leaf.fact, width)
            elif leaf in step.delays and width > 0:
                found[loop.body.inputs[step.delays[leaf].carried]] = _with(leaf.fact, width)
    return found


def _unknown(expr: Expr, rows: int) -> tuple[Expr, int]:
    """The one operand whose width is not known, and what it must be."""
    if expr.op != "concat":
        return expr, rows if _open(expr.fact) else 0
    items = list(expr.args[0])
    wide = [item for item in items if _open(item.fact)]
    if len(wide) != 1 or expr.params["axis"] % len(expr.shape) != len(expr.shape) - 1:
        return expr, 0
    return wide[0], rows - sum(item.shape[-1] for item in items if item is not wide[0])


def _open(fact: Fact) -> bool:
    return bool(fact.shape) and not isinstance(fact.shape[-1], int)  # type: ignore[index]


def _with(fact: Fact, width: int) -> Fact:
    assert fact.shape is not None
    return Fact(fact.dtype, (*fact.shape[:-1], width))

"""The masks of ``sequence_length``, taken off a step's equations."""

from __future__ import annotations

from converters.lift.lists import ListFact
from converters.lift.recognise.form.slices import slices_nothing
from converters.lift.recognise.loops.model import Definitions, Step
from converters.program import Program
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr


def is_list(fact: Fact) -> bool:
    """Whether a value is a list of items (a TensorArray or a TensorList)."""
    return isinstance(fact, ListFact)


def peel_masks(step: Step) -> None:
    """Take off TF's ``where(time >= lengths, old or zero, new)``, if one vector of lengths masks every state and every output.

    An output that is a masked state itself *holds*: past the length it is what the state is.
    Masks of any other kind stay in the equations.
    """
    found = [masked(s.new, step, s.old) for s in step.states]
    kept = {s.new: f for s, f in zip(step.states, found, strict=True)}
    holds = [w.item in kept for w in step.writes]
    found += [
        kept[w.item] if held else masked(w.item, step, None)
        for w, held in zip(step.writes, holds, strict=True)
    ]
    lengths = {f[0] for f in found if f is not None}
    if len(lengths) != 1 or any(f is None for f in found):
        return
    step.lengths = lengths.pop()
    insides = [f[1] for f in found if f is not None]
    for state, inside in zip(step.states, insides, strict=False):
        state.new, state.masked = inside, True
    rest = insides[len(step.states) :]
    for write, inside, held in zip(step.writes, rest, holds, strict=True):
        write.item, write.masked, write.holds = inside, True, held


def masked(expr: Expr, step: Step, old: Expr | None) -> tuple[Expr, Expr] | None:
    """(lengths, value inside) of ``where(time >= lengths, past, inside)``; past is ``old``, or zeros where there is none."""
    found = _mask(expr, step)
    if found is None:
        return None
    lengths, past, inside = found
    right = past is old if old is not None else is_zero(past, step)
    return (lengths, inside) if right else None


def _mask(expr: Expr, step: Step) -> tuple[Expr, Expr, Expr] | None:
    """(lengths, value past the length, value inside) of ``where(time >= lengths, past, inside)``."""
    if expr.op != "where":
        return None
    condition, a, b = expr.args
    if len(condition.shape) < len(expr.shape):
        return None  # SelectV2 lays a vector along the last axis, not along the rows
    while condition.op in (
        "reshape",
        "expand_dims",
        "broadcast_to",
        "squeeze",
        "logical_or",
        "tile",
    ) or slices_nothing(condition):
        condition = condition.args[0]
    while condition.op == "logical_not":
        condition, a, b = condition.args[0], b, a
    sides = {
        "greater_equal": (0, 1, a, b),
        "less_equal": (1, 0, a, b),
        "less": (0, 1, b, a),
        "greater": (1, 0, b, a),
    }.get(condition.op)
    if sides is None:
        return None
    time, lengths, past, inside = (
        condition.args[sides[0]],
        condition.args[sides[1]],
        sides[2],
        sides[3],
    )
    time, lengths = uncast(time), uncast(lengths)
    if time is not step.time or not is_lengths(lengths, step):
        return None
    return lengths, past, inside


def is_lengths(expr: Expr, step: Step) -> bool:
    return len(expr.shape) == 1 and (expr in step.captures or expr.op == "constant")


def uncast(expr: Expr) -> Expr:
    while expr.op in ("cast", "reshape", "expand_dims", "squeeze", "broadcast_to", "tile"):
        inner: Expr = expr.args[0]
        if expr.op != "cast" and len(inner.shape) < 1:
            return inner
        expr = inner
    return expr


def is_zero(expr: Expr, step: Step) -> bool:
    """Zeros of any shape."""
    while expr.op in ("fill", "broadcast_to", "reshape", "tile"):
        expr = expr.args[1] if expr.op == "fill" else expr.args[0]
    value = expr.fact.value
    known = value is not None and value.dtype != object and not value.any()
    return known or expr in step.zeros


def made_of_zeros(program: Program, definitions: Definitions, value: str) -> bool:
    """Whether a value outside is Fill(…, 0), ZerosLike, or a constant of zeros, through views."""
    for _ in range(8):
        constant = program.constants.get(value)
        if constant is not None:
            return constant.dtype.kind in "fiub" and not constant.any()
        maker = definitions.op(value)
        if maker is None:
            return False
        if maker.node.op == "ZerosLike":
            return True
        if maker.node.op not in (
            "Fill",
            "Identity",
            "Reshape",
            "Tile",
            "BroadcastTo",
            "ExpandDims",
        ):
            return False
        value = maker.inputs[1] if maker.node.op == "Fill" else maker.inputs[0]
    return False


def depends(roots: list[Expr], on: set[Expr]) -> set[Expr]:
    """Which of ``on`` the expressions read."""
    seen: set[Expr] = set()
    todo = list(roots)
    while todo:
        expr = todo.pop()
        if expr in seen:
            continue
        seen.add(expr)
        todo.extend(expr.operands)
    return seen & on

"""The edge by which a step reads its own or an upper layer's output: what keeps a recurrence from being a native operator, in words."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from typing import Any

from converters.program import Conditional, Loop, OpNode, Recurrence, Statement, defined

CHOICES = frozenset(("ArgMax", "ArgMin", "Multinomial", "TopK", "TopKV2", "RandomCategorical"))
_CHOSEN = "each step reads the item chosen from the output of the one before by"
_SORTED = "each step reads its own state, sorted, by"
_ATTENDED = "each step reads what was attended to by"
_NORMALISED = "each step normalises what it makes of its state, by"
_CONVOLVED = "each step convolves its state, by"
_FED = "each step reads what the one before made of its output, by"
_SCALES = {
    "where": "each step sets its state back by an item that it reads, by",
    "multiply": "each step multiplies its state by an item that it reads, by",
}
_TRACED = (
    {"argmax": _CHOSEN, "top_k": _SORTED, "softmax": _ATTENDED},
    {"mean": _NORMALISED, "rsqrt": _NORMALISED, "conv": _CONVOLVED},
)
"""By operation of the vocabulary, the more telling first."""


def edge_of(used: Sequence[OpNode], /) -> str | None:
    """The first choice, or attention, among ops that lie between one step and the next."""
    for kinds, text in ((CHOICES, _CHOSEN), (frozenset(("Softmax",)), _ATTENDED)):
        found = next((s for s in used if s.node.op in kinds), None)
        if found is not None:
            return f"{text} {found.node.name} ({found.node.op})"
    return None


def leading_to(statements: Sequence[Statement], names: Iterable[str], /) -> list[OpNode]:
    """The ops that ``names`` depend on, in order; of a branch or a loop inside, all."""
    wanted = set(names)
    kept: list[OpNode] = []
    for statement in reversed(statements):
        if any(name in wanted for name in defined(statement)):
            wanted.update(statement.inputs)
            kept += reversed(_ops(statement))
    return kept[::-1]


def _ops(statement: Statement) -> list[OpNode]:
    if isinstance(statement, OpNode):
        return [statement]
    if isinstance(statement, Recurrence):
        return []
    parts = (
        (statement.then, statement.otherwise)
        if isinstance(statement, Conditional)
        else (statement.body,)
    )
    return [op for part in parts for inner in part.statements for op in _ops(inner)]


def loop_edge(loop: Loop, /) -> str | None:
    """What a trip reads of the one before: of ops that depend on what the loop carries, and that it depends on."""
    carried = set(loop.body.inputs)
    within = []
    for statement in loop.body.statements:
        if any(name in carried for name in statement.inputs):
            carried.update(defined(statement))
            within.append(statement)
    read = {name for s in within for name in s.inputs}
    # A result that only a list takes is an output of the step, not a state.
    lists = {
        out
        for s in within
        if isinstance(s, OpNode) and s.node.op.startswith("List")
        for out in s.outputs
        if out not in read
    }
    ends = [
        out
        for out, place in zip(loop.body.outputs, loop.body.inputs, strict=True)
        if place in read and out not in lists
    ]
    return edge_of(leading_to(within, ends))


def traced_edge(cell: Any, /) -> str | None:
    """The same of a traced cell, whose operations have no names."""
    dependent: set[Any] = set(cell.old)
    met: dict[str, None] = {}
    for expr in sorted(_reached(cell.new), key=lambda e: e.serial):
        if any(operand in dependent for operand in expr.operands):
            dependent.add(expr)
            met[expr.op] = None
    for texts in _TRACED:
        found = next((op for op in met if op in texts), None)
        if found is not None:
            return f"{texts[found]} {found}"
    if any(_fed_back(cell, new) for new in cell.new):
        return f"{_FED} matmul"
    return _scaled(cell, dependent)


def _scaled(cell: Any, dependent: Container[Any]) -> str | None:
    """A state that is set back, or scaled, by an item that the step reads: ``where(done, start, state)``, ``state * (1 - done)``."""
    for expr in sorted(_reached(cell.new), key=lambda e: e.serial):
        if expr.op not in _SCALES or not any(e in cell.old for e in expr.operands):
            continue
        others = [e for e in expr.operands if e not in cell.old]
        if not any(e in dependent for e in others) and _reached(others).intersection(cell.inputs):
            return f"{_SCALES[expr.op]} {expr.op}"
    return None


def _fed_back(cell: Any, new: Any) -> bool:
    """Whether a state is nothing but a product of what another one has become: an output that is fed back."""
    others = {e for e in cell.new if e is not new and e not in cell.old}
    between = _reached([new], others)
    if between.intersection(cell.old):
        return False
    products = (e for e in between - others if e.op == "matmul")
    return any(_reached([e], others) & others for e in products)


def _reached(roots: Iterable[Any], stop: Collection[Any] = ()) -> set[Any]:
    seen: set[Any] = set()
    stack = list(roots)
    while stack:
        expr = stack.pop()
        if expr not in seen:
            seen.add(expr)
            stack += () if expr in stop else expr.operands
    return seen

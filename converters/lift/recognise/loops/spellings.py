"""Spellings of a step's products that no cell has: gates stacked on an axis of their own, and a bias by a column of ones.

``unstack(matmul(tile(x[None], [4, 1, 1]), W))[k]`` is ``x @ W[k]``, and ``concat([x, 1]) @ K`` is ``x @ K[:-1] + K[-1]``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from converters.lift.recognise.form.slices import slice_window
from converters.lift.recognise.loops.columns import ELEMENTWISE
from converters.lift.recognise.loops.model import Step
from reference.vocabulary.tracer import CONSTANT, Expr, Tracer, needed, rebuilt


def plainly(step: Step) -> Step:
    """The step with plain products; itself where there is nothing to do."""
    work = _Respelling(step.tracer)
    roots = [s.new for s in step.states] + [w.item for w in step.writes]
    for expr in needed(roots):
        work.memo[expr] = work.made(expr)
    if not work.changed:
        return step
    return replace(
        step,
        states=[replace(s, new=work.memo[s.new]) for s in step.states],
        writes=[replace(w, item=work.memo[w.item]) for w in step.writes],
        reads=dict(step.reads),
        captures=dict(step.captures),
    )


@dataclass
class _Respelling:
    tracer: Tracer
    memo: dict[Expr, Expr] = field(default_factory=dict)
    changed: bool = False

    def made(self, expr: Expr) -> Expr:
        """The expression, its operands respelled already."""
        if expr.op in ("input", CONSTANT):
            return expr
        found = self._item_of(expr)
        if found is not None:
            item = self._item(*found)
            if item is not None:
                self.changed = True
                return item
        if expr.op == "matmul" and (biased := self._biased(expr)) is not None:
            self.changed = True
            return biased
        return rebuilt(self.tracer, expr, self.memo.__getitem__)

    # ---- a bias by ones ----------------------------------------------------------------------------------------

    def _biased(self, expr: Expr) -> Expr | None:
        left, kernel = expr.args
        if left.op != "concat" or kernel.op != CONSTANT or len(kernel.shape) != 2:
            return None
        if expr.params["transpose_a"] or expr.params["transpose_b"]:
            return None
        if left.params["axis"] % len(left.shape) != len(left.shape) - 1:
            return None
        items = list(left.args[0])
        place = next((k for k in (len(items) - 1, 0) if _is_ones(items[k])), None)
        if place is None or len(items) < 2:
            return None
        rest = [self.memo[e] for k, e in enumerate(items) if k != place]
        rows = kernel.shape[0]
        row, others = ((0, 1), (1, rows)) if place == 0 else ((rows - 1, rows), (0, rows - 1))
        bias, matrix = (self._rows(kernel, *edges) for edges in (row, others))
        x = rest[0] if len(rest) == 1 else self.tracer.concat(rest, left.params["axis"])
        total: Expr = self.tracer.matmul(x, matrix) + bias
        return total

    def _rows(self, kernel: Expr, low: int, high: int) -> Expr:
        cut: Expr = self.tracer.strided_slice(kernel, [low, None], [high, None], [1, 1])
        return cut

    # ---- gates on an axis of their own -------------------------------------------------------------------------

    def _item_of(self, expr: Expr) -> tuple[Expr, int, int] | None:
        """(array of three axes, axis, place) where the expression is one item of it."""
        source = expr.args[0] if expr.args and isinstance(expr.args[0], Expr) else None
        if source is None or len(expr.fact.shape or ()) != 2:
            return None
        if expr.op == "unstack" and len(source.shape) == 3:
            return source, expr.params["axis"] % 3, expr.index
        if expr.op == "gather" and len(source.shape) == 3 and expr.args[1].op == CONSTANT:
            place = expr.args[1].fact.value
            if place is None or place.shape != () or int(place) < 0 or expr.params["batch_dims"]:
                return None
            return source, expr.params["axis"] % 3, int(place)
        if expr.op != "squeeze" or source.op not in ("strided_slice", "split"):
            return None
        window = slice_window(source) if len(source.shape) == 3 else None
        axes = [k % 3 for k in expr.params["axes"] or ()]
        if window is None or axes != [window[0]] or window[2] - window[1] != 1:
            return None
        return source.args[0], window[0], window[1]

    def _item(self, expr: Expr, axis: int, place: int) -> Expr | None:
        """The item at ``place`` of an array of three axes, taken of what the array is made of."""
        t, shape = self.tracer, expr.shape
        if expr.op == CONSTANT:
            begin, end = ([v if k == axis else None for k in range(3)] for v in (place, place + 1))
            cut: Expr = t.squeeze(t.strided_slice(expr, begin, end, [1, 1, 1]), [axis])
            return cut
        if expr.op in ELEMENTWISE:
            return self._of_operands(expr, axis, place)
        if expr.op == "matmul" and axis == 0:
            a, b = (e if len(e.shape) == 2 else self._broadcast(e, 0, place) for e in expr.args)
            if a is None or b is None:
                return None
            a, b = (self.memo.get(e, e) for e in (a, b))
            flags = {k: expr.params[k] for k in ("transpose_a", "transpose_b")}
            product: Expr = t.matmul(a, b, **flags)
            return product
        if expr.op in ("tile", "broadcast_to"):
            inner = expr.args[0]
            same = [k for k in range(3) if k != axis]
            fits = len(inner.shape) == 3 and all(inner.shape[k] == shape[k] for k in same)
            return self._item(inner, axis, 0) if fits and inner.shape[axis] == 1 else None
        if expr.op == "expand_dims":
            return self.memo[expr.args[0]] if expr.params["axis"] % 3 == axis else None
        if expr.op == "stack":
            return self.memo[expr.args[0][place]] if expr.params["axis"] % 3 == axis else None
        if expr.op == "transpose":
            perm = [int(k) for k in expr.params["perm"]]
            rest = [k for k in perm if k != perm[axis]]
            item = self._item(expr.args[0], perm[axis], place)
            return item if item is None or rest == sorted(rest) else t.transpose(item, [1, 0])
        if expr.op == "reshape":
            return self._columns(expr, axis, place)
        return None

    def _broadcast(self, expr: Expr, axis: int, place: int) -> Expr | None:
        return self._item(expr, axis, 0 if expr.shape[axis] == 1 else place)

    def _of_operands(self, expr: Expr, axis: int, place: int) -> Expr | None:
        made: dict[Expr, Expr] = {}
        for operand in expr.operands:
            rank = len(operand.shape)
            if rank < 3 and axis - (3 - rank) >= 0:
                return None
            item = self.memo[operand] if rank < 3 else self._broadcast(operand, axis, place)
            if item is None:
                return None
            made[operand] = item
        return rebuilt(self.tracer, expr, made.__getitem__)

    def _columns(self, expr: Expr, axis: int, place: int) -> Expr | None:
        """Of ``reshape(x [b, g * u], [b, g, u])`` the columns of one g."""
        inner, shape = expr.args[0], expr.shape
        if len(inner.shape) != 2 or axis != 1 or not isinstance(shape[2], int):
            return None
        if inner.shape[0] != shape[0] or inner.shape[1] != shape[1] * shape[2]:
            return None
        low = place * shape[2]
        cut: Expr = self.tracer.strided_slice(
            self.memo[inner], [None, low], [None, low + shape[2]], [1, 1]
        )
        return cut


def _is_ones(expr: Expr) -> bool:
    """Whether it is one column of ones, whatever its rows."""
    if not expr.fact.shape or expr.shape[-1] != 1:
        return False
    while expr.op in ("fill", "broadcast_to", "tile", "reshape", "expand_dims"):
        expr = expr.args[1] if expr.op == "fill" else expr.args[0]
    if expr.op == "ones_like":
        return True
    value = expr.fact.value
    return value is not None and value.dtype.kind == "f" and bool(np.all(value == 1))

"""States that stand upright: ``W @ h`` with h ``[units, batch]`` or ``[units, 1]``, and ``[units]`` without a batch, laid down as rows.

A cell of the reference has states ``[batch, units]``. What is written with columns is the same equation transposed, so each state gets a row
in its place and every product its transposed twin, ``(W h)' = h' W'``. Only the order of axes changes, never a number.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from converters.lift.recognise.form.slices import slice_window
from converters.lift.recognise.loops.emit import DIRECT
from converters.lift.recognise.loops.model import State, Step
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import CONSTANT, Expr, Tracer, needed, rebuilt

ELEMENTWISE = (frozenset(DIRECT) | {"clip", "leaky_relu", "cast"}) - {"matmul"}
VIEWS = frozenset(("squeeze", "reshape", "expand_dims", "concat", "split", "strided_slice"))
COLUMN, VECTOR = "column", "vector"
"""How a state stands: [units, batch], or [units]."""


def laid_down(step: Step) -> Step | None:
    """The step with rows for states; None where no state stands upright."""
    kinds = {s.old: kind for s in step.states if (kind := _kind(step, s)) is not None}
    if any(s.window is not None for s in step.states) or not (kinds or _turns(step)):
        return None
    rows = _Rows(step.tracer, kinds)
    states = []
    for state in step.states:
        kind = kinds.get(state.old)
        if kind is None:
            states.append(replace(state, new=rows.plain(state.new)))
            continue
        new = rows.row(state.new)
        if new is None:
            return None
        states.append(replace(state, old=rows.leaves[state.old], new=new, upright=kind))
    writes = [replace(w, item=rows.plain(w.item)) for w in step.writes]
    return replace(
        step, states=states, writes=writes, reads=dict(step.reads), captures=dict(step.captures)
    )


def _turns(step: Step) -> bool:
    """Whether a matrix from outside stands before what it is multiplied by."""
    products = (e for e in needed([s.new for s in step.states]) if e.op == "matmul")
    return any(e.args[0].op == CONSTANT and e.args[1].op != CONSTANT for e in products)


def _kind(step: Step, state: State) -> str | None:
    shape = state.old.fact.shape
    if shape is None or not state.old.dtype.startswith("float"):
        return None
    if len(shape) == 1:
        return VECTOR if isinstance(shape[0], int) else None
    if len(shape) != 2 or not isinstance(shape[0], int):
        return None
    return (
        COLUMN if not isinstance(shape[1], int) or shape[1] == 1 or _is_right(step, state) else None
    )


def _is_right(step: Step, state: State) -> bool:
    """Whether a matrix from outside stands before it, or before what is made of it element by element."""
    upright = {state.old}
    for expr in needed([s.new for s in step.states]):
        if expr.op == "matmul" and expr.args[1] in upright and expr.args[0].op == CONSTANT:
            return not expr.params["transpose_b"]
        if expr.op in ELEMENTWISE and upright.intersection(expr.operands):
            upright.add(expr)
    return False


@dataclass
class _Rows:
    tracer: Tracer
    kinds: dict[Expr, str]
    leaves: dict[Expr, Expr] = field(default_factory=dict)
    upright: dict[Expr, bool] = field(default_factory=dict)
    """Of what has a row in its place: a state, or what is made of one."""
    made: set[Expr] | None = None
    memo: dict[tuple[Expr, bool], Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for old in self.kinds:
            shape = old.shape
            turned = (shape[1], shape[0]) if len(shape) == 2 else (1, shape[0])
            self.leaves[old] = self.tracer.input(f"{old.name}|row", Fact(old.dtype, turned))

    # ---- what stands upright -----------------------------------------------------------------------------------

    def stands(self, root: Expr) -> bool:
        """Whether an expression is a state that stands upright, or is made of one so."""
        for expr in needed([root], dict.fromkeys(self.upright)):
            if expr not in self.upright:
                self.upright[expr] = self._stands(expr)
        return self.upright[root]

    def _stands(self, expr: Expr) -> bool:
        if expr in self.kinds:
            return True
        rank = len(expr.fact.shape or ())
        if rank == 1 and self._of_states(expr):
            return expr.op in ELEMENTWISE | VIEWS
        if expr.op in ELEMENTWISE:
            same = (e for e in expr.operands if len(e.fact.shape or ()) == rank)
            return any(self.upright.get(e, False) for e in same)
        if expr.op == "matmul":
            left, right = expr.args
            below = self.upright.get(right, False) and not expr.params["transpose_b"]
            return rank == 2 and (below or (left.op == CONSTANT and right.op != CONSTANT))
        cut = expr.op in ("concat", "split", "strided_slice")
        return cut and rank > 0 and any(self.upright.get(e, False) for e in expr.operands)

    def _of_states(self, expr: Expr) -> bool:
        """Whether it is made of a state that stands upright in any way."""
        if self.made is None:
            self.made = set(self.kinds)
        todo = [e for e in needed([expr], dict.fromkeys(self.made)) if e not in self.made]
        self.made.update(e for e in todo if self.made.intersection(e.operands))
        return expr in self.made

    # ---- rows --------------------------------------------------------------------------------------------------

    def row(self, expr: Expr) -> Expr | None:
        """[n, b] as [b, n], and [n] as [1, n]."""
        rank = len(expr.fact.shape or ())
        return self._row(expr) if rank in (1, 2) else None

    def plain(self, expr: Expr) -> Expr:
        """The same value, made of rows."""
        key = (expr, False)
        if key not in self.memo:
            self.memo[key] = self._plain(expr)
        return self.memo[key]

    def _plain(self, expr: Expr) -> Expr:
        t = self.tracer
        if expr.op in ("input", CONSTANT) and expr not in self.kinds:
            return expr
        rank = len(expr.fact.shape or ())
        if self.stands(expr) and rank in (1, 2):
            row = self._row(expr)
            made: Expr = t.transpose(row, [1, 0]) if rank == 2 else t.squeeze(row, [0])
            return made
        if expr.op == "transpose" and tuple(expr.params["perm"]) == (1, 0):
            return self._row(expr.args[0])
        if expr.op in ("expand_dims", "reshape") and self._is_row_of_vector(expr):
            return self._row(expr.args[0])
        if expr.op == "matmul" and rank == 2:
            return self._product(expr)
        return rebuilt(self.tracer, expr, self.plain)

    def _is_row_of_vector(self, expr: Expr) -> bool:
        inner, shape = expr.args[0].fact.shape, expr.fact.shape
        return inner is not None and shape is not None and len(inner) == 1 and shape == (1, *inner)

    def _row(self, expr: Expr) -> Expr:
        key = (expr, True)
        if key not in self.memo:
            self.memo[key] = self._turned(expr)
        return self.memo[key]

    def _turned(self, expr: Expr) -> Expr:
        t = self.tracer
        if expr in self.kinds:
            return self.leaves[expr]
        rank = len(expr.fact.shape or ())
        found: Expr | None = None
        if expr.op in ELEMENTWISE and self.stands(expr):
            found = rebuilt(self.tracer, expr, lambda e: self._operand(e, rank))
        elif expr.op == "transpose" and rank == 2 and tuple(expr.params["perm"]) == (1, 0):
            found = self.plain(expr.args[0])
        elif expr.op == "matmul" and rank == 2:
            found = self._product_turned(expr)
        elif expr.op in ("expand_dims", "reshape", "squeeze"):
            found = self._view(expr, rank)
        elif expr.op == "concat" and self.stands(expr):
            axis = expr.params["axis"] % rank
            items = [self._row(e) for e in expr.args[0]]
            found = t.concat(items, 1 if rank == 1 else 1 - axis)
        elif expr.op in ("split", "strided_slice") and self.stands(expr):
            found = self._cut(expr, rank)
        if found is not None:
            return found
        value = (
            self.plain(expr) if not self.stands(expr) else rebuilt(self.tracer, expr, self.plain)
        )
        whole: Expr = t.transpose(value, [1, 0]) if rank == 2 else t.expand_dims(value, 0)
        return whole

    def _operand(self, expr: Expr, rank: int) -> Expr:
        """An operand of an elementwise operation on rows: what broadcasts goes on doing so."""
        own = len(expr.fact.shape or ())
        if own == 0 or (rank == 1 and expr.op == CONSTANT):
            return self.plain(expr)
        if own == rank:
            return self._row(expr)
        column: Expr = self.tracer.expand_dims(self.plain(expr), 1)
        return column

    def _view(self, expr: Expr, rank: int) -> Expr | None:
        """Views that only add or drop an axis of one."""
        inner, shape = expr.args[0].fact.shape, expr.fact.shape
        if inner is None or shape is None:
            return None
        if rank == 2 and len(inner) == 1 and shape == (*inner, 1):
            return self._row(expr.args[0])
        if rank == 1 and len(inner) == 2 and inner == (*shape, 1):
            return self._row(expr.args[0])
        if rank == 1 and len(inner) == 2 and inner == (1, *shape):
            return self.plain(expr.args[0])
        return None

    def _cut(self, expr: Expr, rank: int) -> Expr | None:
        window = slice_window(expr)
        if window is None:
            return None
        axis, low, high = window
        place = 1 if rank == 1 else 1 - axis
        begin, end = ([w if k == place else None for k in range(2)] for w in (low, high))
        cut: Expr = self.tracer.strided_slice(self._row(expr.args[0]), begin, end, [1, 1])
        return cut

    def _product(self, expr: Expr) -> Expr:
        a, b = expr.args
        ta, tb = expr.params["transpose_a"], expr.params["transpose_b"]
        left, ta = self._side(a, turned=ta)
        right, tb = self._side(b, turned=tb)
        made: Expr = self.tracer.matmul(left, right, transpose_a=ta, transpose_b=tb)
        return made

    def _product_turned(self, expr: Expr) -> Expr:
        """(a b)' = b' a'."""
        a, b = expr.args
        left, ta = self._side(b, turned=not expr.params["transpose_b"])
        right, tb = self._side(a, turned=not expr.params["transpose_a"])
        made: Expr = self.tracer.matmul(left, right, transpose_a=ta, transpose_b=tb)
        return made

    def _side(self, expr: Expr, *, turned: bool) -> tuple[Expr, bool]:
        """An operand and whether the product transposes it: weights stay as they are."""
        if expr.op == CONSTANT:
            return expr, turned
        return (self._row(expr) if turned else self.plain(expr)), False

"""From a traced step to its normal form.

Every expression of rank 2 (rows by features) becomes a :class:`Poly` or a :class:`Cat`; constants of rank 0 and 1 (or with one row) become
coefficients. What has no rule becomes an *opaque* atom and is compared only by identity of the expression.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from converters.lift.recognise.form.functions import FUNCTIONS
from converters.lift.recognise.form.poly import Atom, Atoms, Form, Poly, atom_poly, constant_poly
from converters.lift.recognise.form.refs import Ref
from converters.lift.recognise.form.rules import RULES, function
from converters.lift.recognise.form.slices import constant_ref, last_width, slice_window
from reference.vocabulary.tracer import Expr


@dataclass
class Normaliser:
    """``cuts`` maps expressions to the atoms that stand for them: the leaves of the step and the outputs of other layers.

    ``weights`` maps the pattern's weight leaves to their Refs (empty on the graph's side, where weights are constants).
    """

    atoms: Atoms = field(default_factory=Atoms)
    cuts: dict[Expr, Atom] = field(default_factory=dict)
    weights: dict[Expr, Ref] = field(default_factory=dict)
    memo: dict[Expr, Form] = field(default_factory=dict)

    def leaf(self, expr: Expr, name: str) -> Atom:
        """A new leaf atom for ``expr``."""
        atom = self.atoms.make("leaf", (), (name,), last_width(expr))
        self.cuts[expr] = atom
        return atom

    def form(self, root: Expr) -> Form:
        """The normal form; iterative, so that a deep step does no harm."""
        stack = [root]
        while stack:
            expr = stack[-1]
            if expr in self.memo:
                stack.pop()
                continue
            waiting = (
                [] if self._is_leaf(expr) else [a for a in expr.operands if a not in self.memo]
            )
            if waiting:
                stack.extend(waiting)
                continue
            self.memo[expr] = self._rule(expr)
            stack.pop()
        return self.memo[root]

    def poly(self, root: Expr) -> Poly:
        """The form as one poly; side-by-side pieces become one opaque atom."""
        form = self.form(root)
        return form if isinstance(form, Poly) else self._opaque(root)

    def ref(self, expr: Expr) -> Ref | None:
        """The coefficient this expression is, where it is one: a weight of the pattern, or a constant."""
        if expr in self.weights:
            return self.weights[expr]
        if expr.op == "constant":
            return constant_ref(expr)
        if self.weights and expr.op in ("strided_slice", "split"):
            inner = self.ref(expr.args[0])
            window = slice_window(expr)
            if inner is not None and window is not None:
                return inner.cut(window[0], window[1], window[2])
        return None

    def _is_leaf(self, expr: Expr) -> bool:
        return expr in self.cuts or expr in self.weights or expr.op == "constant"

    def _rule(self, expr: Expr) -> Form:
        if expr in self.cuts:
            return atom_poly(self.cuts[expr])
        coefficient = self._coefficient(expr)
        if coefficient is not None:
            return coefficient
        rule = RULES.get(expr.op)
        if rule is None and expr.op in FUNCTIONS:
            rule = function
        result = rule(self, expr) if rule is not None else None
        return result if result is not None else self._opaque(expr)

    def _coefficient(self, expr: Expr) -> Poly | None:
        ref = self.ref(expr)
        if ref is None:
            return None
        if ref.array is not None and ref.array.dtype.kind not in "fiu":
            return None
        if ref.rank == 2 and ref.shape[0] == 1:
            array = None if ref.array is None else ref.array[0]
            ref = Ref(ref.source, ref.window[1:], array)
        if ref.rank == 0 or (ref.shape == (1,) and ref.array is not None):
            value = None if ref.array is None else float(ref.array.reshape(()))
            parts = ((1.0, Ref(ref.source, ())),) if value is None else ((value, None),)
            return constant_poly(parts, None)
        if ref.rank == 1:
            return constant_poly(((1.0, ref),), ref.shape[0])
        return None

    def _opaque(self, expr: Expr) -> Poly:
        return atom_poly(self.atoms.make("opaque", (), (expr,), last_width(expr)))

    def arg(self, expr: Expr, index: int) -> Form:
        return self.memo[expr.args[index]]

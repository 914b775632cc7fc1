"""Unification of a cell's normal form (the pattern) with that of a step of the graph (the target).

The pattern's weights are unknowns: matching a term binds a window of a weight to the target's coefficient. Sums and products are
matched modulo order, by plain backtracking: an environment is copied on every choice, so a failed branch leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converters.lift.recognise.cells.bindings import Bindings, Block, operand_width
from converters.lift.recognise.form.functions import ACTIVATION, ELEMENTWISE
from converters.lift.recognise.form.poly import Atom, Cat, Form, Key, Monomial, Poly
from converters.lift.recognise.form.refs import Parts, number, scale_parts

INPUT, TIME = "x", "time"
"""The pattern's leaves for the cell's input, and for the time [B, 1] that some cells take beside it."""


@dataclass(slots=True)
class Problem:
    """``leaves`` maps the pattern's state leaves to the target's; ``operands`` are the target's input monomials in order."""

    leaves: Mapping[Atom, Atom]
    operands: Sequence[Monomial]
    budget: int = 20_000
    """Choices that may be tried; then the pattern counts as not matching."""

    def forms(self, pairs: Sequence[tuple[Form, Form]], env: Bindings) -> Iterator[Bindings]:
        """Every way in which all these forms agree; of pieces side by side each with its own."""
        if not pairs:
            yield env
            return
        (pattern, target), *rest = pairs
        theirs, ours = (f.pieces if isinstance(f, Cat) else (f,) for f in (target, pattern))
        if len(ours) > 1 or len(theirs) > 1:
            if [p.width for p in ours] == [p.width for p in theirs]:
                yield from self.forms([*zip(ours, theirs, strict=True), *rest], env)
            return
        for after in self.match(ours[0], theirs[0], env):
            yield from self.forms(rest, after)

    def match(self, pattern: Poly, target: Poly, env: Bindings) -> Iterator[Bindings]:
        """Every way in which the two sums agree."""
        self.budget -= 1
        if self.budget < 0:
            return
        yield from self._terms(list(pattern.terms.items()), dict(target.terms), env)

    def _terms(
        self, pattern: list[tuple[Key, Parts]], target: dict[Key, Parts], env: Bindings
    ) -> Iterator[Bindings]:
        if not pattern:
            if not target:
                yield env
            return
        ((mono, dense), parts), *rest = pattern
        if self._is_input(mono):
            window = _input_window(mono[0])
            assert window is not None
            for after, left in self._input(window, dense, parts, target, env):
                yield from self._terms(rest, left, after)
            return
        if not mono:
            after_bias = self._bias(parts, target.get(((), False), ()), env)
            if after_bias is not None:
                left = {k: v for k, v in target.items() if k != ((), False)}
                yield from self._terms(rest, left, after_bias)
            return
        for key in list(target):
            if key[1] != dense or len(key[0]) != len(mono):
                continue
            bound = self._coefficient(parts, target[key], env)
            if bound is None:
                continue
            left = {k: v for k, v in target.items() if k != key}
            for after in self._monomial(mono, key[0], bound):
                yield from self._terms(rest, left, after)

    def _is_input(self, mono: Monomial) -> bool:
        return len(mono) == 1 and _input_window(mono[0]) is not None

    def _input(
        self,
        window: tuple[int, int | None],
        dense: bool,
        parts: Parts,
        target: dict[Key, Parts],
        env: Bindings,
    ) -> Iterator[tuple[Bindings, dict[Key, Parts]]]:
        """The pattern's input term takes every term of the target that reads an input operand of its window."""
        left = dict(target)
        blocks = []
        if len(parts) != 1:
            return
        scale, ref = parts[0]
        for index, row in self._rows(window):
            for is_dense in (True, False):
                found = left.pop((self.operands[index], is_dense), None)
                if found is None:
                    continue
                if dense and ref is not None:
                    start = ref.window[max(ref.rank - 2, 0)][0] + row
                    given = scale_parts(found, 1.0 / scale)
                    blocks.append(Block(ref, given, index, start, not is_dense))
                elif is_dense or len(self.operands) != 1:
                    return
                else:
                    after = self._coefficient(parts, found, env)
                    if after is not None:
                        yield after, left
                    return
        if not dense and not blocks:
            return
        after = env.block(*blocks)
        if after is not None:
            yield after, left

    def _rows(self, window: tuple[int, int | None]) -> Iterator[tuple[int, int]]:
        """The operands inside the window of the input, each with its place in it."""
        low, high = window
        at = 0
        for index, operand in enumerate(self.operands):
            end = at + operand_width(operand)
            if at >= low and (high is None or end <= high):
                yield index, at - low
            at = end

    def _bias(self, pattern: Parts, target: Parts, env: Bindings) -> Bindings | None:
        """Numbers go to the scalar unknown, vectors to the vector unknown; a missing one is 0."""
        vectors = [(s, r) for s, r in pattern if r is not None and r.rank > 0]
        scalars = [(s, r) for s, r in pattern if r is not None and r.rank == 0]
        literal = sum(s for s, r in pattern if r is None)
        found = sum(s for s, r in target if r is None) - literal
        arrays: Parts = tuple((s, r) for s, r in target if r is not None)
        if len(vectors) > 1 or len(scalars) > 1:
            return None
        bound: Bindings | None = env
        if scalars:
            scale, ref = scalars[0]
            assert ref is not None
            bound = env.scalar(ref.source, found / scale)
            found = 0.0
        if bound is None:
            return None
        rest: Parts = (*arrays, (found, None)) if found else arrays
        if vectors:
            scale, ref = vectors[0]
            assert ref is not None
            return bound.block(Block(ref, scale_parts(rest, 1.0 / scale)))
        return bound if not rest else None

    def _coefficient(self, pattern: Parts, target: Parts, env: Bindings) -> Bindings | None:
        if len(pattern) != 1:
            return None
        scale, ref = pattern[0]
        if ref is None:
            return env if number(target) == scale else None
        if ref.rank == 0:
            value = number(target)
            return None if value is None else env.scalar(ref.source, value / scale)
        return env.block(Block(ref, scale_parts(target, 1.0 / scale)))

    def _monomial(self, pattern: Monomial, target: Monomial, env: Bindings) -> Iterator[Bindings]:
        if not pattern:
            yield env
            return
        first, rest = pattern[0], pattern[1:]
        for index, candidate in enumerate(target):
            others = target[:index] + target[index + 1 :]
            for after in self._atom(first, candidate, env):
                yield from self._monomial(rest, others, after)

    def _atom(self, pattern: Atom, target: Atom, env: Bindings) -> Iterator[Bindings]:
        if pattern.op == "leaf" and pattern.params[0] == INPUT:
            if len(self.operands) == 1 and self.operands[0] == (target,):
                yield env
            return
        if pattern.op in ("leaf", "slice"):
            if self.leaves.get(pattern) is target or self._same_slice(pattern, target):
                yield env
            return
        bound: Bindings | None = env
        if pattern.op == ACTIVATION:
            if target.op not in ELEMENTWISE:
                return
            bound = env.activation(pattern.params[0], target.op, target.params)
        elif pattern.op != target.op or len(pattern.args) != len(target.args):
            return
        else:
            bound = self._params(pattern.params, target.params, env)
        if bound is not None:
            yield from self._args(pattern.args, target.args, bound)

    def _same_slice(self, pattern: Atom, target: Atom) -> bool:
        if pattern.op != "slice" or target.op != "slice" or pattern.params != target.params:
            return False
        inner, other = pattern.args[0].lone_atom(), target.args[0].lone_atom()
        return inner is not None and other is not None and self.leaves.get(inner) is other

    def _params(
        self, pattern: tuple[Any, ...], target: tuple[Any, ...], env: Bindings
    ) -> Bindings | None:
        if len(pattern) != len(target):
            return None
        bound: Bindings | None = env
        for p, t in zip(pattern, target, strict=True):
            if isinstance(p, tuple) and len(p) == 2 and p[0] == "unknown":
                scale, name = p[1]
                bound = bound.scalar(name, t / scale) if bound is not None else None
            elif p != t:
                return None
        return bound

    def _args(
        self, pattern: tuple[Poly, ...], target: tuple[Poly, ...], env: Bindings
    ) -> Iterator[Bindings]:
        if not pattern:
            yield env
            return
        for after in self.match(pattern[0], target[0], env):
            yield from self._args(pattern[1:], target[1:], after)


def _input_window(atom: Atom) -> tuple[int, int | None] | None:
    """Which features of the cell's input an atom of the pattern is; None where it is something else."""
    if atom.op == "leaf" and atom.params[0] == INPUT:
        return 0, None
    inner = atom.args[0].lone_atom() if atom.op == "slice" else None
    if inner is None or inner.op != "leaf" or inner.params[0] != INPUT:
        return None
    low, high = atom.params
    return int(low), int(high)

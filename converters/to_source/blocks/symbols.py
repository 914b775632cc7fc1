"""Traced statements as a symbolic graph of ``keras.ops``: what the writer writes down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.dtypes import held
from converters.to_keras.ops import NeedsRunTimeError, Value, raw
from converters.to_source.blocks.beams import Beam, beam_of
from converters.to_source.blocks.controls import TracedBranch, TracedLoop
from converters.to_source.blocks.graphs import (
    captured,
    given,
    in_order,
    operands,
    outer_tensors,
    parts_of,
    single,
)
from converters.to_source.blocks.growing import Grown, grown
from converters.to_source.blocks.live import Live
from converters.to_source.blocks.operations import BeamSearch, Branch, While, size_of
from converters.to_source.blocks.sizes import scalar
from converters.to_source.blocks.source_ops import SourceOps
from converters.to_source.blocks.special import SPECIAL
from converters.to_source.blocks.trace import Trace
from converters.to_source.blocks.words import Words
from reference.vocabulary.abstract.sizes import Size, as_static
from reference.vocabulary.signatures import MULTIPLE, call
from reference.vocabulary.tracer import CONSTANT, INPUT, Expr, needed

kops = keras.ops


class Symbols:
    """Tensors for the expressions of a trace.

    Args:
        bound: the tensors of its inputs.
        wanted: the expressions whose tensors will be asked for.
    """

    def __init__(
        self, trace: Trace, bound: Mapping[Expr, Any], wanted: Sequence[Expr], near: Any
    ) -> None:
        self.trace, self.ops, self.near, self.wanted = trace, SourceOps(near), near, wanted
        self.live = Live(trace, wanted)
        self.words = Words(trace)
        self.values: dict[Expr, Value] = {e: Value(t) for e, t in bound.items()}
        self.groups: dict[int, Sequence[Any]] = {}
        self.places: dict[str, tuple[Any, int]] = {}
        self.known_sizes: dict[Any, Any] = {}
        for expr, tensor in bound.items():
            value: Any = expr.fact.value
            if (
                value is not None
                and not value.ndim
                and isinstance(value[()], Size)
                and (name := single(value[()]))
            ):
                self.known_sizes["name", name] = tensor
                self.places[name] = (tensor, 0)
        for expr, tensor in bound.items():
            for axis, dim in enumerate(expr.shape):
                if isinstance(dim, Size) and (name := single(dim)):
                    self.places.setdefault(name, (tensor, axis))

    def tensor(self, expr: Expr, /) -> Any:
        """The tensor, or an array where it is known."""
        return raw(self.of(expr))

    def of(self, expr: Expr, /) -> Value:
        """The value of an expression; what it is made of first."""
        stack = [expr]
        while stack:
            one = stack[-1]
            if one in self.values:
                stack.pop()
                continue
            missing = [e for e in self._operands(one) if e not in self.values]
            if missing:
                stack.extend(reversed(missing))
                continue
            self._make(one)
            stack.pop()
        return self.values[expr]

    def _operands(self, expr: Expr) -> Iterable[Expr]:
        if expr.op in (CONSTANT, INPUT) or self._sizes(expr) is not None:
            return ()
        return expr.operands

    def _make(self, expr: Expr) -> None:
        found = self._sizes(expr)
        if found is not None:
            self.values[expr] = found
        elif expr.op == CONSTANT:
            self.values[expr] = Value(expr.fact.value)
        elif expr.op == INPUT:
            self._control(expr)
        else:
            self.values[expr] = self._call(expr)

    def _call(self, expr: Expr) -> Value:
        if expr.group not in self.groups:
            args = [self._plain(arg) for arg in expr.args]
            if expr.op in SPECIAL:
                result = SPECIAL[expr.op](self, expr, args)
            else:
                result = call(self.ops, expr.op, args, expr.params)
            several = expr.op in MULTIPLE or isinstance(result, tuple)
            self.groups[expr.group] = result if several else (result,)
        value: Value = self.groups[expr.group][expr.index]
        self.words.name(expr, raw(value))
        return value

    def _plain(self, item: Any) -> Any:
        if isinstance(item, Expr):
            return self.values[item]
        return tuple(self._plain(part) for part in item) if isinstance(item, tuple) else item

    def _sizes(self, expr: Expr) -> Value | None:
        """A value that is known but for the sizes of the inputs."""
        value = expr.fact.value
        if expr.op == CONSTANT or value is None or value.dtype != object or value.ndim > 1:
            return None
        items = [self.size(dim) for dim in value.reshape(-1)]
        if any(item is None for item in items):
            return None
        return (
            self.ops.vector(items, expr.fact.dtype)
            if value.ndim
            else scalar(items[0], expr.fact.dtype)
        )

    def size(self, dim: Any, /) -> Any:
        """An int, a tensor of rank 0, or None where no input has the size."""
        if not isinstance(dim, Size):
            return int(dim)
        if dim not in self.known_sizes:
            self.known_sizes[dim] = self._polynomial(dim)
        return self.known_sizes[dim]

    def _polynomial(self, dim: Size) -> Any:
        total: Any = None
        for monomial, factor in dim.terms:
            product: Any = None
            for one_name in monomial:
                name = next((n for n in (one_name, *parts_of(one_name)) if n in self.places), "")
                if not name:
                    return None
                if ("name", name) not in self.known_sizes:
                    self.known_sizes["name", name] = size_of(*self.places[name])
                one = self.known_sizes["name", name]
                product = one if product is None else product * one
            product = factor if product is None else product if factor == 1 else product * factor
            total = product if total is None else total + product
        return total

    def _control(self, expr: Expr) -> None:
        made = self.trace.made_by.get(expr)
        if made is None:
            msg = f"nothing makes {expr.name}"
            raise NeedsRunTimeError(msg)
        if isinstance(made, TracedLoop):
            self._loop(made)
        else:
            self._branch(made)

    def _loop(self, loop: TracedLoop) -> None:
        places = self.live.places(loop)
        beam = beam_of(self.trace.tracer, loop, places, self.wanted)
        if beam is not None:
            self._beam(loop, beam)
            return
        lists = {k: g for k in places if (g := grown(self, loop, k)) is not None}
        inputs = [given(loop.inputs[k]) for k in places]
        for k, tensor in zip(places, inputs, strict=True):
            self.values[loop.inputs[k]] = Value(tensor)
        begun = {k: raw(self.of(loop.start[k])) for k in places if k not in lists}
        for k, value in begun.items():
            self._rows(loop.inputs[k], value)
        start = [begun[k] if k in begun else raw(lists[k].start(self)) for k in places]
        new = [self._new(loop, k, lists.get(k)) for k in places]
        go_on = self.tensor(loop.go_on)
        called = self.words.carried(loop, places, lists)
        outer = captured([go_on, *new], inputs, self._is_outer(loop))
        operation = While(inputs, go_on, new, called, loop.name)
        operation.uses = outer
        results = operation(*start, *outer_tensors(outer))
        results = results if isinstance(results, list) else [results]
        for k, result in zip(places, results, strict=True):
            self.values[loop.outputs[k]] = Value(result)
        for k, one in lists.items():
            cut = one.cut(
                self, self.values[loop.outputs[one.counter]], self.values[loop.outputs[k]]
            )
            self.values[loop.outputs[k]] = cut

    def _beam(self, loop: TracedLoop, beam: Beam) -> None:
        """The search, its own step as a function."""
        for one in loop.outputs:
            self.values[one] = Value(None)  # Nothing but the tree reads them.
        start = [raw(self.of(loop.start[k])) for k in (beam.inputs, *beam.states)]
        steps = self.tensor(beam.steps)
        leaves = [
            self._leaf(loop.inputs[k], (beam.logits, *beam.new))
            for k in (beam.inputs, *beam.states)
        ]
        held = [self.tensor(e) for e in (beam.logits, *beam.new)]
        tokens = given(beam.tokens)
        self.values[beam.tokens] = Value(tokens)
        following = self.tensor(beam.following)
        inner = [*leaves, tokens]
        for one in loop.inputs:
            self.values.pop(one, None)
        outer = captured([*held, following], inner, self._is_not_of(inner))
        called = [self.words.of(e) for e in beam.new]
        options = {
            "width": beam.width,
            "end_token": beam.end_token,
            "length_penalty": beam.length_penalty,
        }
        search = BeamSearch((leaves, held), (tokens, following), called, options, loop.name)
        search.uses = outer
        tree, log_probs, counts, scores = search(start[0], *start[1:], steps, *outer_tensors(outer))
        self.values[beam.tree] = Value(tree)
        self.values[loop.outputs[beam.log_probs]] = Value(log_probs)
        if beam.scores is not None:
            self.values[loop.outputs[beam.scores]] = Value(scores)
        if beam.counts is not None:
            self.values[loop.outputs[beam.counts]] = Value(counts)

    def _leaf(self, expr: Expr, results: Sequence[Expr]) -> Any:
        """What the step is given for a carried value: rows and beams as one axis."""
        merged = [e for e in needed(results) if e.op == "reshape" and e.args[0] is expr]
        if len(merged) != 1:
            msg = "the step of a beam search reads a state in two ways"
            raise NeedsRunTimeError(msg)
        tensor = given(merged[0])
        self.values[merged[0]] = Value(tensor)
        return tensor

    def _is_not_of(self, inner: Sequence[Any]) -> Any:
        """Whether none of ``inner`` leads to a tensor."""
        within = {id(t) for t in inner}
        seen: dict[int, bool] = {}

        def outer(tensor: Any) -> bool:
            for one in in_order(tensor, seen):
                seen[id(one)] = id(one) not in within and all(seen[id(t)] for t in operands(one))
            return seen[id(tensor)]

        return outer

    def _is_outer(self, loop: TracedLoop) -> Any:
        """Whether a tensor is made before the loop: no input of the loop leads to it."""
        return self._is_not_of([raw(self.values[e]) for e in loop.inputs if e in self.values])

    def _rows(self, expr: Expr, start: Any) -> None:
        """The sizes of a carried value are those that it starts with."""
        for axis, dim in enumerate(expr.shape):
            name = single(dim) if isinstance(dim, Size) else ""
            if name and keras.utils.is_keras_tensor(start) and start.shape[axis] is None:
                self.places.setdefault(name, (start, axis))

    def _new(self, loop: TracedLoop, place: int, one: Grown | None) -> Any:
        value = self.of(loop.new[place]) if one is None else one.new(self)
        return raw(value)

    def _branch(self, one: TracedBranch) -> None:
        places = self.live.places(one)
        sides = [[self.tensor(side[k]) for k in places] for side in one.sides]
        specs = [
            (as_static(one.outputs[k].shape), str(held(one.outputs[k].fact.dtype))) for k in places
        ]
        known = {
            id(raw(v)) for e, v in self.values.items() if e.op == INPUT and e not in one.inside
        }
        outer = captured([t for side in sides for t in side], (), lambda t: id(t) in known)
        results = Branch(sides[0], sides[1], specs, one.name)(
            self.tensor(one.predicate), *outer_tensors(outer)
        )
        results = results if isinstance(results, list) else [results]
        for k, result in zip(places, results, strict=True):
            self.values[one.outputs[k]] = Value(result)
            self.words.name(one.outputs[k], result)

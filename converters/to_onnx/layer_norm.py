"""Layer normalisation as ONNX Runtime's one ``LayerNormalization``, in place of the dozen nodes that TF1 writes.

Every vocabulary operation that is written is noted here by the ONNX name of its result; the one that completes a normalisation gives a
``LayerNormalization`` instead, and what it makes idle is pruned. With ``mean`` and ``variance`` over the last axis, the completing one is
the outermost of

* ``x * s + (beta - mean * s)``, ``s = rsqrt(variance + eps) * gamma``: ``tf.nn.batch_normalization`` (``nn_impl.py:1490-1499``, v1.15.5);
* ``(x - mean) / sqrt(variance + eps) * gamma + beta``, its factors in any order: by hand;

with gamma or beta absent as well. The variance must be the mean of ``(x - mean)**2``: ``mean(x**2) - mean**2`` has another noise.
float32 only: the epsilon is a float32 attribute, which is not a float64 graph's own; of float16 nothing was measured against TF1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.to_onnx.values import Value
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.arrays import concrete

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps

_NOTED = frozenset(
    "add subtract multiply divide negative square power mean sqrt rsqrt reciprocal expand_dims".split()
)
_DEPTH = 5
"""How deep a product is taken apart into factors."""


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta``, written as one node."""

    x: Value
    epsilon: float
    gamma: Value | None = None
    beta: Value | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """How a value came about."""

    op: str
    args: tuple[Any, ...]
    params: Mapping[str, Any]


class LayerNorms:
    """What one export knows of the values it wrote."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._norms: dict[str, Norm] = {}

    def note(
        self, op: str, args: tuple[Any, ...], params: Mapping[str, Any], results: tuple[Value, ...]
    ) -> tuple[Value, ...]:
        """Remember how ``results`` were written, and give them back."""
        name = results[0].name
        if op in _NOTED and name is not None and all(x is not results[0] for x in args):
            self._steps.setdefault(name, _Step(op, args, params))
        return results

    def fused(
        self, ops: OnnxOps, op: str, args: tuple[Any, ...], facts: tuple[Fact, ...]
    ) -> tuple[Value, ...] | None:
        """The normalisation that ``op`` completes, as one node; None where it completes none."""
        if facts[0].dtype != "float32":
            return None
        if op in ("multiply", "divide"):
            norm = self._product(op, args)
        else:
            norm = self._sum(op, args) if op in ("add", "subtract") else None
        if norm is None or norm.x.fact.shape != facts[0].shape:
            return None
        width = norm.x.shape[-1]
        inputs = [norm.x, _vector(ops, norm.gamma, width)]
        if norm.beta is not None:
            inputs.append(_vector(ops, norm.beta, width))
        name = ops.node("LayerNormalization", *inputs, axis=-1, epsilon=norm.epsilon)
        self._norms[name] = norm
        return (ops.wrap(name, facts[0]),)

    # -- the two forms ---------------------------------------------------------------------------

    def _product(self, op: str, args: tuple[Any, ...]) -> Norm | None:
        """``(x - mean) * inverse * gamma``: one factor at most is not the norm's own."""
        factors = list(self._factors(_Step(op, args, {})))
        for place, (value, divides) in enumerate(factors):
            found = None if divides else self._norms.get(value.name or "")
            x = None if divides else self._centred(value)
            if found is not None and found.gamma is None and found.beta is None:
                return _allowed(found, factors[:place] + factors[place + 1 :])
            if x is None:
                continue
            for other, (scale, under) in enumerate(factors):
                epsilon = self._epsilon(scale, x, under)
                if epsilon is not None:
                    rest = [f for i, f in enumerate(factors) if i not in (place, other)]
                    return _allowed(Norm(x, epsilon), rest)
        return None

    def _sum(self, op: str, args: tuple[Any, ...]) -> Norm | None:
        """``norm + beta``, or ``x * s + (beta - mean * s)``; without beta ``x * s - mean * s`` or ``x * s + -mean * s``."""
        if op == "subtract":
            return self._shifted(args[0], args[1], None)
        for first, second in (args, args[::-1]):
            known = self._norms.get(first.name or "")
            if known is not None and known.beta is None:
                found = _fitting(replace(known, beta=second))
                if found is not None:
                    return found
            step = self._step(second, "subtract")
            if step is not None:
                found = self._shifted(first, step.args[1], step.args[0])
            else:
                negated = self._negated(second)
                found = None if negated is None else self._shifted(first, negated, None)
            if found is not None:
                return found
        return None

    def _negated(self, value: Value) -> Value | _Step | None:
        """What ``value`` is the negative of: ``-mean * s`` reads ``multiply(negative(mean), s)``."""
        step = self._step(value, "negative")
        if step is not None:
            return step.args[0]  # type: ignore[no-any-return]
        step = self._step(value, "multiply")
        for a, b in () if step is None else (step.args, step.args[::-1]):
            inner = self._step(a, "negative")
            if inner is not None:
                return _Step("multiply", (inner.args[0], b), {})
        return None

    def _shifted(self, first: Value, second: Value | _Step, beta: Value | None) -> Norm | None:
        """``x * s`` and ``mean * s``, with one s and the mean of that x."""
        left = self._step(first, "multiply")
        right = second if isinstance(second, _Step) else self._step(second, "multiply")
        if left is None or right is None:
            return None
        for x, scale in (left.args, left.args[::-1]):
            for mean, other in (right.args, right.args[::-1]):
                if _same(scale, other) and self._is_mean(mean, x):
                    return self._scaled(x, scale, beta)
        return None

    def _scaled(self, x: Value, scale: Value, beta: Value | None) -> Norm | None:
        """``s`` as the inverse deviation, or its product with gamma."""
        epsilon = self._epsilon(scale, x)
        if epsilon is not None:
            return _fitting(Norm(x, epsilon, None, beta))
        step = self._step(scale, "multiply")
        for inverse, gamma in () if step is None else (step.args, step.args[::-1]):
            epsilon = self._epsilon(inverse, x)
            if epsilon is not None:
                return _fitting(Norm(x, epsilon, gamma, beta))
        return None

    # -- their parts -----------------------------------------------------------------------------

    def _step(self, value: Any, op: str) -> _Step | None:
        """How ``value`` was made, if by ``op``."""
        step = self._steps.get(value.name or "") if isinstance(value, Value) else None
        return step if step is not None and step.op == op else None

    def _factors(self, step: _Step, depth: int = 0) -> Iterator[tuple[Value, bool]]:
        """The factors of a product, each with whether it divides."""
        for place, value in enumerate(step.args):
            inner = self._step(value, "multiply") or self._step(value, "divide")
            if step.op == "divide" and place == 1:
                yield value, True
            elif inner is None or depth == _DEPTH or value.name in self._norms:
                yield value, False
            else:
                yield from self._factors(inner, depth + 1)

    def _centred(self, value: Value) -> Value | None:
        """x, where ``value`` is ``x - mean(x)``."""
        step = self._step(value, "subtract")
        return (
            step.args[0] if step is not None and self._is_mean(step.args[1], step.args[0]) else None
        )

    def _is_mean(self, value: Value, x: Value) -> bool:
        """Whether ``value`` is x's mean over its last axis, which stays as 1."""
        inner = self._mean_of(value)
        return inner is not None and _same(inner, x)

    def _mean_of(self, value: Value) -> Value | None:
        step, kept = self._step(value, "mean"), True
        if step is None:
            widened = self._step(value, "expand_dims")
            if widened is None or widened.params["axis"] not in (-1, len(value.shape) - 1):
                return None
            step, kept = self._step(widened.args[0], "mean"), False
        if step is None or bool(step.params["keepdims"]) != kept:
            return None
        x: Value = step.args[0]
        return x if step.params["axes"] in ((-1,), (len(x.shape) - 1,)) else None

    def _epsilon(self, value: Value, x: Value, divides: bool = False) -> float | None:
        """Epsilon, where ``value`` is ``1 / sqrt(variance(x) + epsilon)``; or that root, where it ``divides``."""
        under = self._rooted(value) if divides else self._inverse_rooted(value)
        total = self._step(under, "add")
        for variance, added in () if total is None else (total.args, total.args[::-1]):
            number = _number(added)
            if number is not None and self._is_variance(variance, x):
                return number if np.isfinite(number) and number >= 0 else None
        return None

    def _rooted(self, value: Any) -> Any:
        """What ``value`` is the square root of."""
        step = self._step(value, "sqrt")
        return self._powered(value, 0.5) if step is None else step.args[0]

    def _inverse_rooted(self, value: Value) -> Any:
        step = self._step(value, "rsqrt")
        if step is not None:
            return step.args[0]
        step = self._step(value, "reciprocal")
        if step is not None:
            return self._rooted(step.args[0])
        step = self._step(value, "divide")
        if step is not None and _number(step.args[0]) == 1:
            return self._rooted(step.args[1])
        return self._powered(value, -0.5)

    def _powered(self, value: Any, power: float) -> Any:
        """What ``value`` is that power of."""
        step = self._step(value, "power")
        return step.args[0] if step is not None and _number(step.args[1]) == power else None

    def _is_variance(self, value: Value, x: Value) -> bool:
        """The mean of ``(x - mean(x))**2``."""
        squared = self._mean_of(value)
        if squared is None:
            return False
        inner = self._powered(squared, 2)
        step = self._step(squared, "square") or self._step(squared, "multiply")
        if step is not None and all(_same(arg, step.args[0]) for arg in step.args):
            inner = step.args[0]
        centred = None if inner is None else self._centred(inner)
        return centred is not None and _same(centred, x)


def _same(a: Value, b: Value) -> bool:
    """One value, by identity or name; what has no name yet is an item of a sequence or a constant."""
    if a is b:
        return True
    return a.name is not None and a.name == b.name


def _number(value: Value) -> float | None:
    """A float32 constant's one number."""
    known = concrete(value.fact)
    return float(known.reshape(())) if known is not None and known.size == 1 else None


def _allowed(norm: Norm, rest: list[tuple[Value, bool]]) -> Norm | None:
    """The norm with what is left of the factors as gamma: none, or one that multiplies."""
    gammas = [(value, divides) for value, divides in rest if _number(value) != 1]
    if len(gammas) > 1 or any(divides for _, divides in gammas):
        return None
    return _fitting(replace(norm, gamma=gammas[0][0]) if gammas else norm)


def _fitting(norm: Norm) -> Norm | None:
    """The norm, if its x has a known width and gamma and beta vary along the last axis only."""
    shape = norm.x.fact.shape
    if not shape or not isinstance(shape[-1], int) or shape[-1] < 1:
        return None
    parts = [value for value in (norm.gamma, norm.beta) if value is not None]
    return norm if all(_fits(value, shape) for value in parts) else None


def _fits(value: Value, shape: tuple[Any, ...]) -> bool:
    own = value.fact.shape
    if value.fact.dtype != "float32" or own is None or len(own) > len(shape):
        return False
    if concrete(value.fact) is None:
        return bool(own == (shape[-1],))
    return all(dim == 1 for dim in own[:-1]) and (not own or own[-1] in (1, shape[-1]))


def _vector(ops: OnnxOps, value: Value | None, width: Any) -> Value:
    """gamma or beta as ``[width]``; ones where there is none."""
    if value is None:
        return ops.constant(np.ones(width, np.float32))
    known = concrete(value.fact)
    if known is None or known.shape == (width,):
        return value
    return ops.constant(np.broadcast_to(known.reshape(-1), (width,)), value.label)

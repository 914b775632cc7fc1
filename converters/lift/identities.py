"""Exact identities: a factor that is the constant 1, a reshape to the same shape, and dropout that keeps everything.

``floor(1 + u)`` and ``u >= 0`` of a uniform u in [0, 1) are all ones, so ``div(x, keep) * floor(keep + u)`` (TF before 1.13) and
``x * scale * cast(u >= rate)`` (TF 1.15.5 ``python/ops/nn_ops.py:4310-4314``) are x when keep is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from converters.graph import Node
from reference.errors import Reason
from reference.vocabulary.abstract.fact import Fact

UNIFORM, ABOVE_ONE, BELOW_ONE, ONES = "uniform", "uniform + 1", "uniform + keep", "ones"


class Identities:
    """Follows random numbers through one Program; ``reasons`` are dropouts that stay on, by node."""

    def __init__(self) -> None:
        self.kind: dict[str, str] = {}
        self.reasons: dict[str, Reason] = {}
        self._keep: dict[str, str] = {}

    def alias(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        """The input that the node's output equals bit for bit, if one does; notes what it is otherwise."""
        rule = _RULES.get(node.op)
        return None if rule is None else rule(self, node, inputs, facts)

    def _mul(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        for x, factor in (inputs, inputs[::-1]):
            ones = self.kind.get(factor) == ONES and _no_larger(facts.get(factor), facts.get(x))
            if ones or _scalar(facts, factor) == 1:
                return x
        return None

    def _div(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        return inputs[0] if _scalar(facts, inputs[1]) == 1 else None

    def _add(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        for x, other in (inputs, inputs[::-1]):
            value = _scalar(facts, other)
            if self.kind.get(x) != UNIFORM or value is None:
                continue
            if value == 0:
                return x
            self.kind[f"{node.name}:0"] = ABOVE_ONE if value == 1 else BELOW_ONE
            self._keep[f"{node.name}:0"] = other
        return None

    def _sub(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        return (
            inputs[0]
            if self.kind.get(inputs[0]) == UNIFORM and _scalar(facts, inputs[1]) == 0
            else None
        )

    def _uniform(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        self.kind[f"{node.name}:0"] = UNIFORM
        return None

    def _floor(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        kind = self.kind.get(inputs[0])
        if kind == ABOVE_ONE:
            self.kind[f"{node.name}:0"] = ONES
        elif kind == BELOW_ONE:
            self._stays_on(node, self._keep[inputs[0]], facts, 1)
        return None

    def _at_least(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        rate = _scalar(facts, inputs[1])
        if self.kind.get(inputs[0]) == UNIFORM and rate is not None:
            if rate <= 0:
                self.kind[f"{node.name}:0"] = ONES
            else:
                self._stays_on(node, inputs[1], facts, 0)
        return None

    def _less(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        keep = _scalar(facts, inputs[1])
        if self.kind.get(inputs[0]) == UNIFORM and keep is not None and keep >= 1:
            self.kind[f"{node.name}:0"] = ONES
        return None

    def _same(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        if self.kind.get(inputs[0]) == ONES:
            self.kind[f"{node.name}:0"] = ONES
        return None

    def _select(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        small = _no_larger(facts.get(inputs[0]), facts.get(inputs[1]))
        return inputs[1] if self.kind.get(inputs[0]) == ONES and small else None

    def _transpose(
        self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]
    ) -> str | None:
        """``tf.tensordot`` transposes and reshapes a kernel to what it is: the variable stays one."""
        perm = _vector(facts, inputs[1])
        return inputs[0] if perm is not None and perm == list(range(len(perm))) else None

    def _reshape(self, node: Node, inputs: Sequence[str], facts: Mapping[str, Fact]) -> str | None:
        target, x = _vector(facts, inputs[1]), facts.get(inputs[0])
        if target is None or x is None or x.shape is None or len(target) != len(x.shape):
            return None
        free = [t for t, size in zip(target, x.shape, strict=True) if t != size]
        return inputs[0] if not free or (free == [-1] and 0 not in x.shape) else None

    def _stays_on(self, node: Node, tensor: str, facts: Mapping[str, Fact], off: int) -> None:
        value = _scalar(facts, tensor)
        text = f"dropout stays on ({tensor} is the constant {value:g}); fix it with --freeze {tensor}={off}"
        self.reasons[node.name] = Reason(node.name, text)


def _scalar(facts: Mapping[str, Fact], name: str) -> float | None:
    fact = facts.get(name)
    value = None if fact is None else fact.value
    if fact is None or value is None or fact.shape != () or value.dtype == object:
        return None
    return float(value) if np.issubdtype(value.dtype, np.number) else None


def _vector(facts: Mapping[str, Fact], name: str) -> list[Any] | None:
    """The items of a known rank-1 value, symbolic sizes among them."""
    fact = facts.get(name)
    value = None if fact is None else fact.value
    return None if value is None or value.ndim != 1 else value.tolist()


def _no_larger(mask: Fact | None, x: Fact | None) -> bool:
    """Whether broadcasting the mask to x cannot make x larger, as far as static sizes tell."""
    if mask is None or x is None or mask.shape is None or x.shape is None:
        return True
    if len(mask.shape) > len(x.shape):
        return False
    pairs = zip(mask.shape[::-1], x.shape[::-1], strict=False)
    return all(not isinstance(m, int) or m == 1 or x_ != 1 for m, x_ in pairs)


_RULES: dict[str, Callable[..., str | None]] = {
    "Mul": Identities._mul,
    "RealDiv": Identities._div,
    "Div": Identities._div,
    "Add": Identities._add,
    "AddV2": Identities._add,
    "Sub": Identities._sub,
    "RandomUniform": Identities._uniform,
    "Floor": Identities._floor,
    "GreaterEqual": Identities._at_least,
    "Less": Identities._less,
    "Cast": Identities._same,
    "Transpose": Identities._transpose,
    "Reshape": Identities._reshape,
    "Select": Identities._select,
    "SelectV2": Identities._select,
}

"""A size that sizes of tensors tell, as statements that compute it inside a layer: there a shape is numbers on every backend."""

from __future__ import annotations

from functools import reduce
from itertools import count

import numpy as np

from converters.graph import DType, Node
from converters.program import OpNode
from converters.to_keras.context import Context
from converters.to_keras.ranges import ranges_of
from converters.to_keras.shapes import sources
from reference.vocabulary.abstract.fact import Dim
from reference.vocabulary.abstract.sizes import Size

MOST = 2**16
"""A number beyond it is what a dtype holds rather than a maximum that somebody set."""


def most_of(context: Context, value: str, name: str, made: str, /) -> tuple[OpNode, ...]:
    """Statements of which the last gives, as ``name``, a number that an integer cannot exceed; none where sizes do not tell one.

    Args:
        made: what is made with it: the sizes are those of values before.
    """
    found = ranges_of(context).of(value)
    if found is None or (not isinstance(found.high, Size) and found.high > MOST):
        return ()
    places = sources(context, [found.high], made)
    if places is None:
        return ()
    build = _Arithmetic(name.rpartition(":")[0])
    sizes = {one: build.axis(key.value, axis) for one, (key, axis) in places.items()}
    last = build.polynomial(found.high, sizes)
    build.add("Identity", (last,), name)
    return tuple(build.statements)


class _Arithmetic:
    """Collects statements on int32 scalars."""

    def __init__(self, prefix: str) -> None:
        self.prefix, self.numbers = prefix, count()
        self.statements: list[OpNode] = []

    def add(self, op: str, inputs: tuple[str, ...], output: str = "", **attrs: object) -> str:
        """One more; its output."""
        name = f"{self.prefix}/{next(self.numbers)}"
        output = output or f"{name}:0"
        self.statements.append(OpNode(Node(name, op, inputs, (), attrs), (output,)))
        return output

    def number(self, value: int) -> str:
        return self.add("Const", (), value=np.asarray(value, np.int32), dtype=DType("int32"))

    def axis(self, value: str, axis: int) -> str:
        """The size of an axis."""
        shape = self.add("Shape", (value,), out_type=DType("int32"))
        return self.add("GatherV2", (shape, self.number(axis), self.number(0)))

    def polynomial(self, dim: Dim, sizes: dict[str, str]) -> str:
        """Its value."""
        terms = dim.terms if isinstance(dim, Size) else (((), int(dim)),)
        parts = []
        for monomial, factor in terms:
            factors = [sizes[name] for name in monomial]
            if factor != 1 or not factors:
                factors.append(self.number(factor))
            parts.append(reduce(lambda a, b: self.add("Mul", (a, b)), factors))
        return reduce(lambda a, b: self.add("AddV2", (a, b)), parts)

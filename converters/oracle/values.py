"""What can stand on an edge of a raw graph beside an array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import refusal
from reference.errors import SemanticsError

Array = np.ndarray


class Dead:
    """The value of a tensor in a branch that is not taken."""

    def __repr__(self) -> str:
        return "DEAD"


DEAD: Final = Dead()


@dataclass(eq=False)
class Variable:
    """A handle to a variable."""

    node: Node


@dataclass(eq=False)
class Table:
    """A handle to a lookup table; filled at its first use."""

    node: Node
    items: dict[Any, Any] | None = None


@dataclass(eq=False)
class Stack:
    """A handle to a stack."""

    items: list[Any] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Uncertain:
    """A random array of which only ``low <= x < high`` is known, item by item.

    Dropout at keep_prob 1 is the identity whatever was drawn: floor(1 + u) is 1 and u >= 0 is true.
    """

    node: Node
    low: Array
    high: Array

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise self.refuse()

    def refuse(self) -> Exception:
        """The error for any use that needs the drawn values."""
        return refusal(
            self.node, "it draws random numbers on which the result depends; feed its output"
        )


@dataclass(frozen=True, eq=False)
class Drawn:
    """A value that depends on what was drawn; ``sample`` is what one draw makes of it.

    A graph may compute it and choose another branch: both of ``tf.cond(train, lambda: dropped, lambda: plain)`` may have been made outside.
    """

    source: Uncertain
    sample: Array

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise self.refuse()

    def __bool__(self) -> bool:
        raise self.refuse()

    def refuse(self) -> Exception:
        """The error for any use of the value itself."""
        return self.source.refuse()


SHAPE_ONLY = frozenset(("Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"))
"""Ops that look at the shapes of their operands alone."""


def from_draw(
    node: Node, inputs: list[Any], compute: Callable[[list[Any]], tuple[Any, ...]]
) -> tuple[Any, ...]:
    """A node with an operand of which too little is known: computed for one draw, and marked."""
    marked = [v for v in inputs if isinstance(v, Uncertain | Drawn)]
    source = marked[0] if isinstance(marked[0], Uncertain) else marked[0].source
    samples = {id(v): v.low if isinstance(v, Uncertain) else v.sample for v in marked}
    results = compute([samples.get(id(v), v) for v in inputs])
    if node.op in SHAPE_ONLY:
        return results
    return tuple(Drawn(source, np.asarray(r)) for r in results)


def uniform(node: Node, shape: Array, dtype: np.dtype[Any]) -> Uncertain:
    """What RandomUniform gives: 0 <= x < 1."""
    sizes = tuple(int(v) for v in shape)
    return Uncertain(node, np.zeros(sizes, dtype), np.ones(sizes, dtype))


def combine(node: Node, inputs: list[Any]) -> tuple[Any, ...]:
    """A node of which an operand is uncertain.

    Raises:
        NotConvertibleError: its result depends on what was drawn.
    """
    first, *rest = inputs
    if any(isinstance(value, Drawn) for value in inputs):
        raise next(value for value in inputs if isinstance(value, Drawn)).refuse()
    source = next(v for v in inputs if isinstance(v, Uncertain))
    if node.op in ("Identity", "StopGradient"):
        return (first,)
    if node.op == "Floor" and np.array_equal(np.floor(source.low), np.ceil(source.high) - 1):
        return (np.floor(source.low),)
    if node.op == "Shape":
        return (np.array(source.low.shape, str(node.attr("out_type", "int32"))),)
    if len(rest) != 1 or isinstance(first, Uncertain) == isinstance(rest[0], Uncertain):
        raise source.refuse()
    other = rest[0] if first is source else first
    if node.op in ("Add", "AddV2"):
        return (Uncertain(source.node, source.low + other, source.high + other),)
    if node.op == "Mul" and np.all(other > 0):
        return (Uncertain(source.node, source.low * other, source.high * other),)
    if first is source and node.op == "Sub":
        return (Uncertain(source.node, source.low - other, source.high - other),)
    above, below = np.all(source.low >= other), np.all(source.high <= other)
    if first is source and node.op in ("GreaterEqual", "Less") and (above or below):
        answer = bool(above) == (node.op == "GreaterEqual")
        shape = np.broadcast_shapes(source.low.shape, np.shape(other))
        return (np.full(shape, answer),)
    raise source.refuse()


def static_dims(shape: Any) -> tuple[int | None, ...] | None:
    """A Shape attribute, or an integer array with -1 for unknown sizes, as dims."""
    if shape is None:
        return None
    dims = getattr(shape, "dims", shape)
    if isinstance(dims, np.ndarray):
        dims = None if dims.ndim == 0 and dims < 0 else dims.reshape(-1).tolist()
    return None if dims is None else tuple(None if d is None or d < 0 else int(d) for d in dims)


def merged(
    a: tuple[int | None, ...] | None, b: tuple[int | None, ...] | None, what: str
) -> tuple[int | None, ...] | None:
    """Both of two partial shapes.

    Raises:
        SemanticsError: they contradict each other.
    """
    if a is None or b is None:
        return b if a is None else a
    if len(a) != len(b) or any(None not in (x, y) and x != y for x, y in zip(a, b, strict=True)):
        msg = f"{what}: an element of shape {b} where {a} is expected"
        raise SemanticsError(msg)
    return tuple(y if x is None else x for x, y in zip(a, b, strict=True))


def defined(shape: tuple[int | None, ...] | None) -> tuple[int, ...] | None:
    """The shape where all of it is known."""
    if shape is None or None in shape:
        return None
    return tuple(int(d) for d in shape if d is not None)


Attrs = Mapping[str, Any]

"""The table of TF ops and what its functions share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from converters.graph import DType, Node
from reference.errors import NotConvertibleError, Reason, UnknownOpError

Array = Any
Size = Any
"""An int where the size is known, else a rank-0 integer array."""
Function = Callable[..., Any]

MAX_RANK: Final = 254
"""Of a tensor: TensorShape::MaxDimensions, tensorflow/core/framework/tensor_shape.h:216."""

TABLE: Final[dict[str, Function]] = {}
"""By op type: ``f(ops, node, *inputs)`` gives one array or a tuple of them."""

COMPLEX: Final[dict[str, Function]] = {}
"""By op type: what it does with complex operands (:mod:`converters.tf_ops.complex_numbers`)."""

REFUSED: Final[dict[str, str]] = {}
"""By op type: why it is understood and refused."""


def tf_op(*names: str) -> Callable[[Function], Function]:
    """Registers a function under op types."""

    def register(function: Function) -> Function:
        for name in names:
            if name in TABLE:
                msg = f"op {name} is described twice"
                raise ValueError(msg)
            TABLE[name] = function
        return function

    return register


def is_known(op: str) -> bool:
    """Whether a function describes this op type."""
    return op in TABLE


def is_complex(node: Node) -> bool:
    """Whether a type attribute of the node is complex."""
    return any(isinstance(v, DType) and v.startswith("complex") for v in node.attrs.values())


def apply(ops: Any, node: Node, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """The outputs of ``node``, given its inputs as arrays of the interpreter ``ops``.

    Raises:
        UnknownOpError: no function describes ``node.op``.
        NotConvertibleError: the op is refused, or needs a value that is not known at build time.
    """
    function = TABLE.get(node.op)
    if is_complex(node):
        function = COMPLEX.get(node.op)
        if function is None:
            raise refusal(node, f"op type {node.op} is not in the op table for complex numbers")
    if function is None:
        raise unknown(node)
    result = function(ops, node, *inputs)
    return result if isinstance(result, tuple) else (result,)


def unknown(node: Node) -> NotConvertibleError:
    """The error for an op without a function."""
    if node.op in REFUSED:
        return refusal(node, REFUSED[node.op])
    text = f"op type {node.op} is not in the op table"
    return UnknownOpError(f"node {node.name!r}: {text}", (Reason(node.name, text),))


def refusal(node: Node, text: str) -> NotConvertibleError:
    """The error for a node that cannot be computed, with its one reason."""
    return NotConvertibleError(
        f"node {node.name!r} ({node.op}): {text}", (Reason(node.name, text),)
    )


def known(ops: Any, node: Node, x: Array, what: str) -> np.ndarray:
    """The value of ``x``.

    Raises:
        NotConvertibleError: it is not known at build time.
    """
    value = ops.static(x)
    if value is None:
        raise refusal(node, f"its {what} is not known before the model runs")
    return np.asarray(value)


def known_int(ops: Any, node: Node, x: Array, what: str) -> int:
    """As :func:`known`, of one integer."""
    return int(known(ops, node, x, what).reshape(()))


def known_ints(ops: Any, node: Node, x: Array, what: str) -> tuple[int, ...]:
    """As :func:`known`, of integers."""
    return tuple(int(v) for v in known(ops, node, x, what).reshape(-1))


def known_dim(ops: Any, node: Node, x: Array, axis: int) -> int:
    """The size of ``axis``, which must be known at build time."""
    size = ops.dims_of(x)[axis]
    if size is None:
        raise refusal(
            node, f"the size of axis {axis} of an input is not known before the model runs"
        )
    return int(size)


def item(ops: Any, x: Array, index: int) -> Size:
    """``x[index]`` of a rank-1 integer array: an int where it is known."""
    part = ops.squeeze(ops.strided_slice(x, [index], [index + 1 or None], [1]), [0])
    value = ops.static(part)
    return part if value is None else int(value)


def items(ops: Any, node: Node, x: Array) -> list[Size]:
    """The items of a rank-1 integer array, one per axis of a tensor: ints where they are known.

    Raises:
        NotConvertibleError: there are more of them than a tensor can have axes.
    """
    value = ops.static(x)
    count = known_dim(ops, node, x, 0) if value is None else np.size(value)
    if count > MAX_RANK:
        raise refusal(node, f"{count} sizes are more than a tensor has axes")
    if value is not None:
        return [int(v) for v in np.asarray(value).reshape(-1)]
    return [item(ops, x, i) for i in range(count)]


def size(ops: Any, x: Array, axis: int) -> Size:
    """The size of an axis: an int where it is known."""
    dim = ops.dims_of(x)[axis]
    return item(ops, ops.shape(x), axis % ops.rank_of(x)) if dim is None else int(dim)


def sizes(ops: Any, x: Array) -> list[Size]:
    """The sizes of all axes."""
    return [size(ops, x, axis) for axis in range(ops.rank_of(x))]


def plus(ops: Any, a: Size, b: Size) -> Size:
    """a + b of sizes."""
    return a + b if isinstance(a, int) and isinstance(b, int) else ops.add(a, b)


def times(ops: Any, *factors: Size) -> Size:
    """The product of sizes."""
    whole = 1
    unknown_factors = []
    for factor in factors:
        if isinstance(factor, int):
            whole *= factor
        else:
            unknown_factors.append(factor)
    if not unknown_factors:
        return whole
    product = unknown_factors[0]
    for factor in unknown_factors[1:]:
        product = ops.multiply(product, factor)
    return product if whole == 1 else ops.multiply(product, whole)


def like(ops: Any, x: Array, value: float | bool | bytes) -> Array:
    """A rank-0 constant of the dtype of ``x``."""
    dtype = ops.dtype_of(x)
    return ops.constant(np.array(value, object if dtype == "string" else dtype))


def vector(ops: Any, values: Sequence[Any], dtype: str = "int32") -> Array:
    """A rank-1 constant."""
    return ops.constant(np.array(values, dtype))


def positive(axis: int, rank: int) -> int:
    """An axis counted from the front."""
    return axis + rank if axis < 0 else axis


def indices_along(ops: Any, count: Size, dtype: str) -> Array:
    """0, 1, … count - 1 in ``dtype``."""
    zero, one = (ops.constant(np.array(v, dtype)) for v in (0, 1))
    limit = (
        ops.constant(np.array(count, dtype)) if isinstance(count, int) else ops.cast(count, dtype)
    )
    return ops.range(zero, limit, one)

"""The values of ``--freeze``: honoured as the tensor's dtype can hold them, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.graph import Graph, Shape, split_tensor
from reference.errors import UsageError

_LAST_AMBIGUOUS = 21
"""Up to this GraphDef version an unknown shape was written as a scalar's."""


def frozen_value(graph: Graph, tensor: str, value: Any, dtype: str, /) -> np.ndarray:
    """``value`` as an array of ``dtype``, for the tensor ``tensor``.

    Raises:
        UsageError: the dtype cannot hold it as it is (a word for a number, 0.5 for an integer), or it has another shape than the placeholder.
    """
    try:
        given = np.asarray(value)
    except ValueError as error:
        raise _refused(tensor, value, "its rows differ in length") from error
    if dtype == "string":
        array = _text(tensor, given)
    elif dtype in ("unknown", "resource", "variant"):
        array = given
    else:
        array = _number(tensor, given, np.dtype(dtype if dtype != "bfloat16" else "float32"))
    _fits(graph, tensor, array)
    return array


def _number(tensor: str, given: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    if given.dtype.kind not in "biufc":
        what = "a bool: give true or false" if dtype.kind == "b" else f"{dtype}: give a number"
        raise _refused(tensor, given.tolist(), f"it is {what}")
    with np.errstate(all="ignore"):
        array = given.astype(dtype)
        back = array.astype(given.dtype)
    exact = dtype.kind in "biu" or given.dtype.kind == "c"
    if exact and not np.array_equal(back, given, equal_nan=given.dtype.kind in "fc"):
        raise _refused(tensor, given.tolist(), f"{dtype} cannot hold that")
    if dtype.kind == "f" and (np.isinf(array) & ~np.isinf(given)).any():
        raise _refused(tensor, given.tolist(), f"{dtype} cannot hold that")
    return array


def _text(tensor: str, given: np.ndarray) -> np.ndarray:
    if given.dtype.kind not in "OSU":
        raise _refused(tensor, given.tolist(), "it is a string")
    found = np.empty(given.shape, object)
    for place, item in np.ndenumerate(given):
        found[place] = item if isinstance(item, bytes) else str(item).encode()
    return found


def _fits(graph: Graph, tensor: str, array: np.ndarray) -> None:
    node = graph.nodes[split_tensor(tensor)[0]]
    shape = node.attrs.get("shape")
    if not node.op.startswith("Placeholder") or not isinstance(shape, Shape) or shape.dims is None:
        return
    dims = shape.dims
    if dims == () and graph.producer <= _LAST_AMBIGUOUS:
        return
    same = len(dims) == array.ndim and all(
        n is None or n < 0 or n == size for n, size in zip(dims, array.shape, strict=True)
    )
    if not same:
        wanted = f"[{', '.join('?' if n is None or n < 0 else str(n) for n in dims)}]"
        raise _refused(
            tensor,
            array.tolist(),
            f"the shape is {list(array.shape)}, and the placeholder's is {wanted}",
        )


def _refused(tensor: str, value: Any, why: str) -> UsageError:
    shown = str(value)
    return UsageError(f"{tensor} cannot be frozen to {shown[:60]}{'…' * (len(shown) > 60)}: {why}")

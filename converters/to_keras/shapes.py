"""Shape vectors with symbolic sizes, in a functional graph: -1 where that says it, and where else a size can be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.lift.lists import is_list_op
from converters.program import OpNode
from converters.to_keras.context import Context
from converters.to_keras.plan import Key
from reference.vocabulary.abstract.fact import Dim
from reference.vocabulary.abstract.sizes import Size


def with_one_unknown(dims: Sequence[Dim] | None, /) -> np.ndarray | None:
    """A reshape's target with -1 for its one symbolic size; None where there are more.

    Example:
        >>> with_one_unknown([2, 3]).tolist()
        [2, 3]
    """
    if dims is None:
        return None
    found = [-1 if isinstance(dim, Size) else int(dim) for dim in dims]
    # With a size 0 beside it, -1 cannot be told.
    if found.count(-1) > 1 or (-1 in found and 0 in found):
        return None
    return np.asarray(found, np.int32)


def sources(
    context: Context, dims: Sequence[Dim], /, made: str
) -> dict[str, tuple[Key, int]] | None:
    """By name of a size: a value that has it, and the axis; None where a name has no such value before ``made`` is made."""
    names = sorted({name for dim in dims if isinstance(dim, Size) for name in dim.names})
    found: dict[str, tuple[Key, int]] = {}
    for name in names:
        place = _place(context, name, made)
        if place is None:
            return None
        found[name] = place
    return found


def _place(context: Context, name: str, made: str) -> tuple[Key, int] | None:
    for value in context.program.inputs:
        for axis, dim in enumerate(context.shape(value) or ()):
            if isinstance(dim, Size) and dim.terms == (((name,), 1),):
                return Key(value), axis
    for value, (statement, _) in context.producers.items():
        if value == made:
            return None  # Sizes that begin with it: tf.zeros((batch, n)) of a fed n.
        if isinstance(statement, OpNode) and is_list_op(statement.node.op):
            continue
        for axis, dim in enumerate(context.shape(value) or ()):
            if isinstance(dim, Size) and dim.terms == (((name,), 1),):
                return Key(value), axis
    return None

"""What TF1's drivers refuse, said in one sentence: the argument, what came, what was expected."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference import states
from reference.cells.base import Dims, Scalar, weights
from reference.errors import SemanticsError


def check_cell(name: str, cell: Any, /) -> None:
    """``assert_like_rnncell`` (``rnn_cell_impl.py:71``, v1.15.5): the three members, or SemanticsError."""
    missing = [m for m in ("step", "state_size", "output_size") if not hasattr(cell, m)]
    if missing:
        msg = f"{name} must be a cell, got {type(cell).__name__}, which lacks {', '.join(missing)}"
        raise SemanticsError(msg)


def check_lengths(sequence_length: Any, batch: int, /) -> Any:
    """The lengths as int32 ``[batch]``, as TF1 casts them (``rnn.py:647``), or None.

    Raises:
        SemanticsError: not a vector of ``batch`` items, or not numbers.
    """
    if sequence_length is None:
        return None
    lengths = np.asarray(sequence_length)
    if lengths.dtype.kind not in "iufb" and lengths.size:
        msg = f"sequence_length must hold numbers, got dtype {lengths.dtype}"
        raise SemanticsError(msg)
    if lengths.shape != (batch,):
        msg = f"sequence_length must be a vector of length batch_size, expected shape [{batch}], got {list(lengths.shape)}"
        raise SemanticsError(msg)
    return lengths.astype(np.int32)


def check_reversible(sequence_length: Any, batch: int, time: int, /) -> Any:
    """The lengths for ``reverse_sequence``: integers in 0..T, else SemanticsError (``reverse_sequence_op.cc:64``)."""
    if sequence_length is None:
        return None
    raw = np.asarray(sequence_length)
    if raw.dtype not in (np.dtype(np.int32), np.dtype(np.int64)) and raw.size:
        msg = f"sequence_length of a bidirectional driver must be int32 or int64, got {raw.dtype}"
        raise SemanticsError(msg)
    lengths = check_lengths(raw, batch)
    bad = np.flatnonzero((raw < 0) | (raw > time))
    if bad.size:
        msg = f"sequence_length[{bad[0]}] is {raw[bad[0]]}: a bidirectional driver needs lengths in 0..{time}"
        raise SemanticsError(msg)
    return lengths


def check_sequence(inputs: Any, /, *, batch_axis: int, rank: int = 3) -> tuple[int, int]:
    """(T, B) of a nest of arrays whose first two axes are time and batch in either order.

    Raises:
        SemanticsError: no array, too low a rank, or sizes that differ between the arrays.
    """
    leaves = states.flatten(inputs)
    if not leaves:
        msg = "inputs must hold at least one array, got an empty structure"
        raise SemanticsError(msg)
    for path, leaf in zip(states.paths(inputs), leaves, strict=True):
        if len(leaf.shape) < rank:
            msg = f"inputs{'/' + path if path else ''} must have rank {rank} at least, got shape {list(leaf.shape)}"
            raise SemanticsError(msg)
    found = {(int(x.shape[1 - batch_axis]), int(x.shape[batch_axis])) for x in leaves}
    if len(found) > 1:
        msg = f"inputs must agree in time and batch, got (time, batch) {sorted(found)}"
        raise SemanticsError(msg)
    return found.pop()


def check_state(argument: str, cell: Any, state: Any, batch: int, /, *, types: bool = True) -> None:
    """The structure and the shapes of ``cell.state_size``.

    Raises:
        SemanticsError: another structure (with ``types``, tuples of another type too), or a leaf of another shape.
    """
    size = cell.state_size
    if not same_structure(size, state, types=types):
        msg = f"{argument} must be structured as the cell's state_size {describe(size)}, got {describe(state)}"
        raise SemanticsError(msg)
    for path, want, leaf in zip(
        states.paths(state), _sizes(size), states.flatten(state), strict=True
    ):
        shape = (batch, *(want if isinstance(want, Dims) else [want]))
        shape = () if isinstance(want, Scalar) else shape
        if tuple(leaf.shape) != shape:
            where = f"{argument}/{path}" if path else argument
            msg = f"{where} must have shape {list(shape)}, got {list(leaf.shape)}"
            raise SemanticsError(msg)


def check_dtypes(cell: Any, /, **arguments: Any) -> str:
    """The one floating dtype of weights, inputs and states; SemanticsError where they differ."""
    first: tuple[str, str] | None = None
    named = [(f"weight {path}", w) for path, w in weights(cell).items()]
    named += [(name, leaf) for name, nest in arguments.items() for leaf in states.flatten(nest)]
    for name, leaf in named:
        dtype = getattr(leaf, "dtype", None)
        if dtype is None or np.dtype(dtype).kind != "f":
            continue
        if first is None:
            first = (name, str(dtype))
        elif first[1] != str(dtype):
            msg = f"{name} is {dtype} but {first[0]} is {first[1]}: TF1 converts neither"
            raise SemanticsError(msg)
    return first[1] if first else "float32"


def check_features(cell: Any, inputs: Any, /) -> None:
    """The last axis of a lone input against ``cell.input_size``, where the cell tells it."""
    want = getattr(cell, "input_size", None)
    if want is None or isinstance(inputs, tuple | list):
        return
    got = int(inputs.shape[-1])
    if got != want:
        msg = f"inputs has {got} features, but the cell's kernel was made for {want}"
        raise SemanticsError(msg)


def same_structure(a: Any, b: Any, /, *, types: bool = True) -> bool:
    """Whether two nests have the same shape (``nest.assert_same_structure``)."""
    nested = [isinstance(n, tuple | list) and not isinstance(n, Dims) for n in (a, b)]
    if not any(nested):
        return True
    if not all(nested) or len(a) != len(b) or (types and type(a) is not type(b)):
        return False
    return all(same_structure(x, y, types=types) for x, y in zip(a, b, strict=True))


def describe(nest: Any, /) -> str:
    """A nest in words: types, and the shapes of its leaves."""
    if isinstance(nest, Dims):
        return str(list(nest))
    if isinstance(nest, tuple | list):
        inner = ", ".join(describe(item) for item in nest)
        return f"{type(nest).__name__}({inner})"
    shape = getattr(nest, "shape", None)
    return repr(nest) if shape is None else f"array{list(shape)}"


def _sizes(size: Any) -> list[Any]:
    if isinstance(size, tuple | list) and not isinstance(size, Dims):
        return [leaf for item in size for leaf in _sizes(item)]
    return [size]

"""Dropout's noise as data, and its two formulas.

TF1 draws uniform noise in the graph; its generator cannot be reproduced, so here the noise is an
argument: the arrays that ``random_uniform`` gave, in [0, 1). A field of a cell whose name ends in
``_noise`` holds such arrays; a sequence of them, one per step, is ``[T, B, …]``, and
:func:`at_step` picks one step's.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from reference import states
from reference.errors import SemanticsError


def fresh(ops: Any, value: Any, noise: Any, keep: float, /) -> Any:
    """``nn_ops.dropout_v2``: kept where noise >= rate, scaled by 1 / (1 - rate) (``nn_ops.py:4301``, v1.15.5)."""
    rate = 1.0 - keep
    low = ops.constant(_of_dtype(ops, rate, noise))
    kept = ops.cast(ops.greater_equal(noise, low), ops.dtype_of(value))
    return value * (1.0 / (1.0 - rate)) * kept


def variational(ops: Any, value: Any, noise: Any, keep: float, /) -> Any:
    """``value / keep * floor(keep + noise)`` (``rnn_cell_wrapper_impl.py:178``, v1.15.5)."""
    return value / keep * ops.floor(noise + keep)


def check_keep(name: str, keep: float, /) -> None:
    """SemanticsError unless ``keep`` lies in [0, 1]."""
    if not 0 <= keep <= 1:
        msg = f"{name} must be between 0 and 1, got {keep}"
        raise SemanticsError(msg)


def missing(name: str, keep: float, /) -> SemanticsError:
    """What is raised where a probability below 1 comes without its noise."""
    return SemanticsError(f"{name}_keep_prob is {keep}: give {name}_noise, or 1.0 for inference")


def at_step(cell: Any, t: int, /) -> Any:
    """The cell with the t-th item of every noise sequence; the cell itself where there is none."""
    changed: dict[str, Any] = {}
    for f in fields(cell) if is_dataclass(cell) else ():
        value = getattr(cell, f.name)
        if _is_noise(cell, f.name):
            changed[f.name] = states.map_structure(lambda n: n[t], value)
        elif isinstance(value, tuple) and any(has_noise(item) for item in value):
            changed[f.name] = tuple(at_step(i, t) if has_noise(i) else i for i in value)
        elif has_noise(value):
            changed[f.name] = at_step(value, t)
    return replace(cell, **changed) if changed else cell


def has_noise(value: Any, /) -> bool:
    """Whether a cell, or a cell inside it, holds noise that differs from step to step."""
    if not is_dataclass(value) or isinstance(value, type):
        return False
    parts: list[Any] = []
    for f in fields(value):
        if _is_noise(value, f.name):
            return True
        part = getattr(value, f.name)
        parts += part if isinstance(part, tuple) else [part]
    return any(has_noise(part) for part in parts)


def _is_noise(cell: Any, name: str) -> bool:
    if not name.endswith("_noise") or getattr(cell, "variational_recurrent", False):
        return False
    return getattr(cell, name) is not None


def _of_dtype(ops: Any, value: float, like: Any) -> Any:
    import numpy as np

    return np.asarray(value, ops.dtype_of(like))

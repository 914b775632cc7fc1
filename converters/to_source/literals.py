"""Values as Python source."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_source.names import ATOM, Names


def quoted(value: str, /) -> str:
    """A string literal; names come from a file that nobody need trust, and the source is run."""
    literal = repr(value)
    return f'"{literal[1:-1]}"' if literal[0] == "'" and '"' not in literal else literal


def text(value: Any, names: Names | None = None, limit: int = 9, /) -> str:
    """A value as Python source, in parentheses where it binds more loosely than ``limit``."""
    if keras.utils.is_keras_tensor(value):
        assert names is not None
        found = names.of(value)
        return f"({found})" if names.level(value) > limit else found
    if isinstance(value, np.ndarray) and value.ndim:
        return _array(value)
    if isinstance(value, np.ndarray | np.generic | float):
        found = number(value)
        return f"({found})" if limit == ATOM and found.startswith("-") else found
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list | tuple):
        inner = ", ".join(text(item, names) for item in value)
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)


def number(value: Any, /) -> str:
    """A scalar: of float32 the fewest digits that give it back.

    Example:
        >>> number(np.float32(0.1)), number(float("inf"))
        ('0.1', 'float("inf")')
    """
    item = value.item() if isinstance(value, np.ndarray | np.generic) else value
    if not isinstance(item, float):
        return repr(item)
    if not math.isfinite(item):
        return f'float("{item}")'
    narrow = getattr(value, "dtype", None) in (np.float32, np.float16)
    return repr(float(str(np.asarray(value)[()]))) if narrow else repr(item)


def _array(value: np.ndarray) -> str:
    dtype = quoted(str(value.dtype))
    first = value.reshape(-1)[0] if value.size else None
    if value.size > 1 and (value == first).all():
        return f"ops.full({text(value.shape)}, {number(first)}, dtype={dtype})"
    if value.ndim == 1 and value.size > 1 and value.dtype.kind in "iu":
        start, step = int(value[0]), int(value[1]) - int(value[0])
        if step and (value == start + step * np.arange(value.size)).all():
            edges = [start, start + step * value.size, *([step] if step != 1 else [])]
            edges = edges[1:] if start == 0 and step == 1 else edges
            return f"ops.arange({', '.join(map(str, edges))}, dtype={dtype})"
    return f"ops.array({_nest(value)}, dtype={dtype})"


def _nest(value: Any) -> str:
    return f"[{', '.join(map(_nest, value))}]" if np.ndim(value) else number(value)


def index(value: Any, names: Names | None, /) -> str:
    """What stands between the brackets."""
    items = list(value) if isinstance(value, tuple) else [value]
    while len(items) > 1 and items[-1] == slice(None) and Ellipsis not in items:
        items.pop()
    found = ", ".join(_slice(item, names) for item in items)
    # Keras takes a lone slice for no key at all.
    return f"{found}, ..." if len(items) == 1 and isinstance(items[0], slice) else found


def _slice(item: Any, names: Names | None) -> str:
    if item is Ellipsis:
        return "..."
    if not isinstance(item, slice):
        return text(item, names)
    edge = ["" if v is None else text(v, names) for v in (item.start, item.stop)]
    return ":".join(edge) + ("" if item.step is None else f":{item.step}")

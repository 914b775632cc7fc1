"""The letters of an equation: what a reference cell's ``step`` calls its results is what the source calls them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.ops import Value, raw

STEP = "step"


def lettered(function: Callable[[], Any], /) -> tuple[Any, dict[int, str]]:
    """``function()``, and by identity of a tensor the first local variable that held it in a ``step`` of :mod:`reference.cells`."""
    found: dict[int, str] = {}

    def look(frame: FrameType, _event: str, _arg: Any) -> Any:
        for name, value in frame.f_locals.items():
            for letter, tensor in _tensors(name, value):
                found.setdefault(id(tensor), letter)
        return look

    def enter(frame: FrameType, _event: str, _arg: Any) -> Any:
        code = frame.f_code
        home = frame.f_globals.get("__name__", "")
        return look if code.co_name == STEP and home.startswith("reference.cells.") else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        result = function()
    finally:
        sys.settrace(before)
    return result, found


def _tensors(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Value):
        tensor = raw(value)
        if keras.utils.is_keras_tensor(tensor) and not name.startswith("_"):
            yield name, tensor
    elif isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        for place, item in enumerate(value):
            yield from _tensors(f"{name}_{place}", item)

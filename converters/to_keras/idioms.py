"""Groups of ``keras.ops`` calls that mean one thing: marked where they are built, named where source is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from converters.to_keras.backend import keras


@dataclass(frozen=True, eq=False)
class Idiom:
    """``function(*arguments)`` gives the tensor that carries it."""

    function: str
    arguments: tuple[Any, ...]


def marked(function: str, result: Any, /, *arguments: Any) -> Any:
    """``result``, said to be ``function(*arguments)``."""
    if keras.utils.is_keras_tensor(result):
        result._rnnport_idiom = Idiom(function, arguments)
    return result


def idiom(tensor: Any, /) -> Idiom | None:
    """What a tensor was said to be."""
    found: Idiom | None = getattr(tensor, "_rnnport_idiom", None)
    return found

"""Modules that offer our names first and TensorFlow's for the rest, each loaded when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy(
    module: str, names: Mapping[str, str], parent: str | None = None, /
) -> Callable[[str], Any]:
    """A module's ``__getattr__``.

    Args:
        module: its own name, for messages.
        names: where each of our names lives: ``"porting.tf1.core_cells"``, or ``"=porting.tf1.nn"`` for a module itself.
        parent: the attribute path below ``tensorflow.compat.v1`` that has the rest; None: nothing has.
    """

    def __getattr__(name: str) -> Any:
        place = names.get(name)
        if place is not None and place.startswith("="):
            return importlib.import_module(place[1:])
        if place is not None:
            return getattr(importlib.import_module(place), name)
        if parent is None or (name.startswith("__") and name != "__version__"):
            msg = f"module {module!r} has no attribute {name!r}"
            raise AttributeError(msg)
        from porting.tf1.runtime import tf

        if name == "__version__":
            return tf.version.VERSION
        found = tf
        for part in parent.split(".") if parent else ():
            found = getattr(found, part)
        return getattr(found, name)

    return __getattr__

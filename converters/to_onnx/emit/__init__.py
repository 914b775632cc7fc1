"""How each operation of the vocabulary is written in ONNX: one small function each, found by name.

An emitter is called with the interpreter, the Fact of its result (a tuple of them for operations with several results), the operands and the
parameters of the canonical call. It returns the name of an ONNX value, or a Value it made with other operations; a tuple where
there are several results.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

Emitter = Callable[..., Any]

_EMITTERS: dict[str, Emitter] = {}


def emits(*names: str) -> Callable[[Emitter], Emitter]:
    """Register an emitter for operations of the vocabulary."""

    def register(function: Emitter) -> Emitter:
        for name in names:
            _EMITTERS[name] = function
        return function

    return register


def emitter(op: str, /) -> Emitter:
    """The emitter of ``op``."""
    _load()
    return _EMITTERS[op]


@cache
def _load() -> None:
    for module in _MODULES:
        import_module(f"{__name__}.{module}")


_MODULES = (
    "convolution",
    "elementwise",
    "functions",
    "indexing",
    "joining",
    "linear",
    "reductions",
    "shaping",
    "slicing",
)

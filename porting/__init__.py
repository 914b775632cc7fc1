"""Bring TensorFlow 1 recurrent networks to Keras 3 and ONNX Runtime, with the numbers proven unchanged.

The names a user needs; each is imported when it is first asked for, so that ``import porting`` costs nothing. No module here is called like one
of these names: importing a submodule would bind it over the function.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from porting.asserting import assert_equivalent
    from porting.comparing import compare as verify
    from porting.conversion import Conversion, convert
    from porting.inspection import inspect
    from porting.verification.samples import load_samples, save_samples
    from porting.verification.verdict import Verdict
    from porting.version import VERSION as __version__
    from porting.weights import load_tf1_weights, save_tf1_weights, tf1_names
    from reference.errors import (
        ArtefactError,
        MissingExtraError,
        NotConvertibleError,
        RnnportError,
        UsageError,
    )

_PLACES = {
    "ArtefactError": "reference.errors",
    "Conversion": "porting.conversion",
    "MissingExtraError": "reference.errors",
    "NotConvertibleError": "reference.errors",
    "RnnportError": "reference.errors",
    "UsageError": "reference.errors",
    "Verdict": "porting.verification.verdict",
    "__version__": "porting.version:VERSION",
    "assert_equivalent": "porting.asserting",
    "convert": "porting.conversion",
    "inspect": "porting.inspection",
    "load_samples": "porting.verification.samples",
    "load_tf1_weights": "porting.weights",
    "save_samples": "porting.verification.samples",
    "save_tf1_weights": "porting.weights",
    "tf1_names": "porting.weights",
    "verify": "porting.comparing:compare",
}

__all__ = [
    "ArtefactError",
    "Conversion",
    "MissingExtraError",
    "NotConvertibleError",
    "RnnportError",
    "UsageError",
    "Verdict",
    "__version__",
    "assert_equivalent",
    "convert",
    "inspect",
    "load_samples",
    "load_tf1_weights",
    "save_samples",
    "save_tf1_weights",
    "tf1_names",
    "verify",
]


def __getattr__(name: str) -> Any:
    """PEP 562."""
    if name not in _PLACES:
        msg = f"module 'porting' has no attribute {name!r}"
        raise AttributeError(msg)
    module, _, attribute = _PLACES[name].partition(":")
    value = getattr(import_module(module), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

"""The one place that imports Keras, so that its absence is told in one sentence."""

from __future__ import annotations

import importlib.util
import os

from reference.errors import MissingExtraError

BACKENDS = ("tensorflow", "jax", "torch")

MISSING = ("keras", "keras", "a port to Keras")
"""Package, extra, purpose."""


def _prepare() -> None:
    """Choose an installed backend where the user has chosen none, and keep TensorFlow's start-up quiet."""
    if importlib.util.find_spec("keras") is None:
        raise MissingExtraError(*MISSING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if "KERAS_BACKEND" in os.environ:
        return
    installed = [name for name in BACKENDS if importlib.util.find_spec(name) is not None]
    if not installed:
        package = BACKENDS[0]
        raise MissingExtraError(package, *MISSING[1:])
    if installed[0] != BACKENDS[0]:
        os.environ["KERAS_BACKEND"] = installed[0]


_prepare()

import keras  # noqa: E402 - the backend is chosen by the environment before this import

__all__ = ["keras"]

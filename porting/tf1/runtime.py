"""TensorFlow's v1 API, in graph mode, loaded once.

``tf`` is ``tensorflow.compat.v1`` with v2 behaviour off: sessions, static shapes made of Dimensions, reference variables and
v1 control flow, as a TF1 program expects.
"""

from __future__ import annotations

import os
from typing import Any

from reference.errors import MissingExtraError


def load() -> Any:
    """``tensorflow.compat.v1`` with v2 behaviour off.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    # With oneDNN's fusions current TensorFlow gets some TF1 graphs wrong (a layer-norm LSTM by 2e-2).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        import tensorflow.compat.v1 as v1
    except ImportError as error:
        package, extra, purpose = "tensorflow", "tensorflow", "running TensorFlow 1 code"
        raise MissingExtraError(package, extra, purpose) from error
    level = v1.logging.get_verbosity()
    v1.logging.set_verbosity(v1.logging.ERROR)  # it would warn that this very call is deprecated
    v1.disable_v2_behavior()
    v1.logging.set_verbosity(level)
    return v1


tf: Any = load()


def static(dimension: Any, /) -> int | None:
    """A Dimension, an int, None or a scalar tensor as an int, or None where it is not known."""
    if isinstance(dimension, tf.Tensor):
        dimension = tf.get_static_value(dimension)
    value = getattr(dimension, "value", dimension)
    return None if value is None else int(value)


def size_or_tensor(x: Any, axis: int, /) -> Any:
    """The size of an axis: an int where it is static, else a scalar tensor."""
    known = static(x.shape[axis]) if x.shape.ndims is not None else None
    return tf.shape(x)[axis] if known is None else known


def constant_value(x: Any, /) -> Any:
    """The NumPy value of a tensor that is constant in the graph, else None."""
    return tf.get_static_value(x)

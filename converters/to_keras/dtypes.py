"""What a backend cannot hold: JAX narrows 64 bits without a word unless told otherwise (``JAX_ENABLE_X64=1``), Keras on PyTorch computes
float64 partly in float32 (measured: a GRU is off by 2e-8), and only TensorFlow has strings.
"""

from __future__ import annotations

from converters.to_keras.backend import keras

WIDE = ("int64", "uint64")


def wide_jax() -> bool:
    """Whether JAX was told to hold 64 bits."""
    import jax

    return bool(jax.config.jax_enable_x64)


def narrows() -> bool:
    """Whether this backend has integers of 32 bits at most."""
    return keras.backend.backend() == "jax" and not wide_jax()


def held(dtype: str | None, /) -> str | None:
    """The dtype in which this backend holds such integers."""
    if dtype in WIDE and narrows():
        return dtype.replace("64", "32")
    return dtype

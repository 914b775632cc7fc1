"""What a backend cannot hold: JAX narrows 64 bits without a word unless told otherwise (``JAX_ENABLE_X64=1``), Keras on PyTorch computes
float64 partly in float32 (measured: a GRU is off by 2e-8), and only TensorFlow has strings."""

from __future__ import annotations

from collections.abc import Iterator

from converters.program import Recurrence, defined, walk
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from reference.errors import NotConvertibleError, Reason

STRINGS = ("string", "object")
WIDE = ("int64", "uint64")
_GROWING = ("Mul", "Prod", "Cumprod", "Pow", "LeftShift", "Square")
"""Ops whose results may be too wide for 32 bits where their operands are not."""


def wide_jax() -> bool:
    """Whether JAX was told to hold 64 bits."""
    import jax

    return bool(jax.config.jax_enable_x64)


def held(dtype: str | None, /) -> str | None:
    """The dtype in which this backend holds such values, once they are inside the model."""
    if dtype in WIDE and keras.backend.backend() == "jax" and not wide_jax():
        return dtype.replace("64", "32")
    return dtype


def refuse_dtypes(context: Context, /) -> None:
    """Nothing, where this process's backend holds every value of the model.

    Raises:
        NotConvertibleError: with the node of the first value it cannot hold.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return
    for name in _watched(context, backend):
        fact = context.fact(name)
        if fact is None or not _lost(context, name, fact.dtype, backend):
            continue
        node = name.rpartition(":")[0] or name
        wider = (
            backend == "jax" and not wide_jax() and not _lost(context, name, fact.dtype, "jax64")
        )
        more = "set JAX_ENABLE_X64=1, or " if wider else ""
        text = f"the {backend} backend does not hold {fact.dtype}: {more}port it on TensorFlow"
        msg = f"node {node!r}: {text}"
        raise NotConvertibleError(msg, (Reason(node, text),))


def _watched(context: Context, backend: str) -> Iterator[str]:
    yield from (*context.program.inputs, *context.outputs.values())
    for statement in walk(context.live) if backend == "jax" else context.live:
        yield from defined(statement)


def _lost(context: Context, name: str, dtype: str, backend: str) -> bool:
    if dtype in STRINGS:
        return True
    edge = name in context.program.inputs or name in context.outputs.values()
    wide = backend == "jax64" or (backend == "jax" and wide_jax())
    if dtype == "float64":
        statement, _ = context.producers.get(name, (None, 0))
        return edge or not wide or isinstance(statement, Recurrence)
    return backend == "jax" and not wide and dtype in WIDE and (edge or _grows(context, name))


def _grows(context: Context, name: str) -> bool:
    return context.sizes(name) is None and context.node(name, *_GROWING) is not None

"""What a backend cannot hold: JAX narrows 64 bits without a word, Keras on PyTorch computes float64 partly in float32
(measured: a GRU is off by 2e-8), and only TensorFlow has strings."""

from __future__ import annotations

from converters.program import defined
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from reference.errors import NotConvertibleError, Reason

STRINGS = ("string", "object")


def refuse_dtypes(context: Context, /) -> None:
    """Nothing, where this process's backend holds every value of the model.

    Raises:
        NotConvertibleError: with the node of the first value it cannot hold.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return
    edges = (*context.program.inputs, *context.outputs.values())
    inner = [name for statement in context.live for name in defined(statement)]
    for name in (*edges, *inner):
        fact = context.fact(name)
        dtype = "" if fact is None else fact.dtype
        narrowed = backend == "jax" and name in edges and dtype in ("int64", "uint64")
        if dtype in (*STRINGS, "float64") or narrowed:
            node = name.rpartition(":")[0] or name
            text = f"the {backend} backend does not hold {dtype}: port it on TensorFlow"
            msg = f"node {node!r}: {text}"
            raise NotConvertibleError(msg, (Reason(node, text),))

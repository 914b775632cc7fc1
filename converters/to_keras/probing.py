"""Whether this process's backend can run a finished port: asked of the backend itself, on inputs of zeros.

TensorFlow was asked layer by layer, with the sizes open. The other backends fix sizes: they get numbers.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.layers.base import TracedLayer, first_line
from reference.errors import NotConvertibleError, Reason, RnnportError

SIZES = (3, 1, 16, 64)
"""For every open size; a later one where an earlier one does not do (a window of five steps)."""


_OF_VALUES = ("concrete", "Tracer")
_TRACED = (*_OF_VALUES, "static")
"""What JAX says where a size depends on a value; another message may be due to the size that was tried."""


def probe(model: Any, /) -> None:
    """Nothing, where the model runs, compiled if the backend compiles.

    Raises:
        NotConvertibleError: it does not; the reason names the node.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow" or (backend == "torch" and _asks_for_sizes(model)):
        return
    failures = []
    for size in SIZES:
        try:
            _run(model, _zeros(model, size), backend)
        except RnnportError as error:
            failures.append(error)
        except Exception as error:
            failures.append(_refusal(error, backend))
        else:
            return
    words = (*_TRACED, "depend on values")
    telling = [error for error in failures if any(word in str(error) for word in words)]
    raise telling[0] if telling else failures[-1]


def _asks_for_sizes(model: Any) -> bool:
    """Whether an input is one integer, as sizes are: PyTorch can run such a model, but hardly on zeros."""
    given = model.input.values()
    return any(len(t.shape) == 0 and t.dtype.startswith(("int", "uint")) for t in given)


def _zeros(model: Any, size: int) -> dict[str, np.ndarray]:
    return {
        name: np.zeros([size if n is None else n for n in tensor.shape], tensor.dtype)
        for name, tensor in model.input.items()
    }


def _run(model: Any, feeds: Mapping[str, np.ndarray], backend: str) -> None:
    if backend == "torch":
        model(dict(feeds), training=False)
        return
    import jax

    held = [v.value for v in model.variables]

    def stateless(values: Any, given: Any) -> Any:
        pairs = list(zip(model.variables, values, strict=True))
        with keras.StatelessScope(state_mapping=pairs):
            return model(given, training=False)

    jax.eval_shape(stateless, held, dict(feeds))


def _refusal(error: Exception, backend: str) -> NotConvertibleError:
    node, op = _where(error)
    text = f"the {backend} backend cannot run {op}: {first_line(error)}"
    if backend == "jax" and any(word in str(error) for word in _OF_VALUES):
        text = f"the sizes of what {op} gives depend on values, and the jax backend fixes all sizes before it runs: port it on TensorFlow"
    return NotConvertibleError(f"node {node!r}: {text}", (Reason(node, text),))


def _where(error: Exception) -> tuple[str, str]:
    """Node and op of the innermost layer or operation the error passed through."""
    found = ("", "the model")
    for frame, _ in traceback.walk_tb(error.__traceback__):
        one = frame.f_locals.get("self")
        if isinstance(one, TracedLayer):
            found = one.title
        elif isinstance(one, keras.Operation) and not isinstance(one, keras.Model):
            found = one.name, type(one).__name__
    return found

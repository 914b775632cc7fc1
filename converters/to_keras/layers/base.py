"""What the layers of this package share: output specs found by one trace, kept in the configuration, asserted at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.dtypes import held
from converters.to_keras.ops.values import dtype_name
from reference.errors import NotConvertibleError, Reason, RnnportError


class TracedLayer(keras.layers.Layer):
    """A layer whose outputs are one tensor or a list.

    Args:
        specs: shapes and dtypes of the outputs, once they are known.
    """

    def __init__(self, specs: Sequence[Any] | None = None, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        # Masks end here (compute_mask), which is said aloud only by layers that claim to know nothing of them.
        self.supports_masking = True
        self.specs = specs
        self.hints: list[Any] = []
        self.dtypes: list[str | None] = []

    def compute_mask(self, _inputs: Any, _previous: Any = None) -> None:
        """None: TF1 hands no masks on."""

    @property
    def title(self) -> tuple[str, str]:
        """Node name and op, for messages."""
        return self.name, type(self).__name__

    def refine(self, found: Sequence[tuple[Sequence[int | None] | None, str | None]], /) -> None:
        """Shapes and dtypes of the outputs that are known from outside; the sizes are asserted at run time."""
        self.hints = [None if shape is None else list(shape) for shape, _ in found]
        self.dtypes = [dtype for _, dtype in found]

    def shaped(self, results: list[Any], /) -> Any:
        """The results as the layer gives them, with the sizes that are known."""
        if self.specs and keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            shapes = [shape for shape, _ in self.specs]
            results = [tf.ensure_shape(y, s) for y, s in zip(results, shapes, strict=True)]
        return results[0] if len(results) == 1 else results

    def compute_output_spec(self, tensors: Any) -> Any:
        """From ``specs``, from what is known from outside, or found by tracing once.

        JAX and PyTorch are not asked where the graph tells: they trace with sizes that are no numbers, or arbitrary ones, and refuse
        layers that they can run. :mod:`converters.to_keras.probing` asks them about the finished model.

        Raises:
            NotConvertibleError: this backend cannot run the layer.
        """
        if self.specs is None:
            told = keras.backend.backend() != "tensorflow" and self.hints
            told = told and None not in self.hints and None not in self.dtypes
            pairs = zip(self.hints, self.dtypes, strict=True)
            self.specs = [[h, held(d)] for h, d in pairs] if told else self._trace(tensors)
        found = [
            keras.KerasTensor(tuple(None if d is None else int(d) for d in shape), dtype=dtype)
            for shape, dtype in self.specs
        ]
        return found[0] if len(found) == 1 else found

    def _trace(self, tensors: Any) -> list[Any]:
        try:
            traced = super().compute_output_spec(tensors)
        except RnnportError as error:
            # Keras wraps its text in advice, in an exception of the same class.
            node, _ = self.title
            text = first_line(error)
            reasons = getattr(error, "reasons", ()) or (Reason(node, text),)
            raise NotConvertibleError(text, reasons) from error
        except Exception as error:
            node, op = self.title
            text = f"the {keras.backend.backend()} backend cannot run {op}: {first_line(error)}"
            msg = f"node {node!r}: {text}"
            raise NotConvertibleError(msg, (Reason(node, text),)) from error
        traced = traced if isinstance(traced, list | tuple) else [traced]
        hints = [*self.hints, *[None] * len(traced)]
        return [[_merged(t.shape, h), dtype_name(t)] for t, h in zip(traced, hints, strict=False)]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "specs": self.specs}


def first_line(error: Exception, /) -> str:
    """One line; Keras wraps the error of a layer's call in advice."""
    text = str(error)
    if "Error encountered:" in text:
        text = text.split("Error encountered:", 1)[1]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else repr(error)


def _merged(shape: Any, hint: Any) -> list[int | None]:
    if hint is None or len(hint) != len(shape):
        return list(shape)
    return [h if d is None else d for d, h in zip(shape, hint, strict=True)]

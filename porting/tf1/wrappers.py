"""``tf.nn.rnn_cell``'s wrappers: dropout, residual, device. A wrapper adds no variable scope of its own.

Source of the rules: TF 1.15.5 ``python/ops/rnn_cell_wrapper_impl.py:38-441`` and ``rnn_cell_impl.py:1084-1195``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from porting.tf1.cell_base import Inner, LSTMStateTuple, RNNCell, assert_like_rnncell, make
from porting.tf1.layer import Layer
from porting.tf1.runtime import constant_value, tf
from porting.tf1.vocabulary import OPS
from reference import noise, states
from reference.wrappers.residual import ResidualWrapper as ResidualEquation


class WrapperCell(RNNCell):
    """Hands calls, sizes and zero states to the cell inside."""

    def __init__(self, cell: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert_like_rnncell("cell", cell)
        self.cell = cell

    @property
    def state_size(self) -> Any:
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        return self.cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        with tf.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            return self.cell.zero_state(batch_size, dtype)

    @property
    def trainable_weights(self) -> list[Any]:
        return self.cell.trainable_weights if isinstance(self.cell, Layer) else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        return self.cell.non_trainable_weights if isinstance(self.cell, Layer) else []

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Any:
        return self._wrapped(inputs, state, lambda x, s: self.cell(x, s, scope=scope))

    def _wrapped(self, inputs: Any, state: Any, call: Callable[..., Any]) -> Any:
        return call(inputs, state)


class ResidualWrapper(WrapperCell):
    """output = inputs + cell(inputs), or ``residual_fn(inputs, outputs)``."""

    def __init__(self, cell: Any, residual_fn: Any = None, **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        self._residual_fn = residual_fn

    def _wrapped(self, inputs: Any, state: Any, call: Callable[..., Any]) -> Any:
        return make(ResidualEquation, Inner(call), self._residual_fn).step(OPS, inputs, state)


class DeviceWrapper(WrapperCell):
    """Runs the cell on a device."""

    def __init__(self, cell: Any, device: Any, **kwargs: Any) -> None:
        super().__init__(cell, **kwargs)
        self._device = device

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        with (
            tf.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]),
            tf.device(self._device),
        ):
            return self.cell.zero_state(batch_size, dtype)

    def _wrapped(self, inputs: Any, state: Any, call: Callable[..., Any]) -> Any:
        with tf.device(self._device):
            return call(inputs, state)


def spare_memory(state: Any, /) -> Any:
    """What state dropout may touch: everything but an LSTM's c and TensorArrays."""
    if isinstance(state, states.LSTMStateTuple):
        return LSTMStateTuple(c=False, h=True)
    return not isinstance(state, tf.TensorArray)


class DropoutWrapper(WrapperCell):
    """Dropout of inputs, outputs and states; the masks of ``variational_recurrent`` serve every step."""

    def __init__(
        self, cell: Any, input_keep_prob: Any = 1.0, output_keep_prob: Any = 1.0, state_keep_prob: Any = 1.0,
        variational_recurrent: bool = False, input_size: Any = None, dtype: Any = None, seed: Any = None,
        dropout_state_filter_visitor: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(cell, dtype=dtype, **kwargs)
        if dropout_state_filter_visitor is not None and not callable(dropout_state_filter_visitor):
            msg = "dropout_state_filter_visitor must be callable"
            raise TypeError(msg)
        self._filter = dropout_state_filter_visitor or spare_memory
        with tf.name_scope("DropoutWrapperInit"):
            self._keep = {
                "input": _probability("input_keep_prob", input_keep_prob),
                "state": _probability("state_keep_prob", state_keep_prob),
                "output": _probability("output_keep_prob", output_keep_prob),
            }
        self._variational_recurrent = variational_recurrent
        self._seed = seed
        self._noise: dict[str, Any] = {}
        if variational_recurrent:
            self._draw(input_size, dtype)

    def _draw(self, input_size: Any, dtype: Any) -> None:
        """One noise per part, of one row that all rows share."""
        if dtype is None:
            msg = "When variational_recurrent=True, dtype must be provided"
            raise ValueError(msg)
        keep = self._keep["input"]
        if not isinstance(keep, float) or keep < 1:
            if input_size is None:
                msg = "When variational_recurrent=True and input_keep_prob < 1.0 or is unknown, input_size must be provided"
                raise ValueError(msg)
            self._noise["input"] = self._noises("input", input_size, dtype)
        self._noise["state"] = self._noises("state", self.cell.state_size, dtype)
        self._noise["output"] = self._noises("output", self.cell.output_size, dtype)

    def _noises(self, which: str, sizes: Any, dtype: Any) -> Any:
        def draw(i: int, size: Any) -> Any:
            shape = size.as_list() if isinstance(size, tf.TensorShape) else [int(size)]
            return tf.random_uniform([1, *shape], seed=self._seed_of(which, i), dtype=dtype)

        return _numbered(draw, sizes)

    def _seed_of(self, which: str, i: int) -> int | None:
        if self._seed is None:
            return None
        digest = hashlib.md5(f"{self._seed}{which}_{i}".encode()).hexdigest()
        return int(digest[:8], 16) & 0x7FFFFFFF

    @property
    def wrapped_cell(self) -> Any:
        return self.cell

    def _wrapped(self, inputs: Any, state: Any, call: Callable[..., Any]) -> Any:
        output, new = call(self._dropped("input", inputs), state)
        chosen = self._allowed(new) if self._drops("state") else None
        return self._dropped("output", output), self._dropped("state", new, chosen)

    def _drops(self, which: str) -> bool:
        keep = self._keep[which]
        return not isinstance(keep, float) or keep < 1

    def _allowed(self, state: Any) -> Any:
        """A bool per leaf of the state."""
        found = self._filter(state)
        if isinstance(found, bool):
            if not isinstance(state, tuple | list) or not found:
                return _like(state, found)
            items = [self._allowed(item) for item in state]
            return type(state)(*items) if hasattr(state, "_fields") else type(state)(items)
        return _spread(found, state, self)

    def _dropped(self, which: str, values: Any, chosen: Any = None) -> Any:
        if not self._drops(which):
            return values
        keep = self._keep[which]
        flags = chosen if chosen is not None else _like(values, True)
        noises = self._noise.get(which, values)

        def drop(i: int, v: Any, n: Any, wanted: bool) -> Any:
            if not wanted:
                return v
            if self._variational_recurrent:
                return noise.variational(OPS, v, n, keep)
            return tf.nn.dropout(v, rate=1.0 - keep, seed=self._seed_of(which, i))

        return _numbered(drop, values, noises, flags)


def _spread(found: Any, state: Any, wrapper: DropoutWrapper) -> Any:
    items = [
        (wrapper._allowed(s) if f else _like(s, False))
        if isinstance(f, bool)
        else _spread(f, s, wrapper)
        for f, s in zip(found, state, strict=True)
    ]
    return type(state)(*items) if hasattr(state, "_fields") else type(state)(items)


def _like(nest: Any, flag: bool) -> Any:
    return states.map_structure(lambda _: flag, nest)


def _numbered(function: Callable[..., Any], first: Any, *rest: Any) -> Any:
    """``function(i, leaf, …)`` over nests, i counting the leaves."""
    numbers: Iterator[int] = count()
    if isinstance(first, tf.TensorShape):
        return function(next(numbers), first, *rest)
    return states.map_structure(lambda *leaves: function(next(numbers), *leaves), first, *rest)


def _probability(name: str, given: Any) -> Any:
    """A float where it is constant, else the tensor.

    Raises:
        ValueError: outside 0..1.
    """
    tensor = tf.convert_to_tensor(given)
    known = constant_value(tensor)
    if known is None:
        return tensor
    if known < 0 or known > 1:
        msg = f"Parameter {name} must be between 0 and 1: {float(known)}"
        raise ValueError(msg)
    return float(known)

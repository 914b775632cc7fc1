"""RNNCell and LayerRNNCell, state tuples, and how a reference equation becomes a cell's ``call``.

Source of the rules: TF 1.15.5 ``python/ops/rnn_cell_impl.py:62-388``. An RNNCell makes its variables by ``get_variable`` inside ``call``; a
LayerRNNCell makes them in ``build``.
"""

from __future__ import annotations

from typing import Any

from porting.tf1.layer import Layer, _is_partitioned
from porting.tf1.runtime import constant_value, static, tf
from porting.tf1.vocabulary import OPS
from reference import states


class LSTMStateTuple(states.LSTMStateTuple):
    """(c, h), c first."""

    __slots__ = ()

    @property
    def dtype(self) -> Any:
        """TypeError where c and h differ."""
        if self.c.dtype != self.h.dtype:
            msg = f"Inconsistent internal state: {self.c.dtype} vs {self.h.dtype}"
            raise TypeError(msg)
        return self.c.dtype


def assert_like_rnncell(name: str, cell: Any, /) -> None:
    """TypeError unless ``cell`` has what a driver needs."""
    lacks = [
        f"'{attr}' property is missing"
        for attr in ("output_size", "state_size")
        if not hasattr(cell, attr)
    ]
    if not (hasattr(cell, "get_initial_state") or hasattr(cell, "zero_state")):
        lacks.append("either 'zero_state' or 'get_initial_state' method is required")
    if not callable(cell):
        lacks.append("is not callable")
    if lacks:
        msg = f"The argument {name!r} ({cell}) is not an RNNCell: {', '.join(lacks)}."
        raise TypeError(msg)


def check_float(*values: Any) -> None:
    """ValueError unless every tensor is of a float (or complex) dtype; None counts as one."""
    for value in tf.nest.flatten(list(values)):
        dtype = tf.as_dtype(getattr(value, "dtype", value))
        if not (dtype.is_floating or dtype.is_complex):
            msg = f"RNN cell only supports floating point inputs, but saw dtype: {dtype}"
            raise ValueError(msg)


def check_dtype(dtype: Any, /) -> None:
    """ValueError where a dtype is given and is not a float."""
    if dtype is not None:
        check_float(tf.as_dtype(dtype))


def features(shape: Any, axis: int = -1, /) -> int:
    """The static size of the last axis.

    Raises:
        ValueError: it is not known.
    """
    size = None if shape is None or tf.TensorShape(shape).ndims is None else static(shape[axis])
    if size is None:
        msg = f"Expected inputs.shape[-1] to be known, saw shape: {shape}"
        raise ValueError(msg)
    return size


def value(variable: Any, /) -> Any:
    """A variable, or the whole of a partitioned one, as an equation's weight."""
    return tf.convert_to_tensor(variable) if _is_partitioned(variable) else variable


def make(equation: Any, /, *args: Any, **kwargs: Any) -> Any:
    """A reference cell that holds tensors, and TF functions for activations, where its fields speak of arrays and names."""
    return equation(*args, **kwargs)


def step(equation: Any, inputs: Any, state: Any, /) -> tuple[Any, Any]:
    """One step of a reference cell on tensors."""
    output, new = equation.step(OPS, inputs, state)
    return output, own_tuples(new)


def own_tuples(nest: Any, /) -> Any:
    """The reference's LSTMStateTuple replaced by the one of this API."""
    if type(nest) is states.LSTMStateTuple:
        return LSTMStateTuple(own_tuples(nest.c), own_tuples(nest.h))
    if isinstance(nest, tuple | list):
        items = [own_tuples(item) for item in nest]
        return type(nest)(*items) if hasattr(nest, "_fields") else type(nest)(items)
    return nest


class Inner:
    """A TF cell where an equation wants a reference cell."""

    def __init__(self, cell: Any, /) -> None:
        self.cell = cell

    @property
    def state_size(self) -> Any:
        return self.cell.state_size

    @property
    def output_size(self) -> Any:
        return self.cell.output_size

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        result: tuple[Any, Any] = self.cell(x, state)
        return result


class RNNCell(Layer):
    """The abstract cell: ``(output, new state) = cell(inputs, state)``."""

    def __call__(
        self, inputs: Any, state: Any, scope: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if scope is not None:
            with tf.variable_scope(scope, custom_getter=self._collecting) as opened:
                return super().__call__(inputs, state, *args, scope=opened, **kwargs)
        # The scope of the first call is opened again by every later one, wherever that is made.
        outer = self.__dict__.get("rnncell_scope")
        if outer is None:
            outer = tf.variable_scope(tf.get_variable_scope(), custom_getter=self._collecting)
            self.__dict__["rnncell_scope"] = outer
        with outer:
            return super().__call__(inputs, state, *args, **kwargs)

    def _collecting(self, getter: Any, *args: Any, **kwargs: Any) -> Any:
        variable = getter(*args, **kwargs)
        parts = list(variable) if _is_partitioned(variable) else [variable]
        trained = {id(v) for v in tf.trainable_variables()}
        self._remember(variable, trainable=id(parts[0]) in trained)
        return variable

    @property
    def state_size(self) -> Any:
        raise NotImplementedError("Abstract method")  # noqa: EM101 - TF1's own words

    @property
    def output_size(self) -> Any:
        raise NotImplementedError("Abstract method")  # noqa: EM101

    def build(self, input_shape: Any, /) -> None:
        """Nothing: variables are made in ``call``."""

    def get_initial_state(
        self, inputs: Any = None, batch_size: Any = None, dtype: Any = None
    ) -> Any:
        """Zeros for the batch of ``inputs``, or for ``batch_size`` and ``dtype``."""
        if inputs is not None:
            inputs = tf.convert_to_tensor(inputs, name="inputs")
            batch_size, dtype = _batch_of(inputs, batch_size, dtype)
        if batch_size is None or dtype is None:
            msg = f"batch_size and dtype cannot be None while constructing initial state: batch_size={batch_size}, dtype={dtype}"
            raise ValueError(msg)
        return self.zero_state(batch_size, dtype)

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """A nest like ``state_size`` of zeros ``[batch_size, n]``."""
        with tf.name_scope(type(self).__name__ + "ZeroState", values=[batch_size]):
            return zeros(self.state_size, batch_size, dtype)


class LayerRNNCell(RNNCell):
    """A cell whose variables are made in ``build``."""

    def __call__(
        self, inputs: Any, state: Any, scope: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        return Layer.__call__(self, inputs, state, *args, scope=scope, **kwargs)


def zeros(sizes: Any, batch_size: Any, dtype: Any, /) -> Any:
    """Zeros ``[batch_size, *size]`` for every leaf (an int or a TensorShape) of a nest of sizes."""

    def part(size: Any) -> Any:
        shape = size.as_list() if isinstance(size, tf.TensorShape) else [size]
        made = tf.zeros(tf.stack([batch_size, *shape]), dtype=dtype)
        known = (
            constant_value(batch_size) if isinstance(batch_size, tf.Tensor) else static(batch_size)
        )
        made.set_shape([None if known is None else int(known), *[static(n) for n in shape]])
        return made

    if isinstance(sizes, tf.TensorShape) or not isinstance(sizes, tuple | list | dict):
        return part(sizes)
    return _map_sizes(part, sizes)


def _map_sizes(part: Any, sizes: Any) -> Any:
    if isinstance(sizes, tuple | list) and not isinstance(sizes, tf.TensorShape):
        items = [_map_sizes(part, size) for size in sizes]
        return type(sizes)(*items) if hasattr(sizes, "_fields") else type(sizes)(items)
    return part(sizes)


def _batch_of(inputs: Any, batch_size: Any, dtype: Any) -> tuple[Any, Any]:
    known = static(inputs.shape[0])
    if batch_size is not None:
        given = constant_value(batch_size) if isinstance(batch_size, tf.Tensor) else batch_size
        if known != given:
            msg = f"batch size from input tensor is different from the input param. Input tensor batch: {known}, batch_size: {batch_size}"
            raise ValueError(msg)
    if dtype is not None and inputs.dtype != dtype:
        msg = f"dtype from input tensor is different from the input param. Input tensor dtype: {inputs.dtype}, dtype: {dtype}"
        raise ValueError(msg)
    return (tf.shape(inputs)[0] if known is None else known), inputs.dtype


def linear(
    size: int, rows: int, dtype: Any, /, *, bias: bool = True, kernel: Any = None, first: Any = None
) -> tuple[Any, Any]:
    """Variables ``kernel`` [rows, size] and ``bias`` [size] (zeros, never partitioned) of the current scope."""
    outer = tf.get_variable_scope()
    with tf.variable_scope(outer) as opened:
        weights = tf.get_variable("kernel", [rows, size], dtype=dtype, initializer=kernel)
        if not bias:
            return weights, None
        with tf.variable_scope(opened) as inner:
            inner.set_partitioner(None)
            zeros = tf.constant_initializer(0.0) if first is None else first
            biases = tf.get_variable("bias", [size], dtype=dtype, initializer=zeros)
    return weights, biases


def _linear(
    args: Any,
    output_size: int,
    bias: bool,
    bias_initializer: Any = None,
    kernel_initializer: Any = None,
) -> Any:
    """``core_rnn_cell._linear``, which cells of people's own called: [args] W + b in the current scope."""
    parts = list(args) if isinstance(args, tuple | list) else [args]
    if not parts or parts[0] is None:
        msg = "`args` must be specified"
        raise ValueError(msg)
    if any(part.shape.ndims != 2 for part in parts):
        msg = f"linear is expecting 2D arguments: {[part.shape for part in parts]}"
        raise ValueError(msg)
    rows = sum(features(part.shape) for part in parts)
    kernel, biases = linear(
        output_size,
        rows,
        parts[0].dtype,
        bias=bias,
        kernel=kernel_initializer,
        first=bias_initializer,
    )
    joined = parts[0] if len(parts) == 1 else tf.concat(parts, 1)
    product = tf.matmul(joined, kernel)
    return product if biases is None else tf.nn.bias_add(product, biases)

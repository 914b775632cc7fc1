"""``tf.layers.Layer``: variable scopes, reuse and building, as TF1's layers do them.

Source of the rules: TF 1.15.5 ``python/layers/base.py:140-560`` and ``python/keras/engine/base_layer.py``. A layer's variable scope is
opened at its first call, under its own name made unique there, and every later call reuses it.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable
from typing import Any

from porting.tf1.runtime import tf


class InputSpec:
    """What a layer asks of its input: the rank, and sizes of axes."""

    def __init__(
        self,
        ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int] | None = None,
    ) -> None:
        self.ndim, self.min_ndim, self.axes = ndim, min_ndim, axes or {}

    def check(self, name: str, x: Any, /) -> None:
        """ValueError where ``x`` does not fit (``python/keras/engine/input_spec.py:105``, v1.15.5)."""
        rank = getattr(getattr(x, "shape", None), "ndims", None)
        if rank is None:
            return
        if self.ndim is not None and rank != self.ndim:
            msg = f"Input of layer {name} is incompatible with it: expected ndim={self.ndim}, found ndim={rank}, shape {x.shape}"
            raise ValueError(msg)
        if self.min_ndim is not None and rank < self.min_ndim:
            msg = f"Input of layer {name} is incompatible with it: expected min_ndim={self.min_ndim}, found ndim={rank}"
            raise ValueError(msg)
        sizes = x.shape.as_list()
        for axis, size in self.axes.items():
            if sizes[axis] is not None and sizes[axis] != size:
                msg = f"Input of layer {name} is incompatible with it: expected axis {axis} to have {size}, found shape {sizes}"
                raise ValueError(msg)


def snake_case(name: str, /) -> str:
    """``BasicLSTMCell`` to ``basic_lstm_cell`` (``generic_utils.to_snake_case``, v1.15.5)."""
    parted = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    parted = re.sub("([a-z])([A-Z])", r"\1_\2", parted).lower()
    return f"private{parted}" if parted.startswith("_") else parted


class Layer:
    """The base of cells and layers. Subclasses give ``build`` and ``call``; a subclass that never calls this ``__init__`` works too."""

    built = False
    trainable = True
    input_spec: InputSpec | None = None
    _scope: Any = None
    _reuse: bool | None = None
    _current_scope: Any = None
    _base_name: str | None = None
    _name: str | None = None
    _dtype: Any = None

    def __init__(
        self, trainable: bool = True, name: Any = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        self._reuse = kwargs.pop("_reuse", None)
        scope = kwargs.pop("_scope", None)
        kwargs.pop("autocast", None)
        self._activity_regularizer = kwargs.pop("activity_regularizer", None)
        if kwargs:
            msg = f"Keyword argument not understood: {sorted(kwargs)[0]}"
            raise TypeError(msg)
        self.trainable = trainable
        self._base_name = getattr(name, "name", name) or None
        self._name = self._base_name
        self._dtype = None if dtype is None else tf.as_dtype(dtype).name
        if scope:
            with tf.variable_scope(scope) as captured:
                self._scope = captured

    @property
    def name(self) -> str:
        return self._name or self._own_name()

    def _own_name(self) -> str:
        return self._base_name or snake_case(type(self).__name__)

    @property
    def dtype(self) -> Any:
        return self._dtype

    @property
    def scope_name(self) -> str:
        """ValueError before the first call."""
        if self._scope is None:
            msg = f"layer {self.name} has no scope before its first call"
            raise ValueError(msg)
        return str(getattr(self._scope, "name", self._scope))

    # -- weights ------------------------------------------------------------------------------
    @property
    def _trainable_weights(self) -> list[Any]:
        found: list[Any] = self.__dict__.setdefault("_trainable_list", [])
        return found

    @property
    def _non_trainable_weights(self) -> list[Any]:
        found: list[Any] = self.__dict__.setdefault("_frozen_list", [])
        return found

    @property
    def trainable_weights(self) -> list[Any]:
        return list(self._trainable_weights) if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        frozen = list(self._non_trainable_weights)
        return frozen if self.trainable else self._trainable_weights + frozen

    @property
    def weights(self) -> list[Any]:
        return self.trainable_weights + self.non_trainable_weights

    @property
    def variables(self) -> list[Any]:
        return self.weights

    @property
    def trainable_variables(self) -> list[Any]:
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Any]:
        return self.non_trainable_weights

    def count_params(self) -> int:
        return sum(int(variable.shape.num_elements()) for variable in self.weights)

    def add_weight(
        self,
        name: str,
        shape: Any,
        dtype: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        trainable: bool | None = None,
        constraint: Any = None,
        use_resource: bool | None = None,
        partitioner: Any = None,
        **kwargs: Any,
    ) -> Any:
        """A variable of this layer's scope, made or, once the layer is built or reuses, found."""
        self._set_scope(None)
        trainable = (True if trainable is None else trainable) and self.trainable
        with tf.variable_scope(
            self._scope, reuse=self.built or self._reuse, auxiliary_name_scope=False
        ) as scope, tf.name_scope(scope.original_name_scope):  # fmt: skip
            variable = tf.get_variable(
                name, [int(size) for size in shape], dtype=tf.as_dtype(dtype or self.dtype or "float32"),
                initializer=initializer, regularizer=regularizer, trainable=trainable,
                constraint=constraint, use_resource=use_resource, partitioner=partitioner, **kwargs,
            )  # fmt: skip
        self._remember(variable, trainable)
        return variable

    add_variable = add_weight

    def _remember(self, variable: Any, trainable: bool) -> None:
        kept = self._trainable_weights if trainable else self._non_trainable_weights
        parts = list(variable) if _is_partitioned(variable) else [variable]
        kept.extend(part for part in parts if all(part is not other for other in kept))

    # -- calling ------------------------------------------------------------------------------
    def _set_scope(self, scope: Any = None) -> None:
        if self._scope is not None:
            return
        if self._reuse:
            context = tf.variable_scope(scope if scope is not None else self._own_name())
        else:
            context = tf.variable_scope(scope, default_name=self._own_name())
        with context as captured:
            self._scope = captured

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Opens the layer's scope, builds it the first time, and calls ``call``."""
        self._set_scope(kwargs.pop("scope", None))
        reuse = True if self.built else self._reuse
        with tf.variable_scope(
            self._scope, reuse=reuse, auxiliary_name_scope=False
        ) as scope, tf.name_scope(scope.original_name_scope):  # fmt: skip
            self._current_scope = scope
            inputs = tf.nest.map_structure(_as_tensor, inputs)
            self._prepare(inputs)
            if _takes_scope(self.call):
                kwargs["scope"] = scope
            return self.call(inputs, *args, **kwargs)

    apply = __call__

    def _prepare(self, inputs: Any) -> None:
        first = tf.nest.flatten(inputs)[0] if tf.nest.flatten(inputs) else None
        if self.input_spec is not None:
            self.input_spec.check(self.name, first)
        if self.built:
            return
        if self._dtype is None and first is not None and hasattr(first, "dtype"):
            self._dtype = tf.as_dtype(first.dtype).base_dtype.name
        if all(hasattr(leaf, "shape") for leaf in tf.nest.flatten(inputs)):
            self.build(tf.nest.map_structure(lambda x: x.shape, inputs))
        else:
            self.build(None)
        self.built = True

    def build(self, input_shape: Any, /) -> None:
        self.built = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return inputs

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Scopes are copied shallowly and tensors shared, as in TF1."""
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        for key, value in self.__dict__.items():
            if key == "_scope" or key.startswith("rnncell_scope"):
                made.__dict__[key] = copy.copy(value)
            elif isinstance(value, tf.Tensor | tf.Variable):
                made.__dict__[key] = value
            else:
                made.__dict__[key] = copy.deepcopy(value, memo)
        return made


def _as_tensor(x: Any) -> Any:
    import numpy as np

    return tf.convert_to_tensor(x) if isinstance(x, np.ndarray | float | int) else x


def _takes_scope(function: Callable[..., Any]) -> bool:
    try:
        return "scope" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _is_partitioned(variable: Any) -> bool:
    return hasattr(variable, "as_tensor")

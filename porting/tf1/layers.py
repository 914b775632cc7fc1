"""``tf.layers``: Dense, dropout and flatten; the rest from the copy that TensorFlow keeps of its old layers.

Source of the rules: TF 1.15.5 ``python/layers/core.py``.
"""

from __future__ import annotations

import importlib
from typing import Any

from porting.tf1 import choices
from porting.tf1.cell_base import value
from porting.tf1.layer import InputSpec, Layer
from porting.tf1.runtime import size_or_tensor, static, tf
from reference.errors import RnnportError


class Dense(Layer):
    """act(x W + b) over the last axis; variables kernel and bias."""

    def __init__(
        self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = None,
        bias_initializer: Any = None, kernel_regularizer: Any = None, bias_regularizer: Any = None,
        activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
        trainable: bool = True, name: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(trainable=trainable, name=name, **kwargs)
        self.units, self.use_bias = int(units), use_bias
        self.activation = choices.activation(activation, None)
        self.kernel_initializer = choices.initializer(kernel_initializer)
        zeros = tf.zeros_initializer()
        self.bias_initializer = (
            zeros if bias_initializer is None else choices.initializer(bias_initializer)
        )
        self.kernel_regularizer, self.bias_regularizer = kernel_regularizer, bias_regularizer
        self.kernel_constraint, self.bias_constraint = kernel_constraint, bias_constraint
        self.activity_regularizer = activity_regularizer
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        size = static(input_shape[-1])
        if size is None:
            msg = "The last dimension of the inputs to `Dense` should be defined. Found `None`."
            raise ValueError(msg)
        self.kernel = self.add_weight(
            "kernel", [size, self.units], initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer, constraint=self.kernel_constraint,
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias", [self.units], initializer=self.bias_initializer,
                regularizer=self.bias_regularizer, constraint=self.bias_constraint,
            )  # fmt: skip
        self.built = True

    def call(self, inputs: Any) -> Any:
        kernel = value(self.kernel)
        if inputs.shape.ndims > 2:
            outputs = tf.tensordot(inputs, kernel, [[inputs.shape.ndims - 1], [0]])
            outputs.set_shape([*inputs.shape.as_list()[:-1], self.units])
        else:
            outputs = tf.matmul(inputs, kernel)
        if self.bias is not None:
            outputs = tf.nn.bias_add(outputs, value(self.bias))
        if self.activation is not None:
            outputs = self.activation(outputs)
        if self.activity_regularizer is not None:
            tf.add_to_collection(
                tf.GraphKeys.REGULARIZATION_LOSSES, self.activity_regularizer(outputs)
            )
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape with ``units`` on the last axis."""
        return tf.TensorShape(input_shape)[:-1].concatenate(self.units)


def dense(
    inputs: Any, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = None,
    bias_initializer: Any = None, kernel_regularizer: Any = None, bias_regularizer: Any = None,
    activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
    trainable: bool = True, name: Any = None, reuse: Any = None,
) -> Any:  # fmt: skip
    """A Dense layer, made and called."""
    layer = Dense(
        units, activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
        bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, trainable, name,
        _scope=name, _reuse=reuse,
    )  # fmt: skip
    return layer(inputs)


class Dropout(Layer):
    """Dropout while ``training`` (a bool or a tensor) is true."""

    def __init__(
        self,
        rate: Any = 0.5,
        noise_shape: Any = None,
        seed: Any = None,
        name: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def call(self, inputs: Any, training: Any = False) -> Any:
        def dropped() -> Any:
            return tf.nn.dropout(
                inputs, rate=self.rate, noise_shape=self.noise_shape, seed=self.seed
            )

        if isinstance(training, bool | int):
            return dropped() if training else tf.identity(inputs)
        return tf.cond(training, dropped, lambda: tf.identity(inputs))


def dropout(
    inputs: Any,
    rate: Any = 0.5,
    noise_shape: Any = None,
    seed: Any = None,
    training: Any = False,
    name: Any = None,
) -> Any:
    """A Dropout layer, made and called."""
    return Dropout(rate, noise_shape, seed, name)(inputs, training=training)


class Flatten(Layer):
    """[B, …] to [B, n]."""

    def __init__(self, name: Any = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.input_spec = InputSpec(min_ndim=2)

    def call(self, inputs: Any) -> Any:
        sizes = inputs.shape.as_list()[1:]
        if None in sizes:
            return tf.reshape(inputs, [size_or_tensor(inputs, 0), -1])
        flat = 1
        for size in sizes:
            flat *= size
        return tf.reshape(inputs, [-1, flat])


def flatten(inputs: Any, name: Any = None) -> Any:
    """A Flatten layer, made and called."""
    return Flatten(name)(inputs)


_OTHERS = {
    "convolutional": "conv1d conv2d conv3d conv2d_transpose conv3d_transpose separable_conv1d separable_conv2d "
    "Conv1D Conv2D Conv3D Conv2DTranspose Conv3DTranspose SeparableConv1D SeparableConv2D",
    "pooling": "max_pooling1d max_pooling2d max_pooling3d average_pooling1d average_pooling2d average_pooling3d "
    "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D",
}


def __getattr__(name: str) -> Any:
    for module, names in _OTHERS.items():
        if name in names.split():
            return getattr(_legacy(module), name)
    msg = f"tf.layers.{name} is not covered by porting.tf1: write it with tf.nn"
    raise AttributeError(msg)


def _legacy(module: str) -> Any:
    """One module of the layers that TensorFlow still carries inside itself.

    Raises:
        RnnportError: this TensorFlow does not carry them any more.
    """
    try:
        return importlib.import_module(f"tensorflow.python.keras.legacy_tf_layers.{module}")
    except ImportError as error:
        msg = f"this TensorFlow has no tf.layers.{module} any more: rewrite the layer with tf.nn, or use TensorFlow 2.21"
        raise RnnportError(msg) from error

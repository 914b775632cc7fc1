"""The few of ``tf.contrib.layers`` that recurrent code uses."""

from porting.tf1.contrib_layers import (
    embed_sequence,
    flatten,
    fully_connected,
    l2_regularizer,
    layer_norm,
    linear,
    one_hot_encoding,
    relu,
    variance_scaling_initializer,
    xavier_initializer,
    xavier_initializer_conv2d,
)

__all__ = [
    "embed_sequence", "flatten", "fully_connected", "l2_regularizer", "layer_norm", "linear",
    "one_hot_encoding", "relu", "variance_scaling_initializer", "xavier_initializer",
    "xavier_initializer_conv2d",
]  # fmt: skip

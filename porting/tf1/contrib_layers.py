"""``tf.contrib.layers``: dense layers, norms, embeddings, initializers, as recurrent code used them.

Source: TF 1.15.5 ``contrib/layers/python/layers/layers.py`` (fully_connected 1796, layer_norm 2204, flatten 1650, one_hot_encoding 2488),
``encoders.py:93``, ``initializers.py``, ``regularizers.py:71``.
"""

from __future__ import annotations

import functools
from typing import Any

from porting.tf1 import layers
from porting.tf1.cell_base import features, value
from porting.tf1.runtime import tf
from porting.tf1.vocabulary import OPS
from reference.cells.norms import LayerNorm

_ZEROS = tf.zeros_initializer()


def xavier_initializer(uniform: bool = True, seed: Any = None, dtype: Any = tf.float32) -> Any:
    """Glorot and Bengio's."""
    return variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)


xavier_initializer_conv2d = xavier_initializer


def variance_scaling_initializer(
    factor: float = 2.0,
    mode: str = "FAN_IN",
    uniform: bool = False,
    seed: Any = None,
    dtype: Any = tf.float32,
) -> Any:
    """Variance factor / fan.

    Raises:
        ValueError: an unknown mode.
    """
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        msg = f"Unknown mode {mode} [FAN_IN, FAN_OUT, FAN_AVG]"
        raise ValueError(msg)
    shape = "uniform" if uniform else "truncated_normal"
    return tf.variance_scaling_initializer(
        scale=factor, mode=mode.lower(), distribution=shape, seed=seed
    )


def l2_regularizer(scale: float, scope: Any = None) -> Any:
    """scale * sum(w ** 2) / 2.

    Raises:
        ValueError: an int, or below 0.
    """
    if isinstance(scale, int) or scale < 0.0:
        msg = f"scale must be a float of at least 0, got {scale!r}"
        raise ValueError(msg)
    if scale == 0.0:
        return lambda _: None

    def l2(weights: Any) -> Any:
        with tf.name_scope(scope, "l2_regularizer", [weights]):
            return tf.multiply(
                tf.convert_to_tensor(scale, weights.dtype.base_dtype), tf.nn.l2_loss(weights)
            )

    return l2


def _collected(collections: Any, outputs: Any, name: str) -> Any:
    for collection in [collections] if isinstance(collections, str) else collections or ():
        tf.add_to_collection(collection, outputs)
    return outputs


def fully_connected(
    inputs: Any, num_outputs: int, activation_fn: Any = tf.nn.relu, normalizer_fn: Any = None,
    normalizer_params: Any = None, weights_initializer: Any = None, weights_regularizer: Any = None,
    biases_initializer: Any = _ZEROS, biases_regularizer: Any = None, reuse: Any = None,
    variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
    scope: Any = None,
) -> Any:  # fmt: skip
    """act(x W + b) with variables ``weights`` and ``biases``.

    Raises:
        ValueError: ``num_outputs`` is not an integer; a collection per variable, which is not covered.
    """
    if isinstance(num_outputs, bool) or not hasattr(num_outputs, "__index__"):
        msg = f"num_outputs type should be one of int, got {type(num_outputs)}."
        raise ValueError(msg)
    if isinstance(variables_collections, dict):
        msg = "variables_collections as a dict is not covered: give a list"
        raise ValueError(msg)
    named = functools.partial(_renamed, collections=variables_collections)
    with tf.variable_scope(
        scope, "fully_connected", [inputs], reuse=reuse, custom_getter=named
    ) as opened:
        inputs = tf.convert_to_tensor(inputs)
        biased = normalizer_fn is None and biases_initializer is not None
        layer = layers.Dense(
            num_outputs, use_bias=biased, kernel_initializer=weights_initializer or xavier_initializer(),
            bias_initializer=biases_initializer, kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer, trainable=trainable, name=opened.name, _scope=opened, _reuse=reuse,
        )  # fmt: skip
        outputs = layer(inputs)
        if normalizer_fn is not None:
            outputs = normalizer_fn(outputs, **(normalizer_params or {}))
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        return _collected(outputs_collections, outputs, opened.name)


linear = functools.partial(fully_connected, activation_fn=None)
relu = functools.partial(fully_connected, activation_fn=tf.nn.relu)


def _renamed(getter: Any, name: str, *args: Any, collections: Any = None, **kwargs: Any) -> Any:
    """``kernel`` as ``weights``, ``bias`` as ``biases``."""
    head, slash, last = name.rpartition("/")
    renamed = {"kernel": "weights", "bias": "biases"}.get(last, last)
    if collections:
        kwargs["collections"] = [
            *(kwargs.get("collections") or [tf.GraphKeys.GLOBAL_VARIABLES]),
            *collections,
        ]
    return getter(f"{head}{slash}{renamed}", *args, **kwargs)


def layer_norm(
    inputs: Any, center: bool = True, scale: bool = True, activation_fn: Any = None, reuse: Any = None,
    variables_collections: Any = None, outputs_collections: Any = None, trainable: bool = True,
    begin_norm_axis: int = 1, begin_params_axis: int = -1, scope: Any = None,
) -> Any:  # fmt: skip
    """Normalised over the axes from ``begin_norm_axis`` on; variables beta and gamma over the last axes.

    Raises:
        ValueError: axes outside the rank, sizes that are not static.
    """
    with tf.variable_scope(scope, "LayerNorm", [inputs], reuse=reuse) as opened:
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.ndims
        if rank is None or begin_params_axis >= rank or begin_norm_axis >= rank:
            msg = f"begin_params_axis ({begin_params_axis}) and begin_norm_axis ({begin_norm_axis}) must be < rank(inputs) ({rank})"
            raise ValueError(msg)
        shape = inputs.shape[begin_params_axis:]
        if not shape.is_fully_defined():
            msg = f"Inputs {inputs.name}: shape(inputs)[{begin_params_axis}:] is not fully defined: {inputs.shape}"
            raise ValueError(msg)
        beta = gamma = None
        if center:
            beta = value(
                tf.get_variable(
                    "beta", shape, initializer=tf.zeros_initializer(), trainable=trainable
                )
            )
        if scale:
            gamma = value(
                tf.get_variable(
                    "gamma", shape, initializer=tf.ones_initializer(), trainable=trainable
                )
            )
        if rank == 2 and begin_norm_axis in (1, -1) and center and scale:
            outputs = LayerNorm(gamma, beta)(OPS, inputs)
        else:
            axes = list(range(begin_norm_axis % rank, rank))
            mean, variance = tf.nn.moments(inputs, axes, keep_dims=True)
            epsilon = 1e-3 if inputs.dtype == tf.float16 else 1e-12
            outputs = tf.nn.batch_normalization(inputs, mean, variance, beta, gamma, epsilon)
        outputs.set_shape(inputs.shape)
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        return _collected(outputs_collections, outputs, opened.name)


def flatten(inputs: Any, outputs_collections: Any = None, scope: Any = None) -> Any:
    """[B, …] to [B, n]."""
    with tf.name_scope(scope, "Flatten", [inputs]):
        return _collected(
            outputs_collections, layers.flatten(tf.convert_to_tensor(inputs)), "Flatten"
        )


def one_hot_encoding(
    labels: Any, num_classes: int, on_value: float = 1.0, off_value: float = 0.0,
    outputs_collections: Any = None, scope: Any = None,
) -> Any:  # fmt: skip
    """tf.one_hot of integer labels."""
    with tf.name_scope(scope, "OneHotEncoding", [labels, num_classes]):
        labels = tf.convert_to_tensor(labels)
        labels = tf.cast(labels, tf.int64) if labels.dtype == tf.int32 else labels
        made = tf.one_hot(labels, num_classes, on_value=on_value, off_value=off_value)
        return _collected(outputs_collections, made, "OneHotEncoding")


def embed_sequence(
    ids: Any, vocab_size: Any = None, embed_dim: Any = None, unique: bool = False, initializer: Any = None,
    regularizer: Any = None, trainable: bool = True, scope: Any = None, reuse: Any = None,
) -> Any:  # fmt: skip
    """The embeddings of ids; variable ``embeddings`` [vocab_size, embed_dim].

    Raises:
        ValueError: sizes are missing where variables are not reused.
    """
    if not (reuse or (vocab_size and embed_dim)):
        msg = f"Must specify vocab size and embedding dimension when not reusing. Got vocab_size={vocab_size} and embed_dim={embed_dim}"
        raise ValueError(msg)
    with tf.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        shape: Any = [vocab_size, embed_dim]
        if (reuse and vocab_size is None) or embed_dim is None:
            shape = None
        table = tf.get_variable(
            "embeddings",
            shape=shape,
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
        )
        ids = tf.convert_to_tensor(ids)
        if unique:
            first, places = tf.unique(tf.reshape(ids, [-1]))
            found = tf.gather(tf.nn.embedding_lookup(table, first), places)
            return tf.reshape(found, tf.concat([tf.shape(ids), [features(table.shape)]], 0))
        return tf.nn.embedding_lookup(table, ids)

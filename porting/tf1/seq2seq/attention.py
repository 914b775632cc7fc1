"""Attention mechanisms: Luong, Bahdanau, and their monotonic forms.

Source: TF 1.15.5 ``contrib/seq2seq/python/ops/attention_wrapper.py:66-1930``. The score and the masking are written here, once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from porting.tf1.cell_base import value, zeros
from porting.tf1.layer import Layer
from porting.tf1.layers import Dense
from porting.tf1.runtime import size_or_tensor, static, tf
from porting.tf1.seq2seq.monotonic import monotonic_probability


class AttentionMechanism:
    """What AttentionWrapper asks for."""

    @property
    def alignments_size(self) -> Any:
        raise NotImplementedError

    @property
    def state_size(self) -> Any:
        raise NotImplementedError


class _BaseAttentionMechanism(AttentionMechanism):
    """Keys and values from the memory; (alignments, state) from a query.

    Raises:
        TypeError: layers that are not layers, a probability function that is not callable.
        ValueError: a memory whose inner sizes are not static.
    """

    _scope: str

    def __init__(
        self, query_layer: Any, memory: Any, probability_fn: Any, memory_sequence_length: Any = None,
        memory_layer: Any = None, check_inner_dims_defined: bool = True, score_mask_value: Any = None,
        custom_key_value_fn: Any = None, name: Any = None,
    ) -> None:  # fmt: skip
        for word, layer in (("query_layer", query_layer), ("memory_layer", memory_layer)):
            if layer is not None and not isinstance(layer, Layer):
                msg = f"{word} is not a Layer: {type(layer).__name__}"
                raise TypeError(msg)
        if not callable(probability_fn):
            msg = f"probability_fn must be callable, saw type: {type(probability_fn).__name__}"
            raise TypeError(msg)
        self._query_layer, self._memory_layer = query_layer, memory_layer
        self.dtype = memory_layer.dtype
        self._lengths = memory_sequence_length
        self._probability = probability_fn
        self._mask_value = -np.inf if score_mask_value is None else score_mask_value
        with tf.name_scope(name, "BaseAttentionMechanismInit", tf.nest.flatten(memory)):
            self._values = prepare_memory(memory, memory_sequence_length, check_inner_dims_defined)
            self._keys = memory_layer(self._values) if memory_layer else self._values
            if custom_key_value_fn is not None:
                self._keys, self._values = custom_key_value_fn(self._keys, self._values)
            self._batch_size = size_or_tensor(self._keys, 0)
            self._alignments_size = size_or_tensor(self._keys, 1)

    def _probability_fn(self, score: Any, previous: Any) -> Any:
        return self._probability(mask_score(score, self._lengths, self._mask_value), previous)

    memory_layer = property(lambda self: self._memory_layer)
    query_layer = property(lambda self: self._query_layer)
    values = property(lambda self: self._values)
    keys = property(lambda self: self._keys)
    batch_size = property(lambda self: self._batch_size)
    alignments_size = property(lambda self: self._alignments_size)
    state_size = property(lambda self: self._alignments_size)

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        """Zeros ``[batch_size, max_time]``."""
        return zeros(self._alignments_size, batch_size, dtype)

    def initial_state(self, batch_size: Any, dtype: Any) -> Any:
        return self.initial_alignments(batch_size, dtype)

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        with tf.variable_scope(None, self._scope, [query]):
            score = self._score(query) + self._bias(query.dtype)
        alignments = self._probability_fn(score, state)
        return alignments, alignments

    def _score(self, query: Any) -> Any:
        raise NotImplementedError

    def _bias(self, dtype: Any) -> Any:
        return 0.0


def _memory_layer(num_units: int, dtype: Any) -> Any:
    return Dense(num_units, name="memory_layer", use_bias=False, dtype=dtype or tf.float32)


def _query_layer(num_units: int, dtype: Any) -> Any:
    return Dense(num_units, name="query_layer", use_bias=False, dtype=dtype or tf.float32)


def _plain(probability_fn: Any) -> Callable[[Any, Any], Any]:
    function = probability_fn or tf.nn.softmax
    return lambda score, _: function(score)


class _Luong(_BaseAttentionMechanism):
    """score = query . keys, times ``attention_g`` where it is scaled."""

    _scope = "luong_attention"
    _scale = False

    def _score(self, query: Any) -> Any:
        depth, units = static(query.shape[-1]), static(self._keys.shape[-1])
        if depth is None or depth != units:
            msg = f"Incompatible or unknown inner dimensions between query and keys.  Query ({query}) has units: {depth}.  Keys ({self._keys}) have units: {units}.  Perhaps you need to set num_units to the keys' dimension ({units})?"
            raise ValueError(msg)
        gain = None
        if self._scale:
            gain = tf.get_variable(
                "attention_g", dtype=query.dtype, initializer=tf.ones_initializer, shape=()
            )
        score = tf.squeeze(tf.matmul(tf.expand_dims(query, 1), self._keys, transpose_b=True), [1])
        return score if gain is None else gain * score


class LuongAttention(_Luong):
    def __init__(
        self, num_units: int, memory: Any, memory_sequence_length: Any = None, scale: bool = False,
        probability_fn: Any = None, score_mask_value: Any = None, dtype: Any = None,
        custom_key_value_fn: Any = None, name: str = "LuongAttention",
    ) -> None:  # fmt: skip
        super().__init__(
            None, memory, _plain(probability_fn), memory_sequence_length, _memory_layer(num_units, dtype),
            score_mask_value=score_mask_value, custom_key_value_fn=custom_key_value_fn, name=name,
        )  # fmt: skip
        self._num_units, self._scale, self._name = num_units, scale, name


class _Bahdanau(_BaseAttentionMechanism):
    """score = v . tanh(keys + query (+ b)); ``normalize`` makes v a unit vector times ``attention_g``."""

    _scope = "bahdanau_attention"
    _num_units: int
    _normalize = False

    def _score(self, query: Any) -> Any:
        n, dtype = self._num_units, query.dtype
        query = self.query_layer(query) if self.query_layer else query
        v = value(tf.get_variable("attention_v", [n], dtype=dtype))
        total = self._keys + tf.expand_dims(query, 1)
        if self._normalize:
            start = tf.constant_initializer(math.sqrt(1.0 / n))
            gain = tf.get_variable("attention_g", dtype=dtype, initializer=start, shape=())
            bias = tf.get_variable(
                "attention_b", [n], dtype=dtype, initializer=tf.zeros_initializer()
            )
            v = gain * v * tf.rsqrt(tf.reduce_sum(tf.square(v)))
            total = total + bias
        return tf.reduce_sum(v * tf.tanh(total), [2])


class BahdanauAttention(_Bahdanau):
    def __init__(
        self, num_units: int, memory: Any, memory_sequence_length: Any = None, normalize: bool = False,
        probability_fn: Any = None, score_mask_value: Any = None, dtype: Any = None,
        custom_key_value_fn: Any = None, name: str = "BahdanauAttention",
    ) -> None:  # fmt: skip
        super().__init__(
            _query_layer(num_units, dtype), memory, _plain(probability_fn), memory_sequence_length,
            _memory_layer(num_units, dtype), score_mask_value=score_mask_value,
            custom_key_value_fn=custom_key_value_fn, name=name,
        )  # fmt: skip
        self._num_units, self._normalize, self._name = num_units, normalize, name


class _Monotonic:
    """Starts at the first item; ``attention_score_bias`` is added to the score."""

    _alignments_size: Any
    _score_bias_init: float

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        first = tf.zeros(tf.stack([batch_size]), dtype=tf.int32)
        return tf.one_hot(first, self._alignments_size, dtype=dtype)

    def _bias(self, dtype: Any) -> Any:
        return tf.get_variable(
            "attention_score_bias", dtype=dtype, initializer=self._score_bias_init
        )


class BahdanauMonotonicAttention(_Monotonic, _Bahdanau):
    _scope = "bahdanau_monotonic_attention"

    def __init__(
        self, num_units: int, memory: Any, memory_sequence_length: Any = None, normalize: bool = False,
        score_mask_value: Any = None, sigmoid_noise: float = 0.0, sigmoid_noise_seed: Any = None,
        score_bias_init: float = 0.0, mode: str = "parallel", dtype: Any = None,
        name: str = "BahdanauMonotonicAttention",
    ) -> None:  # fmt: skip
        chosen = partial(
            monotonic_probability, noise=sigmoid_noise, mode=mode, seed=sigmoid_noise_seed
        )
        super().__init__(
            _query_layer(num_units, dtype), memory, chosen, memory_sequence_length,
            _memory_layer(num_units, dtype), score_mask_value=score_mask_value, name=name,
        )  # fmt: skip
        self._num_units, self._normalize, self._name = num_units, normalize, name
        self._score_bias_init = score_bias_init


class LuongMonotonicAttention(_Monotonic, _Luong):
    _scope = "luong_monotonic_attention"

    def __init__(
        self, num_units: int, memory: Any, memory_sequence_length: Any = None, scale: bool = False,
        score_mask_value: Any = None, sigmoid_noise: float = 0.0, sigmoid_noise_seed: Any = None,
        score_bias_init: float = 0.0, mode: str = "parallel", dtype: Any = None,
        name: str = "LuongMonotonicAttention",
    ) -> None:  # fmt: skip
        chosen = partial(
            monotonic_probability, noise=sigmoid_noise, mode=mode, seed=sigmoid_noise_seed
        )
        super().__init__(
            None, memory, chosen, memory_sequence_length, _memory_layer(num_units, dtype),
            score_mask_value=score_mask_value, name=name,
        )  # fmt: skip
        self._num_units, self._scale, self._name = num_units, scale, name
        self._score_bias_init = score_bias_init


def prepare_memory(memory: Any, lengths: Any, check_inner: bool, /) -> Any:
    """The memory as tensors, zeros past each row's length.

    Raises:
        ValueError: inner sizes that are not static.
    """
    memory = tf.nest.map_structure(lambda m: tf.convert_to_tensor(m, name="memory"), memory)
    for m in tf.nest.flatten(memory) if check_inner else ():
        if not m.shape[2:].is_fully_defined():
            msg = f"Expected memory {m.name} to have fully defined inner dims, but saw shape: {m.shape}"
            raise ValueError(msg)
    if lengths is None:
        return memory
    first = tf.nest.flatten(memory)[0]
    mask = tf.sequence_mask(lengths, maxlen=tf.shape(first)[1], dtype=first.dtype)

    def cut(m: Any) -> Any:
        shape = tf.concat([tf.shape(mask), tf.ones([tf.rank(m) - 2], tf.int32)], 0)
        return m * tf.reshape(mask, shape)

    return tf.nest.map_structure(cut, memory)


def mask_score(score: Any, lengths: Any, mask_value: Any, /) -> Any:
    """``mask_value`` past each row's length; at run time a length of 0 is refused."""
    if lengths is None:
        return score
    message = "All values in memory_sequence_length must be greater than zero."
    with tf.control_dependencies([tf.assert_positive(lengths, message=message)]):
        mask = tf.sequence_mask(lengths, maxlen=tf.shape(score)[1])
    return tf.where_v2(mask, score, mask_value * tf.ones_like(score))

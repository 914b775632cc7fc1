"""Helpers: where a decoder's next inputs come from.

Source: TF 1.15.5 ``contrib/seq2seq/python/ops/helper.py:122-736``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from porting.tf1.runtime import tf
from porting.tf1.seq2seq.sampling import bernoulli, categorical, positions, scatter_rows


def lookup(embedding: Any, /) -> Callable[[Any], Any]:
    """A function of ids from a table, or the function itself."""
    return embedding if callable(embedding) else lambda ids: tf.nn.embedding_lookup(embedding, ids)


def _array(x: Any) -> Any:
    return tf.TensorArray(x.dtype, size=tf.shape(x)[0], element_shape=x.shape[1:]).unstack(x)


def _time_major(x: Any) -> Any:
    from porting.tf1.contrib.rnn import transpose_batch_time

    return transpose_batch_time(x)


class Helper:
    """``initialize``, ``sample`` and ``next_inputs`` for a decoder."""

    @property
    def batch_size(self) -> Any:
        raise NotImplementedError

    @property
    def sample_ids_shape(self) -> Any:
        return tf.TensorShape([])

    @property
    def sample_ids_dtype(self) -> Any:
        return tf.int32

    def initialize(self, name: Any = None) -> Any:
        raise NotImplementedError

    def sample(self, *args: Any, **kwargs: Any) -> Any:
        """``(time, outputs, state, name=None)``: the sampled ids."""
        raise NotImplementedError

    def next_inputs(self, *args: Any, **kwargs: Any) -> Any:
        """``(time, outputs, state, sample_ids, name=None)``: (finished, inputs, state)."""
        raise NotImplementedError


class CustomHelper(Helper):
    """Three functions of the caller's."""

    def __init__(
        self, initialize_fn: Any, sample_fn: Any, next_inputs_fn: Any, sample_ids_shape: Any = None,
        sample_ids_dtype: Any = None,
    ) -> None:  # fmt: skip
        self._initialize_fn, self._sample_fn, self._next_inputs_fn = (
            initialize_fn,
            sample_fn,
            next_inputs_fn,
        )
        self._batch_size: Any = None
        self._shape = tf.TensorShape(sample_ids_shape or [])
        self._dtype = sample_ids_dtype or tf.int32

    @property
    def batch_size(self) -> Any:
        """ValueError before ``initialize``."""
        if self._batch_size is None:
            msg = "batch_size accessed before initialize was called"
            raise ValueError(msg)
        return self._batch_size

    sample_ids_shape = property(lambda self: self._shape)
    sample_ids_dtype = property(lambda self: self._dtype)

    def initialize(self, name: Any = None) -> Any:
        finished, inputs = self._initialize_fn()
        if self._batch_size is None:
            self._batch_size = tf.size(finished)
        return finished, inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: Any = None) -> Any:
        return self._sample_fn(time=time, outputs=outputs, state=state)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: Any = None
    ) -> Any:
        return self._next_inputs_fn(time=time, outputs=outputs, state=state, sample_ids=sample_ids)


class TrainingHelper(Helper):
    """The given inputs, step by step; the samples are the outputs' argmax."""

    def __init__(
        self, inputs: Any, sequence_length: Any, time_major: bool = False, name: Any = None
    ) -> None:
        with tf.name_scope(name, "TrainingHelper", [inputs, sequence_length]):
            self._inputs = inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
            if not time_major:
                inputs = tf.nest.map_structure(_time_major, inputs)
            self._arrays = tf.nest.map_structure(_array, inputs)
            self._sequence_length = tf.convert_to_tensor(sequence_length, name="sequence_length")
            if self._sequence_length.shape.ndims != 1:
                msg = f"Expected sequence_length to be a vector, but received shape: {self._sequence_length.shape}"
                raise ValueError(msg)
            self._blank = tf.nest.map_structure(lambda x: tf.zeros_like(x[0, :]), inputs)
            self._batch_size = tf.size(sequence_length)

    inputs = property(lambda self: self._inputs)
    sequence_length = property(lambda self: self._sequence_length)
    batch_size = property(lambda self: self._batch_size)

    def _read(self, finished: Any, time: Any) -> Any:
        return tf.cond(
            tf.reduce_all(finished),
            lambda: self._blank,
            lambda: tf.nest.map_structure(lambda ta: ta.read(time), self._arrays),
        )

    def initialize(self, name: Any = None) -> Any:
        with tf.name_scope(name, "TrainingHelperInitialize"):
            finished = tf.equal(0, self._sequence_length)
            return finished, self._read(finished, 0)

    def sample(
        self, time: Any, outputs: Any, state: Any = None, name: Any = None, **unused: Any
    ) -> Any:
        return tf.cast(tf.argmax(outputs, axis=-1), tf.int32)

    def next_inputs(
        self,
        time: Any,
        outputs: Any,
        state: Any,
        sample_ids: Any = None,
        name: Any = None,
        **unused: Any,
    ) -> Any:
        finished = time + 1 >= self._sequence_length
        return finished, self._read(finished, time + 1), state


def _probability(given: Any) -> Any:
    probability = tf.convert_to_tensor(given, name="sampling_probability")
    if probability.shape.ndims not in (0, 1):
        msg = f"sampling_probability must be either a scalar or a vector. saw shape: {probability.shape}"
        raise ValueError(msg)
    return probability


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """Some rows get the embedding of a sampled id; the others (-1 among the samples) the given input."""

    def __init__(
        self, inputs: Any, sequence_length: Any, embedding: Any, sampling_probability: Any,
        time_major: bool = False, seed: Any = None, scheduling_seed: Any = None, name: Any = None,
    ) -> None:  # fmt: skip
        self._embedding_fn = lookup(embedding)
        self._sampling_probability = _probability(sampling_probability)
        self._seed, self._scheduling_seed = seed, scheduling_seed
        super().__init__(inputs, sequence_length, time_major, name)

    def sample(
        self, time: Any, outputs: Any, state: Any = None, name: Any = None, **unused: Any
    ) -> Any:
        rows, seed = self.batch_size, self._scheduling_seed
        chosen = bernoulli(self._sampling_probability, rows, seed=seed, dtype=tf.bool)
        return tf.where(chosen, categorical(outputs, seed=self._seed), tf.fill([rows], -1))

    def next_inputs(
        self,
        time: Any,
        outputs: Any,
        state: Any,
        sample_ids: Any = None,
        name: Any = None,
        **unused: Any,
    ) -> Any:
        finished, base, state = super().next_inputs(time=time, outputs=outputs, state=state)

        def mixed() -> Any:
            drawn, kept = positions(sample_ids > -1), positions(sample_ids <= -1)
            fresh = self._embedding_fn(tf.gather_nd(sample_ids, drawn))
            return scatter_rows(drawn, fresh, kept, tf.gather_nd(base, kept), tf.shape(base))

        return finished, tf.cond(tf.reduce_all(finished), lambda: base, mixed), state


class ScheduledOutputTrainingHelper(TrainingHelper):
    """Some rows get their own last output (through ``next_inputs_fn``), beside the auxiliary input."""

    def __init__(
        self, inputs: Any, sequence_length: Any, sampling_probability: Any, time_major: bool = False,
        seed: Any = None, next_inputs_fn: Any = None, auxiliary_inputs: Any = None, name: Any = None,
    ) -> None:  # fmt: skip
        self._sampling_probability = _probability(sampling_probability)
        self._seed, self._next_inputs_fn = seed, next_inputs_fn
        self._auxiliary = None
        if auxiliary_inputs is not None:
            inputs, more = tf.convert_to_tensor(inputs), tf.convert_to_tensor(auxiliary_inputs)
            inputs = tf.concat([inputs, more], -1)
            self._auxiliary = _array(more if time_major else _time_major(more))
        super().__init__(inputs, sequence_length, time_major, name)

    def sample(
        self, time: Any, outputs: Any, state: Any = None, name: Any = None, **unused: Any
    ) -> Any:
        return bernoulli(self._sampling_probability, self.batch_size, seed=self._seed)

    def _beside(self, x: Any, time: Any, rows: Any = None) -> Any:
        if self._auxiliary is None:
            return x
        more = self._auxiliary.read(time)
        return tf.concat([x, more if rows is None else tf.gather_nd(more, rows)], -1)

    def next_inputs(
        self,
        time: Any,
        outputs: Any,
        state: Any,
        sample_ids: Any = None,
        name: Any = None,
        **unused: Any,
    ) -> Any:
        finished, base, state = super().next_inputs(time=time, outputs=outputs, state=state)
        chosen = tf.cast(sample_ids, tf.bool)

        def mixed() -> Any:
            if self._next_inputs_fn is None:
                return tf.where(chosen, self._beside(outputs, time + 1), base)
            drawn, kept = positions(chosen), positions(tf.logical_not(chosen))
            fresh = self._beside(
                self._next_inputs_fn(tf.gather_nd(outputs, drawn)), time + 1, drawn
            )
            return scatter_rows(drawn, fresh, kept, tf.gather_nd(base, kept), tf.shape(base))

        none = tf.logical_not(tf.reduce_any(chosen))
        done = tf.logical_or(tf.reduce_all(finished), none)
        return finished, tf.cond(done, lambda: base, mixed), state

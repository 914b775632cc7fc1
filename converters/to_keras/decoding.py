"""Decoding as TensorFlow 1 did it, for models written by hand or by ``convert --to source``, on any Keras backend.

>>> import numpy as np
>>> table = np.log(np.array([[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.1, 0.1, 0.8]], "float32"))
>>> found = beam_search(
...     lambda tokens, states: (keras.ops.take(table, tokens, axis=0), states),
...     lambda tokens: tokens, np.zeros((1, 2), "int32"), [], width=2, end_token=2, steps=4)
>>> np.asarray(found.tokens)[:, 0].tolist(), np.asarray(found.lengths).tolist()
([[1, 2], [2, 2]], [[2, 0]])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from converters.to_keras.backend import keras

kops = keras.ops

Step = Callable[[Any, list[Any]], tuple[Any, list[Any]]]
"""(inputs ``[rows * width, …]``, states ``[rows * width, …]``) to (logits ``[rows * width, classes]``, new states)."""


class Beams(NamedTuple):
    """What a beam search found."""

    tokens: Any
    """``[steps, rows, width]``, the best beam first; end tokens after the first of each beam."""
    log_probs: Any
    """``[rows, width]``."""
    lengths: Any
    """``[rows, width]``, int32: after how many steps the beam at each place was finished, as ``dynamic_decode`` counts them."""
    scores: Any
    """``[steps, rows, width]``: by what the beams of each step were chosen."""


def beam_search(
    step: Step,
    embed: Callable[[Any], Any],
    inputs: Any,
    states: Sequence[Any],
    /,
    *,
    width: int,
    end_token: int,
    steps: Any,
    length_penalty: float = 0.0,
) -> Beams:
    """TensorFlow 1's ``BeamSearchDecoder`` under ``dynamic_decode`` (contrib/seq2seq/python/ops/beam_search_decoder.py, v1.15.5).

    Args:
        step: one step of the model; rows and beams are one axis there.
        embed: the inputs ``[rows, width, …]`` that follow tokens ``[rows, width]``.
        inputs: those of the first step.
        states: each ``[rows, width, …]``.
        steps: how many at most, an integer or a tensor of rank 0; on JAX, where sizes are fixed, ``tokens`` and ``scores`` have so many.
        length_penalty: scores are divided by ``((5 + length) / 6) ** length_penalty``.
    """
    inputs = kops.convert_to_tensor(inputs)
    states = [kops.convert_to_tensor(state) for state in states]
    rows = kops.shape(inputs)[0]
    finished = kops.zeros((rows, 1), "int32") + kops.arange(width) != 0
    log_probs = kops.where(finished, float("-inf"), 0.0)
    zeros = kops.zeros((rows, width), "int32")
    made = kops.zeros((steps, rows, width), "int32")
    lists = made, made, kops.zeros((steps, rows, width))
    done = kops.logical_or(finished, steps <= 0)
    start = (0, done, *lists, log_probs, finished, zeros, zeros, inputs, *states)

    def go_on(time: Any, done: Any, *_: Any) -> Any:
        return kops.logical_and(time < steps, kops.logical_not(kops.all(done)))

    def search(time: Any, done: Any, *rest: Any) -> tuple[Any, ...]:
        tokens, parents, scores, before, finished, lengths, counts, inputs, *states = rest
        logits, new = step(merged(inputs), [merged(state) for state in states])
        new = [split(state, width) for state in new]
        found = best(split(logits, width), (before, finished, lengths), end_token, length_penalty)
        word, parent, score, log_probs, ended, longer = found
        counts = kops.where(done, counts, time + 1)
        lists = put(tokens, time, word), put(parents, time, parent), put(scores, time, score)
        kept = [take_beams(state, parent) for state in new]
        return (time + 1, ended, *lists, log_probs, ended, longer, counts, embed(word), *kept)

    found = kops.while_loop(go_on, search, start)
    time, _, tokens, parents, scores, log_probs, _, lengths, counts = found[:9]
    tree = gather_tree(cut(tokens, time), cut(parents, time), kops.max(lengths, axis=1), end_token)
    return Beams(tree, log_probs, counts, cut(scores, time))


def best(logits: Any, state: Any, end_token: int, length_penalty: float, /) -> tuple[Any, ...]:
    """One step of the search: tokens, parents, scores, log probabilities, whether finished, lengths, all ``[rows, width]``.

    Args:
        logits: ``[rows, width, classes]``.
        state: log probabilities, whether finished and lengths so far.
    """
    log_probs, finished, lengths = state
    _, width, classes = logits.shape
    ends = kops.arange(classes) == end_token
    lowest = kops.where(ends, 0.0, -3.4028234663852886e38)
    more = kops.where(kops.expand_dims(finished, 2), lowest, kops.log_softmax(logits))
    total = kops.expand_dims(log_probs, 2) + more
    scores = total
    if length_penalty:
        goes_on = kops.logical_and(
            kops.logical_not(ends), kops.logical_not(kops.expand_dims(finished, 2))
        )
        long = kops.cast(kops.expand_dims(lengths, 2) + kops.cast(goes_on, "int32"), "float32")
        scores = total / (kops.power(5.0 + long, length_penalty) / 6.0**length_penalty)
    flat = kops.reshape(scores, (-1, width * classes))
    chosen, places = kops.top_k(flat, width)
    places = kops.cast(places, "int32")
    token, parent = kops.mod(places, classes), kops.floor_divide(places, classes)
    log_probs = kops.take_along_axis(kops.reshape(total, (-1, width * classes)), places, axis=1)
    was = take_beams(finished, parent)
    lengths = take_beams(lengths, parent) + kops.cast(kops.logical_not(was), "int32")
    return token, parent, chosen, log_probs, kops.logical_or(was, token == end_token), lengths


def gather_tree(tokens: Any, parents: Any, lengths: Any, end_token: int, /) -> Any:
    """Beams ``[steps, rows, width]`` followed back from their last steps; what follows an end token is end tokens."""

    def back(t: Any, beam: Any, found: Any) -> tuple[Any, ...]:
        inside = t < kops.expand_dims(lengths, 1)
        token = take_beams(kops.take(tokens, t, axis=0), beam)
        parent = take_beams(kops.take(parents, t, axis=0), beam)
        found = put(found, t, kops.where(inside, token, end_token))
        return t - 1, kops.where(inside, parent, beam), found

    beam = kops.expand_dims(kops.zeros_like(lengths), 1) + kops.arange(tokens.shape[2])
    start = (kops.shape(tokens)[0] - 1, beam, kops.zeros_like(tokens))
    _, _, found = kops.while_loop(lambda t, *_: t >= 0, back, start)
    ends = kops.cast(found == end_token, "int32")
    return kops.where(kops.cumsum(ends, axis=0) > ends, end_token, found)


def lstm(
    x: Any, c: Any, h: Any, kernel: Any, bias: Any, forget_bias: float = 1.0
) -> tuple[Any, Any]:
    """One step of TensorFlow 1's LSTM: the new c and h."""
    z = kops.matmul(kops.concatenate([x, h], axis=1), kernel) + bias
    i, j, f, o = kops.split(z, 4, axis=1)
    c = kops.sigmoid(f + forget_bias) * c + kops.sigmoid(i) * kops.tanh(j)
    return c, kops.sigmoid(o) * kops.tanh(c)


def sequence_mask(x: Any, lengths: Any, /) -> Any:
    """True at the valid steps of x ``[rows, steps, …]``."""
    items = x[(slice(None), slice(None), *[0] * (len(x.shape) - 2))]
    steps = kops.cumsum(kops.ones_like(items, dtype=lengths.dtype), axis=1)
    return steps <= kops.expand_dims(lengths, 1)


def take_beams(x: Any, beams: Any, /) -> Any:
    """``x[row, beams[row]]`` of x ``[rows, width, …]``."""
    for _ in x.shape[2:]:
        beams = kops.expand_dims(beams, -1)
    return kops.take_along_axis(x, beams, axis=1)


def put(rows: Any, place: Any, item: Any, /) -> Any:
    """The rows with the item at its place."""
    shape = (-1, *[1] * (len(rows.shape) - 1))
    here = kops.reshape(kops.arange(kops.shape(rows)[0]) == place, shape)
    return kops.where(here, kops.expand_dims(item, 0), rows)


def cut(rows: Any, count: Any, /) -> Any:
    """The first rows; on JAX, where sizes are fixed, all."""
    return rows if keras.backend.backend() == "jax" else rows[:count, ...]


def merged(x: Any, /) -> Any:
    """``[rows, width, …]`` as ``[rows * width, …]``."""
    return kops.reshape(x, (-1, *x.shape[2:]))


def split(x: Any, width: int, /) -> Any:
    """``[rows * width, …]`` as ``[rows, width, …]``."""
    return kops.reshape(x, (-1, width, *x.shape[1:]))

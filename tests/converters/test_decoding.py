"""``converters.to_keras.decoding``: against a search through all sequences, and against loops written out."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="what is tested are functions over keras.ops")

from converters.to_keras import decoding
from reference.cells.lstm import LSTMCell
from reference.states import LSTMStateTuple
from reference.vocabulary.numpy_ops import NumpyOps

RNG = np.random.default_rng(5)
CLASSES, END, STEPS = 4, 2, 3
TABLE = RNG.normal(size=(2, CLASSES, CLASSES)).astype(np.float32)
"""Logits by row and last token."""


def search(width: int, penalty: float = 0.0) -> Any:
    """The library's search over the table; the state is the row's number, so that beams must keep to their rows."""
    rows = np.broadcast_to(np.arange(2, dtype=np.int32)[:, None], (2, width))

    def step(tokens: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        places = np.asarray(states[0]) * CLASSES + np.asarray(tokens)
        return TABLE.reshape(-1, CLASSES)[places], states

    def embed(tokens: Any) -> Any:
        return tokens

    first = np.ones((2, width), np.int32)
    options: dict[str, Any] = {
        "width": width,
        "end_token": END,
        "steps": STEPS,
        "length_penalty": penalty,
    }
    return decoding.beam_search(step, embed, first, [rows], **options)


def all_sequences(row: int) -> dict[tuple[int, ...], tuple[float, int]]:
    """By sequence, end tokens behind its first: its log probability and its length.

    The end token counts from the step after it on (beam_search_decoder.py, v1.15.5: lengths_to_add, next_prediction_len).
    """
    logits = TABLE[row].astype(np.float64)
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    found = {}
    for tokens in itertools.product(range(CLASSES), repeat=STEPS):
        total, last = 0.0, 1
        for place, token in enumerate(tokens):
            if END in tokens[:place]:
                break
            total, last = total + logs[last, token], token
        cut = tokens.index(END) if END in tokens else STEPS
        found[(*tokens[:cut], *[END] * (STEPS - cut))] = total, cut + (cut < STEPS - 1)
    return found


@pytest.mark.parametrize("penalty", [0.0, 0.8])
def test_a_beam_as_wide_as_all_prefixes_finds_the_best_sequences(penalty: float) -> None:
    width = 16
    found = search(width, penalty)
    tokens, log_probs = np.asarray(found.tokens), np.asarray(found.log_probs)
    for row in range(2):
        every = all_sequences(row)
        score = {k: p / ((5 + n) / 6) ** penalty for k, (p, n) in every.items()}
        best = sorted(score, key=lambda k: -score[k])[:6]
        assert [tuple(tokens[:, row, k]) for k in range(6)] == best
        want = [every[k][0] for k in best]
        np.testing.assert_allclose(log_probs[row, :6], want, rtol=1e-5)


def test_the_search_stops_when_all_beams_are_finished() -> None:
    """Where the end token is best at once: one step of nine."""
    logits = np.where(np.arange(CLASSES) == END, 9.0, 0.0).astype(np.float32) + np.zeros(
        (2, 1), np.float32
    )
    first, options = np.zeros((2, 1), np.int32), {"width": 1, "end_token": END, "steps": 9}
    found = decoding.beam_search(lambda _, s: (logits, s), lambda t: t, first, [], **options)
    assert np.asarray(found.tokens).shape == (1, 2, 1)
    assert np.asarray(found.lengths).tolist() == [[1], [1]]


def test_beams_are_followed_back_as_by_hand() -> None:
    steps, rows, width = 5, 3, 4
    tokens = RNG.integers(0, 6, (steps, rows, width)).astype(np.int32)
    parents = RNG.integers(0, width, (steps, rows, width)).astype(np.int32)
    lengths = np.array([5, 2, 0], np.int32)
    want = np.full((steps, rows, width), END, np.int32)
    for row, beam in itertools.product(range(rows), range(width)):
        place = beam
        for t in reversed(range(lengths[row])):
            want[t, row, beam], place = tokens[t, row, place], parents[t, row, place]
        ended = False
        for t in range(steps):
            want[t, row, beam] = END if ended else want[t, row, beam]
            ended = ended or want[t, row, beam] == END
    got = np.asarray(decoding.gather_tree(tokens, parents, lengths, END))
    np.testing.assert_array_equal(got, want)


def test_one_step_of_an_lstm_is_the_reference_cells() -> None:
    x, c, h = (RNG.normal(size=(3, n)).astype(np.float32) for n in (2, 4, 4))
    kernel, bias = (RNG.normal(size=s).astype(np.float32) for s in ((6, 16), (16,)))
    cell = LSTMCell(kernel, bias, forget_bias=0.7)
    _, want = cell.step(NumpyOps(), x, LSTMStateTuple(c, h))
    got = decoding.lstm(x, c, h, kernel, bias, 0.7)
    np.testing.assert_allclose(np.asarray(got[0]), want.c, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.asarray(got[1]), want.h, rtol=1e-5, atol=1e-6)

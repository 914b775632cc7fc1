"""The textbook networks, each against a plain loop written out here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.activations import SIGMOID, TANH
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.stepping import default_ops
from reference.errors import SemanticsError
from reference.gradients.tape import Tape
from reference.networks.delays import NARX, TimeDelayNetwork
from reference.networks.dense import Dense
from reference.networks.recursive import RecursiveNetwork
from reference.networks.sequences import EncoderDecoder, SequenceToClass, SequenceToSequence
from reference.wrappers.multi_rnn import MultiRNNCell
from tests.reference.make_cells import random_cell
from tests.support.compare import assert_close_64

B, T, M, N, K = 3, 5, 2, 4, 3
X = np.random.default_rng(1).standard_normal((B, T, M))
LENGTHS = np.array([T, 0, 2])
RNN = random_cell(BasicRNNCell, 1, (M + N, N), (N,))
OUT = random_cell(Dense, 2, (N, K), (K,), activation=SIGMOID)


def dense(layer: Dense, x: Any) -> Any:
    z = x @ layer.kernel + layer.bias
    return (
        np.tanh(z)
        if layer.activation == TANH
        else 1 / (1 + np.exp(-z))
        if layer.activation == SIGMOID
        else z
    )


def elman(x: Any, h: Any) -> Any:
    return np.tanh(np.concatenate([x, h], 1) @ RNN.kernel + RNN.bias)


def test_simple_recurrent_network() -> None:
    y, state = SequenceToSequence(RNN, OUT)(X, LENGTHS)
    for b in range(B):
        h = np.zeros((1, N))
        for t in range(T):
            if t < LENGTHS[b]:
                h = elman(X[b : b + 1, t], h)
            shown = h if t < LENGTHS[b] else np.zeros((1, N))
            assert_close_64(y[b : b + 1, t], dense(OUT, shown), rtol=1e-13)
        assert_close_64(state[b : b + 1], h, rtol=1e-13)


def test_stacked_and_bidirectional() -> None:
    top = random_cell(BasicLSTMCell, 3, (N + N, 4 * N), (4 * N,))
    y, _ = SequenceToSequence(MultiRNNCell((RNN, top)), OUT)(X, LENGTHS)
    below, _ = dynamic_rnn(RNN, X, LENGTHS, dtype="float64")
    above, _ = dynamic_rnn(top, below, LENGTHS, dtype="float64")
    assert_close_64(y, dense(OUT, above), rtol=1e-13)
    wide = random_cell(Dense, 4, (2 * N, K), (K,))
    y, (_, back) = SequenceToSequence(RNN, wide, backward=RNN)(
        X[:1], initial_state=(np.ones((1, N)), np.zeros((1, N)))
    )
    h = np.zeros((1, N))
    for t in reversed(range(T)):
        h = elman(X[:1, t], h)
    assert_close_64(back, h, rtol=1e-13)
    with pytest.raises(SemanticsError, match="must be a pair"):
        SequenceToSequence(RNN, wide, backward=RNN)(X, initial_state=np.zeros((B, N)))


def test_sequence_to_class_reads_the_last_valid_state() -> None:
    y = SequenceToClass(RNN, OUT)(X, LENGTHS)
    outputs, _ = dynamic_rnn(RNN, X, LENGTHS, dtype="float64")
    assert_close_64(y[2:], dense(OUT, outputs[2:, 1]), rtol=1e-13)
    assert_close_64(y[1:2], dense(OUT, np.zeros((1, N))), rtol=1e-13)
    assert np.abs(y[2] - dense(OUT, outputs[2:, -1])[0]).max() > 1e-3


def test_encoder_decoder() -> None:
    back = random_cell(Dense, 5, (N, M), (M,))
    network = EncoderDecoder(RNN, RNN, back)
    first = X[:, 0]
    made = network.generate(X, first, 4, LENGTHS)
    _, h = dynamic_rnn(RNN, X, LENGTHS, dtype="float64")
    x = first
    for t in range(4):
        h = elman(x, h)
        x = dense(back, h)
        assert_close_64(made[:, t], x, rtol=1e-13)
    fed = np.concatenate([first[:, None], made[:, :-1]], 1)
    assert_close_64(network.teacher_forced(X, fed, LENGTHS), made, rtol=1e-13)
    with pytest.raises(SemanticsError, match="output has 3 units, but the decoder reads 2"):
        EncoderDecoder(RNN, RNN, OUT).generate(X, first, 2)


def test_time_delay_network_is_a_convolution() -> None:
    hidden = random_cell(Dense, 6, (3 * M, N), (N,), activation=TANH)
    y = TimeDelayNetwork(hidden, OUT, 3)(X)
    padded = np.concatenate([np.zeros((B, 2, M)), X], 1)
    for t in range(T):
        window = np.concatenate([padded[:, t + 2], padded[:, t + 1], padded[:, t]], 1)
        assert_close_64(y[:, t], dense(OUT, dense(hidden, window)), rtol=1e-13)


@pytest.mark.parametrize("forced", [False, True])
def test_narx(forced: bool) -> None:
    hidden = random_cell(Dense, 7, (2 * M + 2 * K, N), (N,), activation=TANH)
    targets = np.random.default_rng(8).standard_normal((B, T, K)) if forced else None
    y = NARX(hidden, OUT, 2, 2)(X, targets)
    fed = [np.zeros((B, K))] * 2
    before = np.zeros((B, M))
    for t in range(T):
        expected = dense(OUT, dense(hidden, np.concatenate([X[:, t], before, *fed], 1)))
        assert_close_64(y[:, t], expected, rtol=1e-13)
        fed = [expected if targets is None else targets[:, t], fed[0]]
        before = X[:, t]


def test_recursive_network() -> None:
    compose = random_cell(Dense, 9, (2 * N, N), (N,), activation=TANH)
    a, b, c, d = (np.random.default_rng(k).standard_normal((B, N)) for k in range(4))
    network = RecursiveNetwork(compose)
    root = network(((a, b), (c, d)))

    def join(x: Any, y: Any) -> Any:
        return dense(compose, np.concatenate([x, y], 1))

    assert_close_64(root, join(join(a, b), join(c, d)), rtol=1e-13)
    chain = network((((a, b), c), d))
    cell = BasicRNNCell(np.concatenate([compose.kernel[N:], compose.kernel[:N]]), compose.bias)
    _, state = dynamic_rnn(cell, np.stack([b, c, d], 1), initial_state=a)
    assert_close_64(chain, state, rtol=1e-12)  # a chain is a recurrent network
    with pytest.raises(SemanticsError, match="every inner node has two children, got 3"):
        network((a, b, c))


def test_networks_are_differentiable() -> None:
    tape = Tape()
    kernel = tape.watch(OUT.kernel)
    y, _ = SequenceToSequence(RNN, Dense(kernel, OUT.bias, SIGMOID))(X, LENGTHS, ops=_Mixed(tape))
    cotangent = np.ones((B, T, K))
    (found,) = tape.gradient([y], [cotangent], [kernel])
    hidden, _ = dynamic_rnn(RNN, X, LENGTHS, dtype="float64")
    s = dense(OUT, hidden)
    assert_close_64(found, np.einsum("btn,btk->nk", hidden, s * (1 - s)), rtol=1e-12)


def _Mixed(tape: Tape) -> Any:
    assert default_ops() is not None
    return tape

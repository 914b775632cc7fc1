"""Block cells and cuDNN: mutants that the goldens must catch, and cuDNN against a plain loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converters import tf_ops
from converters.graph import Node
from converters.tf_ops import blocks
from reference.errors import NotConvertibleError
from reference.vocabulary.numpy_ops import NumpyOps
from tests.goldens.tf_ops.cases import load_cases


def goldens_fail(op: str) -> int:
    """How many recorded cases of an op fail now."""
    failures = 0
    for case in load_cases():
        if case.node.op != op or case.outputs is None:
            continue
        results = tf_ops.apply(NumpyOps(), case.node, case.inputs)
        try:
            for index in range(len(case.outputs)):
                case.check(index, results[index])
        except AssertionError:
            failures += 1
    return failures


@pytest.mark.parametrize("op", ["LSTMBlockCell", "BlockLSTM", "BlockLSTMV2"])
@pytest.mark.parametrize("swap", ["ic", "cf", "fo"])
def test_swapped_gates_are_caught(op: str, swap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert goldens_fail(op) == 0
    order = blocks.GATES[op].translate(str.maketrans(swap, swap[::-1]))
    monkeypatch.setitem(blocks.GATES, op, order)
    assert goldens_fail(op) > 0


MUTANTS = {
    "no forget bias": lambda f, clip, p: (0.0, clip, p),
    "no clip": lambda f, clip, p: (f, 0.0, p),
    "no peephole": lambda f, clip, p: (f, clip, False),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_options_are_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    true_options = blocks.lstm_options
    monkeypatch.setattr(blocks, "lstm_options", lambda node: MUTANTS[name](*true_options(node)))
    assert goldens_fail("LSTMBlockCell") > 0
    assert goldens_fail("BlockLSTM") > 0


def test_gru_without_the_reset_before_the_product_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Wrong(NumpyOps):
        def multiply(self, a: Any, b: Any, /) -> Any:
            return self.subtract(a, -b) if np.shape(a)[-1:] == (3,) else super().multiply(a, b)

    case = next(c for c in load_cases() if c.node.op == "GRUBlockCell")
    with pytest.raises(AssertionError):
        case.check(3, tf_ops.apply(Wrong(), case.node, case.inputs)[3])


# -- cuDNN --------------------------------------------------------------------------------------
T, B, D, N = 5, 3, 4, 2
GATES = {"lstm": 4, "gru": 3, "rnn_relu": 1, "rnn_tanh": 1}


def sigma(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def plain_step(mode: str, x: np.ndarray, h: np.ndarray, c: np.ndarray, w: Any) -> tuple[Any, Any]:
    """One step with weights per gate (W, R, bW, bR), by the equations of NVIDIA's documentation."""
    a = [x @ wx.T + bx for wx, _, bx, _ in w]
    r = [h @ wr.T + br for _, wr, _, br in w]
    if mode == "lstm":
        i, f, g, o = (p + q for p, q in zip(a, r, strict=True))
        c = sigma(f) * c + sigma(i) * np.tanh(g)
        return sigma(o) * np.tanh(c), c
    if mode == "gru":
        reset, update = sigma(a[0] + r[0]), sigma(a[1] + r[1])
        return (1 - update) * np.tanh(a[2] + reset * r[2]) + update * h, c
    both = a[0] + r[0]
    return (np.maximum(both, 0) if mode == "rnn_relu" else np.tanh(both)), c


def plain_rnn(
    mode: str,
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    weights: Any,
    lengths: np.ndarray,
    sides: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row by row, layer by layer, side by side."""
    h, c = h.copy(), c.copy()
    for layer in range(len(weights) // sides):
        out = np.zeros((T, B, N * sides))
        for side in range(sides):
            block = layer * sides + side
            for row, length in enumerate(lengths):
                steps = range(length)[:: -1 if side else 1]
                for t in steps:
                    h[block, row], c[block, row] = plain_step(
                        mode, x[t, row], h[block, row], c[block, row], weights[block]
                    )
                    out[t, row, side * N : (side + 1) * N] = h[block, row]
        x = out
    return x, h, c


def draw(rng: np.random.Generator, mode: str, layers: int, sides: int) -> tuple[Any, np.ndarray]:
    """Weights per block and gate, and cuDNN's one vector of them."""
    weights = []
    for block in range(layers * sides):
        inputs = D if block < sides else N * sides
        shapes = ((N, inputs), (N, N), (N,), (N,))
        weights.append([[rng.normal(size=s) for s in shapes] for _ in range(GATES[mode])])
    parts = [g[k].ravel() for w in weights for k in (0, 1) for g in w]
    parts += [g[k] for w in weights for k in (2, 3) for g in w]
    return weights, np.concatenate(parts)


@pytest.mark.parametrize("mode", GATES)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("direction", ["unidirectional", "bidirectional"])
@pytest.mark.parametrize("lengths", [None, (5, 0, 1)])
def test_cudnn_is_the_plain_loop(
    mode: str, layers: int, direction: str, lengths: tuple[int, ...] | None
) -> None:
    rng = np.random.default_rng(7)
    sides = 2 if direction == "bidirectional" else 1
    weights, flat = draw(rng, mode, layers, sides)
    x, h, c = rng.normal(size=(T, B, D)), *rng.normal(size=(2, layers * sides, B, N))
    attrs = {"rnn_mode": mode.encode(), "direction": direction.encode()}
    op = "CudnnRNN" if lengths is None else "CudnnRNNV3"
    more = () if lengths is None else (np.array(lengths, np.int32),)
    got = tf_ops.apply(NumpyOps(), Node("rnn", op, (), (), attrs), (x, h, c, flat, *more))
    rows = np.full(B, T) if lengths is None else np.array(lengths)
    wanted = plain_rnn(mode, x, h, c, weights, rows, sides)
    for result, truth in zip(got[: 3 if mode == "lstm" else 2], wanted, strict=False):
        np.testing.assert_allclose(result, truth, rtol=0, atol=1e-12)


def test_cudnn_refuses_what_does_not_fit() -> None:
    x, h = np.ones((T, B, D)), np.ones((1, B, N))
    node = Node("rnn", "CudnnRNN", (), (), {"rnn_mode": b"gru"})
    with pytest.raises(NotConvertibleError, match=r"'rnn'.*parameters do not fit"):
        tf_ops.apply(NumpyOps(), node, (x, h, h, np.ones(7)))
    wet = Node("rnn", "CudnnRNN", (), (), {"rnn_mode": b"gru", "dropout": 0.5})
    with pytest.raises(NotConvertibleError, match="random"):
        tf_ops.apply(NumpyOps(), wet, (x, h, h, np.ones(7)))

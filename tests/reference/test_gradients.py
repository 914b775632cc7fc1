"""BPTT against finite differences and against RTRL; truncation; clipping; the profile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import states
from reference.cells.base import map_sizes, map_weights, weights, zero_state
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.stepping import default_ops
from reference.errors import SemanticsError
from reference.gradients.bptt import bptt
from reference.gradients.clipping import (
    clip_by_global_norm,
    clip_by_norm,
    clip_by_value,
    global_norm,
)
from reference.gradients.profile import gradient_profile, profile_svg, step_jacobians
from reference.gradients.rtrl import rtrl
from tests.reference.make_cells import of_every_kind, random_cell
from tests.support.compare import assert_close_64

T, B, M, N = 6, 3, 3, 4
CELLS = {
    "rnn": random_cell(BasicRNNCell, 1, (M + N, N), (N,)),
    "basic_lstm": random_cell(BasicLSTMCell, 2, (M + N, 4 * N), (4 * N,)),
    "gru": random_cell(GRUCell, 3, (M + N, 2 * N), (2 * N,), (M + N, N), (N,)),
    "lstm": random_cell(
        LSTMCell,
        4,
        (M + 2, 4 * N),
        (4 * N,),
        (N,),
        (N,),
        (N,),
        (N, 2),
        cell_clip=0.4,
        proj_clip=0.3,
    ),
}


def run_of(cell: Any, seed: int = 7) -> tuple[Any, ...]:
    """x time-major, initial state, and cotangents of outputs and state."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((T, B, M))
    state = states.map_structure(lambda n: rng.standard_normal((B, n)), cell.state_size)
    d_state = states.map_structure(lambda n: rng.standard_normal((B, n)), cell.state_size)
    return x, state, rng.standard_normal((T, B, cell.output_size)), d_state


@pytest.mark.parametrize("lengths", [None, np.array([T, 0, 2])], ids=["full", "ragged"])
@pytest.mark.parametrize("name", CELLS)
def test_rtrl_equals_bptt(name: str, lengths: Any) -> None:
    cell = CELLS[name]
    x, state, dy, ds = run_of(cell)
    forward = rtrl(cell, x, state, dy, ds, lengths)
    backward = bptt(cell, x, state, dy, ds, lengths, time_major=True).weights
    assert forward.keys() == backward.keys() == weights(cell).keys()
    for path, expected in backward.items():
        assert np.abs(expected).max() > 0
        assert_close_64(forward[path], expected, rtol=1e-9, what=path)


# TF1's LSTMBlockCell passes the gradient straight through its clip (the recordings say so): no finite difference.
EVERY = {k: v for k, v in of_every_kind().items() if k not in ("block_clip", "block_all")}


@pytest.mark.parametrize("name", EVERY)
def test_bptt_equals_finite_differences(name: str) -> None:
    """Along one random direction through all weights, inputs and states; central differences."""
    golden, cell = EVERY[name]
    rng = np.random.default_rng(5)
    whole = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in golden.row("x")]
    x = whole[0] if len(whole) == 1 else tuple(whole)
    given = [s.astype(np.float64) for s in golden.row("s")]
    state = (
        states.unflatten_like(map_sizes(lambda _: 0, cell.state_size), given)
        if given
        else zero_state(default_ops(), cell, 4, "float64")
    )
    lengths = np.array([0, 1, 5, 3]) if golden.card["lengths"] else None
    major = golden.card["time_major"]
    step = {p: rng.standard_normal(w.shape) for p, w in weights(cell).items()}
    if "PhasedLSTM" in golden.card["spec"]["class"]:
        # The modulus has no gradient in the period, by TF1's own choice.
        step["period"] = np.zeros_like(step["period"])

    def at(eps: float) -> Any:
        moved = map_weights(lambda p, w: w + eps * step[p], cell)
        return dynamic_rnn(moved, x, lengths, state, time_major=major)

    y, new = at(0.0)
    dy = states.map_structure(lambda a: rng.standard_normal(a.shape), y)
    ds = states.map_structure(lambda a: rng.standard_normal(np.shape(a)), new)

    def loss(eps: float) -> float:
        y, new = at(eps)
        pairs = zip(
            states.flatten(y) + states.flatten(new),
            states.flatten(dy) + states.flatten(ds),
            strict=True,
        )
        return float(sum((a * c).sum() for a, c in pairs if np.asarray(a).dtype.kind == "f"))

    found = bptt(cell, x, state, dy, ds, lengths, time_major=major)
    slope = sum(float((found.weights[p] * d).sum()) for p, d in step.items())
    eps = 1e-6
    estimate = (loss(eps) - loss(-eps)) / (2 * eps)
    assert estimate == pytest.approx(slope, rel=2e-5, abs=1e-6)


def test_truncation_drops_the_early_steps() -> None:
    """As Theano's scan: the last k steps alone, from the state the first T - k left behind."""
    cell = CELLS["basic_lstm"]
    x, state, dy, ds = run_of(cell)
    lengths = np.array([T, 1, 4])
    whole = bptt(cell, x, state, dy, ds, lengths, time_major=True)
    for k in (1, 2, 5):
        part = bptt(cell, x, state, dy, ds, lengths, time_major=True, truncate=k)
        _, middle = dynamic_rnn(
            cell, x[: T - k], np.minimum(lengths, T - k), state, time_major=True
        )
        alone = bptt(
            cell,
            x[T - k :],
            middle,
            dy[T - k :],
            ds,
            np.maximum(lengths - (T - k), 0),
            time_major=True,
        )
        for path in whole.weights:
            assert_close_64(part.weights[path], alone.weights[path], rtol=1e-13, what=path)
        assert_close_64(part.outputs, whole.outputs, rtol=1e-13)
        assert not part.inputs[: T - k].any()
        assert np.abs(part.weights["kernel"] - whole.weights["kernel"]).max() > 1e-3
    same = bptt(cell, x, state, dy, ds, lengths, time_major=True, truncate=T + 3)
    assert_close_64(same.weights["kernel"], whole.weights["kernel"], rtol=1e-13)
    with pytest.raises(SemanticsError, match="truncate must be at least 1 step, got 0"):
        bptt(cell, x, state, dy, ds, truncate=0)


def test_profile_is_the_product_of_the_jacobians() -> None:
    for name in ("rnn", "basic_lstm", "gru"):
        cell = CELLS[name]
        x, state, _, _ = run_of(cell)
        profile = gradient_profile(cell, x, state)
        jacobians = step_jacobians(cell, x, state)
        assert profile.shape == (T + 1,)
        assert profile[-1] == 1.0
        last = max(np.linalg.norm(j, 2) for j in jacobians[-1])
        assert profile[-2] == pytest.approx(last, rel=1e-12)
        size = jacobians.shape[-1]
        seed = np.zeros((B, size))
        seed[:, 0] = 1.0
        cut = np.cumsum([int(p.shape[1]) for p in states.flatten(state)])[:-1]
        ds = states.unflatten_like(state, np.split(seed, cut, axis=1))
        back = bptt(cell, x, state, np.zeros((T, B, N)), ds, time_major=True).initial_state
        row = np.concatenate(states.flatten(back), 1)
        total = np.broadcast_to(np.eye(size), (B, size, size))
        for j in jacobians[::-1]:
            total = total @ j
        assert_close_64(row, np.ascontiguousarray(total[:, 0]), rtol=1e-11)


def test_profile_shows_vanishing_and_exploding() -> None:
    rng = np.random.default_rng(0)
    x, state = 0.01 * rng.standard_normal((40, 1, 1)), np.zeros((1, 4))
    rotation = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    curves = {}
    for name, gain in (("vanishing", 0.5), ("exploding", 1.5)):
        cell = BasicRNNCell(
            np.concatenate([np.full((1, 4), 0.01), gain * rotation]), np.full(4, 1e-9)
        )
        curves[name] = gradient_profile(cell, x * (1e-9 if gain > 1 else 1), state)
    assert curves["vanishing"][0] < 1e-10
    assert curves["exploding"][0] > 1e6
    picture = profile_svg(curves)
    assert picture.startswith("<svg")
    assert picture.count("<polyline") == 2
    assert "vanishing" in picture


def test_clipping() -> None:
    rng = np.random.default_rng(3)
    t = rng.standard_normal((4, 5))
    norm = np.sqrt((t**2).sum())
    assert_close_64(clip_by_norm(t, 0.5), t * (0.5 / norm), rtol=1e-14)
    assert_close_64(clip_by_norm(t, 100.0), t, rtol=1e-15)
    rows = clip_by_norm(t, 0.5, axes=[1])
    assert_close_64(np.sqrt((rows**2).sum(1)), np.full(4, 0.5), rtol=1e-14)
    assert not clip_by_norm(np.zeros(3), 1.0).any()
    assert clip_by_value(t, 0.5, -0.5).tolist() == np.full((4, 5), 0.5).tolist()
    clipped, found = clip_by_global_norm([t, None, 2 * t], 1.0)
    assert clipped[1] is None
    assert float(found) == pytest.approx(norm * np.sqrt(5), rel=1e-14)
    assert float(global_norm([clipped[0], clipped[2]])) == pytest.approx(1.0, rel=1e-12)
    poisoned, _ = clip_by_global_norm([t, np.array([np.inf])], 1.0)
    assert np.isnan(poisoned[0]).all()
    with pytest.raises(SemanticsError, match="t_list must be a sequence"):
        clip_by_global_norm(t, 1.0)

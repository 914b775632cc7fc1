"""The recordings see every mistake a port makes: permuted gates, a lost forget bias, a clip too late or too early, c for h, lengths off by one.

Each mutation is run through the same comparison as the right cell, which must then fail; a suite that cannot fail proves nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference import states
from reference.cells.base import map_sizes, weights
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.stepping import default_ops
from reference.states import LSTMStateTuple
from tests.reference.build_cells import build
from tests.reference.test_cells_goldens import LENGTHS, test_equals_tensorflow
from tests.support.compare import assert_within_floor
from tests.support.goldens import Golden, recorded

FAMILIES = ("core", "contrib", "grids")
GOLDENS = [
    g
    for f in FAMILIES
    for g in recorded(f)
    if g.card["mode"] == "dynamic" and g.card["dtype"] == "float32" and not g.card.get("zero_state")
]
CASES = [pytest.param(g, id=g.card["name"]) for g in GOLDENS]
GATED = {  # gate blocks of the last axis, by the weights that hold them
    "BasicLSTMCell": 4, "LSTMCell": 4, "GRUCell": 2, "GRUBlockCell": 2, "GRUBlockCellV2": 2, "LSTMBlockCell": 4, "CudnnCompatibleLSTMCell": 4,
    "CudnnCompatibleGRUCell": 2, "CoupledInputForgetGateLSTMCell": 3, "LayerNormBasicLSTMCell": 4, "LayerNormLSTMCell": 4, "WeightNormLSTMCell": 4,
    "NASCell": 8, "UGRNNCell": 2, "IntersectionRNNCell": 4, "SRUCell": 4, "IndyGRUCell": 2, "IndyLSTMCell": 4, "CFNCell": 3, "GLSTMCell": 4,
    "Conv1DLSTMCell": 4, "Conv2DLSTMCell": 4, "Conv3DLSTMCell": 4, "TimeFreqLSTMCell": 4, "PhasedLSTMCell": 2, "MinimalRNNCell": 0, "IndRNNCell": 0,
    "BasicRNNCell": 0,
}  # fmt: skip


def compare(golden: Golden, cell: Any, shift: int = 0) -> None:
    """The comparison of the goldens' own test, in float32, against a wide floor: 2^-14 of the tensor's magnitude."""
    xs = golden.row("x")
    state = states.unflatten_like(map_sizes(lambda _: 0, cell.state_size), golden.row("s"))
    lengths = LENGTHS + shift if golden.card["lengths"] or shift else None
    y, new = dynamic_rnn(
        cell,
        xs[0] if len(xs) == 1 else tuple(xs),
        lengths,
        state,
        time_major=golden.card["time_major"],
    )
    for k, (a, e) in enumerate(
        zip(states.flatten(y) + states.flatten(new), golden.row("y"), strict=True)
    ):
        near = [e * (1 + 2.0**-17), e * (1 - 2.0**-17)]
        assert_within_floor(a, None, e.astype(np.float64), near, factor=8, what=f"y{k}")


def cell_of(golden: Golden) -> Any:
    return build(golden.card["spec"], golden.group("var/"), **golden.card)


def refuted(golden: Golden, cell: Any, shift: int = 0) -> None:
    with pytest.raises(AssertionError):
        compare(golden, cell, shift)


@pytest.mark.parametrize("golden", CASES)
def test_the_right_cell_passes(golden: Golden) -> None:
    compare(golden, cell_of(golden))
    test_equals_tensorflow(golden)


PERMUTED = [p for p in CASES if GATED.get(p.values[0].card["spec"]["class"], 0) > 1]


@pytest.mark.parametrize("golden", PERMUTED)
def test_any_two_permuted_gates_are_seen(golden: Golden) -> None:
    cell, count = cell_of(golden), GATED[golden.card["spec"]["class"]]
    name = next(
        n
        for n in ("kernel", "kernel_w", "gate_kernel", "gate_kernel_w", "mask_kernel", "kernels")
        if hasattr(cell, n)
    )
    held = getattr(cell, name)
    for a in range(count):
        for b in range(a):
            changed = (
                tuple(_swap(w, count, a, b) for w in held)
                if isinstance(held, tuple)
                else _swap(held, count, a, b)
            )
            refuted(golden, replace(cell, **{name: changed}))


def _swap(w: Any, count: int, a: int, b: int) -> Any:
    parts = np.split(w, count, -1)
    parts[a], parts[b] = parts[b], parts[a]
    return np.concatenate(parts, -1)


@pytest.mark.parametrize("golden", CASES)
def test_every_weight_matters(golden: Golden) -> None:
    """A weight that is off by a tenth of its size changes the result, except a bias that norms leave out."""
    cell = cell_of(golden)
    from reference.cells.base import map_weights

    for path in weights(cell):
        unused = path == "bias" and getattr(cell, "norm_j", None) is not None
        moved = map_weights(
            lambda p, w, path=path: (w * np.float32(1.1)).astype(w.dtype) if p == path else w, cell
        )
        if unused:
            compare(golden, moved)
        elif (path == "kernel" and getattr(cell, "norm_0", None) is not None) or (
            path == "proj_kernel" and getattr(cell, "proj_norm", None) is not None
        ):
            compare(golden, moved)  # a normalised matrix has no length of its own
        elif path == "kernel" and getattr(cell, "norm_j", None) is not None:
            compare(golden, moved)  # nor has one whose every product is normalised
        else:
            refuted(golden, moved)


@pytest.mark.parametrize(
    "golden", [p for p in CASES if hasattr(cell_of(p.values[0]), "forget_bias")]
)
def test_a_dropped_forget_bias_is_seen(golden: Golden) -> None:
    cell = cell_of(golden)
    if golden.card["spec"]["kwargs"].get("couple_input_forget_gates"):
        compare(golden, replace(cell, forget_bias=0.0))  # f is 1 - i: the bias has no part in it
    else:
        refuted(golden, replace(cell, forget_bias=cell.forget_bias + 1.0))


def _clipped(name: str) -> list[Any]:
    return [p for p in CASES if getattr(cell_of(p.values[0]), name, None) is not None]


@pytest.mark.parametrize("golden", _clipped("cell_clip"))
def test_a_missing_or_late_cell_clip_is_seen(golden: Golden) -> None:
    cell = cell_of(golden)
    refuted(golden, replace(cell, cell_clip=None))
    refuted(golden, _LateClip(cell))
    refuted(golden, _EarlyClip(cell))


@pytest.mark.parametrize("golden", _clipped("proj_clip"))
def test_a_missing_projection_clip_is_seen(golden: Golden) -> None:
    refuted(golden, replace(cell_of(golden), proj_clip=None))


class _Wrapped:
    def __init__(self, cell: Any) -> None:
        self.cell, self.state_size, self.output_size = cell, cell.state_size, cell.output_size


class _LateClip(_Wrapped):
    """The state is clipped only after the output was made from it."""

    def step(self, ops: Any, x: Any, state: Any) -> Any:
        y, new = replace(self.cell, cell_clip=None).step(ops, x, state)
        _, clipped = self.cell.step(ops, x, state)
        parts = zip(states.flatten(new), states.flatten(clipped), strict=True)
        bound = self.cell.cell_clip
        kept = [ops.clip(n, -bound, bound) if k == 0 else n for k, (n, _) in enumerate(parts)]
        return y, states.unflatten_like(new, kept)


class _EarlyClip(_Wrapped):
    """The old state is clipped, not the new one."""

    def step(self, ops: Any, x: Any, state: Any) -> Any:
        bound = self.cell.cell_clip
        leaves = states.flatten(state)
        early = states.unflatten_like(state, [ops.clip(leaves[0], -bound, bound), *leaves[1:]])
        return replace(self.cell, cell_clip=None).step(ops, x, early)


class _Swapped(_Wrapped):
    """c and h exchanged in the state."""

    def step(self, ops: Any, x: Any, state: Any) -> Any:
        y, new = self.cell.step(ops, x, LSTMStateTuple(state.h, state.c))
        return y, LSTMStateTuple(new.h, new.c)


def _square(golden: Golden) -> bool:
    size = cell_of(golden).state_size
    return isinstance(size, LSTMStateTuple) and size.c == size.h


@pytest.mark.parametrize("golden", [p for p in CASES if _square(p.values[0])])
def test_swapped_c_and_h_are_seen(golden: Golden) -> None:
    refuted(golden, _Swapped(cell_of(golden)))


@pytest.mark.parametrize("golden", [p for p in CASES if p.values[0].card["lengths"]])
def test_lengths_off_by_one_are_seen(golden: Golden) -> None:
    for shift in (-1, 1):
        refuted(golden, cell_of(golden), shift)


def test_default_ops_is_plain_numpy() -> None:
    assert default_ops().widen is False

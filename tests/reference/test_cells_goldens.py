"""Every cell and wrapper against TensorFlow 1.15.5: one step and dynamic_rnn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import states
from reference.cells.base import map_weights, zero_state
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.stepping import default_ops
from tests.reference.build_cells import build
from tests.support.compare import assert_close_64, assert_within_floor, perturb
from tests.support.goldens import Golden, recorded

LENGTHS = np.array([0, 1, 5, 3], np.int32)
FAMILIES = ("core", "contrib", "grids", "wrappers")
CASES = [pytest.param(g, id=g.id) for f in FAMILIES for g in recorded(f)]


def cell_of(golden: Golden) -> Any:
    """The reference cell a golden was recorded with."""
    return build(golden.card["spec"], golden.group("var/"), **golden.card)


def run(golden: Golden, cell: Any, convert: Any = np.asarray, **driver: Any) -> list[Any]:
    """The flattened output and new state."""
    xs = [convert(x) for x in golden.row("x")]
    x = xs[0] if len(xs) == 1 else tuple(xs)
    given = [convert(s) for s in golden.row("s")]
    if golden.card.get("zero_state"):
        dtype = golden.card["dtype"] if convert is np.asarray else "float64"
        state = zero_state(default_ops(), cell, 4, dtype)
    else:
        state = states.unflatten_like(_leaves(cell.state_size), given)
    if golden.card["mode"] == "step":
        y, new = cell.step(default_ops(), x, state)
    else:
        lengths = LENGTHS if golden.card["lengths"] else None
        options = {"time_major": golden.card["time_major"], **driver}
        y, new = dynamic_rnn(cell, x, lengths, state, **options)
    return states.flatten(y) + states.flatten(new)


def _leaves(size: Any) -> Any:
    from reference.cells.base import map_sizes

    return map_sizes(lambda _: 0, size)


@pytest.mark.parametrize("golden", CASES)
def test_equals_tensorflow(golden: Golden) -> None:
    cell, expected = cell_of(golden), golden.row("y")
    actual = run(golden, cell)
    assert len(actual) == len(expected)
    if golden.card["dtype"] == "float64":
        for k, (a, e) in enumerate(zip(actual, expected, strict=True)):
            if e.dtype.kind == "f":
                assert_close_64(a, e, rtol=1e-12, what=f"y{k}")
            else:
                np.testing.assert_array_equal(a, e)
        return
    twin = run(golden, wide(cell), lambda v: v.astype(np.float64) if v.dtype.kind == "f" else v)
    rng = np.random.default_rng(24)
    near = [
        run(golden, map_weights(lambda _, w: perturb(w, rng), cell), lambda v: perturb(v, rng))
        for _ in range(4)
    ]
    for k, (a, e) in enumerate(zip(actual, expected, strict=True)):
        if e.dtype.kind != "f":
            np.testing.assert_array_equal(a, e)
            continue
        others = [n[k] for n in near]
        assert_within_floor(a, e, twin[k], others, factor=8, what=f"y{k}")


def wide(cell: Any) -> Any:
    """The cell with float64 weights."""
    return map_weights(lambda _, w: w.astype(np.float64), cell)

"""Every driver against TensorFlow 1.15.5: values, and the structure of the result."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import states
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.gru import GRUCell
from reference.cells.lstm_block import LSTMBlockCell
from reference.drivers.bidirectional import bidirectional_dynamic_rnn, static_bidirectional_rnn
from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.fused import FusedRNNCellAdaptor, LSTMBlockFusedCell, TimeReversedFusedRNN
from reference.drivers.raw import raw_rnn
from reference.drivers.stacked import stack_bidirectional_dynamic_rnn, stack_bidirectional_rnn
from reference.drivers.static import static_rnn, static_state_saving_rnn
from reference.errors import SemanticsError
from reference.gradients.tape import Tape
from tests.reference.build_cells import Scope
from tests.reference.toy import ToyCell
from tests.support.compare import assert_close_64
from tests.support.goldens import Golden, load, recorded

CASES = [pytest.param(g, id=g.id) for g in recorded("drivers")]
REFUSED = [pytest.param(g, id=g.id) for g in load("drivers") if "refused" in g.card]


def cell_of(golden: Golden, scope: Scope, wide: bool = False) -> Any:
    if golden.card["cell"] == "toy":
        return ToyCell(6 if wide else 3)
    if golden.card["cell"] == "lstm":
        return BasicLSTMCell(scope("kernel"), scope("bias"))
    g, c = scope.below("gates"), scope.below("candidate")
    return GRUCell(g("kernel"), g("bias"), c("kernel"), c("bias"))


def state_of(cell: Any, feed: list[Any]) -> Any:
    """The next recorded leaves in the cell's structure, or None where none was given."""
    if not feed:
        return None
    leaves = [feed.pop(0) for _ in states.flatten(cell.state_size)]
    return states.unflatten_like(cell.state_size, leaves)


def play(golden: Golden, variables: Any = None, ops: Any = None) -> Any:
    """The reference driver's result for a golden's call."""
    driver, x = golden.card["driver"], golden.arrays["x"]
    scope, feed = Scope(variables or golden.group("var/")), list(golden.row("s"))
    lengths = golden.arrays.get("lengths")
    dtype = None if golden.card["initial"] else golden.card["dtype"]
    steps = [x[:, t] for t in range(x.shape[1])]
    major = golden.card["time_major"]
    sequence = x.swapaxes(0, 1) if major else x
    if driver in ("dynamic_rnn", "static_rnn", "static_state_saving_rnn"):
        cell = cell_of(golden, scope)
        state = state_of(cell, feed)
        if driver == "dynamic_rnn":
            return dynamic_rnn(cell, sequence, lengths, state, dtype, time_major=major, ops=ops)
        if driver == "static_rnn":
            return static_rnn(cell, steps, state, dtype, lengths, ops=ops)
        return saving(cell, steps, state, lengths, ops)
    if driver in ("bidirectional_dynamic_rnn", "static_bidirectional_rnn"):
        fw, bw = (cell_of(golden, scope.below(d)) for d in ("fw", "bw"))
        first = state_of(fw, feed), state_of(bw, feed)
        if "static" in driver:
            return static_bidirectional_rnn(fw, bw, steps, *first, dtype, lengths, ops=ops)
        return bidirectional_dynamic_rnn(
            fw, bw, sequence, lengths, *first, dtype, time_major=major, ops=ops
        )
    if driver.startswith("stack"):
        return stacked(golden, scope, feed, steps, sequence, (lengths, dtype, ops))
    if driver.startswith("raw"):
        return raw(golden, cell_of(golden, scope), x, lengths, feed, ops)
    return fused(golden, scope, steps, x, feed, (lengths, dtype, ops))


class Saver:
    """States in, states out."""

    def __init__(self, held: dict[str, Any]) -> None:
        self.held, self.saved = held, {}

    def state(self, name: str, /) -> Any:
        return self.held[name]

    def save_state(self, name: str, value: Any, /) -> None:
        self.saved[name] = value


def saving(cell: Any, steps: Any, state: Any, lengths: Any, ops: Any) -> Any:
    held = {str(k): leaf for k, leaf in enumerate(states.flatten(state))}
    names, saver = list(held), Saver(held)
    asked = (
        names[0]
        if isinstance(cell.state_size, int)
        else states.unflatten_like(cell.state_size, names)
    )
    y, new = static_state_saving_rnn(cell, steps, saver, asked, lengths, ops=ops)
    return y, new, [saver.saved[n] for n in names]


def stacked(golden: Golden, scope: Scope, feed: Any, steps: Any, sequence: Any, rest: Any) -> Any:
    lengths, dtype, ops = rest
    cells = [
        [cell_of(golden, scope.below(f"cell_{k}").below(d), wide=k == 1) for k in range(2)]
        for d in ("fw", "bw")
    ]
    first = [[state_of(c, feed) for c in row] for row in cells] if feed else [None, None]
    if "dynamic" in golden.card["driver"]:
        return stack_bidirectional_dynamic_rnn(
            *cells, sequence, *first, dtype, lengths, time_major=golden.card["time_major"], ops=ops
        )
    return stack_bidirectional_rnn(*cells, steps, *first, dtype, lengths, ops=ops)


def raw(golden: Golden, cell: Any, x: Any, lengths: Any, feed: Any, ops: Any) -> Any:
    """The recorded loop, in NumPy."""
    state, rows = state_of(cell, feed), len(x)
    emits = golden.card["driver"] == "raw_rnn_emit"

    def loop(time: Any, output: Any, cell_state: Any, loop_state: Any) -> Any:
        emit = output
        if emits and output is None:
            emit = (np.zeros(cell.output_size, x.dtype), np.zeros((), np.int32))
        elif emits:
            emit = (output, np.full(rows, time, np.int32))
        finished = time >= lengths
        following = np.zeros_like(x[:, 0]) if finished.all() else x[:, time]
        count = np.int32(0) if loop_state is None else loop_state + 1
        return finished, following, state if output is None else cell_state, emit, count

    arrays, final, count = raw_rnn(cell, loop, ops=ops)
    return states.map_structure(lambda a: a.stack(), arrays), final, count


def fused(golden: Golden, scope: Scope, steps: Any, x: Any, feed: Any, rest: Any) -> Any:
    lengths, dtype, ops = rest
    driver = golden.card["driver"]
    whole: Any
    if "block" in driver:
        inner = LSTMBlockCell(scope("kernel"), scope("bias"))
        whole, cell = LSTMBlockFusedCell(inner), inner
    else:
        cell = cell_of(golden, scope)
        whole = FusedRNNCellAdaptor(cell, "dynamic" in driver)
    whole = TimeReversedFusedRNN(whole) if "reversed" in driver else whole
    fed = steps if golden.card["listed"] else x.swapaxes(0, 1)
    return whole(fed, state_of(cell, feed), dtype, lengths, ops=ops)


def structure(result: Any) -> Any:
    if isinstance(result, tuple | list):
        return [type(result).__name__, *(structure(r) for r in result)]
    return "array"


@pytest.mark.parametrize("golden", CASES)
def test_equals_tensorflow(golden: Golden) -> None:
    result = play(golden)
    assert structure(result) == golden.card["structure"]
    for k, (actual, expected) in enumerate(
        zip(states.flatten(result), golden.row("y"), strict=True)
    ):
        if golden.card["cell"] == "toy" or np.asarray(actual).dtype.kind != "f":
            # Small integers in floats: masking, copy-through and reversal are exact or wrong.
            np.testing.assert_array_equal(actual, expected, err_msg=f"y{k}")
            assert actual.dtype == expected.dtype
        elif golden.card["dtype"] == "float64":
            assert_close_64(actual, expected, rtol=1e-12, what=f"y{k}")
        else:
            # One float32 op over five steps of a contracting network: 2^-20 is 8 floors of 2^-23.
            assert actual.dtype == expected.dtype
            np.testing.assert_allclose(
                actual, expected, rtol=0, atol=2.0**-20 * np.abs(expected).max()
            )


@pytest.mark.parametrize("golden", [p for p in CASES if p.values[0].group("g/")])
def test_gradients_equal_tensorflow(golden: Golden) -> None:
    """Back-propagation through every driver: lengths, reversal, copy-through, lists."""
    tape = Tape()
    live = {name: tape.watch(value) for name, value in golden.group("var/").items()}
    leaves = states.flatten(play(golden, live, tape))
    cots = {int(k): c for k, c in golden.group("d").items()}
    found = tape.gradient([leaves[k] for k in cots], list(cots.values()), list(live.values()))
    for (name, actual), expected in zip(
        zip(live, found, strict=True), (golden.arrays.get(f"g/{n}") for n in live), strict=True
    ):
        if expected is None:
            assert not actual.any(), name
        elif golden.card["dtype"] == "float64":
            assert_close_64(actual, expected, rtol=1e-11, what=name)
        else:
            # A float32 sum over steps and rows: 16 floors of 2^-23, and their number.
            np.testing.assert_allclose(
                actual, expected, rtol=0, atol=2.0**-17 * np.abs(expected).max()
            )


@pytest.mark.parametrize("golden", REFUSED)
def test_refuses_what_tensorflow_refuses(golden: Golden) -> None:
    cell = LSTMBlockCell(np.ones((7, 16), np.float32), np.ones(16, np.float32))
    with pytest.raises(SemanticsError, match="got a list"):
        LSTMBlockFusedCell(cell)([np.ones((4, 3), np.float32)], dtype="float32")

"""stack_bidirectional_rnn and stack_bidirectional_dynamic_rnn: each layer reads both directions of the layer below.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn.py:25-245``. Not the same network as a bidirectional
driver over two MultiRNNCells, whose directions meet only at the top.
"""

from __future__ import annotations

from typing import Any

from reference.drivers.bidirectional import bidirectional_dynamic_rnn, static_bidirectional_rnn
from reference.drivers.stepping import default_ops
from reference.errors import SemanticsError


def stack_bidirectional_rnn(
    cells_fw: list[Any],
    cells_bw: list[Any],
    inputs: Any,
    initial_states_fw: list[Any] | None = None,
    initial_states_bw: list[Any] | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    *,
    ops: Any = None,
) -> tuple[list[Any], tuple[Any, ...], tuple[Any, ...]]:
    """(list of T outputs, states_fw, states_bw), one state per layer.

    Raises:
        SemanticsError: cells or states that are not lists of one length; whatever static_bidirectional_rnn refuses.
    """
    fw, bw, layer = [], [], inputs
    for (one, two), (ahead, behind) in _layers(
        cells_fw, cells_bw, initial_states_fw, initial_states_bw
    ):
        layer, a, b = static_bidirectional_rnn(
            one, two, layer, ahead, behind, dtype, sequence_length, ops=ops
        )
        fw.append(a)
        bw.append(b)
    return layer, tuple(fw), tuple(bw)


def stack_bidirectional_dynamic_rnn(
    cells_fw: list[Any],
    cells_bw: list[Any],
    inputs: Any,
    initial_states_fw: list[Any] | None = None,
    initial_states_bw: list[Any] | None = None,
    dtype: Any = None,
    sequence_length: Any = None,
    parallel_iterations: int | None = None,
    time_major: bool = False,
    swap_memory: bool = False,
    *,
    ops: Any = None,
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """(outputs with both directions on the last axis, states_fw, states_bw).

    Raises:
        SemanticsError: cells or states that are not lists of one length; whatever bidirectional_dynamic_rnn refuses.
    """
    ops = ops or default_ops()
    fw, bw, layer = [], [], inputs
    for (one, two), (ahead, behind) in _layers(
        cells_fw, cells_bw, initial_states_fw, initial_states_bw
    ):
        outputs, (a, b) = bidirectional_dynamic_rnn(
            one,
            two,
            layer,
            sequence_length,
            ahead,
            behind,
            dtype,
            parallel_iterations,
            swap_memory,
            time_major,
            ops=ops,
        )
        layer = ops.concat(list(outputs), 2)
        fw.append(a)
        bw.append(b)
    return layer, tuple(fw), tuple(bw)


def _layers(cells_fw: Any, cells_bw: Any, states_fw: Any, states_bw: Any) -> list[Any]:
    for name, cells in (("cells_fw", cells_fw), ("cells_bw", cells_bw)):
        if not isinstance(cells, list) or not cells:
            msg = f"{name} must be a list of cells, one per layer and one at least, got {cells!r}"
            raise SemanticsError(msg)
    depth = len(cells_fw)
    if len(cells_bw) != depth:
        msg = f"cells_fw has {depth} layers and cells_bw {len(cells_bw)}: they must have the same depth"
        raise SemanticsError(msg)
    given = []
    for name, first in (("initial_states_fw", states_fw), ("initial_states_bw", states_bw)):
        if first is not None and (not isinstance(first, list) or len(first) != depth):
            msg = f"{name} must be a list of {depth} states, one per layer, got {type(first).__name__}"
            raise SemanticsError(msg)
        # An empty list counts as none, as TF1's truth test has it.
        given.append(first or [None] * depth)
    return list(zip(zip(cells_fw, cells_bw, strict=True), zip(*given, strict=True), strict=True))

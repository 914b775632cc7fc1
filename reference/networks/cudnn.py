"""CudnnLSTM, CudnnGRU, CudnnRNNTanh and CudnnRNNRelu on a CPU: many layers, both directions.

Source: TF 1.15.5 ``contrib/cudnn_rnn/python/layers/cudnn_rnn.py`` and
``…/ops/cudnn_rnn_ops.py:1646-2065``. A layer reads both directions of the layer below, side by
side, as stack_bidirectional does. States are stacked: row ``layer * directions + direction``. h
comes before c here, against LSTMStateTuple. Dropout lies between layers and is the identity at
inference.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.drivers.bidirectional import bidirectional_dynamic_rnn
from reference.drivers.checks import check_sequence
from reference.drivers.dynamic import dynamic_rnn
from reference.errors import SemanticsError
from reference.layouts.cudnn import CudnnShape, canonical_to_cells, opaque_to_canonical
from reference.states import LSTMStateTuple


def cudnn_rnn(
    cells: list[list[Any]],
    inputs: Any,
    initial_state: Any = None,
    sequence_lengths: Any = None,
    *,
    time_major: bool = True,
    ops: Any = None,
) -> tuple[Any, tuple[Any, ...]]:
    """(outputs [T, B, directions * units], (h, c) or (h,)), each state [layers * directions, B, units].

    Args:
        cells: by layer and direction.
        inputs: [T, B, input_size], or [B, T, input_size] with ``time_major=False``.
        initial_state: (h, c) or (h,), stacked as they are returned; zeros if None.
        sequence_lengths: [B] or None; past a length outputs are 0 and the state is the last valid one.
        time_major: the layout of inputs and outputs.
        ops: the interpreter; NumPy if None.

    Raises:
        SemanticsError: a state of the wrong shape; whatever dynamic_rnn refuses.
    """
    _, batch = check_sequence(inputs, batch_axis=1 if time_major else 0)
    states = _states(cells, initial_state, batch, str(inputs.dtype))
    finals: list[Any] = []
    options: dict[str, Any] = {"time_major": time_major, "ops": ops}
    x = inputs
    for row in cells:
        first = [states[len(finals) + k] for k in range(len(row))]
        if len(row) == 1:
            x, final = dynamic_rnn(row[0], x, sequence_lengths, first[0], **options)
            finals.append(final)
        else:
            fw, bw = row
            both, ends = bidirectional_dynamic_rnn(
                fw, bw, x, sequence_lengths, first[0], first[1], **options
            )
            x = np.concatenate(both, 2) if ops is None else ops.concat(list(both), 2)
            finals += ends
    if isinstance(finals[0], tuple):
        return x, (_stack(ops, [s.h for s in finals]), _stack(ops, [s.c for s in finals]))
    return x, (_stack(ops, finals),)


def cudnn_rnn_opaque(
    params: Any, shape: CudnnShape, inputs: Any, initial_state: Any = None, **options: Any
) -> tuple[Any, tuple[Any, ...]]:
    """The same from the opaque parameter vector."""
    cells = canonical_to_cells(*opaque_to_canonical(params, shape), shape)
    return cudnn_rnn(cells, inputs, initial_state, **options)


def _states(cells: list[list[Any]], given: Any, batch: int, dtype: str) -> list[Any]:
    flat = [cell for row in cells for cell in row]
    sizes = [cell.state_size for cell in flat]
    pair = isinstance(sizes[0], tuple)
    if given is None:
        given = [np.zeros((len(flat), batch, s), dtype) for s in _hc(sizes[0])]
    want = [(len(flat), batch, s) for s in _hc(sizes[0])]
    got = [tuple(np.shape(s)) for s in given]
    if got != want:
        msg = f"initial_state must have the shapes {want} ({'h, c' if pair else 'h'}), got {got}"
        raise SemanticsError(msg)
    if pair:
        return [LSTMStateTuple(c, h) for h, c in zip(*given, strict=True)]
    return list(given[0])


def _hc(size: Any) -> list[int]:
    return [size.h, size.c] if isinstance(size, LSTMStateTuple) else [size]


def _stack(ops: Any, parts: list[Any]) -> Any:
    return np.stack(parts) if ops is None else ops.stack(parts, 0)

"""Real-time recurrent learning: the gradient carried forwards, step by step.

Source: Williams and Zipser, "A learning algorithm for continually running fully recurrent neural
networks", 1989. Beside the state goes its derivative in every weight; no past is kept. It costs P
times a step, P the number of weights, and here it is the independent check of back-propagation:
:mod:`reference.gradients.forward_mode` shares no rule with the tape.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference import states
from reference.cells.base import map_weights, weights
from reference.gradients.forward_mode import Dual, ForwardOps


def rtrl(
    cell: Any,
    inputs: Any,
    initial_state: Any,
    d_outputs: Any,
    d_state: Any,
    sequence_length: Any = None,
) -> dict[str, Any]:
    """Gradients of ``sum(outputs * d_outputs) + sum(state * d_state)`` in every weight, by path.

    Args:
        cell: a cell whose equation the forward-mode interpreter knows (BasicRNN, the LSTMs, the GRUs).
        inputs: time-major ``[T, B, features]``.
        initial_state: a nest as ``cell.state_size``.
        d_outputs: ``[T, B, output]``; d_state: a nest as the state.
        sequence_length: ``[B]`` or None.

    Raises:
        SemanticsError: an operation without a forward-mode rule.
    """
    ops, live, shapes = _directions(cell)
    total = np.zeros(ops.directions)
    state = states.map_structure(ops.lift, initial_state)
    for t, x in enumerate(inputs):
        output, new = live.step(ops, ops.lift(x), state)
        running = (
            np.ones(len(x), bool) if sequence_length is None else t < np.asarray(sequence_length)
        )
        total += _inner(output, np.where(running[:, None], d_outputs[t], 0))
        pairs = zip(states.flatten(state), states.flatten(new), strict=True)
        kept = [ops.where(running[:, None], n, old) for old, n in pairs]
        state = states.unflatten_like(new, kept)
    for part, cotangent in zip(states.flatten(state), states.flatten(d_state), strict=True):
        total += _inner(part, cotangent)
    found, at = {}, 0
    for path, shape in shapes.items():
        size = int(np.prod(shape))
        found[path] = total[at : at + size].reshape(shape)
        at += size
    return found


def _directions(cell: Any) -> tuple[ForwardOps, Any, dict[str, tuple[int, ...]]]:
    """The cell whose k-th weight number, counted through all weights, moves in direction k."""
    shapes = {path: np.shape(w) for path, w in weights(cell).items()}
    ops = ForwardOps(sum(int(np.prod(s)) for s in shapes.values()))
    begins = dict(zip(shapes, np.cumsum([0, *(np.prod(s) for s in shapes.values())]), strict=False))

    def lift(path: str, value: Any) -> Dual:
        size = int(np.prod(shapes[path]))
        tangent = np.zeros((ops.directions, size), value.dtype)
        tangent[int(begins[path]) :][:size] = np.eye(size)
        return ops.lift(value, tangent.reshape(ops.directions, *shapes[path]))

    return ops, map_weights(lift, cell), shapes


def _inner(part: Dual, cotangent: Any) -> Any:
    axes = tuple(range(1, part.tangent.ndim))
    return (part.tangent * cotangent).sum(axis=axes)

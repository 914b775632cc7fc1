"""Back-propagation through time, for any cell and any driver; and its truncation.

The drivers run under :class:`reference.gradients.tape.Tape`, so lengths, majors, reversal and
copy-through have the gradients TF1 gives them: a padded step has none, and a finished row's
final-state cotangent flows to its last valid step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference import states
from reference.cells.base import map_weights, weights
from reference.drivers.dynamic import dynamic_rnn
from reference.errors import SemanticsError
from reference.gradients.tape import Tape, Var


@dataclass(frozen=True)
class Gradients:
    """The results of a run, and what the loss owes to each array that went in."""

    outputs: Any
    state: Any
    weights: dict[str, Any]
    """By path (:func:`reference.cells.base.weights`)."""
    inputs: Any
    initial_state: Any


def bptt(
    cell: Any,
    inputs: Any,
    initial_state: Any,
    d_outputs: Any,
    d_state: Any,
    sequence_length: Any = None,
    *,
    time_major: bool = False,
    truncate: int | None = None,
) -> Gradients:
    """Gradients of ``sum(outputs * d_outputs) + sum(state * d_state)`` under dynamic_rnn.

    Args:
        cell: any cell.
        inputs: ``[B, T, …]`` (or time-major), or a nest of such arrays.
        initial_state: a nest as ``cell.state_size``.
        d_outputs: a nest as the outputs; d_state: a nest as the state.
        sequence_length: ``[B]`` or None.
        time_major: the layout of inputs, outputs and their cotangents.
        truncate: go back at most so many steps from the end, as Theano's ``scan(truncate_gradient=k)``: the cotangents of earlier
            outputs are dropped with their steps. Not the same as cutting a long sequence into pieces.

    Raises:
        SemanticsError: ``truncate`` below 1; whatever dynamic_rnn refuses.
    """

    def run(ops: Any, cell: Any, x: Any, state: Any, length: Any) -> tuple[Any, Any]:
        return dynamic_rnn(cell, x, length, state, time_major=time_major, ops=ops)

    if truncate is None:
        return differentiate(
            lambda ops, c, x, s: run(ops, c, x, s, sequence_length),
            cell, inputs, initial_state, d_outputs, d_state,
        )  # fmt: skip
    if truncate < 1:
        msg = f"truncate must be at least 1 step, got {truncate}"
        raise SemanticsError(msg)
    return _truncated(run, cell, (inputs, initial_state, d_outputs, d_state), sequence_length,
                      0 if time_major else 1, truncate)  # fmt: skip


def differentiate(
    function: Callable[[Any, Any, Any, Any], tuple[Any, Any]],
    cell: Any,
    inputs: Any,
    initial_state: Any,
    d_outputs: Any,
    d_state: Any,
    /,
) -> Gradients:
    """The same for ``function(ops, cell, inputs, state) -> (outputs, state)``: one step, or any driver."""
    tape = Tape()
    watched: dict[str, Var] = {}

    def watch_weight(path: str, value: Any) -> Any:
        watched[path] = tape.watch(value)
        return watched[path]

    def watch(leaf: Any) -> Any:
        value = np.asarray(leaf)
        return tape.watch(value) if value.dtype.kind == "f" else value

    live = map_weights(watch_weight, cell)
    x, s = states.map_structure(watch, inputs), states.map_structure(watch, initial_state)
    outputs, state = function(tape, live, x, s)
    results = states.flatten(outputs) + states.flatten(state)
    cotangents = states.flatten(d_outputs) + states.flatten(d_state)
    pairs = [(r, c) for r, c in zip(results, cotangents, strict=True) if isinstance(r, Var)]
    leaves = [v for v in states.flatten(x) + states.flatten(s) if isinstance(v, Var)]
    sources = [*watched.values(), *leaves]
    found = tape.gradient([r for r, _ in pairs], [c for _, c in pairs], sources)
    by_number = dict(zip([v.number for v in sources], found, strict=True))

    def grad(v: Any) -> Any:
        return by_number[v.number] if isinstance(v, Var) else None

    return Gradients(
        outputs=states.map_structure(_value, outputs),
        state=states.map_structure(_value, state),
        weights={path: grad(v) for path, v in watched.items()},
        inputs=states.map_structure(grad, x),
        initial_state=states.map_structure(grad, s),
    )


def _truncated(run: Any, cell: Any, nests: Any, lengths: Any, axis: int, k: int) -> Gradients:
    """The first T - k steps run plainly, the rest on the tape."""
    from reference.drivers.stepping import default_ops

    inputs, state, d_outputs, d_state = nests
    time = int(states.flatten(inputs)[0].shape[axis])
    cut = max(time - k, 0)

    def part(nest: Any, begin: int, end: int) -> Any:
        index = (slice(None),) * axis + (slice(begin, end),)
        return states.map_structure(lambda x: x[index], nest)

    early = lengths if lengths is None else np.clip(lengths, 0, cut)
    late = lengths if lengths is None else np.clip(np.asarray(lengths) - cut, 0, k)
    plain = default_ops()
    head, middle = run(plain, cell, part(inputs, 0, cut), state, early) if cut else (None, state)
    found = differentiate(
        lambda ops, c, x, s: run(ops, c, x, s, late),
        cell, part(inputs, cut, time), middle, part(d_outputs, cut, time), d_state,
    )  # fmt: skip

    def whole(tail: Any, full: Any) -> Any:
        blank = np.zeros_like(np.take(full, range(cut), axis))
        return np.concatenate([blank, tail], axis)

    outputs = found.outputs
    if cut:
        outputs = states.map_structure(lambda a, b: np.concatenate([a, b], axis), head, outputs)
        blank = states.map_structure(np.zeros_like, found.initial_state)
    else:
        blank = found.initial_state
    dx = states.map_structure(lambda g, x: whole(g, np.asarray(x)), found.inputs, inputs)
    return Gradients(outputs, found.state, found.weights, dx, blank)


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Var) else x


__all__ = ["Gradients", "bptt", "differentiate", "weights"]

"""A recurrence as ``Scan``: the cell's equation as body, with everything that needs no state hoisted out of it.

Lengths are a mask, computed for all steps before: past its length a row gives 0 and keeps its state, and a backward scan thereby starts each
row at its last valid step, which is what TF1's two ``reverse_sequence`` do. Selection, never multiplication: NaN in the padding stays there.
A forward scan whose final states nobody reads runs on in its padding: no row sees another, and what is computed there is not shown.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.program import Recurrence
from converters.to_onnx import sizes
from converters.to_onnx.builder import Port, Scope, prune, ranked
from converters.to_onnx.hoist import item_of
from converters.to_onnx.onnx_ops import Frame
from converters.to_onnx.segments.apart import rows_apart
from converters.to_onnx.tighten import tighten
from converters.to_onnx.values import Value
from reference import states
from reference.cells.base import Dims, map_weights
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, Size

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps

Env = dict[str, Value]


def emit_scan(
    ops: OnnxOps,
    recurrence: Recurrence,
    env: Env,
    read: Collection[str],
    /,
    *,
    hidden: bool = False,
) -> None:
    """Write the Scan; the recurrence's outputs and final states go to ``env``. ``read``: the names that something reads.

    ``hidden``: nobody sees the outputs past a row's end, so that they may hold anything. In a float16 model the weights are float16 and the body is float32: ONNX Runtime's CPU computes float16 in float32 anyway, and its
    optimiser (1.31, the NCHWc step) ends the process at a Scan whose body holds float16.
    """
    if not ops.narrow:
        _emit(ops, recurrence, env, read, hidden)
        return
    taken = (*recurrence.sequences, *recurrence.initial_state, *recurrence.invariants)
    inner = {name: _in(ops, env[name], ops.narrow) for name in taken}
    inner |= {name: env[name] for name in (recurrence.lengths, recurrence.steps) if name}
    with ops.wide():
        _emit(ops, recurrence, inner, read, hidden)
    for name in recurrence.defines:
        if name in inner:
            env[name] = ops.cast(inner[name], inner[name].fact.dtype)


def _in(ops: OnnxOps, value: Value, narrow: Mapping[str, str]) -> Value:
    """A value in the dtype that was narrowed, where it was."""
    for wide, small in narrow.items():
        if value.fact.dtype == small:
            with ops.wide():
                return ops.cast(value, wide)
    return value


def _emit(
    ops: OnnxOps, recurrence: Recurrence, env: Env, read: Collection[str], hidden: bool
) -> None:
    sequences = [env[name] for name in recurrence.sequences]
    time = real = _time(ops, recurrence, env)
    if _may_be_empty(recurrence, time, sequences):
        sequences = [_never_empty(ops, value, time) for value in sequences]
        time = sequences[0].shape[0] if sequences else _time(ops, recurrence, env, least=1)
    batch = _batch(recurrence, sequences)
    mask = _mask(ops, recurrence, env, time)
    initial = [env[name] for name in recurrence.initial_state]
    with ops.build.inside(recurrence.name) as scope:
        frame = Frame(scope)
        ops.steps.append(frame)
        carried = [_carried(ops, value, batch) for value in initial]
        outputs, new = _step(ops, recurrence, env, sequences, carried)
        shown = [i for i, name in enumerate(recurrence.outputs) if name in read]
        outputs = [outputs[i] for i in shown]
        if mask is not None:
            kept = _kept(recurrence, carried, read)
            shown_only = [] if hidden else outputs
            valid = item_of(ops, mask)
            zeroed, new = _masked(ops, valid, shown_only, new, carried, kept)
            outputs = zeroed or outputs
        finals = [_distinct(ops, value, scope) for value in (*new, *outputs)]
        ops.steps.pop()
    prune(scope)
    tighten(scope, ops.facts)
    facts = [value.fact for value in outputs]
    names = _close(ops, recurrence, frame, initial, finals, time)
    for name, found, start in zip(recurrence.final_state, names, carried, strict=False):
        env[name] = ops.wrap(found, Fact(start.fact.dtype, start.fact.shape))
        if real != time:
            ran = ops.greater(ops.amount(real), 0)
            env[name] = ops.where(ran, env[name], env_start(env, recurrence, name))
    for i, found, fact in zip(shown, names[len(carried) :], facts, strict=True):
        if real != time:
            found = ops.node(
                "Slice", found, ops.axes([0]), sizes.vector(ops, [real]), ops.axes([0])
            )
        env[recurrence.outputs[i]] = ops.wrap(found, Fact(fact.dtype, (real, *(fact.shape or ()))))


def env_start(env: Env, recurrence: Recurrence, final: str) -> Value:
    """The initial value of the state part whose final value has this name."""
    return env[recurrence.initial_state[recurrence.final_state.index(final)]]


def _may_be_empty(recurrence: Recurrence, time: Dim, sequences: list[Value]) -> bool:
    """Whether TF1 gives results of 0 steps, which ONNX Runtime's Scan refuses."""
    if recurrence.never_empty or not (isinstance(time, Size) or time == 0):
        return False
    return all(value.fact.dtype != "string" for value in sequences)


def _never_empty(ops: OnnxOps, x: Value, time: Dim) -> Value:
    """One item of zeros where there is none."""
    rank = len(x.shape)
    missing = ops.node("Sub", ops.axes([1]), ops.node("Min", sizes.size(ops, time), ops.axes([1])))
    after = [ops.axes([0] * (rank - 1))] if rank > 1 else []
    widths = ops.node("Concat", ops.axes([0] * rank), missing, *after, axis=0)
    steps = ops.abstract.fresh(f"{x.name}|steps")
    return ops.wrap(ops.node("Pad", x, widths), Fact(x.fact.dtype, (steps, *x.shape[1:])))


def _time(ops: OnnxOps, recurrence: Recurrence, env: Env, *, least: int = 0) -> Dim:
    if recurrence.sequences:
        return env[recurrence.sequences[0]].shape[0]
    assert recurrence.steps is not None
    steps = env[recurrence.steps]
    zero, one = (ops.constant(np.asarray(v, np.int64)) for v in (0, 1))
    count = ops.cast(steps, "int64")
    count = ops.maximum(count, ops.constant(np.asarray(least, np.int64))) if least else count
    time: Dim = ops.range(zero, count, one).shape[0]
    return time


def _batch(recurrence: Recurrence, sequences: list[Value]) -> Dim | None:
    """The rows of the sequences, which know better than a state that may be broadcast; a traced cell's may lie elsewhere."""
    if recurrence.reason:
        return None
    return next((value.shape[1] for value in sequences if len(value.shape) > 1), None)


def _mask(ops: OnnxOps, recurrence: Recurrence, env: Env, time: Dim) -> Value | None:
    """bool [T, B]: the steps before each row's end."""
    if recurrence.lengths is None:
        return None
    lengths = env[recurrence.lengths]
    steps = _steps(ops, time, lengths.fact.dtype)
    return ops.less(ops.expand_dims(steps, 1), ops.expand_dims(lengths, 0))  # type: ignore[no-any-return]


def _steps(ops: OnnxOps, time: Dim, dtype: str) -> Value:
    """0, 1, … T - 1."""
    zero, one = (ops.constant(np.asarray(v, dtype)) for v in (0, 1))
    limit = ops.cast(ops.amount(time), dtype)
    return ops.range(zero, limit, one)  # type: ignore[no-any-return]


def _carried(ops: OnnxOps, value: Value, batch: Dim | None) -> Value:
    """A state part inside the body."""
    shape = value.fact.shape
    if shape and batch is not None and shape[0] != batch:
        shape = (batch, *shape[1:])
    name = ops.build.port("state", value.fact.dtype, ranked(shape))
    return Value(ops, Fact(value.fact.dtype, shape), name)


def _step(
    ops: OnnxOps,
    recurrence: Recurrence,
    env: Env,
    sequences: list[Value],
    carried: list[Value],
) -> tuple[list[Value], list[Value]]:
    """The body: (outputs, new states)."""
    cell = map_weights(
        lambda path, w: ops.weight(np.asarray(w), _label(recurrence, path)), recurrence.cell
    )
    items = [item_of(ops, rows) for rows in sequences]
    given = (*items, *(env[name] for name in recurrence.invariants))
    x = given[0] if len(given) == 1 else given
    structure = _structure(recurrence.cell.state_size, len(carried))
    output, state = cell.step(ops, x, states.unflatten_like(structure, carried))
    return states.flatten(output), states.flatten(state)


def _kept(recurrence: Recurrence, carried: list[Value], read: Collection[str]) -> list[bool]:
    """Which state parts must stay as they are past a row's end: those read in the end, and all that a backward scan meets first.

    In a forward one, where no row is computed from another, the rest may become anything there.
    """
    if recurrence.direction == "backward" or not rows_apart(recurrence, carried):
        return [True] * len(carried)
    return [name in read for name in recurrence.final_state]


def _masked(
    ops: OnnxOps,
    valid: Value,
    outputs: list[Value],
    new: list[Value],
    old: list[Value],
    kept: list[bool],
) -> tuple[list[Value], list[Value]]:
    """Past a row's end zeros for the outputs, and the old state where it is to be kept."""
    after = [
        _select(ops, valid, value, before) if keep else value
        for value, before, keep in zip(new, old, kept, strict=True)
    ]
    zeros = [ops.constant(np.zeros((), value.fact.dtype)) for value in outputs]
    shown = [_select(ops, valid, value, zero) for value, zero in zip(outputs, zeros, strict=True)]
    return shown, after


def _structure(size: Any, count: int) -> Any:
    """The nest of the state, with numbers for leaves."""
    numbers = iter(range(count))

    def build(part: Any) -> Any:
        if isinstance(part, Dims) or not isinstance(part, tuple | list):
            return next(numbers)
        leaves = [build(item) for item in part]
        return type(part)(*leaves) if hasattr(part, "_fields") else tuple(leaves)

    return build(size)


def _label(recurrence: Recurrence, path: str) -> str:
    return recurrence.parameters.get(path, f"{recurrence.name}/{path}")


def _select(ops: OnnxOps, valid: Value, value: Value, other: Value) -> Value:
    """Rows where ``valid`` [B] holds, of any rank."""
    rank = len(value.shape)
    if rank == 0:
        return value
    condition = valid
    for _ in range(rank - 1):
        condition = ops.expand_dims(condition, -1)
    return ops.where(condition, value, other)  # type: ignore[no-any-return]


def _distinct(ops: OnnxOps, value: Value, scope: Scope) -> str:
    """A name of the body's own that no other output has."""
    name = ops.ref(value)
    foreign = ops.build.home[name] is not scope or any(name == port.name for port in scope.inputs)
    if foreign or any(name == port.name for port in scope.outputs) or name in _items(ops):
        [name] = ops.build.add("Identity", [name], shared=False)
    scope.outputs.append(Port(name, value.fact.dtype, ranked(value.fact.shape)))
    return name


def _items(ops: OnnxOps) -> set[str]:
    return set(ops.steps[-1].sequences.values())


def _close(
    ops: OnnxOps,
    recurrence: Recurrence,
    frame: Frame,
    initial: list[Value],
    finals: list[str],
    time: Dim,
) -> list[str]:
    """The Scan node, reading only the sequences that its pruned body still needs."""
    needed = prune(frame.scope)
    used = {outside: item for outside, item in frame.sequences.items() if item in needed}
    if not used:
        steps = ops.ref(_steps(ops, time, "int64"))
        used = {steps: ops.build.unique(f"{steps}|item")}
    frame.scope.inputs += [Port(item, "", None) for item in used.values()]
    backward = 1 if recurrence.direction == "backward" else 0
    scanned = len(finals) - len(initial)
    return ops.nodes(
        "Scan",
        len(finals),
        *initial,
        *used,
        body=frame.scope,
        num_scan_inputs=len(used),
        scan_input_directions=[backward] * len(used) if backward else None,
        scan_output_directions=[backward] * scanned if backward and scanned else None,
    )

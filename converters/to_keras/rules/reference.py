"""Any other cell: ``keras.layers.RNN`` over the reference equation, or :class:`Recurrent` where RNN cannot hold it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.program import Recurrence
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.layers.cell import reference_cell, size_parts
from converters.to_keras.layers.recurrent import Recurrent
from converters.to_keras.naming import layer_name
from converters.to_keras.operations import told
from converters.to_keras.plan import Builder, Key, Plan, Tensors
from converters.to_keras.recurrent import (
    length_tensor,
    lengths_key,
    masked_input,
    record,
    sequence_keys,
    share_key,
    used,
    wanted,
    zero_states,
)
from converters.to_keras.rules.native import refusal


def keras_rnn(context: Context, key: Key) -> Plan | None:
    """``keras.layers.RNN(ReferenceCell)``: one sequence, one output, states ``[B, n]``."""
    recurrence = wanted(context, key)
    if recurrence is None or not _simple(context, recurrence):
        return None
    start = () if zero_states(context, recurrence) else tuple(map(Key, recurrence.initial_state))
    needs = (*sequence_keys(recurrence), *lengths_key(context, recurrence), *start)

    def build(builder: Builder, tensors: Tensors) -> Mapping[Key, Any]:
        x, *rest = tensors
        initial = rest[len(rest) - len(start) :]
        lengths = length_tensor(context, recurrence, rest[: len(rest) - len(start)])
        reason = refusal(context, recurrence)
        builder.records[recurrence.name] = dict(record(recurrence, "RNN", reason))
        return _rnn(builder, recurrence, (x, lengths, initial))

    return Plan(needs, build)


def _simple(context: Context, recurrence: Recurrence) -> bool:
    if len(recurrence.sequences) != 1 or recurrence.invariants or len(recurrence.outputs) != 1:
        return False
    dtypes = {_dtype(context, name) for name in (*recurrence.initial_state, *recurrence.sequences)}
    cell = recurrence.cell
    # Keras' RNN knows states and outputs of one feature axis only.
    flat = all(isinstance(n, int) for n in size_parts((cell.state_size, cell.output_size)))
    return flat and len(dtypes) == 1 and dtypes.pop().startswith("float")


def _dtype(context: Context, name: str) -> str:
    fact = context.fact(name)
    return "float32" if fact is None else fact.dtype


def _rnn(
    builder: Builder, recurrence: Recurrence, given: tuple[Any, Any, Any]
) -> Mapping[Key, Any]:
    x, lengths, initial = given
    context = builder.context
    back = recurrence.direction == "backward"
    flags = {
        "return_sequences": used(context, recurrence.outputs),
        "return_state": used(context, recurrence.final_state),
        "zero_output_for_mask": lengths is not None,
        "go_backwards": back,
    }
    layer = builder.layer(
        share_key(recurrence, "RNN", *sorted(flags.items())),
        recurrence.name,
        lambda name: keras.layers.RNN(
            _cell(context, recurrence, name),
            name=name,
            dtype=_dtype(context, recurrence.sequences[0]),
            **flags,
        ),
    )
    x, kwargs = masked_input(context, recurrence, x, lengths)
    if initial:
        kwargs["initial_state"] = list(initial)
    results = layer(x, **kwargs)
    layer.cell.assign(recurrence.cell)
    results = list(results) if flags["return_state"] else [results]
    made: dict[Key, Any] = {}
    if flags["return_sequences"]:
        y = keras.ops.flip(results[0], axis=1) if back else results[0]
        made[Key(recurrence.outputs[0], swapped=True)] = y
    made |= {
        Key(n): part
        for n, part in zip(recurrence.final_state, results[1:], strict=bool(flags["return_state"]))
    }
    return made


def _cell(context: Context, recurrence: Recurrence, name: str) -> Any:
    cell = recurrence.cell
    scope = f"{name}_{layer_name(type(cell).__name__.lower())}"
    dtype = _dtype(context, recurrence.sequences[0]) if recurrence.sequences else "float32"
    return reference_cell(cell, dict(recurrence.parameters), scope, dtype)


def any_recurrence(context: Context, key: Key) -> Plan | None:
    """The layer of this package, time-major; it holds whatever a Recurrence can be."""
    recurrence, _ = context.producers.get(key.value, (None, 0))
    if not isinstance(recurrence, Recurrence) or not key.plain or _simple(context, recurrence):
        return None
    optional = [recurrence.lengths, None if recurrence.sequences else recurrence.steps]
    # JAX wants to know the number of steps before it runs.
    count = None if optional[1] is None else context.known(optional[1])
    if count is not None:
        optional[1] = None
    names = (
        *recurrence.sequences,
        *recurrence.initial_state,
        *recurrence.invariants,
        *(name for name in optional if name is not None),
    )
    parts = {
        "sequences": len(recurrence.sequences),
        "states": len(recurrence.initial_state),
        "invariants": len(recurrence.invariants),
        "lengths": int(optional[0] is not None),
        "steps": int(optional[1] is not None),
    }

    def build(builder: Builder, tensors: Tensors) -> Mapping[Key, Any]:
        layer = builder.layer(
            share_key(recurrence, "Recurrent", f"{parts} {count}"),
            recurrence.name,
            lambda name: Recurrent(
                _cell(context, recurrence, name),
                parts,
                recurrence.direction == "backward",
                steps=None if count is None else int(count),
                name=name,
            ),
        )
        layer.refine(told(context, recurrence.defines))
        results = layer(list(tensors))
        results = results if isinstance(results, list | tuple) else [results]
        layer.cell.assign(recurrence.cell)
        reason = refusal(context, recurrence)
        builder.records[recurrence.name] = dict(record(recurrence, "Recurrent", reason))
        return {Key(n): t for n, t in zip(recurrence.defines, results, strict=True)}

    return Plan(tuple(Key(name) for name in names), build)

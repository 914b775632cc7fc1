"""A recurrence as ``keras.layers.LSTM``, ``GRU`` or ``SimpleRNN``, where the numbers are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.program import Recurrence
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.native import Native, native
from converters.to_keras.plan import Builder, Key, Plan, Tensors
from converters.to_keras.recurrent import (
    keras_states,
    length_tensor,
    lengths_key,
    masked_input,
    record,
    sequence_keys,
    share_key,
    tf_states,
    used,
    wanted,
    zero_states,
)


def refusal(context: Context, recurrence: Recurrence, /) -> str:
    """Why no native layer can stand for this recurrence, ``""`` where one can."""
    found = native(recurrence.cell)
    if isinstance(found, str):
        return recurrence.reason or found
    if len(recurrence.sequences) != 1 or recurrence.invariants:
        return "the cell reads more than one sequence"
    shape = context.shape(recurrence.sequences[0])
    if shape is not None and len(shape) != 3:
        return "the sequence has more than one feature axis"
    return ""


def native_recurrence(context: Context, key: Key) -> Plan | None:
    """One layer, its mask made from the lengths; a backward one reads from the end and is flipped back."""
    recurrence = wanted(context, key)
    if recurrence is None or refusal(context, recurrence):
        return None
    spec = native(recurrence.cell)
    assert isinstance(spec, Native)
    start = () if zero_states(context, recurrence) else tuple(map(Key, recurrence.initial_state))
    needs = (*sequence_keys(recurrence), *lengths_key(context, recurrence), *start)

    def build(builder: Builder, tensors: Tensors) -> Mapping[Key, Any]:
        x, *rest = tensors
        states = rest[len(rest) - len(start) :]
        lengths = length_tensor(context, recurrence, rest[: len(rest) - len(start)])
        layer = _layer(builder, recurrence, spec)
        builder.records[recurrence.name] = dict(record(recurrence, spec.layer, None))
        return _call(context, recurrence, spec, layer, (x, lengths, states))

    return Plan(needs, build)


def make(spec: Native, name: str, *, sequences: bool, state: bool, masked: bool, back: bool) -> Any:
    """The Keras layer, not built yet."""
    more: dict[str, Any] = {"zero_output_for_mask": True} if masked and sequences else {}
    if spec.dtype == "float16" and keras.backend.backend() != "tensorflow":
        more["recurrent_initializer"] = "zeros"  # the default needs a QR decomposition in float16
    return getattr(keras.layers, spec.layer)(
        spec.units,
        **spec.options,
        return_sequences=sequences,
        return_state=state,
        go_backwards=back,
        name=name,
        dtype=spec.dtype,
        **more,
    )


def _layer(builder: Builder, recurrence: Recurrence, spec: Native) -> Any:
    flags = {
        "sequences": used(builder.context, recurrence.outputs),
        "state": used(builder.context, recurrence.final_state),
        "masked": recurrence.lengths is not None,
        "back": recurrence.direction == "backward",
    }
    key = share_key(recurrence, spec.layer, *sorted(flags.items()), *sorted(spec.options.items()))
    return builder.layer(key, recurrence.name, lambda name: make(spec, name, **flags))


def _call(
    context: Context, recurrence: Recurrence, spec: Native, layer: Any, given: tuple[Any, Any, Any]
) -> Mapping[Key, Any]:
    x, lengths, states = given
    x, kwargs = masked_input(context, recurrence, x, lengths)
    if states:
        kwargs["initial_state"] = keras_states(spec, states)
    if not layer.built:
        # Keras may have lost the number of features on the way; the kernel knows it.
        layer.build((None, None, spec.weights[0].shape[0]))
    results = layer(x, **kwargs)
    layer.set_weights(spec.weights)
    results = list(results) if layer.return_state else [results]
    made: dict[Key, Any] = {}
    if layer.return_sequences:
        y = keras.ops.flip(results[0], axis=1) if layer.go_backwards else results[0]
        made[Key(recurrence.outputs[0], swapped=True)] = y
    if layer.return_state:
        parts = tf_states(spec, results[1:])
        made |= {Key(n): p for n, p in zip(recurrence.final_state, parts, strict=True)}
    return made

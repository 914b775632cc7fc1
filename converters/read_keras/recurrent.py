"""LSTM, GRU, SimpleRNN, RNN of cells, and Bidirectional, as Recurrences.

Keras' semantics, from ``keras.src.backend.tensorflow.rnn`` (3.15): a masked step carries the state through, and its output is that of the step
run before it (0 before the first), or 0 with ``zero_output_for_mask``; ``go_backwards`` runs and returns the steps in reverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from converters.program import Recurrence
from converters.read_keras.builder import Builder
from converters.read_keras.cells import Found, read_cell
from converters.read_keras.layers import Call, Layer, layer
from converters.read_keras.masks import Masks, Steps
from converters.read_keras.values import Nest, Value, flatten
from reference.vocabulary.abstract import Fact

RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN")


@dataclass(frozen=True)
class Settings:
    """How a layer drives its cells."""

    cells: tuple[Found, ...]
    """One, or those of StackedRNNCells from the input on."""
    sequences: bool
    state: bool
    backward: bool
    zeros: bool


@dataclass(frozen=True)
class Driven:
    """What a layer computed; sequences in the order of the input, whatever the direction."""

    y: Value
    """[T, B, units], as the recurrence gives it."""
    last: Value
    """[B, units], the output of the last step run; the initial state's h where none was."""
    states: tuple[tuple[Value, ...], ...]
    """By cell, in Keras' order."""


def settings(call: Call, /) -> Settings:
    """Of an RNN layer."""
    if call.config("stateful", False):
        msg = "stateful=True keeps a state between calls; save the model with stateful=False, or export --streaming"
        raise call.refused(msg)
    call.read.add("unroll")  # the same numbers, written out step by step
    return Settings(
        _cells(call),
        bool(call.config("return_sequences", False)),
        bool(call.config("return_state", False)),
        bool(call.config("go_backwards", False)),
        bool(call.config("zero_output_for_mask", False)),
    )


def _cells(call: Call) -> tuple[Found, ...]:
    inner = call.layer
    if inner.kind != "RNN":
        cell = replace(inner, path=f"{inner.path}/cell", named=False, _weights=None)
        # The layer's own settings and its cell's are one dictionary: what the cell reads counts as read.
        proxy = Call(call.build, cell, [], {})
        found = (read_cell(proxy),)
        call.read |= proxy.read
        return found
    call.read.add("cell")
    held = inner.inner("cell", "cell")
    return tuple(_cell(call.build, part) for part in _stack(held))


def _stack(held: Layer) -> list[Layer]:
    from converters.read_keras.layers import make_layer
    from converters.read_keras.network import child_names

    if held.kind != "StackedRNNCells":
        return [held]
    parts = held.config.get("cells")
    parts = parts if isinstance(parts, list) else []
    kinds = [str(part.get("class_name")) if isinstance(part, dict) else "" for part in parts]
    names = child_names(kinds)
    layers = [
        make_layer(part, f"{held.path}/cells/{name}", held.store)
        for part, name in zip(parts, names, strict=True)
    ]
    return [inner for item in layers for inner in _stack(item)]


def _cell(build: Builder, held: Layer) -> Found:
    call = Call(build, held, [], {})
    found = read_cell(call)
    call.check_read()
    return found


# ---- running ---------------------------------------------------------------------------------------------------


def drive(
    call: Call,
    masks: Masks,
    chosen: Settings,
    x: Value,
    steps: Steps | None,
    start: Sequence[Value] | None,
    name: str,
) -> Driven:
    """The recurrences of one layer, one per cell."""
    b = call.build
    y = masks.sequence(x, steps)
    batch = b.size(x, 0)
    given = list(start) if start is not None else []
    states: list[tuple[Value, ...]] = []
    for number, found in enumerate(chosen.cells):
        if start is None:
            begin = [b.zeros([batch, found.units], x.dtype) for _ in found.states]
        else:
            begin, given = given[: len(found.states)], given[len(found.states) :]
            if len(begin) != len(found.states):
                msg = "its initial_state has too few parts"
                raise call.refused(msg)
        label = b.unique(name if len(chosen.cells) == 1 else f"{name}/cell_{number}")
        y, final = _recurrence(call, found, y, begin, steps, chosen.backward, label)
        states.append(final)
    if given:
        msg = "its initial_state has too many parts"
        raise call.refused(msg)
    return Driven(y, states[-1][0], tuple(states))


def _recurrence(
    call: Call,
    found: Found,
    y: Value,
    begin: list[Value],
    steps: Steps | None,
    backward: bool,
    label: str,
) -> tuple[Value, tuple[Value, ...]]:
    features = y.shape[-1]
    if y.rank != 3 or (isinstance(features, int) and features != found.cell.input_size):
        msg = f"its input has shape {y.shape} and its kernel {found.cell.input_size} rows"
        raise call.refused(msg)
    ordered = tuple(begin[place].name for place in found.states)
    statement = Recurrence(
        name=label,
        cell=found.cell,
        sequences=(y.name,),
        initial_state=ordered,
        outputs=(f"{label}/sequence:0",),
        final_state=tuple(f"{label}/state:{i}" for i in range(len(ordered))),
        lengths=None if steps is None else steps.lengths.name,
        direction="backward" if backward else "forward",
        time_major=False,
        parameters=found.parameters,
        loop=call.layer.name,
    )
    row = Fact(y.dtype, (y.shape[1], found.units))
    facts = [Fact(y.dtype, (*y.shape[:2], found.units)), *[row] * len(ordered)]
    sequence, *final = call.build.recurrence(statement, facts)
    by_keras = sorted(zip(found.states, final, strict=True), key=lambda pair: pair[0])
    return sequence, tuple(value for _, value in by_keras)


def shown(
    call: Call, masks: Masks, chosen: Settings, done: Driven, steps: Steps | None, started: bool
) -> Value:
    """The layer's first output, in the order of the input: [B, T, units], or [B, units]."""
    b = call.build
    if chosen.sequences:
        options = {"zeros": chosen.zeros, "backward": chosen.backward}
        return masks.restored(done.y, steps, last=_ran(b, done.last, steps, started), **options)
    if steps is None:
        return done.last
    if chosen.zeros:
        place = 0 if chosen.backward else -1
        edge = b.reduce("Any", _at(b, steps.valid, place), 1)
        return b("SelectV2", b.expand(edge, 1), done.last, b.like(done.last, 0))
    return _ran(b, done.last, steps, started)


def _at(b: Builder, valid: Value, place: int) -> Value:
    """Step ``place`` of a mask [B, T], as [B, 1]."""
    begin, end = np.array([0, place], np.int32), np.array([0, place + 1], np.int32)
    return b(
        "StridedSlice",
        valid,
        begin,
        end,
        np.array([1, 1], np.int32),
        begin_mask=1,
        end_mask=1 if place == 0 else 3,
    )


def _ran(b: Builder, last: Value, steps: Steps | None, started: bool) -> Value:
    """``last``, and 0 in rows of which no step was run: Keras shows no initial state as output."""
    if steps is None or not started:
        return last
    some = b("Greater", steps.lengths, b.like(steps.lengths, 0))
    return b("SelectV2", b.expand(some, 1), last, b.like(last, 0))


def mask_in(call: Call, nest: Nest) -> Value | None:
    """The first of some masks, as [B, T]."""
    masks = [m for m in flatten(nest) if m is not None]
    if not masks:
        return None
    if not isinstance(masks[0], Value) or masks[0].rank not in (2, 3):
        msg = "its mask is not [batch, time]"
        raise call.refused(msg)
    mask: Value = masks[0]
    return call.build.squeeze(mask, 2) if mask.rank == 3 else mask


def inputs_of(call: Call) -> tuple[Value, list[Value] | None]:
    """The sequence, and the parts of the initial state."""
    start = call.argument("initial_state", 1)
    x = call.x
    if start is None:
        return x, None
    given = flatten(start)
    if any(not isinstance(part, Value) for part in given):
        given = [p if isinstance(p, Value) else call.build.constant(p, "float32") for p in given]
    return x, [call.build.cast(part, x.dtype) for part in given]


def recurrent(call: Call, masks: Masks, /) -> Nest:
    """A unidirectional layer."""
    chosen = settings(call)
    x, start = inputs_of(call)
    mask = mask_in(call, call.mask)
    steps = None if mask is None else masks.steps(mask)
    done = drive(call, masks, chosen, x, steps, start, call.layer.name)
    y = shown(call, masks, chosen, done, steps, start is not None)
    if chosen.sequences:
        if chosen.backward:
            y = call.build("ReverseV2", y, np.array([1], np.int32))
        elif mask is not None:
            masks.moved[(y.name, steps.valid.name if steps is not None else "")] = done.y
        else:
            masks.moved[(y.name, "")] = done.y
        y = y.masked(mask_in(call, call.previous_mask))
    if not chosen.state:
        return y
    return [y, *nested_states(chosen, done)]


def nested_states(chosen: Settings, done: Driven) -> list[Any]:
    """The final states as Keras returns them: an LSTM's side by side, those of a stack one entry per cell."""
    if len(done.states) == 1:
        return list(done.states[0])
    return [states[0] if len(states) == 1 else list(states) for states in done.states]


@layer("LSTM", "GRU", "SimpleRNN", "RNN")
def _recurrent(call: Call) -> Nest:
    return recurrent(call, call.build.masks)

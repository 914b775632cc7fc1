"""Bidirectional: a forward and a backward layer over one input, in every merge mode."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from converters.read_keras.layers import Call, layer
from converters.read_keras.masks import Masks, Steps
from converters.read_keras.recurrent import (
    RECURRENT,
    Settings,
    drive,
    inputs_of,
    mask_in,
    nested_states,
    settings,
    shown,
)
from converters.read_keras.values import Nest, Value


@layer("Bidirectional")
def bidirectional(call: Call) -> Nest:
    """Two layers over one input; the backward one's sequence turned round again."""
    masks = call.build.masks
    sides = [_side(call, key) for key in ("forward_layer", "backward_layer")]
    chosen = [settings(side) for side in sides]
    for side in sides:
        side.check_read()
    if chosen[0].backward == chosen[1].backward or chosen[0].sequences != chosen[1].sequences:
        msg = "its two layers do not run in opposite directions alike"
        raise call.refused(msg)
    x, start = inputs_of(call)
    half = len(start) // 2 if start is not None else 0
    starts = [None, None] if start is None else [start[:half], start[half:]]
    mask = mask_in(call, call.mask)
    steps = None if mask is None else masks.steps(mask)
    ys, moved, states = [], [], []
    for own, given, part in zip(chosen, starts, ("forward", "backward"), strict=True):
        # The wrapper sets this, whatever the wrapped layer says.
        setting = replace(own, zeros=own.sequences)
        done = drive(call, masks, setting, x, steps, given, f"{call.layer.name}/{part}")
        ys.append(shown(call, masks, setting, done, steps, given is not None))
        moved.append(done.y)
        states += nested_states(setting, done)
    if chosen[0].sequences and chosen[0].backward:
        # The first layer is the one that runs backward: its reversed order stays, the other's is turned.
        ys = [call.build("ReverseV2", y, np.array([1], np.int32)) for y in ys]
        moved = []
    handed = mask_in(call, call.previous_mask)
    return _merged(call, masks, chosen[0], ys, moved, steps, handed, states)


def _side(call: Call, key: str) -> Call:
    """One of the two layers: the backward one is derived from the forward one where the file does not hold it."""
    call.read |= {"layer", "backward_layer"}
    given = call.layer.config.get("layer" if key == "forward_layer" else "backward_layer")
    if given is not None:
        inner = call.layer.inner("layer" if key == "forward_layer" else "backward_layer", key)
    else:
        inner = call.layer.inner("layer", key)
        inner = replace(inner, config={**inner.config, "go_backwards": True}, _weights=None)
    if inner.kind not in RECURRENT:
        msg = f"it wraps a {inner.kind}, which is no recurrent layer known here"
        raise call.refused(msg)
    return Call(call.build, inner, [], {})


_MERGES = {"sum": "AddV2", "mul": "Mul", "ave": "AddV2"}


def _merged(
    call: Call, masks: Masks, chosen: Settings, ys: list[Value], moved: list[Value], steps: Steps | None,
    mask: Value | None, states: list[Any],
) -> Nest:  # fmt: skip
    b = call.build
    mode = call.config("merge_mode", "concat")
    mask = mask if chosen.sequences else None

    def merge(pair: list[Value], axis: int) -> Value:
        if mode == "concat":
            return b.concat(pair, axis)
        total = b(_MERGES[mode], *pair)
        return b("RealDiv", total, b.like(total, 2)) if mode == "ave" else total

    if mode is None:
        result: list[Any] = [y.masked(mask) for y in ys]
    elif mode in ("concat", *_MERGES):
        y = merge(ys, ys[0].rank - 1)
        if chosen.sequences and moved:
            masks.moved[(y.name, "" if steps is None else steps.valid.name)] = merge(moved, 2)
        result = [y.masked(mask)]
    else:
        msg = f"its merge_mode {mode!r} is not known here"
        raise call.refused(msg)
    result += states if chosen.state else []
    return result if len(result) > 1 else result[0]

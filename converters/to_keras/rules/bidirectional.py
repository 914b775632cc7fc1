"""A forward and a backward recurrence over the same sequence as ``keras.layers.Bidirectional``."""

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
from converters.to_keras.rules.native import make, refusal


def bidirectional(context: Context, key: Key) -> Plan | None:
    """Both directions in one layer: a right-padded mask makes Keras' reversal the same as TF1's by length.

    Unequal sizes stay two layers (Keras gives the pair one output shape).
    """
    recurrence = wanted(context, key)
    pair = None if recurrence is None else _pair(context, recurrence)
    if pair is None:
        return None
    forward, backward = pair
    starts = () if _zero(context, pair) else (*forward.initial_state, *backward.initial_state)
    needs = (
        *sequence_keys(forward),
        *lengths_key(context, forward),
        *(Key(name) for name in starts),
    )

    def build(builder: Builder, tensors: Tensors) -> Mapping[Key, Any]:
        x, *rest = tensors
        states = rest[len(rest) - len(starts) :]
        lengths = length_tensor(context, forward, rest[: len(rest) - len(starts)])
        return _build(builder, pair, (x, lengths, states))

    return Plan(needs, build)


Pair = tuple[Recurrence, Recurrence]


def _zero(context: Context, pair: Pair) -> bool:
    return all(zero_states(context, one) for one in pair)


def _pair(context: Context, one: Recurrence) -> Pair | None:
    """The partner: same sequence and lengths, the other direction, the same layer but for the weights."""
    free = [s for s in context.live if isinstance(s, Recurrence)]
    taken: set[str] = set()
    for index, first in enumerate(free):
        if first.name in taken:
            continue
        for second in free[index + 1 :]:
            if second.name not in taken and _alike(context, first, second):
                taken.update((first.name, second.name))
                if one.name in (first.name, second.name):
                    return (first, second) if first.direction == "forward" else (second, first)
                break
    return None


def _alike(context: Context, a: Recurrence, b: Recurrence) -> bool:
    if {a.direction, b.direction} != {"forward", "backward"}:
        return False
    if _source(context, a) != _source(context, b) or _lengths(context, a) != _lengths(context, b):
        return False
    if refusal(context, a) or refusal(context, b):
        return False
    one, two = native(a.cell), native(b.cell)
    assert isinstance(one, Native)
    assert isinstance(two, Native)
    same = (one.layer, one.units, one.joined, one.dtype, one.options) == (
        two.layer,
        two.units,
        two.joined,
        two.dtype,
        two.options,
    )
    sides = zero_states(context, a) == zero_states(context, b)
    return same and sides and not _depends(context, a, b) and not _depends(context, b, a)


def _source(context: Context, one: Recurrence) -> str:
    """The sequence behind transposes and identities, marked by how often its axes were exchanged."""
    name, flips = context.resolve(one.sequences[0]), 0
    while (node := context.node(name, "Transpose")) is not None:
        perm = context.known(node.inputs[1])
        if perm is None or perm.reshape(-1).tolist() != [1, 0, 2]:
            break
        name, flips = context.resolve(node.inputs[0]), flips + 1
    return f"{name}/{flips % 2}"


def _lengths(context: Context, one: Recurrence) -> str | None:
    return None if one.lengths is None else context.resolve(one.lengths)


def _depends(context: Context, one: Recurrence, other: Recurrence) -> bool:
    """Whether ``one`` reads, however far, what ``other`` makes."""
    stack, seen = list(one.inputs), set()
    while stack:
        name = stack.pop()
        if name in seen:
            continue
        seen.add(name)
        statement = context.producers.get(name, (None, 0))[0]
        if statement is other:
            return True
        if statement is not None:
            stack.extend(statement.inputs)
    return False


def _build(builder: Builder, pair: Pair, given: tuple[Any, Any, Any]) -> Mapping[Key, Any]:
    x, lengths, states = given
    specs = [s for one in pair if isinstance(s := native(one.cell), Native)]
    layer = _layer(builder, pair, specs)
    x, kwargs = masked_input(builder.context, pair[0], x, lengths)
    if states:
        half = len(states) // 2
        kwargs["initial_state"] = [
            *keras_states(specs[0], states[:half]),
            *keras_states(specs[1], states[half:]),
        ]
    if not layer.built:
        layer.build((None, None, specs[0].weights[0].shape[0]))
    results = list(layer(x, **kwargs))
    layer.set_weights([*specs[0].weights, *specs[1].weights])
    made: dict[Key, Any] = {}
    half = 2 + (len(results) - 2) // 2
    for one, spec, y, final in zip(
        pair, specs, results[:2], (results[2:half], results[half:]), strict=True
    ):
        builder.records[one.name] = dict(record(one, spec.layer, None, wrapper="Bidirectional"))
        if layer.return_sequences:
            made[Key(one.outputs[0], swapped=True)] = y
        if final:
            parts = tf_states(spec, final)
            made |= {Key(n): p for n, p in zip(one.final_state, parts, strict=True)}
    return made


def _layer(builder: Builder, pair: Pair, specs: list[Native]) -> Any:
    context = builder.context
    flags = {
        "sequences": any(used(context, one.outputs) for one in pair),
        "state": any(used(context, one.final_state) for one in pair),
        "masked": pair[0].lengths is not None,
    }
    scope = _common(pair[0].name, pair[1].name)

    def create(name: str) -> Any:
        inner = [
            make(s, d, back=d == "backward", **flags) for s, d in zip(specs, _WAYS, strict=True)
        ]
        return keras.layers.Bidirectional(
            inner[0], merge_mode=None, backward_layer=inner[1], name=name, dtype=specs[0].dtype
        )

    keys = tuple(share_key(one) for one in pair)
    return builder.layer(("Bidirectional", keys, *flags.items()), scope, create)


_WAYS = ("forward", "backward")


def _common(first: str, second: str) -> str:
    parts = []
    for a, b in zip(first.split("/"), second.split("/"), strict=False):
        if a != b:
            break
        parts.append(a)
    return "/".join(parts) or "bidirectional"

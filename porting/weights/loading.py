"""``load_tf1_weights``: the weights of a TF1 checkpoint into Keras layers that somebody wrote by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.read_checkpoint import open_checkpoint
from porting.weights.candidates import Place
from porting.weights.forms import arrays_of
from porting.weights.matching import Matching
from porting.weights.misses import why_missing
from porting.weights.partitions import by_id, check_strategy
from porting.weights.proposals import Proposal
from porting.weights.report import LoadReport, Match, Missing
from porting.weights.store import Store
from porting.weights.targets import EMBEDDING, Leaf, Unit, units_of
from reference.errors import SemanticsError, UsageError
from reference.layouts import cudnn, gru, lstm, rnn

Scope = str | Mapping[str, str] | None
ForgetBias = float | Mapping[str, float] | None


def load_tf1_weights(
    model_or_layer: Any,
    checkpoint: Path | str,
    scope: Scope = None,
    *,
    forget_bias: ForgetBias = None,
    averages: bool = False,
    partition_strategy: str | None = None,
) -> LoadReport:
    """Fill Keras layers from a TF1 checkpoint; nothing is changed unless all that matches can be loaded.

    Gates are brought into Keras' order, kernels split into ``kernel`` and ``recurrent_kernel``, the forget bias is added to the bias. Keras keeps
    two biases where cuDNN's GRU needs them, else they are summed.

    Args:
        model_or_layer: built. ``LSTM``, ``GRU``, ``SimpleRNN``, their cells, ``RNN``, ``StackedRNNCells``, ``Bidirectional``, ``Dense``,
            ``Embedding``, ``Conv1D``, ``Conv2D``, ``BatchNormalization``, and models of these.
        checkpoint: the prefix of a V1 or V2 checkpoint.
        scope: where to look: one scope of TF1, or scopes by the name of the Keras layer (``""`` for all others).
        forget_bias: what the TF1 program gave its LSTM cells, or each by the name of its Keras layer. None: TF1's default, 1; cuDNN's cells
            have 0 always.
        averages: take the ``ExponentialMovingAverage`` of each variable that has one.
        partition_strategy: of an embedding that was partitioned by rows: ``"mod"``, the default of ``tf.nn.embedding_lookup``, or ``"div"``;
            the checkpoint does not say it.

    Raises:
        UsageError: a layer is not built; nothing matches; a layer could be several places (they are listed); an argument does nothing.
        SemanticsError: the numbers do not fit the layer (a bias it lacks, float64 into float32).
        ArtefactError: the checkpoint is damaged.
    """
    units = units_of(model_or_layer)
    store = Store(open_checkpoint(checkpoint), averages=averages)
    scopes = _scopes(scope, units, store)
    matching = Matching(units, store, scopes)
    good = {u: p for u, p in matching.taken.items() if not p.problem}
    missing = tuple(
        Missing(unit.name, why_missing(unit, store, matching.scope(unit), matching.taken.get(unit)))
        for unit in units
        if unit not in good
    )
    if not good:
        why = "; ".join(f"{item.layer}: {item.reason}" for item in missing)
        msg = f"nothing in {store.where} matches: {why or 'there is no layer with weights'}"
        raise UsageError(msg)
    told = _told(units, good, forget_bias)
    if averages and not any(name in store.averaged for p in good.values() for name in p.tensors):
        msg = "averages=True, but none of the variables that match has a moving average"
        raise UsageError(msg)
    check_strategy(good, store, partition_strategy)
    mod = partition_strategy == "mod"
    ready = [
        item
        for unit, p in good.items()
        for item in _prepare(unit, p, store, told.get(unit.name), mod)
    ]
    for variable, value in ready:
        variable.assign(value)
    used = {name for proposal in good.values() for name in proposal.tensors}
    looked = {name for at in (scopes or {"": ""}).values() for name in store.names(at)}
    matched = tuple(
        _match(unit, good[unit], store, told.get(unit.name)) for unit in units if unit in good
    )
    return LoadReport(matched, missing, tuple(sorted(looked - used)), store.ignored)


def _scopes(scope: Scope, units: Sequence[Unit], store: Store) -> dict[str, str]:
    given = {"": scope or ""} if scope is None or isinstance(scope, str) else dict(scope)
    unknown = sorted(set(given) - {unit.name for unit in units} - {""})
    if unknown:
        msg = f"scope names {', '.join(unknown)}, but the layers are {', '.join(u.name for u in units)}"
        raise UsageError(msg)
    for at in given.values():
        if not store.names(at):
            msg = f"{store.where} holds no variable in scope {at!r}"
            raise UsageError(msg)
    return {name: at.strip("/") for name, at in given.items()}


def _told(
    units: Sequence[Unit], good: Mapping[Unit, Proposal], forget_bias: ForgetBias
) -> dict[str, float]:
    """The forget bias by layer, where the caller gave one; one that does nothing is a mistake of the caller's."""
    if forget_bias is None:
        return {}
    adding = {u.name for u, p in good.items() if any(place.forget_bias for place in p.places)}
    told = (
        dict(forget_bias)
        if isinstance(forget_bias, Mapping)
        else dict.fromkeys(adding, forget_bias)
    )
    strange = sorted(set(told) - adding)
    if strange or not told:
        which = ", ".join(strange) or ", ".join(unit.name for unit in units)
        msg = f"forget_bias is given, but of {which} no cell was matched that adds one (biases of cuDNN and Keras hold it already)"
        raise UsageError(msg)
    return told


def _added(place: Place, forget_bias: float | None) -> float | None:
    default = place.forget_bias
    return forget_bias if default and forget_bias is not None else default


def _match(unit: Unit, proposal: Proposal, store: Store, forget_bias: float | None) -> Match:
    first = proposal.places[0]
    names = dict.fromkeys(
        store.averaged.get(n, n) for place in proposal.places for n in place.tensors
    )
    return Match(unit.name, first.form, tuple(names), _added(first, forget_bias))


def _prepare(
    unit: Unit, proposal: Proposal, store: Store, forget_bias: float | None, mod: bool
) -> list[tuple[Any, np.ndarray]]:
    """(Keras variable, its new value)."""
    ready = []
    for leaf, place in zip(unit.leaves, proposal.places, strict=True):
        arrays = _arrays(leaf, place, store, _added(place, forget_bias) or 0.0, mod)
        for role, value in arrays.items():
            variable = leaf.variables.get(role)
            if variable is None:
                if np.any(value):
                    msg = f"layer {unit.name!r} has use_bias=False, and the {role} in {place} is not zero"
                    raise SemanticsError(msg)
                continue
            ready.append((variable, _fitting(unit, place, role, variable, value)))
    return ready


def _arrays(
    leaf: Leaf, place: Place, store: Store, forget_bias: float, mod: bool
) -> dict[str, np.ndarray]:
    values = [store.read(name) for name in place.tensors]
    starts = store.row_starts(place.tensors[0]) if mod and place.form == EMBEDDING else ()
    if starts:
        values = [by_id(values[0], starts, place.tensors[0])]
    if place.pack is not None:
        return _unpacked(place, values[0])
    if place.cell is not None:
        return arrays_of(place.cell, values, forget_bias)
    return dict(zip(place.roles, values, strict=True))


def _unpacked(place: Place, vector: np.ndarray) -> dict[str, np.ndarray]:
    """One layer and direction of cuDNN's vector; the GRU keeps both biases of its candidate, and has those of its gates summed."""
    shape, layer, direction = place.pack
    cells = cudnn.canonical_to_cells(*cudnn.opaque_to_canonical(vector, shape), shape)
    module: Any = {"lstm": lstm, "gru": gru}.get(shape.mode, rnn)
    found = module.to_keras(cells[layer][direction])
    return dict(zip(("kernel", "recurrent_kernel", "bias"), found, strict=True))


def _fitting(unit: Unit, place: Place, role: str, variable: Any, value: np.ndarray) -> np.ndarray:
    wanted = str(variable.dtype)
    if value.shape != tuple(variable.shape):
        msg = f"layer {unit.name!r}: {role} is {list(variable.shape)}, and {place} gives {list(value.shape)}"
        raise SemanticsError(msg)
    if value.dtype.itemsize > np.dtype(wanted).itemsize if wanted != "bfloat16" else True:
        msg = f"{place} holds {value.dtype}, and layer {unit.name!r} {wanted}: build it with dtype={str(value.dtype)!r}"
        raise SemanticsError(msg)
    return np.ascontiguousarray(value, wanted)

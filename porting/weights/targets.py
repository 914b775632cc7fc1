"""The layers of a Keras model that hold weights, as units that one set of TF1 variables fills."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from reference.errors import UsageError

LSTM, GRU, GRU_AFTER, RNN = "lstm", "gru", "gru reset after", "rnn"
DENSE, EMBEDDING, CONV, BATCH_NORM = "dense", "embedding", "conv", "batch norm"
CELL = "cell of a port"
RECURRENT = (LSTM, GRU, GRU_AFTER, RNN)


@dataclass(frozen=True, eq=False)
class Leaf:
    """One cell or layer: its Keras variables by role (``kernel``, ``recurrent_kernel``, ``bias``, ``gamma``, …)."""

    name: str
    kind: str
    variables: dict[str, Any]
    relu: bool = False
    """An RNN whose activation is relu; cuDNN has a mode for it."""
    told: dict[str, str] = field(default_factory=dict)
    """Of a cell that a port holds: the TF1 variable of each role, as the port knows it."""

    def shape(self, role: str = "kernel") -> tuple[int, ...]:
        return tuple(int(n) for n in self.variables[role].shape)

    @property
    def units(self) -> int:
        return self.shape("recurrent_kernel")[0]

    @property
    def features(self) -> int:
        return self.shape()[0]


@dataclass(frozen=True, eq=False)
class Unit:
    """What is matched at once: ``grid[layer][direction]``."""

    name: str
    layer: Any
    grid: tuple[tuple[Leaf, ...], ...]
    unknown: str = ""
    """Why this layer cannot be filled at all; "" where it can."""
    leaves: tuple[Leaf, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "leaves", tuple(leaf for row in self.grid for leaf in row))

    @property
    def recurrent(self) -> bool:
        return bool(self.leaves) and all(leaf.kind in RECURRENT for leaf in self.leaves)

    @property
    def told_name(self) -> str | None:
        """Its name, where somebody chose it: ``lstm_3`` is counted by Keras, and says nothing."""
        kind = type(self.layer).__name__
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).lower()
        pattern = rf"({re.escape(snake)}|{re.escape(kind.lower())})(_\d+)?"
        return None if re.fullmatch(pattern, self.name) else self.name


def import_keras() -> Any:
    """Keras.

    Raises:
        MissingExtraError: it is not installed.
    """
    from converters.to_keras.backend import keras

    return keras


def units_of(thing: Any, /) -> list[Unit]:
    """The units of a model or a layer, in its order.

    Raises:
        UsageError: a layer is not built yet, or ``thing`` is no Keras layer.
    """
    keras = import_keras()
    if not isinstance(thing, keras.layers.Layer):
        msg = f"give a Keras model or layer, not {type(thing).__name__}"
        raise UsageError(msg)
    found: list[Unit] = []
    seen: set[int] = set()
    for layer in _flat(keras, thing):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        unit = _unit(keras, layer)
        if unit is not None:
            found.append(unit)
    return found


def _flat(keras: Any, layer: Any) -> Iterator[Any]:
    """Layers without layers in them; wrappers that hold one are opened."""
    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from _flat(keras, inner)
    elif isinstance(layer, keras.layers.TimeDistributed):
        yield from _flat(keras, layer.layer)
    else:
        yield layer


def _unit(keras: Any, layer: Any) -> Unit | None:
    kl = keras.layers
    grid: tuple[tuple[Any, ...], ...]
    if not layer.built:
        if isinstance(layer, kl.InputLayer):
            return None
        msg = f"layer {layer.name!r} has no weights yet: build it, or call the model once"
        raise UsageError(msg)
    if not layer.weights or all("seed_generator" in w.path for w in layer.weights):
        return None
    if isinstance(layer, kl.Bidirectional):
        forward, backward = (
            _cells(keras, side) for side in (layer.forward_layer, layer.backward_layer)
        )
        grid = tuple(zip(forward, backward, strict=True)) if len(forward) == len(backward) else ()
    elif isinstance(layer, kl.RNN | kl.StackedRNNCells) or _kind(keras, layer) in RECURRENT:
        grid = tuple((cell,) for cell in _cells(keras, layer))
    else:
        leaf = _leaf(keras, layer)
        grid = ((leaf,),) if leaf is not None else ()
    if not grid or any(leaf is None for row in grid for leaf in row):
        return Unit(
            layer.name,
            layer,
            (),
            f"{type(layer).__name__} has no counterpart among TF1's variables here",
        )
    return Unit(layer.name, layer, grid)


def _cells(keras: Any, layer: Any) -> Sequence[Any]:
    """The cells of an RNN layer, or a cell itself."""
    cell = getattr(layer, "cell", layer)
    cells = cell.cells if isinstance(cell, keras.layers.StackedRNNCells) else [cell]
    return [_leaf(keras, one) for one in cells]


def _kind(keras: Any, layer: Any) -> str | None:
    kl = keras.layers
    if isinstance(layer, kl.GRU | kl.GRUCell):
        return GRU_AFTER if layer.reset_after else GRU
    table = (
        ((kl.LSTM, kl.LSTMCell), LSTM), ((kl.SimpleRNN, kl.SimpleRNNCell), RNN), ((kl.Dense,), DENSE),
        ((kl.Embedding,), EMBEDDING), ((kl.BatchNormalization,), BATCH_NORM), ((kl.Conv1D, kl.Conv2D), CONV),
    )  # fmt: skip
    return next((kind for classes, kind in table if isinstance(layer, classes)), None)


def _leaf(keras: Any, layer: Any) -> Leaf | None:
    kind = _kind(keras, layer)
    if kind is None:
        return _ported(layer)
    variables = {
        w.path.rsplit("/", 1)[-1]: w for w in layer.weights if "seed_generator" not in w.path
    }
    if kind == EMBEDDING:
        variables = dict.fromkeys(("kernel",), next(iter(variables.values())))
    relu = getattr(getattr(layer, "activation", None), "__name__", "") == "relu"
    return Leaf(layer.name, kind, variables, relu)


def _ported(layer: Any) -> Leaf | None:
    """The cell of a port: it holds a reference cell's weights by path, and says which variables they were."""
    if type(layer).__name__ != "ReferenceCell" or not type(layer).__module__.startswith(
        "converters."
    ):
        return None
    return Leaf(layer.name, CELL, dict(layer._slots), told=dict(layer.parameters))


def upstream(layer: Any, /) -> set[int]:
    """The ids of all layers that a layer of a functional model depends on; empty where that is not known."""
    found: set[int] = set()
    stack = [layer]
    while stack:
        try:
            given = stack.pop().input
        except (AttributeError, ValueError):
            continue
        for tensor in _tensors(given):
            operation = getattr(getattr(tensor, "_keras_history", None), "operation", None)
            if operation is not None and id(operation) not in found:
                found.add(id(operation))
                stack.append(operation)
    return found


def _tensors(nest: Any) -> Iterator[Any]:
    if isinstance(nest, dict):
        nest = list(nest.values())
    if isinstance(nest, list | tuple):
        for item in nest:
            yield from _tensors(item)
    else:
        yield nest

"""Functional and Sequential models: the graph of layer calls, run on values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.read_keras import operations
from converters.read_keras.builder import Builder, refused
from converters.read_keras.layers import Layer, make_layer, run
from converters.read_keras.structure import labels, mapped, places
from converters.read_keras.values import Nest, Value, flatten
from reference.errors import ArtefactError

if TYPE_CHECKING:
    from converters.read_keras.archive import Weights

MODELS = ("Functional", "Sequential", "Model")
_DEEPEST = 64
Key = tuple[str, int]


def child_names(kinds: Sequence[str], /) -> list[str]:
    """The names Keras gives to the members of a list in model.weights.h5: by class, numbered.

    >>> child_names(["Dense", "LSTM", "Dense"])
    ['dense', 'lstm', 'dense_1']
    """
    used: dict[str, int] = {}
    names = []
    for kind in kinds:
        name = re.sub(r"\W+", "", kind)
        name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
        name = re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
        count = used.get(name, 0)
        used[name] = count + 1
        names.append(name if not count else f"{name}_{count}")
    return names


@dataclass(frozen=True)
class Slot:
    """An input of a network."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class Network:
    """A model of the file, nested ones included."""

    def __init__(self, data: dict[str, Any], path: str, store: Weights, depth: int = 0) -> None:
        if depth > _DEEPEST:
            msg = f"models are nested more than {_DEEPEST} deep"
            raise ArtefactError(msg)
        config = data.get("config")
        if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
            name = str(
                config.get("name", data.get("class_name"))
                if isinstance(config, dict)
                else data.get("class_name")
            )
            raise refused(
                name,
                "it is neither a Functional nor a Sequential model, so the file holds no graph of its layers",
            )
        self.data, self.config = data, config
        self.name = str(data.get("name") or config.get("name") or "model")
        self.sequential = "input_layers" not in config
        self.members: dict[str, Layer | Network | operations.Operation] = {}
        self.entries: dict[str, dict[str, Any]] = {}
        self._create(path, store, depth)

    def _create(self, path: str, store: Weights, depth: int) -> None:
        entries = [item if isinstance(item, dict) else {} for item in self.config["layers"]]
        tracked = [e for e in entries if not operations.is_operation(e)]
        if self.sequential and tracked and tracked[0].get("class_name") == "InputLayer":
            tracked = tracked[1:]
        names = child_names([str(e.get("class_name")) for e in tracked])
        spots = {id(e): f"{path}layers/{name}" for e, name in zip(tracked, names, strict=True)}
        for entry in entries:
            member = self._member(entry, spots.get(id(entry), ""), store, depth)
            if member.name in self.members:
                msg = f"model {self.name!r} has two layers named {member.name!r}"
                raise ArtefactError(msg)
            self.members[member.name] = member
            self.entries[member.name] = entry

    def _member(self, entry: dict[str, Any], path: str, store: Weights, depth: int) -> Any:
        if operations.is_operation(entry):
            return operations.make_operation(entry)
        made = make_layer(entry, path, store)
        if made.kind in MODELS:
            return Network(entry, f"{path}/", store, depth + 1)
        return made

    # -- inputs and outputs ----------------------------------------------------------------------

    def slots(self) -> list[Slot]:
        """The inputs, in Keras' order."""
        if not self.sequential:
            return [self._slot(name) for name, _, _ in places(self.config["input_layers"])]
        first = next(iter(self.entries), None)
        if first is not None and self.entries[first].get("class_name") == "InputLayer":
            return [self._slot(first)]
        inner = None if first is None else self.members[first]
        if isinstance(inner, Network):
            return inner.slots()
        shape = (self.data.get("build_config") or {}).get("input_shape")
        if not isinstance(shape, list):
            msg = f"model {self.name!r} was saved before it was built: call it once before saving"
            raise ArtefactError(msg)
        integers = isinstance(inner, Layer) and inner.kind == "Embedding"
        return [Slot("input", "int32" if integers else "float32", _shape(self.name, shape))]

    def _slot(self, name: str) -> Slot:
        entry = self.entries.get(name, {})
        config = entry.get("config", {})
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        if entry.get("class_name") != "InputLayer" or not isinstance(shape, list):
            msg = f"model {self.name!r}: its input {name!r} is no InputLayer"
            raise ArtefactError(msg)
        if config.get("sparse") or config.get("ragged"):
            raise refused(name, "sparse and ragged inputs are not read")
        return Slot(name, str(config.get("dtype") or "float32"), _shape(name, shape))

    def output_names(self) -> Iterator[str]:
        """A name for each output in Keras' order: its key where the model gives a dictionary, else its layer's name."""
        if self.sequential:
            yield next(reversed(self.members), self.name)
            return
        yield from labels(self.config.get("output_layers"))

    # -- running ---------------------------------------------------------------------------------

    def __call__(self, build: Builder, given: Sequence[Value], /) -> Nest:
        """The outputs, in the model's own structure."""
        slots = self.slots()
        if len(given) != len(slots):
            raise refused(self.name, f"it has {len(slots)} inputs and is called on {len(given)}")
        values = [build.cast(x, slot.dtype) for x, slot in zip(given, slots, strict=True)]
        if self.sequential:
            result: Nest = values[0]
            for member in self.members.values():
                if not (isinstance(member, Layer) and member.kind == "InputLayer"):
                    result = _invoke(build, member, [result], {})
            return result
        return self._functional(build, dict(zip([s.name for s in slots], values, strict=True)))

    def _functional(self, build: Builder, inputs: dict[str, Value]) -> Nest:
        """Layer calls are run when an output needs them, each once, with no recursion: graphs may be deep."""
        done: dict[Key, list[Any]] = {(name, 0): [value] for name, value in inputs.items()}
        outputs = self.config.get("output_layers")
        wanted = [self._key(place, output=True) for place in places(outputs)]
        pending: list[Key] = wanted[::-1]
        under_way: set[Key] = set()
        while pending:
            key = pending[-1]
            if key in done:
                pending.pop()
                continue
            args, kwargs = self._node(key)
            missing = [k for k in self._needs((args, kwargs)) if k not in done]
            if missing:
                if key in under_way:
                    msg = f"model {self.name!r}: the calls of layer {key[0]!r} depend on themselves"
                    raise ArtefactError(msg)
                under_way.add(key)
                pending.extend(missing)
                continue
            revive = self._reviver(done, build)
            results = _invoke(
                build,
                self.members[key[0]],
                [revive(a) for a in args],
                {k: revive(v) for k, v in kwargs.items()},
            )
            done[key] = flatten(results)
        return mapped(
            outputs, lambda place: self._pick(done, self._key(place, output=True), int(place[2]))
        )

    def _key(self, place: Sequence[Any], output: bool = False) -> Key:
        name, index = str(place[0]), int(place[1])
        member = self.members.get(name)
        if member is None:
            msg = f"model {self.name!r} names a layer {name!r} that it does not have"
            raise ArtefactError(msg)
        # Keras counts a nested Functional model's own node in the places of outputs only.
        if output and isinstance(member, Network) and not member.sequential:
            index -= 1
        return name, index

    def _node(self, key: Key) -> tuple[list[Any], dict[str, Any]]:
        nodes = self.entries[key[0]].get("inbound_nodes") or []
        if not 0 <= key[1] < len(nodes) or not isinstance(nodes[key[1]], dict):
            msg = f"model {self.name!r}: call {key[1]} of layer {key[0]!r} is not in the file"
            raise ArtefactError(msg)
        node = nodes[key[1]]
        return list(node.get("args") or []), dict(node.get("kwargs") or {})

    def _needs(self, data: Any) -> list[Key]:
        if isinstance(data, list | tuple):
            return [key for item in data for key in self._needs(item)]
        if not isinstance(data, dict):
            return []
        if data.get("class_name") == "__keras_tensor__":
            return [self._key(_history(data))]
        return [key for item in data.values() for key in self._needs(item)]

    def _reviver(self, done: dict[Key, list[Any]], build: Builder) -> Callable[[Any], Any]:
        def revive(data: Any) -> Any:
            if isinstance(data, list | tuple):
                return [revive(item) for item in data]
            if not isinstance(data, dict):
                return data
            kind, config = data.get("class_name"), data.get("config")
            if kind == "__keras_tensor__":
                history = _history(data)
                return self._pick(done, self._key(history), int(history[2]))
            if not isinstance(kind, str) or "config" not in data:
                return {key: revive(item) for key, item in data.items()}
            return _literal(self.name, kind, config, revive)

        return revive

    def _pick(self, done: dict[Key, list[Any]], key: Key, index: int) -> Value:
        found = done[key]
        if not 0 <= index < len(found) or not isinstance(found[index], Value):
            msg = f"model {self.name!r}: layer {key[0]!r} has no output {index}"
            raise ArtefactError(msg)
        value: Value = found[index]
        return value


def _literal(model: str, kind: str, config: Any, revive: Callable[[Any], Any]) -> Any:
    if kind in ("__tensor__", "__numpy__") and isinstance(config, dict):
        return np.asarray(config.get("value"), config.get("dtype"))
    if kind == "__slice__" and isinstance(config, dict):
        return slice(*(revive(config.get(part)) for part in ("start", "stop", "step")))
    if kind == "__ellipsis__":
        return Ellipsis
    raise refused(model, f"a call holds a {kind}, which is not read")


def _history(data: dict[str, Any]) -> list[Any]:
    history = (data.get("config") or {}).get("keras_history")
    if not isinstance(history, list) or len(history) != 3:
        msg = "a tensor of the model does not say which layer made it"
        raise ArtefactError(msg)
    return history


def _invoke(build: Builder, member: Any, args: list[Any], kwargs: dict[str, Any]) -> Nest:
    if isinstance(member, Network):
        first = args[0] if args else next(iter(kwargs.values()), [])
        values = flatten(_by_name(member, first))
        given = kwargs.get("mask")
        if given is not None:
            masks = flatten(given)
            values = [v if m is None else v.masked(m) for v, m in zip(values, masks, strict=False)]
        return member(build, values)
    if isinstance(member, operations.Operation):
        return operations.run(build, member, args, kwargs)
    return run(build, member, args, kwargs)


def _by_name(network: Network, first: Any) -> Any:
    """Inputs given by name to a model that lists them."""
    names = [slot.name for slot in network.slots()]
    if isinstance(first, dict) and set(first) == set(names):
        return [first[name] for name in names]
    return first


def _shape(name: str, shape: Sequence[Any]) -> tuple[int | None, ...]:
    if any(n is not None and (not isinstance(n, int) or n < 0) for n in shape):
        msg = f"input {name!r} has the shape {shape!r}"
        raise ArtefactError(msg)
    return tuple(shape)

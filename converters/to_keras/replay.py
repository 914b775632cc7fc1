"""A traced cell that can be written down: its expressions as a list of calls of the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference import states
from reference.cells.base import Dims, weight
from reference.errors import ArtefactError
from reference.vocabulary.abstract.sizes import Size
from reference.vocabulary.signatures import MULTIPLE, SIGNATURES, call
from reference.vocabulary.tracer import CONSTANT, Expr, needed


@dataclass(frozen=True, eq=False)
class Call:
    """One operation; ``args`` are indices of earlier calls in a :class:`Ref`, or plain."""

    op: str
    args: tuple[Any, ...] = ()
    params: Mapping[str, Any] | None = None
    index: int = 0
    group: int = 0
    value: np.ndarray | None = None
    """Of a constant."""


@dataclass(frozen=True)
class Ref:
    """The result of another call."""

    place: int


@dataclass(frozen=True, eq=False)
class ReplayCell:
    """What ``converters.lift.recognise.loops.traced.TracedCell`` computes; all places are indices into ``calls``."""

    calls: tuple[Call, ...]
    inputs: tuple[int, ...]
    old: tuple[int, ...]
    new: tuple[int, ...]
    outputs: tuple[int, ...]
    places: tuple[int, ...]
    state_size: Any
    output_size: Any
    constants: tuple[Any, ...] = weight()

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """As the traced cell's."""
        values: dict[int, Any] = dict(zip(self.inputs, states.flatten(x), strict=True))
        values.update(zip(self.old, states.flatten(state), strict=True))
        values.update(zip(self.places, self.constants, strict=True))
        groups: dict[int, Any] = {}
        for place, one in enumerate(self.calls):
            if place not in values:
                values[place] = _value(ops, one, values, groups)
        return tuple(values[p] for p in self.outputs), tuple(values[p] for p in self.new)


def _value(ops: Any, one: Call, values: Mapping[int, Any], groups: dict[int, Any]) -> Any:
    if one.value is not None:
        return ops.constant(one.value)

    def plain(item: Any) -> Any:
        if isinstance(item, Ref):
            return values[item.place]
        return tuple(plain(part) for part in item) if isinstance(item, tuple) else item

    if one.group not in groups:
        result = call(ops, one.op, [plain(arg) for arg in one.args], one.params or {})
        groups[one.group] = result if one.op in MULTIPLE else (result,)
    return groups[one.group][one.index]


def encode_traced(cell: Any, prefix: str, encode: Callable[[Any], Any], /) -> dict[str, Any]:
    """A TracedCell as JSON."""
    bound = dict.fromkeys((*cell.inputs, *cell.old, *cell.places))
    order = needed((*bound, *cell.outputs, *cell.new), bound)
    place = {expr: index for index, expr in enumerate(order)}
    # Numbered anew, so that equal equations have equal JSON.
    groups = {g: k for k, g in enumerate(dict.fromkeys(expr.group for expr in order))}

    def argument(item: Any) -> Any:
        if isinstance(item, Expr):
            return {"ref": place[item]}
        return [argument(part) for part in item] if isinstance(item, tuple) else item

    def node(expr: Expr) -> dict[str, Any]:
        if expr in bound:
            return {"op": "bound"}
        if expr.op == CONSTANT:
            return {"op": CONSTANT, "value": encode(np.asarray(expr.fact.value))}
        return {
            "op": expr.op,
            "args": [argument(arg) for arg in expr.args],
            "params": encode(dict(expr.params)),
            "index": expr.index,
            "group": groups[expr.group],
        }

    def slot(index: int, value: np.ndarray) -> dict[str, Any]:
        shape = [int(n) for n in value.shape]
        path = f"{prefix}constants/{index}"
        return {"kind": "slot", "path": path, "shape": shape, "dtype": str(value.dtype)}

    names = ("inputs", "old", "new", "outputs", "places")
    return {
        "kind": "traced",
        "calls": [node(expr) for expr in order],
        **{name: [place[expr] for expr in getattr(cell, name)] for name in names},
        "state_size": [_size(size) for size in cell.state_size],
        "output_size": [_size(size) for size in cell.output_size],
        "constants": [slot(i, value) for i, value in enumerate(cell.constants)],
    }


def _size(size: Any) -> Any:
    """An int, or a list of ints and None."""
    if isinstance(size, Dims):
        dims: list[Any] = list(size)
        return [None if isinstance(n, Size) else int(n) for n in dims]
    return int(size) if isinstance(size, int) else [None]


def decode_traced(data: Mapping[str, Any], decode: Callable[[Any], Any], /) -> ReplayCell:
    """The inverse.

    Raises:
        ArtefactError: a call is none of the vocabulary's.
    """

    def argument(item: Any) -> Any:
        if isinstance(item, dict):
            return Ref(int(item["ref"]))
        return tuple(argument(part) for part in item) if isinstance(item, list) else item

    def one(node: Mapping[str, Any]) -> Call:
        if node["op"] in ("bound", CONSTANT):
            value = node.get("value")
            return Call(node["op"], value=None if value is None else decode(value))
        if node["op"] not in SIGNATURES:
            msg = f"a layer's configuration calls {node['op']!r}, which is no operation"
            raise ArtefactError(msg)
        args = tuple(argument(arg) for arg in node["args"])
        return Call(node["op"], args, decode(node["params"]), node["index"], node["group"])

    def sizes(items: Any) -> tuple[Any, ...]:
        return tuple(Dims(n) if isinstance(n, list) else n for n in items)

    return ReplayCell(
        tuple(one(node) for node in data["calls"]),
        tuple(data["inputs"]),
        tuple(data["old"]),
        tuple(data["new"]),
        tuple(data["outputs"]),
        tuple(data["places"]),
        sizes(data["state_size"]),
        sizes(data["output_size"]),
        tuple(decode(slot) for slot in data["constants"]),
    )

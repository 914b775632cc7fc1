"""Cells, nodes and their attributes as JSON and back, without code: only classes and operations this package knows.

A weight is a slot ``{"slot": path, "shape": …, "dtype": …}``; its numbers are the layer's.
"""

from __future__ import annotations

import base64
import importlib
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from converters.graph import DType, FunctionRef, Node, Shape
from converters.to_keras.replay import decode_traced, encode_traced
from reference.activations import Activation
from reference.cells.base import Dims
from reference.errors import ArtefactError

CELL_PACKAGES = ("reference.cells.", "reference.wrappers.", "converters.lift.")
"""Where a cell's class may come from."""


@dataclass(frozen=True)
class Slot:
    """Where a weight goes."""

    path: str
    shape: tuple[int, ...]
    dtype: str


def encode(value: Any, prefix: str = "", /) -> Any:
    """``value`` as JSON.

    Raises:
        TypeError: its class has no encoding.
    """
    for kind, encoder in _ENCODERS:
        if isinstance(value, kind):
            return encoder(value, prefix)
    if type(value).__name__ == "TracedCell":
        return encode_traced(value, prefix, encode)
    if is_dataclass(value) and not isinstance(value, type):
        return _cell(value, prefix)
    msg = f"a {type(value).__name__} has no JSON form"
    raise TypeError(msg)


def decode(data: Any, /) -> Any:
    """The inverse of :func:`encode`; weights come back as :class:`Slot`.

    Raises:
        ArtefactError: the data names a class that is not a cell.
    """
    if isinstance(data, list):
        return tuple(decode(item) for item in data)
    if not isinstance(data, dict):
        return data
    kind = data.get("kind")
    if kind not in _DECODERS:
        msg = f"a layer's configuration holds the unknown kind {kind!r}"
        raise ArtefactError(msg)
    return _DECODERS[kind](data)


def _array(value: np.ndarray, _prefix: str) -> Any:
    if value.dtype.kind in "OSU":
        items = [_item(item, "") for item in value.reshape(-1).tolist()]
        return {"kind": "array", "dtype": "object", "shape": list(value.shape), "items": items}
    text = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
    return {"kind": "array", "dtype": str(value.dtype), "shape": list(value.shape), "data": text}


def _from_array(data: dict[str, Any]) -> np.ndarray:
    shape = tuple(int(n) for n in data["shape"])
    if data["dtype"] == "object":
        flat = np.empty(len(data["items"]), object)
        flat[:] = [decode(item) for item in data["items"]]
        return flat.reshape(shape)
    flat = np.frombuffer(base64.b64decode(data["data"]), np.dtype(data["dtype"]))
    return flat.reshape(shape).copy()


def _item(value: Any, prefix: str) -> Any:
    return encode(value, prefix)


def _cell(value: Any, prefix: str) -> Any:
    found = {}
    for f in fields(value):
        item = getattr(value, f.name)
        path = f"{prefix}{f.name}"
        if isinstance(item, tuple):
            found[f.name] = [_field(f, part, f"{path}/{index}") for index, part in enumerate(item)]
        else:
            found[f.name] = _field(f, item, path)
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    return {"kind": "cell", "class": name, "fields": found}


def _field(f: Any, item: Any, path: str) -> Any:
    if f.metadata.get("weight") and item is not None:
        shape = [int(n) for n in item.shape]
        return {"kind": "slot", "path": path, "shape": shape, "dtype": str(item.dtype)}
    return encode(item, f"{path}/")


def _from_cell(data: dict[str, Any]) -> Any:
    module, _, name = data["class"].rpartition(".")
    found = None
    if f"{module}.".startswith(CELL_PACKAGES):
        found = getattr(importlib.import_module(module), name, None)
    if not (isinstance(found, type) and is_dataclass(found) and found.__module__ == module):
        msg = f"{data['class']!r} is not a cell of this version of rnnport"
        raise ArtefactError(msg)
    return found(**{key: decode(value) for key, value in data["fields"].items()})


def _node(value: Node, _prefix: str) -> Any:
    attrs = {key: encode(item) for key, item in value.attrs.items() if not key.startswith("_")}
    return {
        "kind": "node",
        "name": value.name,
        "op": value.op,
        "inputs": list(value.inputs),
        "attrs": attrs,
    }


def _from_node(data: dict[str, Any]) -> Node:
    attrs = {key: decode(item) for key, item in data["attrs"].items()}
    return Node(data["name"], data["op"], tuple(data["inputs"]), (), attrs)


_ENCODERS: tuple[tuple[Any, Any], ...] = (
    (DType, lambda v, _: {"kind": "dtype", "name": str(v)}),
    (Shape, lambda v, _: {"kind": "shape", "dims": None if v.dims is None else list(v.dims)}),
    (FunctionRef, lambda v, _: {"kind": "function", "name": v.name}),
    (Activation, lambda v, _: {"kind": "activation", "name": v.name, "c": list(v.constants)}),
    (Node, _node),
    (Dims, lambda v, _: {"kind": "dims", "dims": list(v)}),
    (np.ndarray, _array),
    (np.generic, lambda v, _: _array(np.asarray(v), "")),
    (bytes, lambda v, _: {"kind": "bytes", "data": base64.b64encode(v).decode("ascii")}),
    (
        dict,
        lambda v, p: {"kind": "mapping", "items": {k: encode(i, f"{p}{k}/") for k, i in v.items()}},
    ),
    (tuple | list, lambda v, p: [encode(item, f"{p}{i}/") for i, item in enumerate(v)]),
    (bool | int | float | str | type(None), lambda v, _: v),
)

_DECODERS = {
    "dtype": lambda d: DType(d["name"]),
    "shape": lambda d: Shape(None if d["dims"] is None else tuple(d["dims"])),
    "function": lambda d: FunctionRef(d["name"]),
    "activation": lambda d: Activation(d["name"], tuple(d["c"])),
    "node": _from_node,
    "dims": lambda d: Dims(d["dims"]),
    "array": _from_array,
    "bytes": lambda d: base64.b64decode(d["data"]),
    "mapping": lambda d: {key: decode(value) for key, value in d["items"].items()},
    "slot": lambda d: Slot(d["path"], tuple(d["shape"]), d["dtype"]),
    "cell": _from_cell,
    "traced": lambda d: decode_traced(d, decode),
}

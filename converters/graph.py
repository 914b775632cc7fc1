"""The TF1 graph as read from a file: nodes, functions, variables. Nothing is interpreted here.

A *tensor name* is ``"node:index"``, always with the index. A *dtype* is NumPy's name for it
(``"float32"``, ``"int64"``, ``"bool"``, …) or one of ``"string"``, ``"resource"``, ``"variant"``,
``"bfloat16"`` and the quantised names. A *shape* is a tuple of sizes, ``None`` for an unknown size; a shape
that is itself ``None`` has unknown rank.

Attribute values are plain Python: ``int``, ``float``, ``bool``, ``bytes`` (strings), :class:`DType`,
:class:`Shape`, ``numpy.ndarray`` (tensors; strings are object arrays of ``bytes``),
:class:`FunctionRef`, :class:`AttrName` (only inside functions), or a tuple of those. A tensor of dtype
``bfloat16`` is held as its exact ``float32`` values, a quantised one as the integers that store it; the
node's own ``dtype`` attribute keeps the name. Tensors may be read-only, and broadcast views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from reference.errors import ArtefactError

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    """The shared empty mapping: a mappingproxy cannot be a plain default before Python 3.12."""
    return _NOTHING


class DType(str):
    """The name of a dtype; a ``str`` that says it is one."""

    __slots__ = ()


class AttrName(str):
    """The name of an attribute of the enclosing function, standing for that attribute's value."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Shape:
    """``dims`` is ``None`` where the rank is unknown; a dim is ``None`` where its size is."""

    dims: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """A ``func`` attribute: the function's name and its attribute values."""

    name: str
    attrs: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Node:
    """One NodeDef. ``inputs`` are tensor names in order; ``controls`` are node names."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    attrs: Mapping[str, Any] = field(default_factory=_nothing)
    device: str = ""

    def attr(self, key: str, default: Any = ...) -> Any:
        """The attribute ``key``; without ``default`` its absence is an :class:`ArtefactError`."""
        if key in self.attrs:
            return self.attrs[key]
        if default is ...:
            msg = f"node {self.name!r} ({self.op}) lacks its attribute {key!r}"
            raise ArtefactError(msg)
        return default

    def text(self, key: str, default: str | None = None) -> str:
        """A string attribute, decoded."""
        value = self.attr(key) if default is None else self.attr(key, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class Function:
    """A FunctionDef in the same form as a graph: an argument ``a`` is the tensor ``"a:0"``.

    The reader has already turned ``node:output_name:index`` into ``node:flat_index``.
    """

    name: str
    inputs: tuple[tuple[str, str], ...]
    """(argument name, dtype), in order."""
    outputs: tuple[tuple[str, str], ...]
    """(result name, tensor name inside the body), in order."""
    nodes: Mapping[str, Node]
    controls: tuple[str, ...] = ()
    """Nodes of the body that run even where no result depends on them (``control_ret``)."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A GraphDef with the values of its variables."""

    nodes: Mapping[str, Node]
    """By name, in the order of the file."""
    functions: Mapping[str, Function] = field(default_factory=_nothing)
    variables: Mapping[str, np.ndarray] = field(default_factory=_nothing)
    """Values by the *node* name of the VariableV2 / Variable / VarHandleOp."""
    producer: int = 0
    """``GraphDef.versions.producer``."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A SignatureDef: tensors by the key a client uses."""

    name: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    method: str = ""


@dataclass(frozen=True, slots=True)
class Artefact:
    """What a user points at, read."""

    path: Path
    kind: str
    """``"frozen"``, ``"saved_model"`` or ``"checkpoint"``."""
    graph: Graph
    sha256: str
    """Hex digest over the bytes of the files it was read from (read_graphdef/digest.py says how)."""
    signatures: Mapping[str, Signature] = field(default_factory=_nothing)
    assets: Mapping[str, Path] = field(default_factory=dict)
    """Asset files by the base name the graph's constants use."""
    initializers: tuple[str, ...] = ()
    """Node names of table initialisers (collection ``table_initializer``, ``main_op``)."""
    asset_tensors: Mapping[str, Path] = field(default_factory=_nothing)
    """Asset files by the tensor that holds their name; TF feeds that tensor at loading, whatever
    the constant in the file says."""
    collections: Mapping[str, tuple[str, ...]] = field(default_factory=_nothing)
    """Names by collection key: nodes, tensors, or variables."""
    notes: tuple[str, ...] = ()
    """What the reader had to decide, in sentences for the user."""


def split_tensor(tensor: str) -> tuple[str, int]:
    """``"a/b:1"`` is ``("a/b", 1)``; a name without an index (at most nine digits) is output 0."""
    name, colon, index = tensor.rpartition(":")
    if colon and len(index) < 10 and index.isascii() and index.isdigit():
        return name, int(index)
    return tensor, 0

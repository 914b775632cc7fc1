"""The ONNX graph while it grows: scopes, unique names, shared nodes, constants; and the code nobody reads, removed at the end.

A node is put into the *deepest scope of its inputs*, not into the one being written: what a loop body computes from outside values
only is thereby hoisted out of the loop. A branch of an ``If`` is *pinned*: nothing leaves it, for a branch that is not taken must not run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np


@dataclass(eq=False, slots=True)
class Node:
    """One ONNX node; an attribute that is a :class:`Scope` is a subgraph."""

    op: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attrs: dict[str, Any]
    domain: str = ""


@dataclass(eq=False, slots=True)
class Port:
    """An input or output of a scope: what a ValueInfo says."""

    name: str
    dtype: str
    shape: tuple[Any, ...] | None


@dataclass(eq=False, slots=True)
class Scope:
    """A graph or subgraph. ``symbols``: where the value of an unknown size can be read, by its name."""

    name: str
    parent: Scope | None = None
    pinned: bool = False
    depth: int = 0
    nodes: list[Node] = field(default_factory=list)
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    symbols: dict[str, tuple[str, int]] = field(default_factory=dict)
    shared: dict[Any, list[str]] = field(default_factory=dict)

    def chain(self) -> Iterator[Scope]:
        """This scope and those around it, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


def ranked(shape: tuple[Any, ...] | None, /) -> tuple[Any, ...] | None:
    """A shape as subgraphs state it: plain sizes, None for unknown ones. ONNX Runtime wants to know the rank."""
    return None if shape is None else tuple(d if isinstance(d, int) else None for d in shape)


class Builder:
    """Nodes, by scope; names are taken from the statement being exported (:attr:`prefix`)."""

    def __init__(self) -> None:
        self.root = Scope("model")
        self.scope = self.root
        self.prefix = ""
        self.home: dict[str, Scope] = {"": self.root}
        self.initializers: dict[str, np.ndarray] = {}
        self._constants: dict[Any, str] = {}
        self._taken: dict[str, int] = {}
        self.by_content = False
        """Whether large constants, too, are shared where they are equal, and not only where they are one array."""

    def unique(self, name: str, /) -> str:
        """``name``, with a number behind it where it is taken."""
        count = self._taken.get(name, 0)
        self._taken[name] = count + 1
        return name if not count else self.unique(f"{name}_{count}")

    def add(
        self,
        op: str,
        inputs: Sequence[str],
        attrs: dict[str, Any] | None = None,
        /,
        *,
        outputs: int = 1,
        domain: str = "",
        shared: bool = True,
    ) -> list[str]:
        """Add a node (or find its equal) and give its output names."""
        attrs = {key: value for key, value in (attrs or {}).items() if value is not None}
        inner = [value for value in attrs.values() if isinstance(value, Scope)]
        reads = [*inputs, *(name for sub in inner for name in self.captured(sub))]
        scope = self.place(reads) if shared else self.scope
        key = (op, domain, tuple(inputs), outputs, _frozen(attrs)) if shared else None
        if key is not None and key in scope.shared:
            return scope.shared[key]
        name = self.unique(f"{self.prefix}/{op}" if self.prefix else op)
        names = [name] if outputs == 1 else [f"{name}.{i}" for i in range(outputs)]
        scope.nodes.append(Node(op, name, list(inputs), names, attrs, domain))
        for output in names:
            self.home[output] = scope
        if key is not None:
            scope.shared[key] = names
        return names

    def captured(self, sub: Scope, /) -> Iterator[str]:
        """What a subgraph reads from around it: its node must not leave the loop whose body defines that."""
        own = {port.name for port in sub.inputs}
        own.update(name for node in sub.nodes for name in node.outputs)
        for node in sub.nodes:
            yield from (name for name in node.inputs if name not in own)
            for value in node.attrs.values():
                if isinstance(value, Scope):
                    yield from (name for name in self.captured(value) if name not in own)

    def place(self, inputs: Sequence[str], /) -> Scope:
        """The scope where a node of these inputs belongs."""
        deepest = max(
            (self.home.get(name, self.root) for name in inputs),
            key=lambda s: s.depth,
            default=self.root,
        )
        for scope in self.scope.chain():
            if scope is deepest or scope.pinned:
                return scope
        return self.root

    def constant(self, value: np.ndarray, /, name: str = "") -> str:
        """The name of an initializer; equal small values share one (large ones, too: :attr:`by_content`)."""
        key: Any = (
            (str(value.dtype), value.shape, value.tobytes()) if value.nbytes <= 1024 else id(value)
        )
        if self.by_content and value.nbytes > 1024 and value.dtype != object:
            same = blake2b(np.ascontiguousarray(value).data).digest()
            key = (str(value.dtype), value.shape, same)
        if value.dtype == object:
            key = ("object", value.shape, tuple(value.ravel().tolist()))
        found = self._constants.get(key)
        if found is None:
            found = self.unique(name or "const")
            self.initializers[found] = value
            self.home[found] = self.root
            self._constants[key] = found
        return found

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Equal constants made here are one, however large."""
        outer, self.by_content = self.by_content, True
        try:
            yield
        finally:
            self.by_content = outer

    @contextmanager
    def inside(self, name: str, /, *, pinned: bool = False) -> Iterator[Scope]:
        """A subgraph being written."""
        outer = self.scope
        self.scope = Scope(name, outer, pinned, outer.depth + 1)
        try:
            yield self.scope
        finally:
            self.scope = outer

    @contextmanager
    def again(self, scope: Scope, /) -> Iterator[None]:
        """Back inside a subgraph that was left."""
        outer = self.scope
        self.scope = scope
        try:
            yield
        finally:
            self.scope = outer

    def port(self, name: str, dtype: str, shape: tuple[Any, ...] | None, /) -> str:
        """An input of the present scope."""
        name = self.unique(name)
        self.scope.inputs.append(Port(name, dtype, shape))
        self.home[name] = self.scope
        return name


def _frozen(attrs: dict[str, Any]) -> Any:
    return tuple(sorted((key, _freeze(value)) for key, value in attrs.items()))


def _freeze(value: Any) -> Any:
    if isinstance(value, Scope):
        return id(value)
    if isinstance(value, np.ndarray):
        return (str(value.dtype), value.shape, value.tobytes())
    return tuple(value) if isinstance(value, list | tuple) else (type(value).__name__, value)


def reads(node: Node, /) -> Iterator[str]:
    """Every name a node reads, those its subgraphs capture too (and some of their own)."""
    yield from node.inputs
    for value in node.attrs.values():
        if isinstance(value, Scope):
            for inner in value.nodes:
                yield from reads(inner)
            for output in value.outputs:
                yield output.name


def prune(scope: Scope, /, keep: Sequence[str] = ()) -> set[str]:
    """Remove nodes whose outputs nobody reads; the names still read are returned."""
    needed = {port.name for port in scope.outputs} | set(keep)
    kept: list[Node] = []
    for node in reversed(scope.nodes):
        if any(output in needed for output in node.outputs):
            kept.append(node)
            needed.update(reads(node))
    scope.nodes = kept[::-1]
    return needed

"""For one Keras cell or layer: every place in the checkpoint that could be its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from porting.weights.forms import CELLS, ROLES, Form
from porting.weights.store import Store
from porting.weights.targets import (
    BATCH_NORM,
    CELL,
    CONV,
    DENSE,
    EMBEDDING,
    RECURRENT,
    RNN,
    Leaf,
)

_CELL = re.compile(
    r"cell(_?\d+)?$|^(gates|candidate|linear|(input|hidden)_projection)$", re.IGNORECASE
)
_RNN = re.compile(r"rnn", re.IGNORECASE)
_CUDNN = re.compile(r"cudnn_compatible_lstm_cell", re.IGNORECASE)
_BIAS = (
    ("kernel", "bias"),
    ("weights", "biases"),
    ("weight", "bias"),
    ("matrix", "bias"),
    ("w", "b"),
)


@dataclass(frozen=True)
class Place:
    """Variables that have the names and shapes of a layer."""

    scope: str
    form: str
    tensors: tuple[str, ...]
    cell: Form | None = None
    """Of a recurrent cell."""
    roles: tuple[str, ...] = ()
    """Of any other layer: which Keras variable each tensor fills."""
    problem: str = ""
    """Why this may be the layer and must not be loaded all the same."""
    pack: Any = None
    """Where in an opaque vector: (shape, layer, direction)."""

    @property
    def forget_bias(self) -> float | None:
        """TF1's default of this cell; None where nothing is added."""
        if self.cell is None or not self.cell.biased:
            return None
        return 0.0 if _CUDNN.search(self.scope) else 1.0

    def __str__(self) -> str:
        return self.scope or ", ".join(self.tensors)


def places(leaf: Leaf, store: Store, scope: str, /) -> list[Place]:
    """Every place in ``scope`` that fits, sorted by name."""
    names = store.names(scope)
    found: Iterator[Place]
    if leaf.kind == CELL:
        found = _told_places(leaf, store, scope)
    elif leaf.kind in RECURRENT:
        found = _cell_places(leaf, store, names, scope)
    elif leaf.kind == BATCH_NORM:
        found = _norm_places(leaf, store, names)
    else:
        found = _plain_places(leaf, store, names)
    return sorted(dict.fromkeys(found), key=lambda place: (place.scope, place.tensors))


def _told_places(leaf: Leaf, store: Store, scope: str) -> Iterator[Place]:
    """A cell of a port names its variables itself; they may lie in a scope around those."""
    for at in dict.fromkeys(("", f"{scope.strip('/')}/" if scope else "")):
        tensors = tuple(f"{at}{leaf.told.get(role, '')}" for role in leaf.variables)
        shapes = [leaf.shape(role) for role in leaf.variables]
        if [store.shapes.get(name) for name in tensors] == shapes and tensors:
            common = tensors[0].rpartition("/")[0]
            yield Place(common, leaf.kind, tensors, roles=tuple(leaf.variables))


def _cell_places(leaf: Leaf, store: Store, names: list[str], scope: str) -> Iterator[Place]:
    lower = {name.lower(): name for name in names}
    for form in (form for form in CELLS if form.kind == leaf.kind):
        for low, name in lower.items():
            first = form.tensors[0]
            if low != first and not low.endswith("/" + first):
                continue
            root = low[: len(low) - len(first)]
            tensors = tuple(lower.get(root + part, "") for part in form.tensors)
            at = name[: len(name) - len(first)].rstrip("/")
            if not all(tensors) or not _fits(form, leaf, store, tensors):
                continue
            if leaf.kind == RNN and not _named_rnn(at, root, form, scope):
                continue
            yield Place(at, form.name, tensors, form, problem=_cell_problem(store, at, tensors))


def _fits(form: Form, leaf: Leaf, store: Store, tensors: tuple[str, ...]) -> bool:
    return all(store.shapes[n] == s for n, s in zip(tensors, form.shapes(leaf), strict=True))


def _named_rnn(at: str, root: str, form: Form, scope: str) -> bool:
    """A Dense layer, or a GRU's candidate, has the shapes of a plain RNN: here the name decides, or the caller."""
    if form.name == "keras" or (scope and at == scope.strip("/")):
        return True
    last = at.rsplit("/", 1)[-1]
    return _RNN.search(last) is not None and "candidate" not in root and "gates" not in root


def _cell_problem(store: Store, at: str, tensors: tuple[str, ...]) -> str:
    extra = [name for name in store.names(at) if name not in tensors] if at else []
    if not extra:
        return ""
    return f"the cell has more than Keras' has a place for: {', '.join(extra[:6])}"


def _norm_places(leaf: Leaf, store: Store, names: list[str]) -> Iterator[Place]:
    roles = tuple(role for role in ROLES[BATCH_NORM] if role in leaf.variables)
    for name in names:
        at, slash, last = name.rpartition("/")
        if last != "moving_mean":
            continue
        tensors = tuple(f"{at}{slash}{role}" for role in roles)
        if any(store.shapes.get(n) != leaf.shape(r) for n, r in zip(tensors, roles, strict=True)):
            continue
        more = [f"{at}{slash}{r}" for r in ROLES[BATCH_NORM] if r not in roles]
        more = [n for n in more if n in store.shapes]
        problem = (
            f"the layer has no {', '.join(more)}: build it with scale and center" if more else ""
        )
        yield Place(at, "batch norm", tensors, roles=roles, problem=problem)


def _plain_places(leaf: Leaf, store: Store, names: list[str]) -> Iterator[Place]:
    """Dense, Conv and Embedding: a kernel by its shape, a bias by the kernel's name."""
    for name in names:
        parts = name.split("/")
        if store.shapes[name] != leaf.shape() or any(
            _CELL.search(part) for part in parts[:-1][-2:]
        ):
            continue
        if parts[-1].lower() in ("recurrent_kernel", "opaque_kernel"):
            continue
        told_embedding = "embed" in name.lower()
        bias = _bias_of(name, store, leaf.shape()[-1:])
        if leaf.kind == EMBEDDING:
            if bias is None:
                yield Place(name, "embedding", (name,), roles=("kernel",))
        elif leaf.kind in (DENSE, CONV):
            if leaf.kind == DENSE and told_embedding and bias is None:
                continue
            yield from _with_bias(leaf, name, bias, store)


def _with_bias(leaf: Leaf, name: str, bias: str | None, store: Store) -> Iterator[Place]:
    at = name.rpartition("/")[0]
    # A scope of several kernels (the root, a handmade one) does not tell which is meant.
    siblings = [
        n for n in store.names(at) if n.rpartition("/")[0] == at and len(store.shapes[n]) > 1
    ]
    scope = at if at and len(siblings) == 1 else name
    if "bias" not in leaf.variables:
        problem = "" if bias is None else f"the layer has use_bias=False, and TF1 added {bias}"
        yield Place(scope, leaf.kind, (name,), roles=("kernel",), problem=problem)
    elif bias is not None:
        yield Place(scope, leaf.kind, (name, bias), roles=("kernel", "bias"))


def _bias_of(name: str, store: Store, shape: tuple[int, ...]) -> str | None:
    """The bias that goes with a kernel: by its name, else the only vector of that size beside it."""
    scope, slash, last = name.rpartition("/")
    siblings = [
        n for n in store.names(scope) if n.rpartition("/")[0] == scope and store.shapes[n] == shape
    ]
    for kernel, bias in _BIAS:
        pattern = rf"(^|_){kernel}($|_|\d)"
        told = re.sub(pattern, rf"\g<1>{bias}\g<2>", last.lower())
        exact = [n for n in siblings if n[len(scope) + len(slash) :].lower() == told]
        if told != last.lower() and len(exact) == 1:
            return exact[0]
    return siblings[0] if scope and len(siblings) == 1 else None

"""The patterns: every reference cell, traced with unknown weights. No pattern is written by hand.

What stands here per cell is only what its dataclass cannot say: the shapes of its weights in terms of the number of input features ``n``, of
units ``u`` and of recurrent outputs ``m``, and which fields are unknown numbers or may be absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, combinations
from typing import Any

from converters.lift.recognise.normal import Normaliser
from converters.lift.recognise.poly import Atom, Form
from converters.lift.recognise.refs import whole
from converters.lift.recognise.unify import ACTIVATION, INPUT
from reference import states
from reference.activations import LINEAR
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Tracer


@dataclass(frozen=True, slots=True)
class CellSpec:
    """``sizes`` names the size of each state part, in the order of ``states.flatten(state_size)``."""

    cell: type
    sizes: tuple[str, ...]
    weights: Mapping[str, tuple[str, ...]]
    scalars: tuple[str, ...] = ()
    """Fields that are always an unknown number."""
    options: tuple[tuple[str, ...], ...] = ()
    """Groups of weights or numbers that are present together or not at all."""
    activations: tuple[str, ...] = ("activation",)
    requires: Mapping[str, str] = field(default_factory=dict)
    """An option's first field, and the one it needs beside it."""
    fixed: Mapping[str, Any] = field(default_factory=dict)


_LSTM_KERNEL = {"kernel": ("n+m", "4*u"), "bias": ("4*u",)}
_PEEPHOLES = {name: ("u",) for name in ("w_i_diag", "w_f_diag", "w_o_diag")}

SPECS: tuple[CellSpec, ...] = (
    CellSpec(BasicLSTMCell, ("u", "m"), _LSTM_KERNEL, ("forget_bias",)),
    CellSpec(
        LSTMCell,
        ("u", "m"),
        {**_LSTM_KERNEL, **_PEEPHOLES, "proj_kernel": ("u", "m")},
        ("forget_bias",),
        (tuple(_PEEPHOLES), ("cell_clip",), ("proj_kernel",), ("proj_clip",)),
        requires={"proj_clip": "proj_kernel"},
    ),
    CellSpec(
        GRUCell,
        ("u",),
        {
            "gate_kernel": ("n+u", "2*u"),
            "gate_bias": ("2*u",),
            "candidate_kernel": ("n+u", "u"),
            "candidate_bias": ("u",),
        },
    ),
    CellSpec(BasicRNNCell, ("u",), {"kernel": ("n+u", "u"), "bias": ("u",)}),
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One choice of options and activations of a spec."""

    spec: CellSpec
    options: frozenset[str]
    linear: frozenset[str]
    """Activation fields taken as the identity."""

    @property
    def size_count(self) -> int:
        return len(self.spec.sizes)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A traced variant at given sizes."""

    variant: Variant
    sizes: Mapping[str, int]
    normaliser: Normaliser
    state_leaves: tuple[Atom, ...]
    next_forms: tuple[Form, ...]
    output_form: Form
    output_is: int | None
    """The state part that is the output, where one is."""
    weight_shapes: Mapping[str, tuple[int, ...]]


class _Unknown:
    """An activation field of a pattern: any elementwise function."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, ops: Tracer, x: Any) -> Any:
        return ops.emit(ACTIVATION, (x,), {"field": self.name}, (x.fact,))[0]


@cache
def variants() -> tuple[Variant, ...]:
    """Plain ones first, so that the simplest cell wins."""
    found = [v for spec in SPECS for v in _variants(spec)]
    return tuple(sorted(found, key=lambda v: len(v.options) + len(v.linear)))


def _variants(spec: CellSpec) -> Iterator[Variant]:
    for chosen in _subsets(spec.options):
        names = frozenset(chain.from_iterable(chosen))
        if any(need not in names for name, need in spec.requires.items() if name in names):
            continue
        for linear in _subsets(spec.activations):
            yield Variant(spec, names, frozenset(linear))


def _subsets(items: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(combinations(items, k) for k in range(len(items) + 1))


def trace(variant: Variant, features: int, parts: Sequence[int], dtype: str) -> Pattern | None:
    """The pattern for state parts of these sizes, or None where the sizes cannot be this cell's."""
    spec = variant.spec
    sizes: dict[str, int] = {"n": features}
    for name, size in zip(spec.sizes, parts, strict=True):
        if sizes.setdefault(name, size) != size:
            return None
    if "m" in sizes and "proj_kernel" not in variant.options and sizes["m"] != sizes["u"]:
        return None
    tracer, norm = Tracer(), Normaliser()
    absent = {n for group in spec.options for n in group} - variant.options
    values: dict[str, Any] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, symbols in spec.weights.items():
        if name in absent:
            continue
        shapes[name] = tuple(_size(s, sizes) for s in symbols)
        values[name] = tracer.input(name, Fact(dtype, shapes[name]))
        norm.weights[values[name]] = whole(name, shapes[name])
    for name in (*spec.scalars, *variant.options):
        if name not in values:
            values[name] = tracer.input(name, Fact(dtype, ()))
            norm.weights[values[name]] = whole(name, ())
    for name in spec.activations:
        values[name] = LINEAR if name in variant.linear else _Unknown(name)
    cell = spec.cell(**values, **spec.fixed)
    return _run(cell, variant, sizes, parts, dtype, tracer, norm, shapes)


def _run(
    cell: Any,
    variant: Variant,
    sizes: Mapping[str, int],
    parts: Sequence[int],
    dtype: str,
    tracer: Tracer,
    norm: Normaliser,
    shapes: Mapping[str, tuple[int, ...]],
) -> Pattern:
    from reference.vocabulary.abstract.sizes import unknown

    batch = unknown("B")
    x = tracer.input(INPUT, Fact(dtype, (batch, sizes["n"])))
    norm.leaf(x, INPUT)
    leaves = [tracer.input(f"s{k}", Fact(dtype, (batch, n))) for k, n in enumerate(parts)]
    atoms = tuple(norm.leaf(leaf, f"s{k}") for k, leaf in enumerate(leaves))
    output, new = cell.step(tracer, x, states.unflatten_like(cell.state_size, leaves))
    flat = states.flatten(new)
    same = [k for k, expr in enumerate(flat) if expr is output]
    return Pattern(
        variant,
        sizes,
        norm,
        atoms,
        tuple(norm.form(e) for e in flat),
        norm.form(output),
        same[-1] if same else None,
        shapes,
    )


def _size(expression: str, sizes: Mapping[str, int]) -> int:
    """``"n+m"``, ``"4*u"``: sums of products of sizes and numbers."""
    total = 0
    for term in expression.split("+"):
        product = 1
        for factor in term.split("*"):
            product *= sizes[factor] if factor in sizes else int(factor)
        total += product
    return total

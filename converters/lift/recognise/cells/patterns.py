"""The patterns: every reference cell, traced with unknown weights. No pattern is written by hand.

What stands per cell in :mod:`converters.lift.recognise.cells.specs` is only what its dataclass cannot say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, combinations, product
from typing import Any

from converters.lift.recognise.cells.specs import SPECS, CellSpec, cell_of
from converters.lift.recognise.cells.unify import INPUT, TIME
from converters.lift.recognise.form.functions import ACTIVATION
from converters.lift.recognise.form.normal import Normaliser
from converters.lift.recognise.form.poly import Atom, Form
from converters.lift.recognise.form.refs import whole
from reference import states
from reference.activations import LINEAR, SIGMOID
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown
from reference.vocabulary.tracer import Tracer

FREED = {"m": {"proj_kernel", "projection_weights"}, "n": {"in_kernel"}}
"""Which weights let a size differ from the number of units; the input's size is tied in cells only that have such a weight."""

CHOICES = {
    "activation": ("any", "linear"),
    "y_activation": ("any", "linear"),
    "recurrent_activation": ("sigmoid", "any"),
}
USUAL = {"activation": ("any",), "y_activation": ("any",), "recurrent_activation": ("sigmoid",)}


@dataclass(frozen=True, slots=True)
class Variant:
    """One choice of options and activations of a spec."""

    spec: CellSpec
    options: frozenset[str]
    choices: tuple[tuple[str, str], ...]
    """(activation field, what it is taken for): "any", "linear" (the identity has no atom to match), "sigmoid"."""

    @property
    def size_count(self) -> int:
        return len(self.spec.sizes)

    @property
    def linear(self) -> frozenset[str]:
        """The activation fields taken as the identity."""
        return frozenset(name for name, choice in self.choices if choice == "linear")

    @property
    def cost(self) -> int:
        """Plain cells first: options, unusual activations and other spellings count against a variant."""
        unusual = sum(choice not in USUAL[name] for name, choice in self.choices if name in USUAL)
        return len(self.options) + unusual + 2 * (self.spec.equation is not None)


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
    places: tuple[int, ...] = ()
    """Of a cell that convolves: the sizes of its input's axes but the rows."""
    time: Atom | None = None
    """The leaf of the time, in a cell that takes it."""


@dataclass(frozen=True, slots=True)
class Spatial:
    """The axes of a state between its rows and its features, and the window of the convolutions over them."""

    places: tuple[int, ...] = ()
    window: tuple[int, ...] = ()


NOWHERE = Spatial()


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
    return tuple(sorted(found, key=lambda v: v.cost))


def _variants(spec: CellSpec) -> Iterator[Variant]:
    for chosen in _subsets(spec.options):
        names = frozenset(chain.from_iterable(chosen))
        if any(need not in names for name, need in spec.requires.items() if name in names):
            continue
        for picks in product(*(CHOICES[name] for name in spec.activations)):
            yield Variant(spec, names, tuple(zip(spec.activations, picks, strict=True)))


def _subsets(items: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(combinations(items, k) for k in range(len(items) + 1))


@lru_cache(maxsize=256)
def trace(
    variant: Variant,
    features: int,
    parts: tuple[int, ...],
    dtype: str,
    groups: int = 1,
    spatial: Spatial = NOWHERE,
) -> Pattern | None:
    """The pattern for state parts of these sizes, or None where the sizes cannot be this cell's."""
    spec = variant.spec
    sizes = sizes_of(variant, features, parts, groups)
    shapes = None if sizes is None else shapes_of(variant, sizes, spatial.window)
    if sizes is None or shapes is None:
        return None
    tracer, norm = Tracer(), Normaliser()
    values: dict[str, Any] = {}
    for name, shape in shapes.items():
        values[name] = tracer.input(name, Fact(dtype, shape))
        norm.weights[values[name]] = whole(name, shape)
    for name in (*spec.numbers, *variant.options):
        if name not in values and name != spec.repeated:
            values[name] = tracer.input(name, Fact(dtype, ()))
            norm.weights[values[name]] = whole(name, ())
    for name, choice in variant.choices:
        values[name] = {"linear": LINEAR, "sigmoid": SIGMOID}.get(choice) or _Unknown(name)
    places = (*spatial.places, features) if spec.convolved else ()
    cell = cell_of(spec, values, places)
    return _run(cell, variant, sizes, parts, dtype, tracer, norm, shapes, places)


def sizes_of(
    variant: Variant, features: int, parts: Sequence[int], groups: int
) -> dict[str, int] | None:
    """By letter; None where they contradict one another."""
    spec = variant.spec
    sizes: dict[str, int] = {"n": features, "g": groups}
    for name, size in zip(spec.sizes, parts, strict=True):
        if sizes.setdefault(name, size) != size:
            return None
    for name, weights in FREED.items():
        tied = name in spec.sizes or weights & spec.weights.keys()
        if name in sizes and tied and not weights & variant.options and sizes[name] != sizes["u"]:
            return None
    return sizes


def shapes_of(
    variant: Variant, sizes: Mapping[str, int], window: tuple[int, ...] = ()
) -> dict[str, tuple[int, ...]] | None:
    """Every weight's shape by its path; None where a size is not whole."""
    spec = variant.spec
    absent = {n for group in spec.options for n in group} - variant.options
    shapes: dict[str, tuple[int, ...]] = {}
    for name, symbols in spec.weights.items():
        dims = [size(symbol, sizes) for symbol in symbols]
        if name in absent:
            continue
        if any(dim is None for dim in dims):
            return None
        shape = tuple(dim for dim in dims if dim is not None)
        if variant.spec.convolved and len(shape) > 1:
            shape = (*window, *shape)
        repeated = name == spec.repeated
        paths = [f"{name}/{k}" for k in range(sizes["g"])] if repeated else [name]
        shapes |= dict.fromkeys(paths, shape)
    for norm in spec.norms:
        shapes |= dict.fromkeys((f"{norm}/gamma", f"{norm}/beta"), (sizes["u"],))
    return shapes


def _run(
    cell: Any,
    variant: Variant,
    sizes: Mapping[str, int],
    parts: Sequence[int],
    dtype: str,
    tracer: Tracer,
    norm: Normaliser,
    shapes: Mapping[str, tuple[int, ...]],
    places: tuple[int, ...],
) -> Pattern:
    rows = (unknown("B"), *places[:-1])
    x = tracer.input(INPUT, Fact(dtype, (*rows, sizes["n"])))
    norm.leaf(x, INPUT)
    leaves = [tracer.input(f"s{k}", Fact(dtype, (*rows, n))) for k, n in enumerate(parts)]
    atoms = tuple(norm.leaf(leaf, f"s{k}") for k, leaf in enumerate(leaves))
    step = type(cell).step if variant.spec.equation is None else variant.spec.equation
    time = tracer.input(TIME, Fact(dtype, (rows[0], 1))) if variant.spec.timed else None
    given = x if time is None else (time, x)
    clock = None if time is None else norm.leaf(time, TIME)
    output, new = step(cell, tracer, given, states.unflatten_like(cell.state_size, leaves))
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
        places,
        clock,
    )


def size(expression: str, sizes: Mapping[str, int]) -> int | None:
    """``"n+m"``, ``"4*u"``, ``"n/g+m/g"``: sums of products of sizes and numbers, a divisor last; None where it is not whole."""
    total = 0
    for term in expression.split("+"):
        factors, _, divisor = term.partition("/")
        product = 1
        for factor in factors.split("*"):
            product *= sizes[factor] if factor in sizes else int(factor)
        whole_, rest = divmod(product, sizes[divisor] if divisor else 1)
        if rest:
            return None
        total += whole_
    return total

"""The patterns: every reference cell, traced with unknown weights. No pattern is written by hand.

What stands here per cell is only what its dataclass cannot say: the shapes of its weights in terms of the number of input features ``n``, of
units ``u`` and of recurrent outputs ``m``, and which fields are unknown numbers or may be absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, combinations, product
from typing import Any

from converters.lift.recognise.cells import spellings
from converters.lift.recognise.cells.unify import INPUT
from converters.lift.recognise.form.functions import ACTIVATION
from converters.lift.recognise.form.normal import Normaliser
from converters.lift.recognise.form.poly import Atom, Form
from converters.lift.recognise.form.refs import whole
from reference import states
from reference.activations import LINEAR, SIGMOID
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.cfn import CFNCell
from reference.cells.coupled_lstm import CoupledInputForgetGateLSTMCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.gru import GRUCell
from reference.cells.ind_rnn import IndRNNCell
from reference.cells.indy_lstm import IndyLSTMCell
from reference.cells.lstm import LSTMCell
from reference.cells.lstm_no_forget import LSTMNoForgetCell
from reference.cells.nas import NASCell
from reference.cells.ugrnn import UGRNNCell
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
    equation: Callable[..., tuple[Any, Any]] | None = None
    """Another spelling of ``step(cell, ops, x, state)``, where people use one."""
    finish: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """From the spelling's weights to the cell's own."""
    packs: bool = False
    """Whether the state may be one array, the parts side by side (``state_is_tuple=False``)."""


_GATES = ("activation", "recurrent_activation")
_LSTM_KERNEL = {"kernel": ("n+m", "4*u"), "bias": ("4*u",)}
_PEEPHOLES = dict.fromkeys(("w_i_diag", "w_f_diag", "w_o_diag"), ("u",))

_GRU = {
    "gate_kernel": ("n+u", "2*u"),
    "gate_bias": ("2*u",),
    "candidate_kernel": ("n+u", "u"),
    "candidate_bias": ("u",),
}
_GRU_AFTER = {
    "gate_kernel": ("n+u", "2*u"),
    "gate_bias": ("2*u",),
    "candidate_input_kernel": ("n", "u"),
    "candidate_hidden_kernel": ("u", "u"),
    "candidate_input_bias": ("u",),
    "candidate_hidden_bias": ("u",),
}

SPECS: tuple[CellSpec, ...] = (
    CellSpec(BasicLSTMCell, ("u", "m"), _LSTM_KERNEL, ("forget_bias",), packs=True),
    CellSpec(
        LSTMCell,
        ("u", "m"),
        {**_LSTM_KERNEL, **_PEEPHOLES, "proj_kernel": ("u", "m")},
        ("forget_bias",),
        (tuple(_PEEPHOLES), ("cell_clip",), ("proj_kernel",), ("proj_clip",)),
        _GATES,
        requires={"proj_clip": "proj_kernel"},
        packs=True,
    ),
    CellSpec(GRUCell, ("u",), _GRU, activations=_GATES),
    CellSpec(GRUCell, ("u",), _GRU, equation=spellings.gru, finish=spellings.unflip_gru),
    CellSpec(CudnnCompatibleGRUCell, ("u",), _GRU_AFTER, activations=_GATES),
    CellSpec(
        CudnnCompatibleGRUCell,
        ("u",),
        _GRU_AFTER,
        equation=spellings.gru_after,
        finish=spellings.unflip_gru,
    ),
    CellSpec(
        CoupledInputForgetGateLSTMCell,
        ("u", "m"),
        {
            "kernel": ("n+m", "3*u"),
            "bias": ("3*u",),
            "w_f_diag": ("u",),
            "w_o_diag": ("u",),
            "proj_kernel": ("u", "m"),
        },
        ("forget_bias",),
        (("w_f_diag", "w_o_diag"), ("proj_kernel",), ("proj_clip",)),
        requires={"proj_clip": "proj_kernel"},
        packs=True,
    ),
    CellSpec(
        CoupledInputForgetGateLSTMCell,
        ("u", "u"),
        {"kernel": ("n+u", "3*u"), "bias": ("3*u",)},
        fixed={"forget_bias": 0.0},
        equation=spellings.coupled_by_input,
        finish=spellings.uncouple,
    ),
    CellSpec(LSTMNoForgetCell, ("u", "u"), {"kernel": ("n+u", "3*u"), "bias": ("3*u",)}),
    CellSpec(UGRNNCell, ("u",), {"kernel": ("n+u", "2*u"), "bias": ("2*u",)}, ("forget_bias",)),
    CellSpec(
        NASCell,
        ("u", "m"),
        {
            "kernel": ("n", "8*u"),
            "recurrent_kernel": ("m", "8*u"),
            "bias": ("8*u",),
            "projection_weights": ("u", "m"),
        },
        options=(("bias",), ("projection_weights",)),
        activations=(),
    ),
    CellSpec(
        CFNCell,
        ("u",),
        {"kernel": ("n", "3*u"), "recurrent_kernel": ("u", "2*u"), "bias": ("2*u",)},
    ),
    CellSpec(IndRNNCell, ("u",), {"kernel_w": ("n", "u"), "kernel_u": ("1", "u"), "bias": ("u",)}),
    CellSpec(
        IndyLSTMCell,
        ("u", "u"),
        {"kernel_w": ("n", "4*u"), "kernel_u": ("1", "4*u"), "bias": ("4*u",)},
        ("forget_bias",),
    ),
    CellSpec(BasicRNNCell, ("u",), {"kernel": ("n+u", "u"), "bias": ("u",)}),
)


CHOICES = {"activation": ("any", "linear"), "recurrent_activation": ("sigmoid", "any")}
USUAL = {"activation": ("any",), "recurrent_activation": ("sigmoid",)}


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


def trace(variant: Variant, features: int, parts: Sequence[int], dtype: str) -> Pattern | None:
    """The pattern for state parts of these sizes, or None where the sizes cannot be this cell's."""
    spec = variant.spec
    sizes: dict[str, int] = {"n": features}
    for name, size in zip(spec.sizes, parts, strict=True):
        if sizes.setdefault(name, size) != size:
            return None
    if (
        "m" in sizes
        and not {"proj_kernel", "projection_weights"} & variant.options
        and sizes["m"] != sizes["u"]
    ):
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
    for name, choice in variant.choices:
        values[name] = {"linear": LINEAR, "sigmoid": SIGMOID}.get(choice) or _Unknown(name)
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
    step = type(cell).step if variant.spec.equation is None else variant.spec.equation
    output, new = step(cell, tracer, x, states.unflatten_like(cell.state_size, leaves))
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

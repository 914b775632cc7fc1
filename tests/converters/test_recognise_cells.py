"""Every reference cell is found again in its own trace, in other people's spellings of it, and not in mutants of it."""

from __future__ import annotations

import dataclasses
import operator
from typing import Any

import numpy as np
import pytest

from converters.lift.recognise.cells.identify import CONVOLVED, identify
from converters.lift.recognise.cells.model import Component, Identified
from converters.lift.recognise.cells.patterns import Variant, shapes_of, variants
from converters.lift.recognise.cells.specs import cell_of
from converters.lift.recognise.form.normal import Normaliser
from converters.lift.recognise.loops.emit import DIRECT
from converters.tf_ops import TABLE
from reference import states
from reference.activations import HARD_SIGMOID_TF1, RELU, SIGMOID, TANH, Activation
from reference.cells.base import map_sizes, map_weights, weights
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown
from reference.vocabulary.tracer import Tracer

FEATURES, UNITS, PROJECTED = 3, 4, 2
PLACES, WINDOW = (5, 4, 3), (3, 2, 2)
OTHER = {"activation": TANH, "y_activation": TANH, "recurrent_activation": HARD_SIGMOID_TF1}


class Bench:
    """A tracer with leaves x, c, h, and random named weights."""

    def __init__(self, dtype: str = "float32") -> None:
        self.rng = np.random.default_rng(7)
        self.dtype = dtype
        self.tracer, self.norm = Tracer(), Normaliser()
        self.batch = unknown("B")
        self.x = self.leaf("x", FEATURES)

    def leaf(self, name: str, *sizes: int) -> Any:
        expr = self.tracer.input(name, Fact(self.dtype, (self.batch, *sizes)))
        self.norm.leaf(expr, name)
        return expr

    def weight(self, name: str, *shape: int) -> Any:
        value = self.rng.standard_normal(shape).astype(self.dtype)
        return self.tracer.constant(value, name=name)

    def identify(
        self, old: tuple[Any, ...], new: tuple[Any, ...], others: tuple[Any, ...] = ()
    ) -> Identified | str:
        """``others``: what the step gives beside its new states."""
        outputs = tuple(e for e in others if e not in new)
        return identify(Component(old, new, outputs, others), self.norm)


def sizes_of(variant: Variant) -> dict[str, int]:
    projected = {"proj_kernel", "projection_weights"} & variant.options
    tied = "in_kernel" in variant.spec.weights and "in_kernel" not in variant.options
    grouped = 2 if variant.spec.repeated else 1
    features = UNITS if tied or variant.spec.repeated else FEATURES
    return {"n": features, "u": UNITS, "m": PROJECTED if projected else UNITS, "g": grouped}


def places_of(variant: Variant) -> tuple[int, ...]:
    """The sizes of the axes that the cell convolves over."""
    return PLACES[: CONVOLVED.get(variant.spec.cell, 0)]


def build(variant: Variant, bench: Bench) -> Any:
    """The variant's cell with random weights and distinct numbers."""
    places = places_of(variant)
    shapes = shapes_of(variant, sizes_of(variant), WINDOW[: len(places)])
    assert shapes is not None
    fields: dict[str, Any] = {
        path: bench.rng.standard_normal(shape).astype(bench.dtype) for path, shape in shapes.items()
    }
    for name in ("period", "ratio_on") if variant.spec.timed else ():
        fields[name] = np.abs(fields[name]) + fields[name].dtype.type(0.2)
    for k, name in enumerate((*variant.spec.numbers, *sorted(variant.options))):
        if name != variant.spec.repeated:
            fields.setdefault(name, 0.75 + 0.25 * k)
    for name, choice in variant.choices:
        fields[name] = {"linear": Activation("linear"), "sigmoid": SIGMOID}.get(choice, OTHER[name])
    return cell_of(variant.spec, fields, (*places, FEATURES))


def named(variant: Variant) -> str:
    choices = (choice for _, choice in variant.choices)
    return "-".join([variant.spec.cell.__name__, *sorted(variant.options), *choices])


CASES = [(v, "float32") for v in variants()]
CASES += [(v, "float64") for v in variants() if not v.options]


@pytest.mark.parametrize(
    ("variant", "dtype"), CASES, ids=[f"{named(v)}-{dtype}" for v, dtype in CASES]
)
def test_a_cell_is_found_in_its_own_trace_bit_for_bit(variant: Variant, dtype: str) -> None:
    bench = Bench(dtype)
    cell = build(variant, bench)
    places = places_of(variant)
    flat = [part[-1] if places else part for part in size_parts(cell.state_size)]
    old = [bench.leaf(f"s{k}", *places, n) for k, n in enumerate(flat)]
    traced = map_weights(lambda path, w: bench.tracer.constant(w, name=path), cell)
    step = variant.spec.equation or type(traced).step
    x = bench.leaf("input", *places, sizes_of(variant)["n"])
    time = bench.leaf("time", 1) if variant.spec.timed else None
    nest = states.unflatten_like(map_sizes(lambda _: 0, cell.state_size), old)
    output, new = step(traced, bench.tracer, x if time is None else (time, x), nest)
    found = bench.identify(tuple(old), tuple(states.flatten(new)), (output,))
    assert isinstance(found, Identified), found
    mine = weights(found.assembled.cell)
    if variant.spec.finish is not None:
        cell = type(cell)(**variant.spec.finish({f: getattr(cell, f) for f in fields_of(cell)}))
    for path, value in weights(cell).items():
        np.testing.assert_array_equal(mine[path], value, err_msg=path)
        assert found.assembled.parameters[path] == path
    for name in (*variant.spec.numbers, *variant.options):
        if name not in variant.spec.weights:
            read = operator.attrgetter(name.replace("/", "."))
            assert read(found.assembled.cell) == read(cell)


def size_parts(size: Any) -> list[Any]:
    found: list[Any] = []
    map_sizes(found.append, size)
    return found


def fields_of(cell: Any) -> list[str]:
    return [f.name for f in dataclasses.fields(cell)]


def hand_written(
    bench: Bench, order: str = "ofij", forget_bias: float = 1.0, swap: bool = False
) -> Any:
    """An LSTM as people write it: a matrix pair and a bias for each gate, gates in any order."""
    t = bench.tracer
    c, h = bench.leaf("c", UNITS), bench.leaf("h", UNITS)
    gates = {}
    for gate in order:
        u, w = bench.weight(f"U{gate}", UNITS, UNITS), bench.weight(f"W{gate}", FEATURES, UNITS)
        b = bench.weight(f"b{gate}", UNITS)
        gates[gate] = t.matmul(h, u) + (b + t.matmul(bench.x, w))
    f = t.sigmoid(gates["f"] + forget_bias)
    new_c = t.tanh(gates["j"]) * t.sigmoid(gates["i"]) + f * c
    new_h = t.sigmoid(gates["o"]) * t.tanh(new_c)
    return (h, c) if swap else (c, h), (new_h, new_c) if swap else (new_c, new_h)


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("order", ["ijfo", "ofij", "fcoi".replace("c", "j")])
def test_separate_gate_matrices_in_any_order_are_one_lstm(order: str, swap: bool) -> None:
    bench = Bench()
    old, new = hand_written(bench, order, 0.5, swap)
    found = bench.identify(old, new)
    assert isinstance(found, Identified), found
    cell = found.assembled.cell
    assert cell.forget_bias == 0.5
    assert found.assembled.parameters["kernel"].count(" + ") == 7
    assert found.output is new[0 if swap else 1]


def test_one_minus_u_may_be_written_as_a_difference() -> None:
    bench = Bench()
    t = bench.tracer
    h = bench.leaf("h", UNITS)
    xh = t.concat([bench.x, h], 1)
    r, u = t.split(
        t.sigmoid(
            t.matmul(xh, bench.weight("K", FEATURES + UNITS, 2 * UNITS))
            + bench.weight("b", 2 * UNITS)
        ),
        (UNITS, UNITS),
        1,
    )
    z = t.matmul(t.concat([bench.x, r * h], 1), bench.weight("C", FEATURES + UNITS, UNITS))
    candidate = t.tanh(z + bench.weight("d", UNITS))
    found = bench.identify((h,), (candidate + u * (h - candidate),))
    assert isinstance(found, Identified), found
    assert type(found.assembled.cell).__name__ == "GRUCell"


def test_mutants_are_other_cells_or_none() -> None:
    bench = Bench()
    old, (new_c, new_h) = hand_written(bench)
    t = bench.tracer
    assert isinstance(bench.identify(old, (new_c, new_h * 1.0)), Identified)
    assert isinstance(bench.identify(old, (new_c, new_h * 0.999)), str)
    assert isinstance(bench.identify(old, (new_c + 1e-9, new_h)), str)
    assert isinstance(bench.identify(old, (t.abs(new_c), new_h)), str)


def test_a_missing_forget_bias_is_seen_as_zero() -> None:
    bench = Bench()
    old, new = hand_written(bench, forget_bias=0.0)
    found = bench.identify(old, new)
    assert isinstance(found, Identified)
    assert found.assembled.cell.forget_bias == 0.0


@pytest.mark.parametrize("how", ["divided", "shifted", "negated", "uncentred"])
def test_layer_norms_in_any_spelling_are_one(how: str) -> None:
    """And the mean of squares less the squared mean is none: its noise is another."""
    bench = Bench()
    t, x = bench.tracer, bench.x
    mean = t.mean(x, (1,), keepdims=True)
    variance = t.mean(t.square(x - mean), (1,), keepdims=True)
    if how == "uncentred":
        variance = t.mean(t.square(x), (1,), keepdims=True) - t.square(mean)
    epsilon = t.constant(np.float32(1e-5))
    gamma, beta = bench.weight("gamma", FEATURES), bench.weight("beta", FEATURES)
    scale = t.rsqrt(variance + epsilon) * gamma
    spelt = {
        "divided": gamma * ((x - mean) / t.sqrt(variance + epsilon)) + beta,
        "shifted": x * scale + (beta - mean * scale),
        "negated": beta + (x * scale + t.negative(mean) * scale),
        "uncentred": (x - mean) * scale + beta,
    }[how]
    form = bench.norm.poly(spelt)
    kinds = {atom.op for atom in form.atoms()}
    assert ("normalised" in kinds) == (how != "uncentred")
    if how != "uncentred":
        assert {len(mono) for mono, _ in form.terms} == {0, 1}


def layer_normed(bench: Bench, mutant: str) -> tuple[Any, Any]:
    """LayerNormBasicLSTMCell with a matrix pair a gate, or something near it."""
    t, rows = bench.tracer, {"x": bench.x}
    c, rows["h"] = bench.leaf("c", UNITS), bench.leaf("h", UNITS)

    def norm(x: Any, name: str) -> Any:
        if mutant == f"no norm of {name}":
            return x
        centred = x - t.mean(x, (1,), keepdims=True)
        variance = t.mean(t.square(centred), (1,), keepdims=True)
        gamma, beta = bench.weight(f"gamma {name}", UNITS), bench.weight(f"beta {name}", UNITS)
        return centred * t.rsqrt(variance + np.float32(1e-5)) * gamma + beta

    def gate(name: str) -> Any:
        parts = [
            t.matmul(v, bench.weight(f"{k}{name}", v.shape[1], UNITS)) for k, v in rows.items()
        ]
        return norm(parts[0] + parts[1], name)

    i, j, f, o = (gate(name) for name in "ijfo")
    kept = t.sigmoid(f + np.float32(1.0)) * c + t.sigmoid(i) * t.tanh(j)
    new = norm(kept, "c")
    h = t.tanh(new) * t.sigmoid(o)
    return (c, rows["h"]), (kept if mutant == "c is kept as it was" else new, h)


@pytest.mark.parametrize("mutant", ["", "no norm of f", "no norm of c", "c is kept as it was"])
def test_only_the_whole_layer_norm_cell_is_one(mutant: str) -> None:
    found = Bench()
    result = found.identify(*layer_normed(found, mutant))
    if mutant:
        assert isinstance(result, str)
        assert "LayerNorm" in result
    else:
        assert isinstance(result, Identified), result
        assert result.assembled.cell.norm_c.epsilon == float(np.float32(1e-5))
        assert result.assembled.parameters["norm_f/gamma"] == "gamma f"


def test_a_layer_norm_inside_is_not_an_lstm() -> None:
    bench = Bench()
    t = bench.tracer
    old, (new_c, _) = hand_written(bench)
    mean = t.mean(new_c, (1,), keepdims=True)
    found = bench.identify(old, (new_c - mean, t.tanh(new_c - mean)))
    assert isinstance(found, str)
    assert found.startswith("no cell that is looked for has this equation")


def test_relu_and_clipped_activations_are_bound() -> None:
    bench = Bench()
    t = bench.tracer
    h = bench.leaf("h", UNITS)
    z = t.matmul(
        t.concat([bench.x, h], 1), bench.weight("K", FEATURES + UNITS, UNITS)
    ) + bench.weight("b", UNITS)
    found = bench.identify((h,), (t.relu(z),))
    assert isinstance(found, Identified)
    assert found.assembled.cell.activation == RELU
    slope = t.constant(np.float32(0.2))
    hard = t.clip(z * slope + t.constant(np.float32(0.5)), 0.0, 1.0)
    found = bench.identify((h,), (hard,))
    assert isinstance(found, Identified), found
    assert found.assembled.cell.activation == Activation(
        "hard_sigmoid", (float(np.float32(0.2)), 0.5)
    )


def test_what_is_moved_out_of_a_loop_becomes_an_op_that_the_table_knows() -> None:
    assert [op for op in DIRECT.values() if op not in TABLE] == []

"""Layer normalisation as one ``LayerNormalization``: which spellings become one, which look alike and must not, and TF 1.15.5's numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx
import pytest

from converters.to_onnx import to_onnx
from reference.vocabulary.numpy_ops import NumpyOps
from tests.converters.test_to_onnx_zoo import check_numbers, lifted
from tests.converters.to_onnx_running import session, vocabulary_model
from tests.zoo.catalogue import zoo_model

Call = Callable[..., Any]
WIDTH = 8
RNG = np.random.default_rng(7)
GAMMA = (1 + 0.3 * RNG.standard_normal(WIDTH)).astype(np.float32)
BETA = RNG.standard_normal(WIDTH).astype(np.float32)
EPSILON = np.float32(0.02)


def x_of(*shape: int, offset: float = 0.0, dtype: str = "float32") -> np.ndarray:
    return (offset + np.random.default_rng(11).standard_normal(shape)).astype(dtype)


def nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Those of the subgraphs too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from nodes(attribute.g)


def kinds(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in nodes(model.graph))


def moments(ops: Any, x: Any) -> tuple[Any, Any]:
    """``tf.nn.moments`` over the last axis."""
    mean = ops.mean(x, (len(x.shape) - 1,), keepdims=True)
    return mean, ops.mean(ops.square(x - mean), (len(x.shape) - 1,), keepdims=True)


def batch_normalization(gamma: Any, beta: Any) -> Call:
    """``tf.nn.batch_normalization`` (``nn_impl.py:1490-1499``, v1.15.5): ``-mean * inv`` where there is no offset."""

    def call(ops: Any, x: Any) -> Any:
        mean, variance = moments(ops, x)
        inv = ops.rsqrt(variance + EPSILON)
        if gamma is not None:
            inv = inv * ops.constant(gamma)
        shift = ops.negative(mean) * inv if beta is None else ops.constant(beta) - mean * inv
        return x * inv + shift

    return call


def by_hand(ops: Any, x: Any) -> Any:
    mean, variance = moments(ops, x)
    scaled = (x - mean) / ops.sqrt(variance + EPSILON)
    return scaled * ops.constant(GAMMA) + ops.constant(BETA)


def gamma_first(ops: Any, x: Any) -> Any:
    """sketch-rnn's raw layer norm."""
    mean, variance = moments(ops, x)
    inv = 1.0 / ops.sqrt(variance + EPSILON)
    return ops.constant(BETA) + ops.constant(GAMMA[None]) * (x - mean) * inv


def widened(ops: Any, x: Any) -> Any:
    """The mean without its axis, put back; the square as a power."""
    mean = ops.expand_dims(ops.mean(x, (-1,)), 1)
    variance = ops.mean(ops.power(x - mean, ops.constant(np.float32(2))), (1,), keepdims=True)
    return (x - mean) * ops.power(variance + EPSILON, ops.constant(np.float32(-0.5)))


FORMS: dict[str, Call] = {
    "tf": batch_normalization(GAMMA, BETA),
    "tf, no gamma": batch_normalization(None, BETA),
    "tf, no beta": batch_normalization(GAMMA, None),
    "tf, neither": batch_normalization(None, None),
    "tf, scalars": batch_normalization(np.float32(1.5), np.float32(-0.5)),
    "by hand": by_hand,
    "gamma first": gamma_first,
    "widened": widened,
}


def check_form(call: Call, x: np.ndarray, wanted: int) -> None:
    """That many LayerNormalization nodes, and the float64 twin's numbers either way."""
    model = vocabulary_model(call, [x], dynamic=False)
    found = kinds(model)
    assert found["LayerNormalization"] == wanted, found
    if wanted:
        assert sum(found.values()) == wanted, found
    [y] = session(model).run(None, {"x0": x})
    twin = np.asarray(call(NumpyOps(widen=True), x.astype(np.float64)))
    # The float32 mean is off by up to a rounding of the largest x, and the norm divides that by the deviation.
    unit = 2.0**-23 * (8 + np.abs(x).max() / x.astype(np.float64).std(axis=-1).min())
    np.testing.assert_allclose(y, twin, rtol=0, atol=unit * max(1.0, float(np.abs(twin).max())))


@pytest.mark.parametrize("offset", [0.0, 30.0])
@pytest.mark.parametrize("shape", [(1, WIDTH), (5, WIDTH), (0, WIDTH)])
@pytest.mark.parametrize("name", FORMS)
def test_one_node(name: str, shape: tuple[int, ...], offset: float) -> None:
    """An x far from 0 shows a variance taken as the difference of two large numbers."""
    if 0 in shape:
        model = vocabulary_model(FORMS[name], [x_of(*shape)], dynamic=False)
        [y] = session(model).run(None, {"x0": x_of(*shape)})
        assert y.shape == shape
        return
    check_form(FORMS[name], x_of(*shape, offset=offset), 1)


def test_epsilon_is_the_graphs_own() -> None:
    model = vocabulary_model(FORMS["tf"], [x_of(3, WIDTH)], dynamic=False)
    [node] = model.graph.node
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    assert attributes == {"axis": -1, "epsilon": float(EPSILON)}


def test_a_gate_of_three_axes() -> None:
    """All gates of a cell at once, ``[B, 4, units]``: gamma and beta come after the reshape and stay."""

    def call(ops: Any, x: Any) -> Any:
        mean, variance = moments(ops, x)
        flat = ops.reshape((x - mean) * ops.rsqrt(variance + EPSILON), (3, 4 * WIDTH))
        return flat * ops.constant(np.tile(GAMMA, 4)) + ops.constant(np.tile(BETA, 4))

    model = vocabulary_model(call, [x_of(3, 4, WIDTH)], dynamic=False)
    found = kinds(model)
    assert found["LayerNormalization"] == 1
    assert not found["ReduceMean"]


def other_axis(ops: Any, x: Any) -> Any:
    mean = ops.mean(x, (0,), keepdims=True)
    variance = ops.mean(ops.square(x - mean), (0,), keepdims=True)
    inv = ops.rsqrt(variance + EPSILON) * ops.constant(GAMMA)
    return x * inv + (ops.constant(BETA) - mean * inv)


def lost_axis(ops: Any, x: Any) -> Any:
    """On a square x the mean of a row is taken from a column."""
    mean = ops.mean(x, (1,))
    variance = ops.mean(ops.square(x - mean), (1,), keepdims=True)
    return (x - mean) * ops.rsqrt(variance + EPSILON)


def other_mean(ops: Any, x: Any) -> Any:
    _, variance = moments(ops, x)
    other, _ = moments(ops, ops.tanh(x))
    inv = ops.rsqrt(variance + EPSILON)
    return x * inv + (ops.constant(BETA) - other * inv)


def other_scale(ops: Any, x: Any) -> Any:
    mean, variance = moments(ops, x)
    inv = ops.rsqrt(variance + EPSILON)
    return x * (inv * ops.constant(GAMMA)) + (ops.constant(BETA) - mean * inv)


def other_variance(ops: Any, x: Any) -> Any:
    mean, _ = moments(ops, x)
    _, variance = moments(ops, ops.tanh(x))
    return (x - mean) * ops.rsqrt(variance + EPSILON)


def epsilon_outside(ops: Any, x: Any) -> Any:
    mean, variance = moments(ops, x)
    return (x - mean) / (ops.sqrt(variance) + EPSILON)


def times_root(ops: Any, x: Any) -> Any:
    mean, variance = moments(ops, x)
    return (x - mean) * ops.sqrt(variance + EPSILON)


def over_inverse(ops: Any, x: Any) -> Any:
    mean, variance = moments(ops, x)
    return (x - mean) / ops.rsqrt(variance + EPSILON)


def variance_of_squares(ops: Any, x: Any) -> Any:
    """Another noise, so another form."""
    mean = ops.mean(x, (1,), keepdims=True)
    variance = ops.mean(ops.square(x), (1,), keepdims=True) - ops.square(mean)
    return (x - mean) * ops.rsqrt(variance + EPSILON)


def fourth_power(ops: Any, x: Any) -> Any:
    mean = ops.mean(x, (1,), keepdims=True)
    power = ops.power(x - mean, ops.constant(np.float32(4)))
    return (x - mean) * ops.rsqrt(ops.mean(power, (1,), keepdims=True) + EPSILON)


def epsilon_array(ops: Any, x: Any) -> Any:
    mean, variance = moments(ops, x)
    return (x - mean) * ops.rsqrt(variance + ops.constant(np.abs(BETA)))


def reversed_sum(ops: Any, x: Any) -> Any:
    """``mean - x``: the sign."""
    mean, variance = moments(ops, x)
    return (mean - x) * ops.rsqrt(variance + EPSILON)


ALIKE: dict[str, Call] = {
    f.__name__: f
    for f in (
        other_axis, lost_axis, other_mean, other_scale, other_variance, epsilon_outside, times_root, over_inverse,
        variance_of_squares, fourth_power, epsilon_array, reversed_sum,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", ALIKE)
def test_alike_is_not_one(name: str) -> None:
    check_form(ALIKE[name], x_of(WIDTH, WIDTH), 0)


def test_gamma_by_row_stays_outside() -> None:
    """A gain per row is no gamma: the norm is one node, and the product stays."""
    gain = np.linspace(0.5, 2, WIDTH, dtype=np.float32)[:, None]

    def call(ops: Any, x: Any) -> Any:
        mean, variance = moments(ops, x)
        return (x - mean) * ops.rsqrt(variance + EPSILON) * ops.constant(gain)

    model = vocabulary_model(call, [x_of(WIDTH, WIDTH)], dynamic=False)
    assert kinds(model) == {"LayerNormalization": 1, "Mul": 1}
    [y] = session(model).run(None, {"x0": x_of(WIDTH, WIDTH)})
    np.testing.assert_allclose(y, call(NumpyOps(), x_of(WIDTH, WIDTH)), rtol=0, atol=3e-6)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_floats_keep_their_nodes(dtype: str) -> None:
    def call(ops: Any, x: Any) -> Any:
        mean, variance = moments(ops, x)
        return (x - mean) * ops.rsqrt(variance + 0.5)

    model = vocabulary_model(call, [x_of(3, WIDTH, dtype=dtype)], dynamic=False)
    assert not kinds(model)["LayerNormalization"]


RECORDED = {"layer_norm_basic_lstm": 5, "layer_norm_lstm": 5, "cifg_lstm_options": 4, "sketch_decoder": 2}  # fmt: skip
"""Norms in a step."""


def exported(name: str) -> Any:
    return to_onnx(lifted(zoo_model(name)), prefer="native")


@pytest.mark.parametrize("name", RECORDED)
def test_recorded(name: str) -> None:
    """One node a norm in the Scan's body, no mean left, and the numbers that TF recorded."""
    model = zoo_model(name)
    port = exported(name)
    [scan] = [node for node in port.model.graph.node if node.op_type == "Scan"]
    found = Counter(node.op_type for a in scan.attribute for node in nodes(a.g))
    assert found["LayerNormalization"] == RECORDED[name]
    assert not found["ReduceMean"]
    check_numbers(model, port, model.runs())


def _another_epsilon(node: onnx.NodeProto) -> None:
    [epsilon] = [a for a in node.attribute if a.name == "epsilon"]
    epsilon.f = 0.01


def _no_beta(node: onnx.NodeProto) -> None:
    del node.input[2:]


def _gamma_for_beta(node: onnx.NodeProto) -> None:
    node.input[1], node.input[2] = node.input[2], node.input[1]


@pytest.mark.parametrize("mutate", [_another_epsilon, _no_beta, _gamma_for_beta])
@pytest.mark.parametrize("which", range(5))
def test_the_recording_sees_a_mutant(which: int, mutate: Callable[[onnx.NodeProto], None]) -> None:
    model = zoo_model("layer_norm_basic_lstm")
    port = exported(model.name)
    norms = [node for node in nodes(port.model.graph) if node.op_type == "LayerNormalization"]
    mutate(norms[which])
    with pytest.raises(AssertionError):
        check_numbers(model, port, model.runs())

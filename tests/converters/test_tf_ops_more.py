"""What no recording of a single op shows: tables, splits of open axes, transposed convolutions no CPU runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converters import tf_ops
from converters.graph import DType, Node
from converters.lift import lift
from converters.lift.execute import execute
from converters.read_graphdef import read
from converters.to_onnx import to_onnx
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.sizes import unknown
from reference.vocabulary.numpy_ops import NumpyOps
from tests.converters.to_onnx_running import as_bytes, as_text, run_vocabulary, session
from tests.zoo.catalogue import zoo

RNG = np.random.default_rng(0)


def node(op: str, **attrs: Any) -> Node:
    return Node(op, op, attrs=attrs)


# ---- tables ----------------------------------------------------------------------------------------------------
KEYS = np.array([7, -3, 40], np.int64)
VALUES = np.array([1.5, 2.5, 3.5], np.float32)
ASKED = np.array([[40, 7, 0], [-3, 41, -4]], np.int64)
FOUND = np.array([[3.5, 1.5, -1], [2.5, -1, -1]], np.float32)


def look_up(ops: Any, asked: Any) -> Any:
    """The table above, with the default -1."""
    default = ops.constant(np.array(-1, np.float32))
    table = [ops.constant(KEYS), ops.constant(VALUES)]
    return tf_ops.apply(ops, node("LookupTableFindV2"), [*table, asked, default])[0]


def test_numbers_are_looked_up() -> None:
    np.testing.assert_array_equal(look_up(NumpyOps(), ASKED), FOUND)


@pytest.mark.parametrize("dynamic", [False, True])
def test_numbers_are_looked_up_in_onnx(dynamic: bool) -> None:
    (found,) = run_vocabulary(look_up, [ASKED], dynamic=dynamic)
    np.testing.assert_array_equal(found, FOUND)


def test_a_table_of_unknown_contents_is_refused() -> None:
    with pytest.raises(NotConvertibleError, match="contents of its table"):
        tf_ops.apply(NumpyOps(), node("LookupTableFindV2"), [object(), ASKED, VALUES[0]])


def test_far_apart_keys_are_refused_where_a_list_of_places_would_not_fit() -> None:
    def far(ops: Any, asked: Any) -> Any:
        keys = ops.constant(np.array([0, 1 << 40]))
        inputs = [keys, ops.constant(VALUES[:2]), asked, ops.constant(VALUES[2])]
        return tf_ops.apply(ops, node("LookupTableFindV2"), inputs)[0]

    with pytest.raises(NotConvertibleError, match="span"):
        run_vocabulary(far, [ASKED], dynamic=True)


def test_a_tagger_of_strings_runs_as_recorded() -> None:
    model = next(model for model in zoo() if model.name == "string_tagger")
    program = lift(read(model.graph), inputs=model.inputs, outputs=model.outputs)
    exported = session(to_onnx(program).model)
    with np.load(model.folder / "samples.npz", allow_pickle=False) as store:
        for k in range(3):
            words = as_bytes(store[f"in{k}:words:0"].astype(object))
            lifted = execute(program, {"words:0": words})
            ported = exported.run(None, {"words:0": as_text(words)})
            for name, port in zip(model.outputs, ported, strict=True):
                wanted = store[f"out{k}:{name}"]
                for value in (lifted[name], port):
                    if wanted.dtype.kind == "f":
                        # Float32 sums in another order.
                        np.testing.assert_allclose(value, wanted, rtol=0, atol=2e-6)
                    else:
                        assert as_bytes(value).tolist() == wanted.astype("S").tolist()


# ---- open axes -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_an_open_axis_is_split(axis: int) -> None:
    x = RNG.normal(size=(6, 9)).astype(np.float32)
    wanted = np.split(x, 3, axis)

    def split(ops: Any, value: Any) -> Any:
        along = ops.constant(np.array(axis, np.int32))
        return tf_ops.apply(ops, node("Split", num_split=3, T=DType("float32")), [along, value])

    found = run_vocabulary(split, [x], dynamic=True)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("parts", [[2, -1, 3], [-1, 4], [5, -1], [0, -1, 2]])
def test_an_open_axis_is_split_around_what_is_left(parts: list[int]) -> None:
    x = RNG.normal(size=(2, 9)).astype(np.float32)
    places = np.cumsum([9 - sum(n for n in parts if n > 0) if n < 0 else n for n in parts])[:-1]
    wanted = np.split(x, places, 1)

    def split(ops: Any, value: Any) -> Any:
        given = [ops.constant(np.array(v, np.int32)) for v in (parts, 1)]
        attrs = {"num_split": len(parts), "T": DType("float32")}
        return tf_ops.apply(ops, node("SplitV", **attrs), [value, *given])

    for a, b in zip(run_vocabulary(split, [x], dynamic=True), wanted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_time_steps_split_from_rows_stay_symbolic() -> None:
    """``split(reshape(x, [-1, D]), T)``: each part has the size of the batch, by its name."""
    from reference.vocabulary.abstract import AbstractOps, Fact

    ops = AbstractOps()
    batch = unknown("B")
    x = ops.input(Fact("float32", (5, batch, 3)))
    flat = ops.reshape(x, [-1, 3])
    along = ops.constant(np.array(0, np.int32))
    found = tf_ops.apply(ops, node("Split", num_split=5, T=DType("float32")), [along, flat])
    assert [part.fact.shape for part in found] == [(batch, 3)] * 5


# ---- transposed convolutions -----------------------------------------------------------------------------------
def test_a_dilated_transposed_convolution_is_the_adjoint_of_the_convolution() -> None:
    """<conv(a), b> = <a, conv_transpose(b)>, which no other definition fulfils; TF's CPU kernels refuse dilations."""
    ops = NumpyOps()
    kernel = RNG.normal(size=(2, 3, 3, 4))
    a = RNG.normal(size=(2, 8, 9, 3))
    attrs = {"strides": (1, 1, 1, 1), "dilations": (1, 3, 2, 1), "padding": b"VALID"}
    (out,) = tf_ops.apply(ops, node("Conv2D", **attrs), [a, kernel])
    b = RNG.normal(size=out.shape)
    shape = np.array(a.shape, np.int32)
    (back,) = tf_ops.apply(ops, node("Conv2DBackpropInput", **attrs), [shape, kernel, b])
    # float64 sums of about 1e3 terms.
    np.testing.assert_allclose((out * b).sum(), (a * back).sum(), rtol=1e-11)

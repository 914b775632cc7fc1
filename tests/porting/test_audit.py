"""What the outputs cannot show: weights hidden behind integers, in float16 and int8, a bias without its forget_bias."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from converters.graph import Artefact, DType, Graph, Node
from porting.comparing import compare
from porting.conversion import convert
from porting.verification import Candidate
from porting.verification.audit import audit
from porting.verification.original import Original
from porting.verification.verdict import APPROXIMATE, DIFFERENT, EQUIVALENT, UNVERIFIED
from tests.zoo.catalogue import MODELS

TAGGER = MODELS / "tagger_chars" / "frozen.pb"
TAGS = ["tags:0"]


class Port:
    """An ONNX port that can be changed, and its verdict."""

    def __init__(self, path, graph=TAGGER, outputs=None, **options) -> None:
        self.path, self.graph, self.outputs = path, graph, outputs
        convert(graph, to="onnx", out=path, outputs=outputs, verify=False, **options)
        self.model = onnx.load(path)

    def weight(self, name, change):
        (item,) = [i for i in self.model.graph.initializer if i.name == name]
        value = numpy_helper.to_array(item).copy()
        change(value)
        item.CopyFrom(numpy_helper.from_array(value, name))

    def node(self, kind, place=-1):
        return [n for n in self.model.graph.node if n.op_type == kind][place]

    def verdict(self):
        onnx.save(self.model, self.path)
        return compare(self.graph, self.path, outputs=self.outputs, cases=4).verdict


def test_what_a_choice_is_made_from_is_compared(tmp_path):
    found = Port(tmp_path / "port.onnx", outputs=TAGS).verdict()
    assert found.verdict == EQUIVALENT, found.reasons
    assert {row.tensor for row in found.rows if row.dtype == "float32"} == {"logits/BiasAdd:0"}


def test_an_error_that_turns_no_choice_is_different(tmp_path):
    """All logits moved alike: the tags stay as they are."""
    port = Port(tmp_path / "port.onnx", outputs=TAGS)
    port.weight("logits/bias", lambda value: value.__iadd__(np.float32(0.5)))
    found = port.verdict()
    assert found.verdict == DIFFERENT
    assert any("logits/BiasAdd:0" in reason for reason in found.reasons)


def test_integers_alone_prove_no_weights(tmp_path):
    """A function shows neither its weights nor what it chose from."""
    port = Port(tmp_path / "port.onnx", outputs=TAGS)
    import onnxruntime

    session = onnxruntime.InferenceSession(port.path)

    def call(feeds):
        return {"tags:0": session.run(None, dict(feeds))[0]}

    names = tuple(i.name for i in session.get_inputs())
    found = compare(TAGGER, Candidate(call, names, ("tags:0",)), cases=4).verdict
    assert found.verdict == UNVERIFIED
    assert "shows no weights to be audited" in " ".join(found.reasons)
    whole = compare(TAGGER, port.path, outputs=TAGS, cases=4).verdict
    assert whole.audit["missing"] == []


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_bias_without_its_forget_bias(tmp_path, dtype):
    """It is a weight of the artefact bit for bit, and yet wrong."""
    port = Port(tmp_path / "port.onnx", MODELS / "basic_lstm" / "frozen.pb", dtype=dtype)
    assert port.verdict().audit["wrong"] == []

    def less(value):
        units = value.shape[1] // 8
        value[:, 2 * units : 3 * units] -= value.dtype.type(1)

    port.weight(port.node("LSTM").input[3], less)
    found = port.verdict()
    assert found.verdict == DIFFERENT
    assert any("lacks the forget bias of 1" in item["text"] for item in found.audit["wrong"])


@pytest.mark.parametrize(
    "name", ["basic_rnn_tanh", "gru", "basic_lstm", "bidirectional_lstm_lengths", "scan_gru"]
)
@pytest.mark.parametrize("place", [0, 3, -1])
def test_one_value_of_a_bias_off(tmp_path, name, place):
    """By one part in 10^5. A bias of 12 is not twelve biases of one value each."""
    port = Port(tmp_path / "port.onnx", MODELS / name / "frozen.pb", prefer="native")
    assert port.verdict().verdict == EQUIVALENT
    node = next(n for n in port.model.graph.node if n.op_type in ("LSTM", "GRU", "RNN"))

    def off(value):
        places = np.flatnonzero(value)
        value.flat[places[place]] *= np.float32(1 + 1e-5)

    port.weight(node.input[3], off)
    found = port.verdict()
    assert found.verdict == DIFFERENT
    assert found.audit["wrong"][0]["values"] == 1


def test_a_weight_of_a_float16_port_off_by_one_rounding(tmp_path):
    port = Port(tmp_path / "port.onnx", MODELS / "basic_lstm" / "frozen.pb", dtype="float16")
    right = port.verdict()
    assert right.verdict == EQUIVALENT, right.reasons
    assert right.audit["compared"] >= 3

    def off(value):
        value.flat[7] = np.nextafter(value.flat[7], np.float16(9))

    port.weight(port.node("LSTM").input[1], off)
    found = port.verdict()
    assert found.verdict == DIFFERENT
    assert found.audit["wrong"][0]["values"] == 1


def test_an_integer_of_an_int8_port_off_by_one(tmp_path):
    port = Port(tmp_path / "port.onnx", MODELS / "basic_lstm" / "frozen.pb", dtype="int8")
    right = port.verdict()
    assert right.verdict == APPROXIMATE
    assert (right.audit["rounded"], right.audit["wrong"]) == (2, [])
    port.weight(port.node("DynamicQuantizeLSTM").input[2], lambda value: value[0, 3].__iadd__(2))
    found = port.verdict()
    assert found.verdict == DIFFERENT
    assert "more than half a step" in found.audit["wrong"][0]["text"]


def attention(v: np.ndarray) -> Original:
    """``g v / |v|`` in a loop, as a normalised Bahdanau attention computes it in every step."""
    float32, axes = DType("float32"), np.array([0], np.int32)
    nodes = [
        Node("v", "Const", attrs={"dtype": float32, "value": v}),
        Node("g", "Const", attrs={"dtype": float32, "value": np.float32(1.7)}),
        Node("axes", "Const", attrs={"dtype": DType("int32"), "value": axes}),
        Node("in", "Enter", ("v:0",), attrs={"T": float32, "frame_name": "loop"}),
        Node("square", "Square", ("in:0",), attrs={"T": float32}),
        Node("sum", "Sum", ("square:0", "axes:0"), attrs={"T": float32, "keep_dims": False}),
        Node("inverse", "Rsqrt", ("sum:0",), attrs={"T": float32}),
        Node("scaled", "Mul", ("g:0", "in:0"), attrs={"T": float32}),
        Node("unit", "Mul", ("scaled:0", "inverse:0"), attrs={"T": float32}),
    ]
    graph = Graph({node.name: node for node in nodes})
    return Original(Artefact(Path("m.pb"), "frozen", graph, "0"), (), ("unit:0",))


V = np.float32([0.3, -1.2, 0.7, 2.1, -0.4, 0.9])


def test_a_weight_folded_out_of_others_is_computed_again():
    unit = np.float32(1.7) * V / np.float32(np.sqrt((V.astype(np.float64) ** 2).sum()))
    found = audit(attention(V), {"unit:0": unit})
    assert (found["missing"], found["derived"], found["wrong"]) == ([], [], [])
    unit[3] *= np.float32(1 + 1e-5)
    found = audit(attention(V), {"unit:0": unit})
    assert (found["missing"], found["derived"]) == (["v"], ["unit:0"])


def test_a_mask_of_infinities_is_no_damaged_weight():
    kernel = np.random.default_rng(1).standard_normal((10, 3)).astype(np.float32)
    mask = np.full((6, 3), -np.inf, np.float32)
    found = audit(attention(kernel), {"kernel": kernel, "mask": mask})
    assert found["wrong"] == []
    mask[2, 1] = 0
    assert audit(attention(kernel), {"kernel": kernel, "mask": mask})["wrong"] == []


def test_what_a_keras_loop_holds_inside_is_shown_to_the_audit():
    """A constant folded out of weights is no weight of Keras: the audit must see it all the same, by its TF name."""
    keras = pytest.importorskip(
        "keras", reason="the port whose weights are audited is a Keras model"
    )
    from converters.program import OpNode
    from converters.to_keras.encode import encode
    from converters.to_keras.encode_program import encode_statement
    from converters.to_keras.layers.block import Block
    from porting.verification.candidates import keras_model

    add = OpNode(Node("add", "AddV2", ("x:0", "unit:0"), (), {"T": DType("float32")}), ("y:0",))
    block = Block([encode_statement(add, {})], ["x:0"], {"unit:0": encode(V)}, [], ["y:0"], "add")
    x = keras.Input((6,), name="x")
    port = keras_model(keras.Model({"x": x}, {"y": block([x])}), {})
    assert port.weights is not None
    np.testing.assert_array_equal(port.weights()["unit:0"], V)

"""Mistakes planted in the file of a port, and in a function, without this project's own list of mistakes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from porting.asserting import assert_equivalent
from porting.comparing import compare
from porting.conversion import convert
from porting.verification import Candidate, check, load_samples
from porting.verification.verdict import DIFFERENT, EQUIVALENT
from tests.porting.test_diagnosis import opened
from tests.zoo.catalogue import MODELS


class Port:
    """An ONNX file that can be changed."""

    def __init__(self, name: str, folder) -> None:
        self.name, self.path = name, folder / "port.onnx"
        convert(
            MODELS / name / "frozen.pb", to="onnx", out=self.path, verify=False, prefer="native"
        )
        self.model = onnx.load(self.path)

    def node(self, kind: str, place: int = 0):
        return [n for n in self.model.graph.node if n.op_type == kind][place]

    def weight(self, name: str, change) -> None:
        (item,) = [i for i in self.model.graph.initializer if i.name == name]
        item.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(item).copy()), name))

    def verdict(self):
        onnx.save(self.model, self.path)
        folder = MODELS / self.name
        return compare(folder / "frozen.pb", self.path, samples=folder / "samples.npz").verdict


def blocks(order):
    """ONNX's gates i, o, f, c taken in another order, on axis 1 of W and R and on both halves of B."""

    def change(value):
        if value.ndim == 2:
            halves = [
                np.concatenate([np.split(h, 4, 1)[k] for k in order], 1)
                for h in np.split(value, 2, 1)
            ]
            return np.concatenate(halves, 1)
        return np.concatenate([np.split(value, 4, 1)[k] for k in order], 1)

    return change


@pytest.mark.parametrize(
    ("order", "columns"),
    [((0, 2, 1, 3), "i, c, o, f"), ((0, 3, 2, 1), "i, o, f, c"), ((2, 1, 0, 3), "f, c, i, o")],
)
def test_gates_of_onnx_permuted(tmp_path, order, columns):
    port = Port("basic_lstm", tmp_path)
    for name in port.node("LSTM").input[1:4]:
        port.weight(name, blocks(order))
    found = port.verdict()
    assert found.verdict == DIFFERENT
    assert found.diagnosis["cause"] == "gates permuted", found.reasons
    assert f"as {columns}, where they are i, c, f, o" in found.reasons[0]


def test_the_upper_layer_is_named(tmp_path):
    port = Port("multi_lstm2", tmp_path)
    for name in port.node("LSTM", 1).input[1:4]:
        port.weight(name, blocks((0, 2, 1, 3)))
    found = port.verdict()
    assert (found.worst["recurrence"], found.worst["layer"]) == ("rnn/while/1", 1)
    assert found.diagnosis["cause"] == "gates permuted"


def test_the_forget_bias_taken_away(tmp_path):
    port = Port("basic_lstm", tmp_path)

    def less(value):
        units = value.shape[1] // 8
        value[:, 2 * units : 3 * units] -= 1
        return value

    port.weight(port.node("LSTM").input[3], less)
    found = port.verdict()
    assert found.diagnosis["cause"] == "forget_bias missing", found.reasons


def test_states_fed_the_wrong_way_round(tmp_path):
    port = Port("basic_lstm", tmp_path)
    node = port.node("LSTM")
    node.input[5], node.input[6] = node.input[6], node.input[5]
    found = port.verdict()
    assert found.diagnosis["cause"] == "c and h swapped", found.reasons
    assert "initial" in found.reasons[0]


def test_linear_before_reset(tmp_path):
    port = Port("gru", tmp_path)
    node = port.node("GRU")
    kept = [a for a in node.attribute if a.name != "linear_before_reset"]
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute("linear_before_reset", 1)])
    found = port.verdict()
    assert found.diagnosis["cause"] == "reset after", found.reasons
    assert found.worst["part"] == "r"


def test_the_slope_of_keras_3(tmp_path):
    port = Port("keras_lstm", tmp_path)
    node = port.node("LSTM")
    (alpha,) = [a for a in node.attribute if a.name == "activation_alpha"]
    alpha.floats[:] = [1 / 6 if abs(v - 0.2) < 1e-6 else v for v in alpha.floats]
    found = port.verdict()
    assert found.diagnosis["cause"] == "hard_sigmoid slope", found.reasons


def test_the_backward_direction_as_forward(tmp_path):
    port = Port("bidirectional_lstm_lengths", tmp_path)
    (node,) = [
        n
        for n in port.model.graph.node
        if n.op_type == "LSTM"
        and any(a.name == "direction" and a.s == b"reverse" for a in n.attribute)
    ]
    for item in node.attribute:
        if item.name == "direction":
            item.s = b"forward"
    found = port.verdict()
    assert found.diagnosis["cause"] == "backward direction run forward", found.reasons
    assert found.worst["direction"] == "backward"


def test_onnx_runtimes_own_rows_of_length_0(tmp_path):
    """The guard of the port taken away: the runtime gives zeros for the state of an empty row."""
    port = Port("basic_lstm", tmp_path)
    for node in port.model.graph.node:
        if node.op_type == "Where":
            node.op_type = "Identity"
            del node.input[2]
            del node.input[0]
    found = port.verdict()
    assert found.diagnosis["cause"] == "length-0 rows", found.reasons
    assert found.worst["row"] == 1


def masked(value, lengths):
    """What Keras' layers answer past a row's length: the last output again, zeros where there was none."""
    found = value.copy()
    for row, n in enumerate(lengths):
        found[row, n:] = value[row, n - 1] if n else 0
    return found


def test_a_function_that_repeats_its_last_output():
    """No file and no weights: outputs are all there is to go by."""
    model, samples = opened("gru"), load_samples(MODELS / "gru" / "samples.npz")
    output = "rnn/transpose_1:0"

    def answer(feeds):
        run = next(
            r for r in samples.runs if all(np.array_equal(r.inputs[k], v) for k, v in feeds.items())
        )
        return dict(run.outputs) | {output: masked(run.outputs[output], feeds["lengths:0"])}

    port = Candidate(answer, tuple(model.program.inputs), model.program.outputs)
    found = check(model.original, port, samples.runs, oracle="recording")
    assert found.diagnosis["cause"] == "padding repeated", found.reasons
    assert found.worst["region"] == "padded"


def test_a_failing_test_of_somebody_else_says_why(tmp_path):
    port = Port("gru", tmp_path)
    node = port.node("GRU")
    node.attribute.append(onnx.helper.make_attribute("linear_before_reset", 1))
    kept = {a.name: a for a in node.attribute}
    del node.attribute[:]
    node.attribute.extend(kept.values())
    onnx.save(port.model, port.path)
    folder = MODELS / "gru"
    with pytest.raises(AssertionError, match="reset gate after the product"):
        assert_equivalent(port.path, folder / "frozen.pb", samples=folder / "samples.npz")


def test_an_untouched_port_is_equivalent(tmp_path):
    assert Port("multi_lstm2", tmp_path).verdict().verdict == EQUIVALENT


def test_a_port_that_fails_on_some_runs_is_diagnosed_by_the_others():
    """Whatever a runtime raises: its own kinds of error are no kin of Python's."""
    model = opened("basic_lstm")
    samples = load_samples(MODELS / "basic_lstm" / "samples.npz")

    class RuntimesOwn(Exception):
        pass

    def fail(feeds):
        raise RuntimesOwn("inconsistent sequence length")

    port = Candidate(fail, tuple(model.program.inputs), model.program.outputs)
    found = check(model.original, port, samples.runs, oracle="recording")
    assert found.verdict == DIFFERENT
    assert "RuntimesOwn: inconsistent sequence length" in " ".join(found.reasons)

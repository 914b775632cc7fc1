"""A port's own cells filled from a checkpoint again: the variables of the frozen graph, and TF 1.15.5's recorded numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the ports that are filled run on TensorFlow")
keras = pytest.importorskip("keras", reason="what is filled are Keras models")

import porting  # noqa: E402
from converters.lift import lift  # noqa: E402
from converters.read_graphdef import read  # noqa: E402
from converters.to_keras import to_keras  # noqa: E402
from converters.write_checkpoint import write_checkpoint  # noqa: E402
from reference.errors import SemanticsError, UsageError  # noqa: E402
from tests.zoo.catalogue import ZooModel, zoo_model  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def port_of(model: ZooModel) -> keras.Model:
    program = lift(read(model.graph), inputs=list(model.inputs), outputs=list(model.outputs))
    return to_keras(program, name=model.name).model


def variables_of(model: ZooModel) -> dict[str, np.ndarray]:
    """The constants that were variables: freezing leaves their ``read`` behind."""
    nodes = read(model.graph).graph.nodes
    return {n: nodes[n].attrs["value"] for n in nodes if f"{n}/read" in nodes}


def outputs(port: keras.Model, model: ZooModel) -> list[np.ndarray]:
    run = model.runs()[0]
    feeds = {key: run.inputs[f"{key}:0"] for key in (t.name for t in port.inputs)}
    return [np.asarray(value) for value in port(feeds).values()]


@pytest.mark.parametrize("scope", ["", "old"])
def test_the_cells_of_a_port_know_their_variables(scope: str, tmp_path: Path) -> None:
    model = zoo_model("mixed_contrib")
    values, prefix = variables_of(model), f"{scope}/" if scope else ""
    write_checkpoint(tmp_path / "model.ckpt", {prefix + n: v for n, v in values.items()})
    port = port_of(model)
    for weight in port.weights:
        weight.assign(np.full(weight.shape, 0.3, "float32"))
    cells = [layer for layer in port.layers if type(layer) is keras.layers.RNN]
    assert len(cells) == 3
    for layer in cells:
        report = porting.load_tf1_weights(layer, tmp_path / "model.ckpt", scope or None)
        assert report.complete
        named = porting.tf1_names(layer)
        assert named
        for name, value in named.items():
            np.testing.assert_array_equal(value, values[name])
    report = porting.load_tf1_weights(port, tmp_path / "model.ckpt", scope or None)
    assert report.complete
    assert report.unused == ()
    wanted = model.runs()[0].outputs
    for found, name in zip(outputs(port, model), model.outputs, strict=True):
        np.testing.assert_allclose(found, wanted[name], rtol=0, atol=1e-5, err_msg=name)


def test_what_the_checkpoint_lacks_is_named(tmp_path: Path) -> None:
    model = zoo_model("mixed_contrib")
    values = variables_of(model)
    gone = next(name for name in values if name.endswith("sru_cell/bias"))
    write_checkpoint(tmp_path / "model.ckpt", {n: v for n, v in values.items() if n != gone})
    layer = next(x for x in port_of(model).layers if type(x) is keras.layers.RNN)
    with pytest.raises(UsageError, match=f"weight bias was {gone} in the graph"):
        porting.load_tf1_weights(layer, tmp_path / "model.ckpt")


def test_a_weight_of_many_variables_has_no_name(tmp_path: Path) -> None:
    """The kernel of a cell that was written with a matrix a gate."""
    layer = next(
        x for x in port_of(zoo_model("layer_norm_by_hand")).layers if type(x) is keras.layers.RNN
    )
    with pytest.raises(SemanticsError, match="no variable of its own"):
        porting.tf1_names(layer)

"""Outputs whose number of axes depends on sizes that are not known at conversion."""

from __future__ import annotations

import numpy as np
import pytest

from converters.graph import DType, Node
from converters.program import OpNode, Program
from converters.to_onnx import to_onnx
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Dim, Fact
from reference.vocabulary.abstract.sizes import unknown
from tests.converters.to_onnx_running import session

BATCH = unknown("batch")


def program(output: str, shape: tuple[Dim, ...] | None) -> Program:
    """``sigmoid(squeeze(x))`` of x [batch, 1], that plus itself, and a reshape of it to ``[-1, 1]``."""
    attrs = {"T": DType("float32")}
    statements = (
        OpNode(Node("gone", "Squeeze", ("x:0",), (), attrs), ("gone:0",)),
        OpNode(Node("p", "Sigmoid", ("gone:0",), (), attrs), ("p:0",)),
        OpNode(Node("twice", "AddV2", ("p:0", "p:0"), (), attrs), ("twice:0",)),
        OpNode(Node("back", "Reshape", ("p:0", "to:0"), (), attrs), ("back:0",)),
    )
    to = np.array([-1, 1], np.int32)
    facts = {"x:0": Fact("float32", (BATCH, 1)), "to:0": Fact("int32", (2,), to)}
    facts[output] = Fact("float32", shape)
    return Program({"x:0": facts["x:0"]}, (output,), statements, {"to:0": to}, facts=facts)


def test_an_output_of_unknown_rank_says_what_to_name_instead() -> None:
    with pytest.raises(
        NotConvertibleError, match=r"'twice:0'.*gone \(Squeeze\).*--outputs x:0"
    ) as e:
        to_onnx(program("twice:0", None))
    assert [reason.node for reason in e.value.reasons] == ["twice:0"]


def test_a_squeezed_output_has_the_axes_that_tf_gives_it() -> None:
    model = to_onnx(program("p:0", None)).model
    for batch, shape in ((3, (3,)), (1, ())):
        [found] = session(model).run(None, {"x:0": np.zeros((batch, 1), np.float32)})
        assert found.shape == shape
        assert (found == 0.5).all()
    assert len(model.graph.output[0].type.tensor_type.shape.dim) == 1


@pytest.mark.parametrize("batch", [1, 3])
def test_an_unknown_rank_inside_the_graph_is_no_obstacle(batch: int) -> None:
    x = np.linspace(-1, 1, batch, dtype=np.float32).reshape(batch, 1)
    exported = to_onnx(program("back:0", (BATCH, 1)))
    [found] = session(exported.model).run(None, {"x:0": x})
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-x)), rtol=0, atol=1e-6)

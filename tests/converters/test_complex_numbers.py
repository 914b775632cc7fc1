"""Complex numbers inside a model are pairs; at its edges, and where a port could not hold them, they are refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from converters import tf_ops
from converters.graph import DType, Graph, Node, Shape
from converters.lift import structure
from converters.tf_ops.complex_numbers import as_parts, gives_complex, waves
from reference.errors import NotConvertibleError
from reference.vocabulary.numpy_ops import NumpyOps

C, F = DType("complex64"), DType("float32")


def node(op: str, *inputs: str, **attrs: object) -> Node:
    return Node(op.lower(), op, inputs, (), attrs)


def graph(*nodes: Node) -> Graph:
    return Graph({n.name: n for n in nodes})


X = Node("x", "Placeholder", (), (), {"dtype": F, "shape": Shape((None, 8))})
LENGTH = Node("n", "Const", (), (), {"dtype": DType("int32"), "value": np.array([8], np.int32)})
SPECTRUM = node("RFFT", "x:0", "n:0")


def test_a_complex_output_says_what_to_name_instead() -> None:
    size = node("ComplexAbs", "rfft:0", T=C, Tout=F)
    with pytest.raises(NotConvertibleError, match="rfft: it is a complex output") as caught:
        structure(
            graph(X, LENGTH, SPECTRUM, size), inputs=["x:0"], outputs=["rfft:0", "complexabs:0"]
        )
    assert caught.value.convertible == ("complexabs:0",)


def test_a_complex_input_is_refused_where_it_is_read() -> None:
    z = Node("z", "Placeholder", (), (), {"dtype": C, "shape": Shape((None, 8))})
    with pytest.raises(NotConvertibleError, match="real: it reads a complex input"):
        structure(graph(z, node("Real", "z:0", T=C, Tout=F)), inputs=["z:0"], outputs=["real:0"])


def test_an_op_without_complex_arithmetic_is_refused() -> None:
    with pytest.raises(NotConvertibleError, match="Tanh is not in the op table for complex"):
        tf_ops.apply(NumpyOps(), node("Tanh", "a:0", T=C), [np.zeros((2, 2), np.float32)])


def test_what_is_complex() -> None:
    assert gives_complex(SPECTRUM)
    assert gives_complex(node("Cast", "x:0", SrcT=F, DstT=C))
    assert not gives_complex(node("Cast", "x:0", SrcT=C, DstT=F))
    assert not gives_complex(node("Shape", "z:0", T=C))
    assert as_parts(np.array([1 + 2j], np.complex64)).tolist() == [[1, 2]]


def test_the_waves_are_those_of_the_transform() -> None:
    x = np.random.default_rng(1).normal(size=(2, 512))
    cos, sin = waves(512, 512, 257)
    np.testing.assert_allclose(x @ cos - 1j * (x @ sin), np.fft.rfft(x), rtol=0, atol=1e-11)

"""Placeholders of TensorFlow 1.0 whose shape is lost, and what a meta graph tells of it besides."""

from __future__ import annotations

import pytest

from converters.graph import Graph, Node, Shape
from converters.lift.structure import _input_fact


def graph(told, producer=21) -> Graph:
    """``x`` as TF 1.0.1 writes ``placeholder(float32, [None, None, 4])``, transposed."""
    attrs = {"dtype": "float32", "shape": Shape(())} | (
        {} if told is None else {"_output_shapes": told}
    )
    nodes = {
        "x": Node("x", "Placeholder", (), (), attrs),
        "y": Node("y", "Transpose", ("x:0", "perm:0"), (), {}),
    }
    return Graph(nodes, producer=producer)


@pytest.mark.parametrize(
    ("told", "rank"),
    [((Shape((None, None, 4)),), 3), ((Shape(None),), None), (None, None), ((), None)],
)
def test_the_shape_that_tensorflow_inferred(told, rank):
    fact = _input_fact(graph(told), "x:0")
    assert (None if fact.shape is None else len(fact.shape)) == rank
    if rank:
        assert fact.shape[2] == 4
        assert not isinstance(fact.shape[0], int)


def test_a_scalar_of_a_later_tensorflow_stays_one():
    assert _input_fact(graph(None, producer=27), "x:0").shape == ()

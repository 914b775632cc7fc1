"""Where sizes are fixed (JAX), a decoder's lists are as long as they can get, and sizes are computed where they are used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="what is tested makes Keras models")

from converters.program import Loop, OpNode, Recurrence
from converters.tf_ops import apply
from converters.to_keras.bounds import with_bounds
from converters.to_keras.context import Context
from converters.to_keras.rules.control import _new_lists
from converters.to_keras.slices import with_sizes
from reference.errors import NotConvertibleError
from reference.vocabulary.numpy_ops import NumpyOps
from tests.support.lifting import lifted, structured


def bounded(program: Any, loop: str) -> tuple[Any, ...]:
    context = Context(program)
    statement = next(s for s in context.live if isinstance(s, Loop) and s.name == loop)
    whole = (*_new_lists(context, statement), statement)
    return with_bounds(context, with_sizes(context, whole))


LONGEST = {
    # maximum_iterations, as tf.while_loop tests it
    "greedy_decoder": ("decoder/while", "Identity", "decoder/maximum_iterations:0"),
    # a TrainingHelper reads its inputs, of which there are so many
    "training_decoder": ("decoder/while", "ListSize", "TensorArrayUnstack"),
    # a loop function that calls all rows finished at a step
    "raw_rnn_feedback": ("rnn/while", "Identity", "GreaterEqual"),
}


@pytest.mark.parametrize("name", LONGEST)
def test_the_maximum_is_found(name: str) -> None:
    loop, op, value = LONGEST[name]
    statements = bounded(structured(name), loop)
    (longest,) = [s for s in statements if "longest" in str(getattr(s, "outputs", ""))]
    assert isinstance(longest, OpNode)
    assert longest.node.op == op
    assert value in longest.inputs[0]
    lists = [s for s in statements if isinstance(s, OpNode) and s.node.op == "ListNew"]
    assert lists
    assert all(s.inputs == longest.outputs for s in lists if s.node.attr("dynamic"))


def test_a_maximum_that_values_tell_is_one_of_sizes() -> None:
    """``2 * max(lengths)``, and reversing by the lengths proves that they lie within the source."""
    *before, loop = bounded(lifted("translation_beam"), "decoder/while")
    values = {"source:0": np.zeros((4, 7), np.int32)}
    lists = [s for s in before if isinstance(s, OpNode) and s.node.op == "ListNew"]
    for one in before:
        if isinstance(one, OpNode) and one not in lists and values.keys() >= set(one.inputs):
            inputs = [values[name] for name in one.inputs]
            values[one.outputs[0]] = apply(NumpyOps(), one.node, inputs)[0]
    assert isinstance(loop, Loop)
    assert {values[s.inputs[0]].item() for s in lists} == {14}


def test_a_maximum_that_depends_on_values_is_refused_by_name() -> None:
    program = lifted("translation_beam")
    forward = [
        replace(s, direction="forward") if isinstance(s, Recurrence) else s
        for s in program.statements
        if not (isinstance(s, OpNode) and s.node.op == "ReverseSequence")
    ]
    with pytest.raises(NotConvertibleError, match="depends on values") as caught:
        bounded(replace(program, statements=tuple(forward)), "decoder/while")
    assert caught.value.reasons[0].node == "decoder/while"


def test_without_a_test_of_the_counter_nothing_bounds_a_greedy_decoder() -> None:
    """The embedding that is fed back is no list that runs out."""
    program = lifted("greedy_decoder")
    program = replace(program, constants=dict(program.constants))
    statements = []
    for one in program.statements:
        if isinstance(one, Loop):
            kept = [
                replace(s, node=replace(s.node, op="LessEqual"))
                if isinstance(s, OpNode) and s.node.op == "Less"
                else s
                for s in one.condition.statements
            ]
            one = replace(one, condition=replace(one.condition, statements=tuple(kept)))
        statements.append(one)
    with pytest.raises(NotConvertibleError, match="nothing in the graph tells a maximum"):
        bounded(replace(program, statements=tuple(statements)), "decoder/while")


def test_sizes_from_shapes_are_computed_beside_their_reader() -> None:
    context = Context(lifted("attention_luong"))
    tile = next(
        s
        for s in context.live
        if isinstance(s, OpNode) and s.node.op == "Tile" and context.known(s.inputs[1]) is None
    )
    ops = [s.node.op for s in with_sizes(context, (tile,)) if isinstance(s, OpNode)]
    assert ops[-1] == "Tile"
    assert {"Shape", "Size"} & set(ops)


def test_sizes_from_values_are_not() -> None:
    context = Context(lifted("drqn"))
    shapes = [s for s in context.live if isinstance(s, OpNode) and s.node.op == "Reshape"]
    by_value = [s for s in shapes if s.node.name == "Reshape_1"]
    assert by_value
    assert with_sizes(context, by_value) == tuple(by_value)


def test_a_slice_from_a_computed_place_has_as_many_items_as_it_says() -> None:
    """What JAX takes by ``take`` is what the others slice."""
    from converters.to_keras.ops import KerasOps, Value
    from converters.to_keras.ops.shaping import _moving

    ops = KerasOps()
    import keras

    x = Value(keras.ops.convert_to_tensor(np.arange(24.0).reshape(2, 6, 2)))
    at = Value(keras.ops.convert_to_tensor(np.int32(3)))
    left, begin, end = _moving(x, [None, at, 0], [None, ops.add(at, 2), 1], [1, 1, 1])
    assert (begin, end) == ([None, None, 0], [None, None, 1])
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(left.data), np.arange(24.0).reshape(2, 6, 2)[:, 3:5]
    )

"""Which integers a value can hold: found ranges hold what is computed, and what may be wide is refused where 32 bits are all there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the ranges look at a Program as the Keras rules do")

from converters.graph import DType, Graph, Node, Shape
from converters.lift import structure
from converters.lift.execute import Executor
from converters.to_keras import narrow, running
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.ranges import Range, ranges_of
from converters.to_keras.ranges.domain import SIZE, greatest, larger, least, smaller
from reference.errors import NotConvertibleError, UsageError
from reference.vocabulary.abstract.sizes import Size, evaluate, unknown
from tests.support.lifting import lifted
from tests.zoo.catalogue import zoo_model

I64 = DType("int64")


@pytest.mark.parametrize("name", ["beam_decoder", "elmo_like", "lengths_from_ids", "drqn"])
def test_what_is_computed_lies_in_the_ranges(name: str) -> None:
    """Every integer of every statement, those in loops as the last round left them."""
    program = lifted(name)
    ranges, feeds = ranges_of(Context(program)), zoo_model(name).runs()[0].inputs
    executor = Executor(program)
    executor.run(feeds)
    sizes = {
        f"{tensor.partition(':')[0]}.{axis}": size
        for tensor in program.inputs
        for axis, size in enumerate(feeds[tensor].shape)
    }
    looked_at = 0
    for value, held in executor.values.items():
        found = ranges.found.get(value)
        if found is None or np.asarray(held).dtype.kind not in "iub" or not np.size(held):
            continue
        low, high = (_number(end, sizes, side) for end, side in ((found.low, least), (found.high, greatest)))  # fmt: skip
        assert low <= int(np.min(held)) <= int(np.max(held)) <= high, (value, found)
        looked_at += 1
    assert looked_at > 10


def _number(dim: Any, sizes: dict[str, int], otherwise: Any) -> int:
    try:
        return evaluate(dim, sizes)
    except KeyError:
        return int(otherwise(dim))


def test_a_beam_runs_twice_as_long_as_its_source_at_most() -> None:
    """The encoder's reversal is an error where a length is beyond the sequence."""
    ranges = ranges_of(Context(lifted("translation_beam")))
    assert ranges.of("mul_1:0") == Range(0, 2 * unknown("source.1"))


@pytest.mark.parametrize(("a", "b"), [(3, unknown("T")), (unknown("B"), unknown("T")), (-2, 5)])
def test_ends_hold_both(a: Any, b: Any) -> None:
    for n in (0, 1, 7, SIZE):
        sizes = {"B": n, "T": 9}
        values = [evaluate(d, sizes) for d in (a, b)]
        assert evaluate(larger(a, b), sizes) >= max(values)
        assert evaluate(smaller(a, b), sizes) <= min(values)


def test_two_sizes_fit_32_bits_and_three_do_not() -> None:
    one, two = unknown("B"), unknown("T")
    assert Range(0, one + two).fits("int32")
    assert not Range(0, one + two + unknown("N")).fits("int32")
    assert Range(0, one * two).fits("int32")  # the number of an array's items
    assert not Range(0, two * two).fits("int32")
    assert isinstance(one, Size)


# ---- what may be wide ------------------------------------------------------------------------------------------------


class Made:
    """A graph of int64 ``ids`` and a table of 5 rows, as it is built up."""

    def __init__(self) -> None:
        wide = {"dtype": I64, "shape": Shape((None,))}
        self.nodes = [
            Node("ids", "Placeholder", (), (), wide),
            Node("x", "Placeholder", (), (), {"dtype": DType("float32"), "shape": Shape((None,))}),
            self.constant("table", np.eye(5, dtype=np.float32)),
            self.constant("axis", np.int32(0)),
        ]

    @staticmethod
    def constant(name: str, value: Any) -> Node:
        array = np.asarray(value)
        return Node(name, "Const", (), (), {"value": array, "dtype": DType(str(array.dtype))})

    def add(self, op: str, *inputs: str, **attrs: Any) -> str:
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(Node(name, op, inputs, (), attrs))
        return f"{name}:0"

    def number(self, value: int) -> str:
        name = f"number_{len(self.nodes)}"
        self.nodes.append(self.constant(name, np.int64(value)))
        return f"{name}:0"

    def looked_up(self, ids: str = "ids:0") -> str:
        return self.add("GatherV2", "table:0", ids, "axis:0", Tindices=I64)

    def cast(self, value: str, to: str) -> str:
        return self.add("Cast", value, SrcT=I64, DstT=DType(to))

    def context(self, *outputs: str) -> Context:
        graph = Graph({n.name: n for n in self.nodes}, {}, {}, 134)
        needed = structure(graph, inputs=["ids", "x"], outputs=[*outputs, "x:0", "ids:0"])
        live = {name for s in needed.statements for name in s.inputs}
        inputs = [name for name in ("ids", "x") if f"{name}:0" in {*live, *outputs}]
        return Context(structure(graph, inputs=inputs, outputs=list(outputs)))


def refusal(context: Context, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said of it where integers have 32 bits; "" where it is taken."""
    monkeypatch.setattr(narrow, "narrows", lambda: True)
    monkeypatch.setattr(narrow, "wide_jax", lambda: False)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    try:
        narrow.refuse_dtypes(context)
    except NotConvertibleError as error:
        return str(error)
    return ""


def lookup(m: Made) -> list[str]:
    return [m.looked_up()]


def shifted(m: Made) -> list[str]:
    return [m.looked_up(m.add("Sub", "ids:0", m.number(1)))]


def counted(m: Made) -> list[str]:
    few = m.add("Cast", m.add("Greater", "ids:0", m.number(3)), SrcT=DType("bool"), DstT=I64)
    return [m.add("Sum", few, "axis:0")]


def chosen(m: Made) -> list[str]:
    return [m.add("ArgMax", m.looked_up(), m.number(1), output_type=I64)]


def looked_up_and_counted(m: Made) -> list[str]:
    return [m.looked_up(), m.add("Mul", "ids:0", m.number(400_000_000))]


@pytest.mark.parametrize("make", [lookup, shifted, counted, chosen, looked_up_and_counted])
def test_what_fits_32_bits_is_taken(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    assert refusal(made.context(*make(made)), monkeypatch) == ""


def given_out(m: Made) -> tuple[list[str], str]:
    return [m.add("Neg", "ids:0")], "ids"


def as_floats(m: Made) -> tuple[list[str], str]:
    return [m.cast("ids:0", "float32")], "ids"


def summed(m: Made) -> tuple[list[str], str]:
    total = m.add("Mul", "ids:0", m.number(600_000_000))  # ids up to 4
    return [m.looked_up(), total], total[:-2]


def squared_places(m: Made) -> tuple[list[str], str]:
    place = m.add("ArgMax", "x:0", m.number(0), output_type=I64)
    twice = m.add("Mul", place, place)
    return [twice], twice[:-2]


def from_floats(m: Made) -> tuple[list[str], str]:
    cast = m.add("Cast", "x:0", SrcT=DType("float32"), DstT=I64)
    return [m.add("Less", cast, m.number(7))], cast[:-2]


def large_constant(m: Made) -> tuple[list[str], str]:
    test = m.add("Less", "ids:0", m.number(2**40))
    return [test], test[:-2]


@pytest.mark.parametrize("make", [given_out, as_floats, summed, squared_places, from_floats, large_constant])  # fmt: skip
def test_what_may_be_wider_is_refused_with_its_node(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made()
    outputs, node = make(made)
    said = refusal(made.context(*outputs), monkeypatch)
    assert said.startswith(f"node {node!r}: "), said
    assert "set JAX_ENABLE_X64=1, or port it on TensorFlow" in said


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 2**32 + 1])
def test_a_number_that_does_not_fit_is_refused_where_it_is_fed(value: int) -> None:
    ids = keras.Input(batch_shape=(None,), dtype="int32", name="ids")
    run = running.runner(keras.Model({"ids": ids}, {"y": ids + 0}))
    with pytest.raises(UsageError, match=f"input 'ids': {value} does not fit int32"):
        run({"ids": np.asarray([1, value])})
    assert run({"ids": np.asarray([1, 2**31 - 1])})["y"].tolist() == [1, 2**31 - 1]

"""Integer quotients that were written with floats: ``tf.cast(a / n, tf.int32)``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from converters import oracle
from converters.graph import DType, Graph, Node, Shape
from converters.lift import structure
from converters.lift.execute import execute
from converters.program import OpNode


def graph(integer: str, real: str, divisor: Any, wanted: str, *, floor: bool = False) -> Graph:
    """``cast(cast(a, real) / divisor, wanted)``, with ``floor`` before the cast if asked."""
    last = "floor:0" if floor else "ratio:0"
    nodes = [
        Node("a", "Placeholder", (), (), {"dtype": DType(integer), "shape": Shape((None,))}),
        Node("wide", "Cast", ("a:0",), (), {"SrcT": DType(integer), "DstT": DType(real)}),
        Node("n", "Const", (), (), {"value": np.asarray(divisor, real), "dtype": DType(real)}),
        Node("ratio", "RealDiv", ("wide:0", "n:0"), (), {"T": DType(real)}),
        Node("floor", "Floor", ("ratio:0",), (), {"T": DType(real)}),
        Node("y", "Cast", (last,), (), {"SrcT": DType(real), "DstT": DType(wanted)}),
    ]
    return Graph({n.name: n for n in nodes if floor or n.name != "floor"}, {}, {}, 134)


def ops(made: Graph) -> list[str]:
    program = structure(made, inputs=["a"], outputs=["y"])
    return [s.node.op for s in program.statements if isinstance(s, OpNode)]


LARGE = np.iinfo(np.int32).max
AROUND = np.unique(
    [s * k * n + d for n in (1, 3, 10, 46341, LARGE) for k in (0, 1, 7, LARGE // n) for d in (-1, 0, 1) for s in (-1, 1)]
)  # fmt: skip
NUMBERS = AROUND[np.abs(AROUND) <= LARGE].astype(np.int32)


@pytest.mark.parametrize("floor", [False, True])
@pytest.mark.parametrize("divisor", [1, 3, 10, 46341, LARGE])
def test_the_integer_quotient_is_the_one_of_floats(divisor: int, floor: bool) -> None:
    made = graph("int32", "float64", divisor, "int32", floor=floor)
    assert ops(made) == ["FloorDiv" if floor else "TruncateDiv"] or divisor == 1
    (raw,) = oracle.run(made, {"a:0": NUMBERS}, ["y:0"]).values()
    program = structure(made, inputs=["a"], outputs=["y"])
    got = execute(program, {"a:0": NUMBERS})["y:0"]
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, raw)


def test_the_width_that_is_wanted_stays() -> None:
    made = graph("int16", "float32", 7, "int64")
    assert ops(made) == ["TruncateDiv", "Cast"]
    program = structure(made, inputs=["a"], outputs=["y"])
    got = execute(program, {"a:0": np.array([-32768, -8, 6, 32767], np.int16)})["y:0"]
    assert (str(got.dtype), got.tolist()) == ("int64", [-4681, -1, 0, 4681])


UNEQUAL = {
    "int64 does not fit a float64": ("int64", "float64", 3, "int64"),
    "int32 does not fit a float32": ("int32", "float32", 3, "int32"),
    "a fraction": ("int32", "float64", 2.5, "int32"),
    "0 gives infinity": ("int32", "float64", 0, "int32"),
    "-1 leaves the numbers": ("int32", "float64", -1, "int32"),
    "a vector": ("int32", "float64", [3.0], "int32"),
    "a divisor beyond the dtype": ("int16", "float32", 40000, "int16"),
    "a narrower result": ("int32", "float64", 3, "int8"),
    "no integers wanted": ("int32", "float64", 3, "float32"),
}


@pytest.mark.parametrize("case", UNEQUAL)
def test_what_need_not_be_equal_stays(case: str) -> None:
    assert ops(graph(*UNEQUAL[case])) == ["Cast", "RealDiv", "Cast"]

"""What becomes a class of a source port: its noise taken off without a change in numbers, its beam search told by its equations alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the classes that are written are Keras layers, and are run")

from converters.lift import lift
from converters.program import Program
from converters.read_graphdef import read
from converters.to_keras import to_keras
from converters.to_source import to_source
from converters.to_source.blocks.rules import RULES
from converters.to_source.blocks.simplify import Cleaner
from reference.vocabulary.abstract import Fact, unknown
from reference.vocabulary.numpy_ops import NumpyOps
from reference.vocabulary.tracer import Expr, Tracer, needed, replay

ZOO = Path(__file__).parents[1] / "zoo" / "models"
RNG = np.random.default_rng(3)
ROWS = 5


class WithHelpers(NumpyOps):
    """What the rules make beside the vocabulary, as NumPy has it."""

    def take_beams(self, x: Any, beams: Any) -> Any:
        return np.take_along_axis(x, beams.reshape(*beams.shape, *[1] * (x.ndim - 2)), 1)

    def repeat(self, x: Any, count: int) -> Any:
        return np.repeat(x, count, 0)


class Case:
    """One traced program over x [rows, 3, 4], y [rows, 3, 4] and beams [rows, 2]."""

    def __init__(self) -> None:
        self.t = Tracer()
        self.rows = unknown("rows")
        self.x, self.y = (self.t.input(n, Fact("float32", (self.rows, 3, 4))) for n in "xy")
        self.beams = self.t.input("beams", Fact("int32", (self.rows, 2)))
        self.size = self.t.squeeze(self.t.strided_slice(self.t.shape(self.x), [0], [1], [1]), [0])
        self.arrays = {n: RNG.normal(size=(ROWS, 3, 4)).astype(np.float32) for n in "xy"}
        self.arrays["beams"] = RNG.integers(0, 3, (ROWS, 2)).astype(np.int32)

    def number(self, value: Any) -> Expr:
        return self.t.constant(np.asarray(value))

    def cleaned(self, expr: Expr) -> Expr:
        cleaner = Cleaner(self.t, RULES)
        found = cleaner.of(expr)
        (before,), (after,) = ([self.run(e)] for e in (expr, found))
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(after, before)
        return found

    def run(self, expr: Expr) -> Any:
        """Its numbers; sizes that the rules made from facts are put in."""
        bound: dict[Expr, Any] = {}
        for one in needed([expr]):
            if one.op == "input":
                value = one.fact.value
                bound[one] = (
                    self.arrays[str(one.name)] if value is None else sized(value, one.fact.dtype)
                )
        ops = WithHelpers()
        return np.asarray(replay_with(expr, ops, bound))


def sized(value: np.ndarray, dtype: str) -> np.ndarray:
    """Symbolic sizes as numbers."""
    flat = [n if isinstance(n, int) else evaluated(n) for n in value.reshape(-1)]
    return np.asarray(flat, dtype).reshape(value.shape)


def evaluated(size: Any) -> int:
    return sum(factor * ROWS ** len(names) for names, factor in size.terms)


def replay_with(expr: Expr, ops: WithHelpers, bound: dict[Expr, Any]) -> Any:
    """``replay``, the helpers too."""
    for one in needed([expr], bound):
        if one.op in ("take_beams", "repeat") and one not in bound:
            args = [replay_with(a, ops, bound) for a in one.args]
            bound[one] = getattr(ops, one.op)(*args, **one.params)
    return replay([expr], ops, bound)[0]


def sizes(c: Case, *more: int, rows: int = 1) -> Any:
    """The shape ``[rows * n, …]``."""
    first = c.size if rows == 1 else c.size * rows
    return c.t.stack([first, *(c.number(np.int32(n)) for n in more)], 0)


def gathered(c: Case) -> Any:
    """contrib.seq2seq's _tensor_gather_helper."""
    t = c.t
    offset = t.expand_dims(t.range(c.number(np.int32(0)), c.size, c.number(np.int32(1))) * 3, 1)
    places = t.reshape(c.beams + offset, [-1])
    rows = t.reshape(c.x, sizes(c, 4, rows=3))
    return t.reshape(t.gather(rows, places, axis=0), sizes(c, 2, 4))


def tiled(c: Case) -> Any:
    """contrib.seq2seq's tile_batch."""
    t = c.t
    whole = t.tile(t.expand_dims(c.x, 1), [1, 2, 1, 1])
    return t.reshape(whole, sizes(c, 3, 4, rows=2))


def masked(c: Case) -> Any:
    t = c.t
    low = t.fill(t.shape(c.x), c.number(np.float32(1))) * c.number(np.float32(-np.inf))
    return t.where(t.greater(c.x, c.y), c.x, low)


def unfinished(c: Case) -> Any:
    """A row of ones but for the end token, as long as the vocabulary."""
    t = c.t
    index = t.fill(sizes(c, 3), c.number(np.int32(2)))
    return t.one_hot(index, 4, c.number(np.float32(0)), c.number(np.float32(1))) * c.x


def product(c: Case) -> Any:
    t = c.t
    matrix = c.number(np.arange(8, dtype=np.float32).reshape(4, 2))
    rows = t.matmul(t.round(t.reshape(c.x, sizes(c, 4, rows=3))), matrix)
    return t.reshape(rows, sizes(c, 3, 2))


def twice_reshaped(c: Case) -> Any:
    return c.t.reshape(c.t.reshape(c.x, [-1]), c.t.shape(c.x)) + c.y


def turned(c: Case) -> Any:
    return c.t.transpose(c.t.transpose(c.x, (2, 0, 1)), (1, 0, 2))


def place(c: Case) -> Any:
    t = c.t
    top = t.top_k(t.reshape(c.x, sizes(c, 12)), 3)[1]
    return t.cast(t.cast(top, "float64") / c.number(np.float64(4)), "int32")


CASES: dict[str, tuple[Callable[[Case], Any], set[str], set[str]]] = {
    "beams": (gathered, {"take_beams"}, {"gather", "range", "reshape"}),
    "tile_batch": (tiled, {"repeat"}, {"tile", "reshape"}),
    "mask": (masked, {"where"}, {"fill", "multiply"}),
    "end_token": (unfinished, {"one_hot"}, {"fill"}),
    "product": (product, {"matmul"}, set()),
    "reshapes": (twice_reshaped, {"add"}, {"reshape"}),
    "transposes": (turned, {"transpose"}, set()),
    "quotient": (place, {"floor_divide"}, {"divide", "cast"}),
}
"""What is traced, ops that must be left in the end, and ops that must be gone."""


@pytest.mark.parametrize("name", CASES)
def test_noise_goes_and_the_numbers_stay(name: str) -> None:
    make, left, gone = CASES[name]
    case = Case()
    ops = {e.op for e in needed([case.cleaned(make(case))])}
    assert left <= ops
    assert not gone & ops


def test_what_only_looks_alike_stays() -> None:
    """Places of rows that are not all rows, a power that is not 1, a fill that alone makes the shape."""
    c = Case()
    t = c.t
    offset = t.expand_dims(t.range(c.number(np.int32(0)), c.size, c.number(np.int32(1))) * 2, 1)
    places = t.reshape(c.beams + offset, [-1])
    rows = t.reshape(c.x, sizes(c, 4, rows=3))
    wrong = t.reshape(t.gather(rows, places, axis=0), sizes(c, 2, 4))
    assert "take_beams" not in {e.op for e in needed([c.cleaned(wrong)])}
    squared = t.power(c.x, c.number(np.float32(2)))
    assert c.cleaned(squared).op == "power"
    alone = t.fill(sizes(c, 3), c.number(np.float32(2))) + c.number(np.float32(1))
    assert c.cleaned(alone).shape == (c.rows, 3)


def beam_program() -> Program:
    return lift(read(ZOO / "beam_decoder" / "frozen.pb"))


def test_a_beam_search_is_told_by_its_equations() -> None:
    text = to_source(to_keras(beam_program(), name="m"))
    assert "from converters.to_keras.decoding import beam_search" in text
    assert "= beam_search(" in text


MUTANTS = {
    "another penalty": ("translation_beam", "decoder/while/BeamSearchDecoderStep/pow_1:0", 5.0),
    "beams that start alike": ("translation_beam", "decoder/Const_1:0", -1.0),
    "another first beam": ("translation_beam", "one_hot/on_value:0", True),
    "another end token": ("beam_decoder", "end_token:0", 3),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_what_is_nearly_a_beam_search_stays_a_loop(name: str) -> None:
    """One number off, and the loop is written as it is."""
    model, value, number = MUTANTS[name]
    program = lift(read(ZOO / model / "frozen.pb"))
    old = program.constants[value]
    assert old != number
    fact = replace(program.facts[value], value=np.asarray(number, old.dtype))
    changed = replace(
        program,
        constants={**program.constants, value: np.asarray(number, old.dtype)},
        facts={**program.facts, value: fact},
    )
    text = to_source(to_keras(changed, name="m"))
    assert "beam_search(" not in text
    assert "ops.while_loop(" in text

"""A recurrence inside a branch, as the loop that a source port writes for it: TF1's rules of lengths, by NumPy row by row."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the source that is written here is run")

from converters.lift import lift
from converters.program import Conditional, Program, Recurrence, SubProgram
from converters.read_graphdef import read
from converters.to_keras import to_keras
from converters.to_source import save_source, to_source
from reference.vocabulary.abstract import Fact
from tests.converters.test_to_keras_cells import FULL
from tests.converters.test_to_keras_native import draw
from tests.converters.to_keras_programs import B, Draft, T, run
from tests.support.lifting import lifted

ZOO = Path(__file__).parents[1] / "zoo" / "models"
ENDS = ("end:0", "end:1", "end:2")


def recurrent(direction: str, lengths: bool) -> Program:
    """An LSTM with peepholes, projection and clips; ``other`` is like its outputs."""
    d = Draft()
    x, _ = d.input("x", "float32", T, B, 3), d.input("other", "float32", T, B, 2)
    n = d.input("lengths", "int64", B) if lengths else None
    first = [d.input("c", "float32", B, 4), d.input("h", "float32", B, 2)]
    outputs, final = d.recurrence("rnn", FULL, x, first, lengths=n, direction=direction)
    return d.program(*outputs, *final)


def in_a_branch(program: Program) -> Program:
    """The same where ``p`` is true, else ``other`` and the first state."""
    (one,) = program.statements
    assert isinstance(one, Recurrence)
    sides = one.defines, ("other:0", *one.initial_state)
    then, otherwise = SubProgram((), (one,), sides[0]), SubProgram((), (), sides[1])
    facts = {end: program.facts[name] for end, name in zip(ENDS, one.defines, strict=True)}
    p = {"p:0": Fact("bool", ())}
    return replace(
        program,
        inputs={**program.inputs, **p},
        outputs=ENDS,
        statements=(Conditional("cond", "p:0", then, otherwise, ENDS),),
        facts={**program.facts, **facts, **p},
    )


def loaded(folder: Path) -> Any:
    """The source's model."""
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


@pytest.mark.parametrize("lengths", [None, [0, 5, 2]])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_it_steps_as_tensorflow_1_did(
    direction: str, lengths: list[int] | None, tmp_path: Path
) -> None:
    flat = recurrent(direction, lengths is not None)
    exported = to_keras(in_a_branch(flat), name="m")
    save_source(exported, tmp_path / "port")
    text = (tmp_path / "port" / "model.py").read_text()
    # The loop runs where the branch is taken, not before it.
    assert text.index("def then():") < text.index("ops.while_loop(") < text.index("ops.cond(")
    feeds = {"x:0": draw(5, 3, 3), "other:0": draw(5, 3, 2), "c:0": draw(3, 4), "h:0": draw(3, 2)}
    if lengths is not None:
        feeds["lengths:0"] = np.array(lengths, np.int64)
    model = loaded(tmp_path / "port")
    for taken in (True, False):
        given = {**feeds, "p:0": np.array(taken)}
        got = model({exported.inputs[k]: v for k, v in given.items()})
        want = (
            list(run(flat, feeds).values())
            if taken
            else [feeds[k] for k in ("other:0", "c:0", "h:0")]
        )
        for end, value in zip(ENDS, want, strict=True):
            found = np.asarray(got[exported.outputs[end]])
            np.testing.assert_allclose(found, value, rtol=0, atol=1e-6)


def test_inside_a_loop_it_is_a_loop_of_its_own() -> None:
    text = to_source(to_keras(lift(read(ZOO / "nested_while" / "frozen.pb")), name="m"))
    assert text.count("ops.while_loop(") == 2
    assert "converters" not in text


def test_cells_that_compute_alike_share_a_class() -> None:
    """Not their weights: both directions of the tagger are layers of their own."""
    text = to_source(to_keras(lifted("tagger_crf"), name="m"))
    assert text.count("class CoupledInputForgetGateLSTMCell") == 1
    assert text.count("layers.RNN(CoupledInputForgetGateLSTMCell()") == 2

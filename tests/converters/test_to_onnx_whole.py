"""Batches without lengths in segments of time: the numbers of the whole batch, whatever its size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from converters.program import Recurrence
from converters.to_onnx import to_onnx
from converters.to_onnx.plan import MORE
from tests.converters.test_to_onnx_ragged import CELLS, kinds, stacked, unfed
from tests.converters.test_to_onnx_recurrences import STEPS, F, agree, expected, feeds_of
from tests.converters.to_onnx_running import recurrence_program, run


@pytest.mark.parametrize("start", [0.0, 0.4])
@pytest.mark.parametrize("name", ["lstm", "lstm_joint_state", "lstm_peepholes", "gru"])
def test_full_batches_in_segments(name: str, start: float) -> None:
    """Without lengths too, of any number of rows and steps: fewer than segments, none at all."""
    options: dict[str, Any] = {"lengths": None, "directions": ["forward", "backward"]}
    program = unfed(name, start, **options)
    exported = to_onnx(program, batch=1024)
    assert [record.segments for record in exported.recurrences] == [MORE] * 2
    fed = recurrence_program({"a": CELLS[name], "b": CELLS[name]}, F, **options)
    for rows, steps in ((6, 19), (3, 8), (2, 5), (1, 1), (3, 0), (0, 4), (0, 0)):
        feeds = feeds_of(fed, rows, steps)
        for state in program.constants:
            feeds[state][:] = start
        found = run(exported, {"x:0": feeds["x:0"]})
        if steps:
            agree(found, expected(fed, feeds))
            continue
        for value, port in zip(found, exported.model.graph.output, strict=True):
            assert value.shape[:-1] == ((steps, rows) if "/y" in port.name else (rows,))
            assert (value == start).all()


@pytest.mark.parametrize(("direction", "cuts"), [("forward", 1), ("backward", 2)])
def test_full_layers_hand_their_segments_on(direction: str, cuts: int) -> None:
    """Not to a layer that runs the other way, whose missing steps lie before the others."""
    program = stacked()
    zeros = {n: np.zeros((1, 4), "f") for n in program.inputs if n.startswith("a/")}
    inputs = {"x:0": program.inputs["x:0"]}
    layers = tuple(replace(cast(Recurrence, s), lengths=None) for s in program.statements)
    layers = (layers[0], replace(layers[1], direction=direction))
    full = replace(program, inputs=inputs, statements=layers, constants=zeros)
    feeds = {"x:0": feeds_of(program, nan=False)["x:0"]}
    cut, whole = (to_onnx(full, batch=1024, ragged=ragged) for ragged in (None, False))
    for steps in (STEPS, 3):
        feeds = {"x:0": feeds["x:0"][:steps]}
        agree(run(cut, feeds), run(whole, feeds))
    assert kinds(cut.model).count("LSTM") == 2 * MORE
    assert kinds(cut.model).count("Split") == cuts

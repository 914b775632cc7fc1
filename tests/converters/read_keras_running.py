"""Helpers of the .keras tests: Keras 3 itself is the oracle, and the verdict's noise floor the tolerance."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from converters.lift.execute import execute
from converters.program import Program, Recurrence
from converters.read_keras import read_keras
from converters.to_onnx import to_onnx
from reference.cells.base import map_weights

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

FLOORS = 8
"""VERDICT.md: an equivalent tensor lies within 8 F."""


def randomise(model: keras.Model, seed: int = 0) -> None:
    """Every weight random, biases and moving statistics too; variances stay positive."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "seed" in variable.path:
            continue
        shape = tuple(variable.shape)
        fan = shape[0] if len(shape) > 1 else 4
        value = rng.normal(size=shape) / np.sqrt(fan) * 1.3
        if "variance" in variable.path or "gamma" in variable.path:
            value = rng.uniform(0.5, 1.5, size=shape)
        variable.assign(value.astype("float32"))


def flat(nest: Any) -> list[np.ndarray]:
    """Outputs in Keras' order."""
    if isinstance(nest, dict):
        return [leaf for key in sorted(nest) for leaf in flat(nest[key])]
    if isinstance(nest, list | tuple):
        return [leaf for item in nest for leaf in flat(item)]
    return [np.asarray(nest)]


def perturbed(program: Program, seed: int) -> Program:
    """Weights times (1 ± 2^-24)."""
    rng = np.random.default_rng(seed)

    def nudge(value: Any) -> Any:
        array = np.asarray(value)
        if array.dtype.kind != "f" or array.size < 2:
            return value
        return array.astype(np.float64) * (1 + rng.choice([-1, 1], array.shape) * 2.0**-24)

    statements = tuple(
        replace(s, cell=map_weights(lambda _, w: nudge(w), s.cell))
        if isinstance(s, Recurrence)
        else s
        for s in program.statements
    )
    constants = {name: nudge(value) for name, value in program.constants.items()}
    return replace(program, statements=statements, constants=constants)


def onnx_session(program: Program, **options: Any) -> onnxruntime.InferenceSession:
    chosen = onnxruntime.SessionOptions()
    chosen.intra_op_num_threads = 1
    chosen.log_severity_level = 3
    model = to_onnx(program, **{"prefer": "native", **options}).model
    return onnxruntime.InferenceSession(
        model.SerializeToString(), chosen, providers=["CPUExecutionProvider"]
    )


def op_types(program: Program, **options: Any) -> list[str]:
    """The recurrent operators of the port, by their forms."""
    return sorted(
        record.form for record in to_onnx(program, **{"prefer": "native", **options}).recurrences
    )


def check(
    model: keras.Model,
    path: Path,
    *feeds: Mapping[str, np.ndarray],
    forms: list[str] | None = None,
    seed: int = 0,
) -> Program:
    """Save, read, export; every output within 8 noise floors of float64 for the port, and for Keras itself too.

    Both bounds are needed: the float64 run is of the Program that was read, and only Keras can say that it was read rightly.
    """
    randomise(model, seed)
    target = path / "model.keras"
    model.save(target)
    program = read_keras(target)
    run = onnx_session(program)
    for feed in feeds:
        asked = {name: feed[name] for name in program.inputs}
        names = [tensor.name.split(":")[0] for tensor in model.inputs]
        ordered = (
            [feed[name] for name in names]
            if set(names) == set(asked)
            else [feed[n] for n in program.inputs]
        )
        original = flat(model(ordered if len(ordered) > 1 else ordered[0], training=False))
        exact = execute(program, asked, widen=True)
        near = [execute(perturbed(program, k), _nudged(asked, k), widen=True) for k in (1, 2)]
        taken = {item.name for item in run.get_inputs()}
        found = run.run(list(program.outputs), {k: v for k, v in asked.items() if k in taken})
        assert len(original) == len(program.outputs)
        for name, keras_value, ours in zip(program.outputs, original, found, strict=True):
            assert ours.shape == keras_value.shape, (name, ours.shape, keras_value.shape)
            assert ours.dtype == keras_value.dtype, name
            compare(name, exact[name], [run_[name] for run_ in near], keras_value, "Keras")
            compare(name, exact[name], [run_[name] for run_ in near], ours, "port")
    if forms is not None:
        assert op_types(program) == sorted(forms)
    return program


def _nudged(feeds: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        k: v * (1 + rng.choice([-1, 1], v.shape) * 2.0**-24) if v.dtype.kind == "f" else v
        for k, v in feeds.items()
    }


def compare(
    name: str, exact: np.ndarray, near: list[np.ndarray], value: np.ndarray, who: str
) -> None:
    """Within 8 F; discrete values equal."""
    if value.dtype.kind != "f":
        np.testing.assert_array_equal(value, exact, err_msg=f"{who}: {name}")
        return
    if not value.size:
        return
    moved = max(float(np.nanmax(np.abs(other - exact))) for other in near)
    floor = max(moved, 2.0**-23 * float(np.nanmax(np.abs(exact))))
    assert np.array_equal(np.isnan(value), np.isnan(exact)), f"{who}: {name}: NaN elsewhere"
    off = float(np.nanmax(np.abs(value - exact)))
    assert off <= FLOORS * floor, (
        f"{who}: {name} is off by {off:.2e}, {off / max(floor, 1e-30):.1f} noise floors"
    )

"""What must hold of any graph, however damaged: refused in a sentence, or ported with the numbers of the oracle."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np
import onnx
import onnxruntime

from converters.graph import Graph
from converters.lift import lift
from converters.lift.execute import execute
from converters.oracle import run
from converters.program import Program
from converters.to_onnx import to_onnx
from reference.errors import RnnportError

Feeds = Mapping[str, np.ndarray]


class RunTimeError(Exception):
    """ONNX Runtime loaded the model and stopped with an error while running it."""


class HangError(AssertionError):
    """It took too long."""


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Raises HangError in the block once the time is over."""

    def over(_signal: int, _frame: FrameType | None) -> None:
        msg = f"still running after {seconds} s"
        raise HangError(msg)

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def check_graph(graph: Graph, inputs: Sequence[str], outputs: Sequence[str], feeds: Feeds) -> str:
    """What became of it: ``refused: …``, ``not run`` (TF would not run it either), ``unsettled``, ``stopped``
    (the model loads, and ends in an error at run time) or ``equal``.

    Raises:
        AssertionError: a wrong number, or a model that does not run where the graph does.
        HangError: no answer.
        Exception: anything else that is not an RnnportError.
    """
    try:
        program = lift(graph, inputs=inputs, outputs=outputs)
        exported = to_onnx(program)
    except RnnportError as error:
        assert_sentence(error)
        return f"refused: {error}"
    onnx.checker.check_model(exported.model)
    try:
        exact = run(graph, feeds, outputs, widen=True, max_iterations=500)
        narrow = run(graph, feeds, outputs, max_iterations=500)
        moved = run(graph, feeds, outputs, perturb=1, max_iterations=500)
    except RnnportError as error:
        assert_sentence(error)
        return f"not run: {error}"
    floors = {name: floor(exact[name], narrow[name], moved[name]) for name in outputs}
    if any(value is None for value in floors.values()):
        return "unsettled"
    compare("the lifted program", lifted_run(program, feeds, outputs), exact, narrow, floors)
    if not all(np.isfinite(v).all() for v in exact.values() if v.dtype.kind == "f"):
        return "equal, lifted"  # what ONNX Runtime's kernels make of NaN and infinities is theirs
    try:
        found = onnx_run(exported.model, feeds, outputs)
    except RunTimeError:
        return (
            "stopped"  # such as a state that changes its shape, which TF allows and a Scan does not
        )
    compare("the ONNX model", found, exact, narrow, floors)
    return "equal"


def assert_sentence(error: RnnportError) -> None:
    """One sentence, of bearable length."""
    text = str(error)
    assert text, type(error)
    assert len(text) < 20_000


def lifted_run(program: Program, feeds: Feeds, outputs: Sequence[str]) -> dict[str, np.ndarray]:
    """The Program under NumPy."""
    with np.errstate(all="ignore"):
        return execute(program, {name: feeds[name] for name in program.inputs})


def onnx_run(model: Any, feeds: Feeds, outputs: Sequence[str]) -> dict[str, np.ndarray]:
    """The model in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    taken = {port.name for port in model.graph.input}
    fed = {name: array for name, array in feeds.items() if name in taken}
    try:
        values = session.run(None, fed)
    except Exception as error:  # ONNX Runtime's own types
        raise RunTimeError(str(error)) from error
    return dict(zip(outputs, values, strict=True))


def floor(exact: np.ndarray, narrow: np.ndarray, moved: np.ndarray) -> float | None:
    """How far a right answer may be off; None where nothing can be said (a chaotic or an overflowing graph)."""
    if exact.shape != narrow.shape or exact.shape != moved.shape:
        return None
    if exact.dtype.kind != "f":
        return 0.0 if np.array_equal(exact, narrow) and np.array_equal(exact, moved) else None
    if not (
        np.array_equal(np.isfinite(exact), np.isfinite(narrow))
        and np.array_equal(np.isfinite(exact), np.isfinite(moved))
    ):
        return None
    with np.errstate(all="ignore"):
        gaps = [np.abs(other.astype(exact.dtype) - exact) for other in (narrow, moved)]
    gap = max(
        (float(np.nanmax(np.where(np.isfinite(g), g, 0), initial=0)) for g in gaps), default=0.0
    )
    finite = np.abs(exact[np.isfinite(exact)])
    largest = float(finite.max()) if finite.size else 0.0
    if largest > 1e4 or gap > 1e-3 * largest:
        return None
    return 64 * max(gap, largest * (2.0**-10 if narrow.dtype == np.float16 else 2.0**-21))


def compare(
    what: str,
    got: Mapping[str, np.ndarray],
    exact: Mapping[str, np.ndarray],
    narrow: Mapping[str, np.ndarray],
    floors: Mapping[str, float | None],
) -> None:
    """Equal dtype, shape, NaN and infinities, and numbers within the floor."""
    for name, truth in exact.items():
        value, allowed = got[name], floors[name]
        assert allowed is not None
        assert value.shape == truth.shape, f"{what}: {name} is {value.shape}, not {truth.shape}"
        if narrow[name].dtype == object:
            continue
        assert value.dtype == narrow[name].dtype, f"{what}: {name} is {value.dtype}"
        if truth.dtype.kind != "f":
            assert np.array_equal(value, truth), f"{what}: {name} differs"
            continue
        same = (value == truth) | (np.isnan(value) & np.isnan(truth))
        with np.errstate(all="ignore"):
            gap = np.where(same, 0, np.abs(value - truth))
        worst = float(gap.max()) if gap.size else 0.0
        assert worst <= allowed, f"{what}: {name} is off by {worst}, {allowed} allowed"

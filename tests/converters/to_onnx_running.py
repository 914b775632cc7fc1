"""Helpers of the ONNX tests: run a vocabulary call, or a Program built by hand, in ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime

from converters.program import Program, Recurrence
from converters.to_onnx import Exported, to_onnx
from converters.to_onnx.builder import Port
from converters.to_onnx.finish import finish
from converters.to_onnx.onnx_ops import OnnxOps
from reference import states
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown
from reference.vocabulary.numpy_ops import NumpyOps

B, T = unknown("B"), unknown("T")


def session(model: onnx.ModelProto, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """Checked by onnx, loaded by ONNX Runtime."""
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def vocabulary_model(
    call: Callable[..., Any], arrays: Sequence[np.ndarray], *, dynamic: bool, opset: int = 17
) -> onnx.ModelProto:
    """``call(ops, *inputs)`` as a model with inputs x0, x1, …; every size unknown where ``dynamic``."""
    ops = OnnxOps(opset=opset)
    inputs = []
    for i, array in enumerate(arrays):
        shape = [unknown(f"x{i}d{a}") if dynamic else n for a, n in enumerate(array.shape)]
        dtype = "string" if array.dtype == object else str(array.dtype)
        inputs.append(ops.input(f"x{i}", Fact(dtype, tuple(shape))))
    ops.build.prefix = ops.abstract.hint = "op"
    found = call(ops, *inputs)
    results = found if isinstance(found, tuple) else (found,)
    ports = [(f"y{i}", Port(ops.ref(r), r.fact.dtype, r.fact.shape)) for i, r in enumerate(results)]
    return finish(ops.build, ports, opset=opset, domains={}, metadata={})


def run_vocabulary(
    call: Callable[..., Any], arrays: Sequence[np.ndarray], *, dynamic: bool, opset: int = 17
) -> list[np.ndarray]:
    """The results of ``call`` in ONNX Runtime."""
    model = vocabulary_model(call, arrays, dynamic=dynamic, opset=opset)
    feeds = {f"x{i}": array for i, array in enumerate(arrays)}
    taken = {port.name for port in model.graph.input}
    return list(session(model).run(None, {k: v for k, v in feeds.items() if k in taken}))


def as_bytes(array: np.ndarray) -> np.ndarray:
    """ONNX Runtime gives strings as ``str``; TF holds bytes."""
    if array.dtype.kind not in "OU":
        return array
    out = np.empty(array.size, object)
    out[:] = [v.encode() if isinstance(v, str) else v for v in array.ravel()]
    return out.reshape(array.shape)


def as_text(array: np.ndarray) -> np.ndarray:
    """The inverse of :func:`as_bytes`."""
    if array.dtype.kind not in "OS":
        return array
    out = np.empty(array.size, object)
    out[:] = [v.decode() if isinstance(v, bytes) else v for v in array.ravel()]
    return out.reshape(array.shape)


def reference_run(
    cell: Any,
    x: np.ndarray,
    state: Sequence[np.ndarray],
    lengths: np.ndarray | None = None,
    *,
    backward: bool = False,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """A cell stepped by NumPy over x [T, B, features]: (outputs, final state), with TF1's rules of lengths."""
    ops = NumpyOps()
    steps, rows = x.shape[:2]
    carried = [np.array(part) for part in state]
    outputs: list[Any] = [None] * steps
    limit = np.full(rows, steps) if lengths is None else lengths
    for t in reversed(range(steps)) if backward else range(steps):
        output, new = cell.step(ops, x[t], states.unflatten_like(cell.state_size, carried))
        valid = (t < limit)[:, None]
        carried = [
            np.where(valid, n, old) for n, old in zip(states.flatten(new), carried, strict=True)
        ]
        outputs[t] = np.where(valid, output, output.dtype.type(0))
    return np.stack(outputs), carried


def recurrence_program(
    cells: Mapping[str, Any],
    features: int,
    *,
    lengths: str | None = "int32",
    dtype: str = "float32",
    batch: Any = B,
    time: Any = T,
    directions: Sequence[str] = ("forward",),
) -> Program:
    """A Program of recurrences side by side on one input: ``x:0``, ``lengths:0``, states ``<cell>/s<i>:0``."""
    inputs: dict[str, Fact] = {"x:0": Fact(dtype, (time, batch, features))}
    if lengths is not None:
        inputs["lengths:0"] = Fact(lengths, (batch,))
    statements, outputs = [], []
    for (name, cell), direction in zip(cells.items(), directions, strict=True):
        sizes = states.flatten(cell.state_size)
        state = tuple(f"{name}/s{i}:0" for i in range(len(sizes)))
        inputs |= {s: Fact(dtype, (batch, n)) for s, n in zip(state, sizes, strict=True)}
        found = Recurrence(
            name=name,
            cell=cell,
            sequences=("x:0",),
            initial_state=state,
            outputs=(f"{name}/y:0",),
            final_state=tuple(f"{name}/f{i}:0" for i in range(len(sizes))),
            lengths=None if lengths is None else "lengths:0",
            direction=direction,
        )
        statements.append(found)
        outputs += found.defines
    return Program(inputs, tuple(outputs), tuple(statements), {})


def run(exported: Exported, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The exported model's outputs."""
    return list(session(exported.model).run(None, dict(feeds)))


__all__ = [
    "B",
    "T",
    "recurrence_program",
    "reference_run",
    "run",
    "run_vocabulary",
    "session",
    "to_onnx",
    "vocabulary_model",
]

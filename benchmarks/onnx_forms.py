"""Native operator, Scan, and the matrix products alone: which form is faster, by cell, batch and size.

Run ``python -m benchmarks.onnx_forms [--threads 2] [--rounds 20] [--units 256] [--batches 1,4,16,64]``. All forms of a row run interleaved in
one process; numbers are medians in milliseconds: of the thread's own time with ``--threads 1``, so that other work on the machine counts little,
else of the clock. Final states are not read, as in most models. ``converters/to_onnx/plan.py`` holds the table that follows from them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from converters.program import Program, Recurrence
from converters.to_onnx import to_onnx
from converters.to_onnx.builder import Port
from converters.to_onnx.finish import finish
from converters.to_onnx.onnx_ops import OnnxOps
from reference import states
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.gru import GRUCell
from reference.cells.lstm import LSTMCell
from reference.vocabulary.abstract import Fact, unknown

RNG = np.random.default_rng(0)


def draw(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)


def cells(features: int, units: int) -> dict[str, Any]:
    """One of each; weights random."""
    n = features + units
    return {
        "LSTM": BasicLSTMCell(draw(n, 4 * units), draw(4 * units)),
        "GRU": GRUCell(draw(n, 2 * units), draw(2 * units), draw(n, units), draw(units)),
        "RNN": BasicRNNCell(draw(n, units), draw(units)),
        "projected": LSTMCell(
            draw(features + units // 2, 4 * units),
            draw(4 * units),
            proj_kernel=draw(units, units // 2),
        ),
    }


def program(cell: Any, features: int, lengths: bool) -> Program:
    batch, steps = unknown("B"), unknown("T")
    sizes = states.flatten(cell.state_size)
    names = tuple(f"s{i}:0" for i in range(len(sizes)))
    inputs = {"x:0": Fact("float32", (steps, batch, features))}
    inputs |= {name: Fact("float32", (batch, n)) for name, n in zip(names, sizes, strict=True)}
    if lengths:
        inputs["lengths:0"] = Fact("int32", (batch,))
    finals = tuple(f"f{i}:0" for i in range(len(sizes)))
    found = Recurrence(
        "rnn", cell, ("x:0",), names, ("y:0",), finals, "lengths:0" if lengths else None
    )
    return Program(inputs, ("y:0",), (found,), {})


def products(cell: Any, features: int) -> Any:
    """The input's product for all steps, then one recurrent product a step, and nothing else."""
    ops = OnnxOps(opset=17)
    batch, steps = unknown("B"), unknown("T")
    x = ops.input("x:0", Fact("float32", (steps, batch, features)))
    h = ops.input("h", Fact("float32", (batch, cell.units)))
    kernels = [w for w in vars(cell).values() if getattr(w, "ndim", 0) == 2]
    fused = np.concatenate([k for k in kernels if len(k) > features], 1)
    total = ops.matmul(x, ops.constant(fused[:features]))
    weight = ops.ref(ops.constant(fused[features : features + cell.units]))
    with ops.build.inside("products") as scope:
        state = ops.build.port("state", "float32", None)
        item = ops.build.port("item", "float32", None)
        product = ops.node("MatMul", state, weight)
        first = ops.node(
            "Slice",
            ops.node("Add", product, item),
            ops.axes([0]),
            ops.axes([cell.units]),
            ops.axes([1]),
        )
        scope.outputs.append(Port(first, "float32", None))
    [last] = ops.build.add(
        "Scan", [ops.ref(h), ops.ref(total)], {"body": scope, "num_scan_inputs": 1}
    )
    return finish(
        ops.build, [("y", Port(last, "float32", None))], opset=17, domains={}, metadata={}
    )


def runner(model: Any, feeds: dict[str, np.ndarray], threads: int) -> Callable[[], Any]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    taken = {i.name for i in session.get_inputs()}
    chosen = {k: v for k, v in feeds.items() if k in taken}
    return lambda: session.run(None, chosen)


def interleaved(
    calls: dict[str, Callable[[], Any]], rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Median milliseconds of each, one after the other in every round."""
    for call in calls.values():
        call()
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = clock()
            call()
            found[name].append((clock() - start) * 1e3)
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--features", type=int, default=128)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--batches", default="1,4,16,64")
    parser.add_argument("--cells", default="LSTM,GRU,RNN,projected")
    parser.add_argument("--ragged", action="store_true")
    given = parser.parse_args()
    print("cell batch native scan products scan/native")
    for name, cell in cells(given.features, given.units).items():
        if name not in given.cells.split(","):
            continue
        for batch in map(int, given.batches.split(",")):
            feeds = {
                "x:0": RNG.normal(size=(given.steps, batch, given.features)).astype(np.float32)
            }
            sizes = states.flatten(cell.state_size)
            feeds |= {f"s{i}:0": np.zeros((batch, n), np.float32) for i, n in enumerate(sizes)}
            feeds["h"] = feeds["s0:0"]
            feeds["lengths:0"] = RNG.integers(1, given.steps + 1, batch).astype(np.int32)
            lifted = program(cell, given.features, given.ragged)
            calls = {
                form: runner(to_onnx(lifted, prefer=form, batch=10**6).model, feeds, given.threads)
                for form in ("native", "speed")
            }
            if name != "projected":
                calls["products"] = runner(products(cell, given.features), feeds, given.threads)
            clock = time.thread_time if given.threads == 1 else time.perf_counter
            row = interleaved(calls, given.rounds, clock)
            line = " ".join(f"{value:8.2f}" for value in row.values())
            print(f"{name:10} {batch:4} {line} {row['speed'] / row['native']:6.2f}", flush=True)


if __name__ == "__main__":
    main()

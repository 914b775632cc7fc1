"""CPU time and memory of conversion by the size of the graph; ``docs/scale.md`` holds the numbers.

::

    python -m benchmarks.scale                       # all rows, each in a process of its own
    python -m benchmarks.scale --row static 2000     # one row, in this process

Rows: ``static N``: ``static_rnn(BasicLSTMCell)`` of N steps (17 nodes a step), which must become one recurrence; ``plain N``: a graph of N nodes
without any recurrence.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import time

import numpy as np

from converters.graph import DType, Graph, Node, Shape
from converters.lift import structure
from converters.program import Recurrence
from tests.support.unrolled_graphs import FLOAT, const, graph, static_lstm

ROWS = (
    ("static", 250),
    ("static", 500),
    ("static", 1000),
    ("static", 2000),
    ("static", 4000),
    ("static", 5882),
    ("plain", 25_000),
    ("plain", 50_000),
    ("plain", 100_000),
)
UNARY = ("Tanh", "Sigmoid", "Relu", "Softplus", "Softsign", "Sin")


def plain(count: int, seed: int = 0) -> Graph:
    """Elementwise ops and products with weights of their own, each reading recent results; no two steps are alike."""
    rng = np.random.default_rng(seed)
    nodes = [Node("x", "Placeholder", attrs={"dtype": FLOAT, "shape": Shape((None, 4))})]
    names = ["x:0"]
    while len(nodes) < count:
        k = len(nodes)
        recent = names[-8:]
        a, b = (recent[int(rng.integers(len(recent)))] for _ in range(2))
        kind = int(rng.integers(4))
        if kind == 0:
            weight = const(f"w{k}", rng.normal(0, 0.5, (4, 4)), FLOAT)
            flags = {"transpose_a": False, "transpose_b": False}
            nodes += [weight, Node(f"n{k}", "MatMul", (a, f"w{k}:0"), attrs={"T": FLOAT, **flags})]
        elif kind == 1:
            nodes.append(
                Node(f"n{k}", UNARY[int(rng.integers(len(UNARY)))], (a,), attrs={"T": DType(FLOAT)})
            )
        else:
            nodes.append(Node(f"n{k}", "Add" if kind == 2 else "Mul", (a, b), attrs={"T": FLOAT}))
        names.append(f"n{k}:0")
    nodes.append(Node("out", "Tanh", (names[-1],), attrs={"T": FLOAT}))
    return graph(nodes)


def measure(kind: str, size: int) -> dict[str, object]:
    """One row."""
    from converters.lift import lift  # noqa: F401  (imports are not what is measured)
    from converters.lift.recognise import recognise
    from converters.lift.stacks import whole_stacks
    from converters.to_onnx import to_onnx

    made = static_lstm(size) if kind == "static" else plain(size)
    inputs = ["x:0", "state_0:0", "state_1:0"] if kind == "static" else ["x:0"]
    outputs = ["stacked:0", "last:0"] if kind == "static" else ["out:0"]
    marks = [time.process_time()]
    program = structure(made, inputs=inputs, outputs=outputs)
    marks.append(time.process_time())
    program = whole_stacks(recognise(program))
    marks.append(time.process_time())
    exported = to_onnx(program)
    marks.append(time.process_time())
    spent = [b - a for a, b in itertools.pairwise(marks)]
    return {
        "row": f"{kind} {size}",
        "nodes": len(made.nodes),
        "structure s": round(spent[0], 2),
        "recognise s": round(spent[1], 2),
        "export s": round(spent[2], 2),
        "total s": round(sum(spent), 2),
        "us per node": round(1e6 * sum(spent) / len(made.nodes)),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "recurrences": sum(isinstance(s, Recurrence) for s in program.statements),
        "ONNX nodes": len(exported.model.graph.node),
    }


def main() -> None:
    """All rows as a Markdown table, or one as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--row", nargs=2, metavar=("KIND", "SIZE"))
    chosen = parser.parse_args().row
    if chosen:
        print(json.dumps(measure(chosen[0], int(chosen[1]))))
        return
    for number, (kind, size) in enumerate(ROWS):
        command = [sys.executable, "-m", "benchmarks.scale", "--row", kind, str(size)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        row = json.loads(done.stdout)
        if not number:
            print("| " + " | ".join(row) + " |\n|" + "---|" * len(row))
        print("| " + " | ".join(str(value) for value in row.values()) + " |", flush=True)


if __name__ == "__main__":
    main()

"""The matrix products alone, as ONNX: the input's for all steps at once, then the recurrent ones of each step, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from benchmarks.table.rows import GATES, Row


def chains(row: Row) -> list[tuple[int, int, list[tuple[int, int]]]]:
    """By layer and direction: features, width of the state, and the matrices of a step, each fed with the first columns of the one before."""
    units, out = row.units, row.output
    columns = GATES[row.kind] * units
    steps = {
        "gru": [(units, 2 * units), (units, units)],
        "projected": [(out, columns), (units, out)],
    }
    own = steps.get(row.kind, [(out, columns)])
    count = 2 if row.kind in ("bidirectional", "two_layers") else 1
    inputs = [row.features, units if row.kind == "two_layers" else row.features]
    return [(inputs[index], out, own) for index in range(count)]


def model(row: Row) -> ModelProto:
    """Inputs ``x0`` (and ``x1``) [T, B, features]; outputs the products, so that none is dead."""
    rng = np.random.default_rng(7)
    nodes: list[NodeProto] = []
    weights: list[TensorProto] = []
    inputs, outputs = [], []

    def weight(name: str, *shape: int) -> str:
        value = (rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)
        weights.append(numpy_helper.from_array(value, name))
        return name

    def numbers(name: str, *values: int) -> str:
        weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    for index, (features, width, matrices) in enumerate(chains(row)):
        tag = f"_{index}"
        inputs.append(
            helper.make_tensor_value_info(f"x{tag}", TensorProto.FLOAT, ["T", "B", features])
        )
        nodes.append(
            helper.make_node(
                "MatMul",
                [f"x{tag}", weight(f"w{tag}", features, GATES[row.kind] * row.units)],
                [f"p{tag}"],
            )
        )
        first, last = numbers(f"zero{tag}", 0), numbers(f"axis{tag}", 1)
        body, state = [], f"h{tag}"
        for number, (rows, columns) in enumerate(matrices):
            product = f"q{tag}_{number}"
            body.append(
                helper.make_node(
                    "MatMul", [state, weight(f"r{tag}_{number}", rows, columns)], [product]
                )
            )
            following = matrices[number + 1][0] if number + 1 < len(matrices) else width
            state = product
            if following != columns:
                state = f"s{tag}_{number}"
                body.append(
                    helper.make_node(
                        "Slice",
                        [product, first, numbers(f"n{tag}_{number}", following), last],
                        [state],
                    )
                )
        body.append(helper.make_node("Identity", [state], [f"out{tag}"]))
        vector = [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, ["B", width])
            for n in (f"h{tag}", f"out{tag}")
        ]
        item = helper.make_tensor_value_info(f"item{tag}", TensorProto.FLOAT, ["B"])
        graph = helper.make_graph(body, f"step{tag}", [vector[0], item], [vector[1]])
        inputs.append(helper.make_tensor_value_info(f"start{tag}", TensorProto.FLOAT, ["B", width]))
        inputs.append(helper.make_tensor_value_info(f"ticks{tag}", TensorProto.FLOAT, ["T", "B"]))
        scan = helper.make_node(
            "Scan", [f"start{tag}", f"ticks{tag}"], [f"last{tag}"], body=graph, num_scan_inputs=1
        )
        nodes.append(scan)
        columns = GATES[row.kind] * row.units
        outputs.append(
            helper.make_tensor_value_info(f"p{tag}", TensorProto.FLOAT, ["T", "B", columns])
        )
        outputs.append(helper.make_tensor_value_info(f"last{tag}", TensorProto.FLOAT, ["B", width]))
    made = helper.make_model(
        helper.make_graph(nodes, "products", inputs, outputs, weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    checker.check_model(made)
    return made


def feeds(row: Row) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    found = {}
    for index, (features, width, _) in enumerate(chains(row)):
        found[f"x_{index}"] = rng.normal(size=(row.steps, row.batch, features)).astype(np.float32)
        found[f"start_{index}"] = rng.normal(size=(row.batch, width)).astype(np.float32)
        found[f"ticks_{index}"] = np.zeros((row.steps, row.batch), np.float32)
    return found


def write(row: Row, target: Path) -> None:
    target.write_bytes(model(row).SerializeToString())

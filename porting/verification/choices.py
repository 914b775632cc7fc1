"""The numbers a choice was made from: where an output is an argmax or a top-k, what it chose from is compared too.

Integers hide every error too small to turn a choice. Inside an ONNX port of ours the node that chooses has the original's name, so that its
input can be asked for; it is then one more output of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from converters.graph import Graph, split_tensor
from porting.verification.candidates import Candidate
from porting.verification.original import Original
from porting.verification.places import layouts

_PASSING = ("Identity", "Cast", "Reshape", "Squeeze", "ExpandDims", "Transpose", "StopGradient")
_CHOOSING = {
    "ArgMax": ("ArgMax",), "ArgMin": ("ArgMin", "ArgMax"), "TopK": ("TopK",), "TopKV2": ("TopK",),
}  # fmt: skip


def chosen_from(graph: Graph, outputs: tuple[str, ...], /) -> dict[str, tuple[str, str]]:
    """By tensor that is chosen from: the node that chooses, and its op; those that are outputs themselves apart."""
    found = {}
    for output in outputs:
        name, hops = split_tensor(output)[0], 0
        node = graph.nodes.get(name)
        while node is not None and node.op in _PASSING and hops < 32:
            node, hops = graph.nodes.get(split_tensor(node.inputs[0])[0]), hops + 1
        if node is not None and node.op in _CHOOSING and node.inputs[0] not in outputs:
            found[node.inputs[0]] = (node.name, node.op)
    return found


def looked_inside(original: Original, candidate: Candidate, /) -> tuple[Original, Candidate]:
    """Both with what their choices are made from as further outputs; as they are, where that cannot be seen."""
    wanted = chosen_from(original.artefact.graph, original.outputs)
    if not wanted or candidate.kind != "onnx" or candidate.path is None:
        return original, candidate
    call = _with_values(candidate, candidate.path, wanted)
    if call is None:
        return original, candidate
    run, names = call
    further = layouts(original.program, original.artefact.graph, names)
    wide = replace(
        original, outputs=(*original.outputs, *names), layouts={**original.layouts, **further}, inside=names
    )  # fmt: skip
    return wide, replace(candidate, call=run, outputs=(*candidate.outputs, *names))


def _with_values(candidate: Candidate, path: Path, wanted: Mapping[str, tuple[str, str]]) -> Any:
    """(call, the tensors it gives besides); None where the file has no such nodes."""
    import onnx
    import onnxruntime

    from porting.verification.onnx_session import answer

    model = onnx.load(str(path), load_external_data=False)
    if any(item.data_location == onnx.TensorProto.EXTERNAL for item in model.graph.initializer):
        return None
    inner: dict[str, str] = {}
    for tensor, (name, op) in wanted.items():
        for node in model.graph.node:
            if node.name.startswith(f"{name}/") and node.op_type in _CHOOSING[op]:
                inner[tensor] = node.input[0]
    if not inner:
        return None
    known = {item.name for item in model.graph.output}
    for value in dict.fromkeys(inner.values()):
        if value not in known:
            model.graph.output.append(onnx.ValueInfoProto(name=value))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = candidate.threads
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # a value that is no output for ONNX Runtime: the port is judged by its own
        return None

    def call(feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = dict(candidate.call(feeds))
        if any(value.size == 0 for value in feeds.values()):
            return found
        seen = answer(session, feeds)
        return found | {tensor: seen[value] for tensor, value in inner.items()}

    return call, tuple(inner)

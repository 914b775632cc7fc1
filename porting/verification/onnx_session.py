"""ONNX Runtime, and a process of its own for runs that could abort it: ``python -m porting.verification.onnx_session``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reference.errors import ArtefactError

ORIGIN_PREFIX = "rnnport."


def open_session(path: Path | str, threads: int = 1, /) -> tuple[Any, dict[str, Any]]:
    """A session on CPU, and what the model says of its origin. No custom operators are loaded.

    Raises:
        ArtefactError: ONNX Runtime refuses the file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        msg = f"{path} cannot be loaded by ONNX Runtime: {' '.join(str(error).split())[:300]}"
        raise ArtefactError(msg) from error
    found = session.get_modelmeta().custom_metadata_map
    return session, {
        k.removeprefix(ORIGIN_PREFIX): v for k, v in found.items() if k.startswith(ORIGIN_PREFIX)
    }


def answer(session: Any, feeds: Mapping[str, np.ndarray], /) -> dict[str, np.ndarray]:
    """One run; strings go in and come out as ``bytes``."""
    names = [item.name for item in session.get_outputs()]
    given = {name: _texts(value) for name, value in feeds.items()}
    found = session.run(names, given)
    return {name: _bytes(np.asarray(value)) for name, value in zip(names, found, strict=True)}


def _texts(value: np.ndarray) -> np.ndarray:
    if value.dtype != object:
        return value
    return _each(value, lambda item: item.decode("utf-8", "surrogateescape"))


def _bytes(value: np.ndarray) -> np.ndarray:
    if value.dtype.kind not in "OU":
        return value
    return _each(value, lambda item: str(item).encode("utf-8", "surrogateescape"))


def _each(value: np.ndarray, function: Callable[[Any], Any]) -> np.ndarray:
    found = np.empty(value.size, object)
    found[:] = [function(item) for item in value.reshape(-1).tolist()]
    return found.reshape(value.shape)


def peek(
    path: Path | str,
    prefixes: tuple[str, ...],
    kinds: tuple[str, ...],
    feeds: Mapping[str, np.ndarray],
    /,
) -> dict[str, list[np.ndarray]]:
    """What the nodes give whose name begins with a prefix and whose operator is of these kinds, by prefix.

    Raises:
        Exception: whatever onnx and ONNX Runtime raise on the model with more outputs.
    """
    import onnx
    import onnxruntime

    model = onnx.load(str(path))
    known = {item.name for item in model.graph.output}
    wanted: dict[str, list[str]] = {}
    for node in model.graph.node:
        prefix = next((p for p in prefixes if node.name.startswith(f"{p}/")), None)
        if prefix is not None and node.op_type in kinds:
            wanted.setdefault(prefix, []).extend(name for name in node.output if name)
    for name in dict.fromkeys(n for names in wanted.values() for n in names):
        if name not in known:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found = answer(session, feeds)
    return {prefix: [found[name] for name in names] for prefix, names in wanted.items()}


def stored_weights(path: Path | str, /) -> dict[str, np.ndarray]:
    """Every float initializer and Constant of a model, those of subgraphs too."""
    import onnx

    model = onnx.load(str(path))
    found: dict[str, np.ndarray] = {}
    stack = [(model.graph, "")]
    while stack:
        graph, prefix = stack.pop()
        for item in graph.initializer:
            found[prefix + item.name] = onnx.numpy_helper.to_array(item)
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    stack.append((attribute.g, f"{prefix}{node.name}/"))
                elif node.op_type == "Constant" and attribute.type == onnx.AttributeProto.TENSOR:
                    found[prefix + node.output[0]] = onnx.numpy_helper.to_array(attribute.t)
    return {name: value for name, value in found.items() if value.dtype.kind == "f"}


def main(arguments: list[str]) -> int:
    """``MODEL IN OUT THREADS``: run what IN holds, write what comes out."""
    from porting.verification.samples import Run, load_samples, save_samples

    model, asked, answered, threads = arguments
    session, _ = open_session(model, int(threads))
    try:
        found = answer(session, load_samples(asked).runs[0].inputs)
    except Exception as error:
        print(json.dumps(" ".join(str(error).split())[:300]), file=sys.stderr)
        return 3
    save_samples(answered, [Run({}, found)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

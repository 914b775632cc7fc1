"""Candidates that are no ports of ours: their names, and what they compute in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from converters.graph import Graph
from porting.verification.candidates import Candidate
from reference.errors import UsageError


def named_as(graph: Graph, port: Candidate, /) -> Candidate:
    """A hand-written Keras model by TF tensor names: its ``a_x`` is the graph's ``a/x:0``, as in ports of ours.

    Raises:
        UsageError: the graph has no tensor, or several, that an input or output could be.
    """
    if port.kind != "keras" or "names" in port.origin:
        return port
    found = _by_keras_name(graph)
    back = {key: _one(found, key) for key in (*port.inputs, *port.outputs)}
    forward = {tensor: key for key, tensor in back.items()}

    def call(feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = port.call({forward[name]: value for name, value in feeds.items()})
        return {back[key]: value for key, value in given.items()}

    return replace(
        port, call=call, inputs=tuple(back[key] for key in port.inputs),
        outputs=tuple(back[key] for key in port.outputs),
        ranks={back[key]: rank for key, rank in port.ranks.items()},
    )  # fmt: skip


def _by_keras_name(graph: Graph) -> dict[str, list[str]]:
    from converters.to_keras.naming import tensor_name

    found: dict[str, list[str]] = {}
    read = {tensor for node in graph.nodes.values() for tensor in node.inputs}
    for tensor in dict.fromkeys([*(f"{name}:0" for name in graph.nodes), *sorted(read)]):
        if not tensor.startswith("^"):
            found.setdefault(tensor_name(tensor), []).append(tensor)
    return found


def _one(found: Mapping[str, list[str]], key: str) -> str:
    tensors = [key] if any(key in known for known in found.values()) else found.get(key, [])
    if len(tensors) == 1:
        return tensors[0]
    which = f"could be {' or '.join(tensors)}" if tensors else "is no tensor of the original"
    msg = (
        f"{key!r} of the Keras model {which}: call it as the original's tensor is called, with _ for /, "
        "or use porting.testing.assert_equivalent(names={TF tensor: Keras name})"
    )
    raise UsageError(msg)


def computed_in(port: Candidate, /) -> str:
    """``"float16"`` for an ONNX file whose weights are all float16, else ``"float32"``."""
    if port.kind != "onnx" or port.origin or port.weights is None:
        return "float32"
    kinds: set[Any] = {np.asarray(w).dtype for w in port.weights().values() if np.size(w) > 1}
    return "float16" if kinds == {np.dtype(np.float16)} else "float32"

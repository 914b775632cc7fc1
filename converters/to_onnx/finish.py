"""From scopes and nodes to a ``ModelProto``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    numpy_helper,
)
from onnx import helper as onnx_helper

from converters.to_onnx.builder import Builder, Node, Port, Scope, prune
from converters.to_onnx.sizes import onnx_type
from reference.vocabulary.abstract.sizes import Size

_SILENT = frozenset(("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"))
"""Operators whose results may be left out by an empty name."""


def finish(
    build: Builder,
    outputs: Sequence[tuple[str, Port]],
    /,
    *,
    opset: int,
    domains: Mapping[str, int],
    metadata: Mapping[str, str],
    producer_version: str = "",
) -> ModelProto:
    """The model; ``outputs`` are (name, value) in order. Code and constants that nothing reads are left out."""
    _name_outputs(build, outputs)
    needed = prune(build.root)
    graph = GraphProto(name="rnnport")
    _fill(graph, build.root, needed)
    for name, value in build.initializers.items():
        if name in needed:
            graph.initializer.append(tensor(value, name))
    used = _domains(build.root)
    opsets = [onnx_helper.make_opsetid("", opset)]
    opsets += [onnx_helper.make_opsetid(d, v) for d, v in sorted(domains.items()) if d in used]
    model = ModelProto(
        ir_version=onnx_helper.find_min_ir_version_for(opsets[:1], ignore_unknown=True),
        producer_name="rnnport",
        producer_version=producer_version,
        graph=graph,
        opset_import=opsets,
    )
    for key in sorted(metadata):
        model.metadata_props.add(key=key, value=metadata[key])
    return model


def _domains(scope: Scope) -> set[str]:
    """The operator sets that a scope and its subgraphs use."""
    found = {node.domain for node in scope.nodes}
    for node in scope.nodes:
        for value in node.attrs.values():
            if isinstance(value, Scope):
                found |= _domains(value)
    return found


def _name_outputs(build: Builder, outputs: Sequence[tuple[str, Port]]) -> None:
    """Give results their TF names: by renaming where the value is a node's and has one name, else by Identity."""
    made = {output for node in build.root.nodes for output in node.outputs}
    renamed: dict[str, str] = {}
    for name, port in outputs:
        if port.name in made and port.name not in renamed:
            renamed[port.name] = name
        elif port.name != name:
            source = renamed.get(port.name, port.name)
            build.root.nodes.append(Node("Identity", f"{name}/Identity", [source], [name], {}))
        build.root.outputs.append(Port(name, port.dtype, port.shape))
    _rename(build.root, renamed)


def _rename(scope: Scope, names: Mapping[str, str]) -> None:
    for node in scope.nodes:
        node.inputs = [names.get(name, name) for name in node.inputs]
        node.outputs = [names.get(name, name) for name in node.outputs]
        for value in node.attrs.values():
            if isinstance(value, Scope):
                _rename(value, names)
                for port in value.outputs:
                    port.name = names.get(port.name, port.name)


def _fill(graph: GraphProto, scope: Scope, needed: set[str]) -> None:
    graph.input.extend(value_info(port) for port in scope.inputs)
    graph.output.extend(value_info(port) for port in scope.outputs)
    for node in scope.nodes:
        graph.node.append(_node(node, needed))


def _node(node: Node, needed: set[str]) -> NodeProto:
    outputs = list(node.outputs)
    if node.op in _SILENT:
        outputs = [name if name in needed else "" for name in outputs]
        while outputs and not outputs[-1]:
            outputs.pop()
    proto = NodeProto(op_type=node.op, name=node.name, domain=node.domain)
    proto.input.extend(node.inputs)
    proto.output.extend(outputs)
    for key in sorted(node.attrs):
        value = node.attrs[key]
        if isinstance(value, Scope):
            inner = GraphProto(name=value.name)
            _fill(inner, value, prune(value))
            proto.attribute.append(AttributeProto(name=key, type=AttributeProto.GRAPH, g=inner))
        elif isinstance(value, np.ndarray):
            proto.attribute.append(onnx_helper.make_attribute(key, tensor(value, "")))
        else:
            proto.attribute.append(onnx_helper.make_attribute(key, value))
    return proto


def tensor(value: np.ndarray, name: str, /) -> TensorProto:
    """A TensorProto holding ``value``; strings as bytes."""
    if value.dtype == object:
        proto = TensorProto(name=name, data_type=TensorProto.STRING, dims=value.shape)
        items = value.ravel().tolist()
        proto.string_data.extend(v if isinstance(v, bytes) else str(v).encode() for v in items)
        return proto
    return numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)


def value_info(port: Port, /) -> ValueInfoProto:
    """Name, dtype and, as far as it is known, shape; unknown sizes by their symbol."""
    proto = ValueInfoProto(name=port.name)
    if not port.dtype:
        return proto
    proto.type.tensor_type.elem_type = onnx_type(port.dtype)
    if port.shape is not None:
        shape = proto.type.tensor_type.shape
        shape.SetInParent()
        for dim in port.shape:
            item = shape.dim.add()
            if isinstance(dim, Size):
                item.dim_param = str(dim)
            elif dim is not None:
                item.dim_value = int(dim)
    return proto

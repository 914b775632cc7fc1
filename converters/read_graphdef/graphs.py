"""A GraphDef message to a :class:`converters.graph.Graph`, checked as a whole."""

from __future__ import annotations

from typing import Any

from converters.graph import Graph
from converters.read_graphdef.attrs import read_attrs
from converters.read_graphdef.functions import read_functions
from converters.read_graphdef.nodes import Defaults, check_graph, indexed, read_nodes, renamed
from converters.read_graphdef.tensors import TensorDecoder


def read_graph(proto: Any, decoder: TensorDecoder, where: str, op_defs: Any = ()) -> Graph:
    """``proto`` as nodes and functions, without values for its variables.

    ``op_defs`` are the OpDefs of a MetaGraphDef: a SavedModel may leave out attributes that have
    their default value, and these say what it is.

    Raises
    ------
    ArtefactError
        The graph breaks a rule of :mod:`nodes` or :mod:`functions`.
    """
    defaults = _defaults(op_defs, decoder)
    raw = read_nodes(proto.node, decoder, defaults, where)
    nodes = {name: renamed(node, lambda text, _: indexed(text)) for name, node in raw.items()}
    check_graph(nodes, frozenset(), where)
    functions = read_functions(proto.library, decoder, defaults, op_defs)
    producer = proto.versions.producer or proto.version
    return Graph(nodes, functions, producer=producer)


def _defaults(op_defs: Any, decoder: TensorDecoder) -> Defaults:
    out = {}
    for op in op_defs:
        values = {a.name: a.default_value for a in op.attr if a.HasField("default_value")}
        if values:
            out[op.name] = read_attrs(values, decoder, f"the definition of op {op.name!r}")
    return out

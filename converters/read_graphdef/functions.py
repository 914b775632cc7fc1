"""FunctionDefs to functions: ``node:output:k`` becomes ``node:flat_index``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from converters.graph import Function, FunctionRef, Node
from converters.read_graphdef.nodes import (
    Defaults,
    check_graph,
    check_name,
    read_nodes,
    renamed,
)
from converters.read_graphdef.op_outputs import Outputs, op_outputs
from converters.read_graphdef.tensors import TensorDecoder, dtype_name
from reference.errors import ArtefactError

MAX_DEPTH = 64
"""Functions that call functions, at most this deep."""


def read_functions(
    library: Any, decoder: TensorDecoder, defaults: Defaults, op_defs: Iterable[Any]
) -> MappingProxyType[str, Function]:
    """The functions of a FunctionDefLibrary by name.

    ``op_defs`` are OpDefs the file itself carries; they know custom ops that the table does not.

    Raises
    ------
    ArtefactError
        A function is there twice, refers to what is not there, or calls itself.
    """
    outputs = {op.name: _outputs_of(op) for op in op_defs}
    outputs.update(op_outputs())
    outputs.update({f.signature.name: _outputs_of(f.signature) for f in library.function})
    functions: dict[str, Function] = {}
    for proto in library.function:
        name = check_name(proto.signature.name, "a function")
        if name in functions:
            msg = f"the file has two functions named {name!r}"
            raise ArtefactError(msg)
        functions[name] = _function(proto, decoder, defaults, outputs)
    _check_calls(functions)
    return MappingProxyType(functions)


def called(node: Node, names: Mapping[str, Any]) -> set[str]:
    """The functions of ``names`` that ``node`` calls, by its op or by an attribute."""
    found = {node.op} if node.op in names else set()
    for value in node.attrs.values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, FunctionRef) and item.name in names:
                found.add(item.name)
    return found


def _outputs_of(op_def: Any) -> Outputs:
    return tuple((a.name, a.number_attr or a.type_list_attr) for a in op_def.output_arg)


def _function(
    proto: Any, decoder: TensorDecoder, defaults: Defaults, outputs: Mapping[str, Outputs]
) -> Function:
    signature = proto.signature
    where = f"function {signature.name!r}"
    arguments = {check_name(a.name, f"an argument of {where}"): a for a in signature.input_arg}
    raw = read_nodes(proto.node_def, decoder, defaults, where)
    names = _Names(where, frozenset(arguments), raw, outputs)
    nodes = MappingProxyType({n.name: renamed(n, names.resolve) for n in raw.values()})
    check_graph(nodes, names.arguments, where)
    results = []
    for arg in signature.output_arg:
        if arg.name not in proto.ret:
            msg = f"{where} does not say which tensor its result {arg.name!r} is"
            raise ArtefactError(msg)
        results.append((arg.name, names.resolve(proto.ret[arg.name])))
    controls = tuple(proto.control_ret[key] for key in sorted(proto.control_ret))
    return Function(
        signature.name,
        tuple((name, _argument_type(arg)) for name, arg in arguments.items()),
        tuple(results),
        nodes,
        controls,
    )


def _argument_type(arg: Any) -> str:
    """The dtype, or ``attr NAME`` where an attribute of the call decides it."""
    attribute = arg.type_attr or arg.type_list_attr
    return f"attr {attribute}" if attribute else str(dtype_name(arg.type))


class _Names:
    """Turns the names of one function body into tensor names of :mod:`converters.graph`."""

    def __init__(
        self,
        where: str,
        arguments: frozenset[str],
        nodes: Mapping[str, Node],
        outputs: Mapping[str, Outputs],
    ) -> None:
        self.where = where
        self.arguments = arguments
        self.nodes = nodes
        self.outputs = outputs

    def resolve(self, text: str, user: Node | None = None) -> str:
        """``arg``, ``arg:k``, ``node:output`` or ``node:output:k`` as ``name:flat_index``."""
        name, *rest = text.split(":")
        index = rest[-1] if rest and rest[-1].isdecimal() and len(rest[-1]) < 10 else None
        if name in self.arguments and (not rest or (index and len(rest) == 1)):
            return f"{name}:{int(index or 0)}"
        node = self.nodes.get(name)
        if node is None or not rest or len(rest) > 2 or (len(rest) == 2 and not index):
            place = f"node {user.name!r} of {self.where}" if user else self.where
            msg = f"{place} refers to {text[:200]!r}, which is no argument and no node's output"
            raise ArtefactError(msg)
        if len(rest) == 1 and index:
            return f"{name}:{int(index)}"
        return f"{name}:{self._base(node, rest[0]) + int(index or 0)}"

    def _base(self, node: Node, output: str) -> int:
        base = 0
        spec = self.outputs.get(node.op, ())
        for name, count in spec:
            if name == output:
                return base
            base += self._count(node, count) if count else 1
        if len(spec) > 1:
            known = ", ".join(name for name, _ in spec)
            msg = (
                f"{self.where} takes the output {output[:200]!r} of node {node.name!r}, "
                f"but {node.op} has {known}"
            )
            raise ArtefactError(msg)
        return 0

    def _count(self, node: Node, key: str) -> int:
        value = node.attr(key)
        if isinstance(value, int) and 0 <= value < 2**31:
            return int(value)
        if isinstance(value, tuple):
            return len(value)
        msg = f"node {node.name!r} of {self.where} does not say how many outputs {key!r} counts"
        raise ArtefactError(msg)


def _check_calls(functions: Mapping[str, Function]) -> None:
    """Refuse recursion and chains of more than :data:`MAX_DEPTH` functions, without recursing."""
    calls = {
        name: set().union(*(called(node, functions) for node in function.nodes.values()))
        for name, function in functions.items()
    }
    for depth, layer in enumerate(_layers(calls)):
        if layer is None or depth > MAX_DEPTH:
            stuck = sorted(name for name in calls)[0]
            msg = f"functions call each other in a circle or too deeply, near {stuck!r}"
            raise ArtefactError(msg)


def _layers(calls: dict[str, set[str]]) -> Iterator[set[str] | None]:
    """Peel off the functions that call nothing that is left; ``None`` when none can be."""
    while calls:
        layer = {name for name, callees in calls.items() if not callees & calls.keys()}
        yield layer or None
        for name in layer:
            del calls[name]

"""Mutations of a graph, each made of the choices of a ``Chooser``: Hypothesis draws them in tests, a plain generator in long runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from converters.graph import DType, Graph, Node, Shape
from converters.tf_ops import TABLE

Nodes = dict[str, Node]

INTS = (-1, 0, 1, 2, 3, 4, 7, 2**31 - 1, -(2**31), 2**40)
FLOATS = (0.0, 1.0, -1.0, 0.5, 3.0, float("nan"), float("inf"), 1e30)
DTYPES = ("float32", "float64", "float16", "int32", "int64", "int8", "bool", "string", "bfloat16")
TEXTS = (
    b"",
    b"SAME",
    b"VALID",
    b"NCHW",
    b"NHWC",
    b"\xff\xfe",
    b"rnn/while/while_context",
    b"x" * 3000,
)
NAMES = (
    "",
    "a" * 5000,
    "\0",
    "a b",
    "a/../b",
    "a:0",
    "^a",
    "名\u202e",
    "x|t",
    "const",
    "const_1",
    "a\nb",
    "-",
    "//",
)
SIZES = (None, 0, 1, 2, 3, 5, 2**31 - 1, 2**40, -1)
CONTROL = (
    "Enter",
    "Exit",
    "Merge",
    "Switch",
    "NextIteration",
    "LoopCond",
    "Bogus",
    "RandomUniform",
    "PyFunc",
)


class Chooser(Protocol):
    """Where the choices come from."""

    def below(self, n: int, /) -> int:
        """0 … n - 1."""
        ...


def one(chooser: Chooser, items: Sequence[Any]) -> Any:
    """One of the items."""
    return items[chooser.below(len(items))]


def mutated(graph: Graph, chooser: Chooser, count: int) -> Graph:
    """The graph after ``count`` mutations."""
    nodes = dict(graph.nodes)
    for _ in range(count):
        if not nodes:
            break
        one(chooser, MUTATIONS)(nodes, chooser)
    return replace(graph, nodes=nodes)


def pick(
    nodes: Nodes, chooser: Chooser, wanted: Callable[[Node], Any] = lambda n: True
) -> Node | None:
    """A node for which ``wanted`` holds."""
    found = [node for node in nodes.values() if wanted(node)]
    return one(chooser, found) if found else None


def change_attribute(nodes: Nodes, chooser: Chooser) -> None:
    """Another value of the same kind, now and then of another kind, or none."""
    node = pick(nodes, chooser, lambda n: n.attrs)
    if node is None:
        return
    key = one(chooser, sorted(node.attrs))
    attrs = dict(node.attrs)
    how = chooser.below(8)
    if how == 0:
        del attrs[key]
    elif how == 1:
        attrs[key] = one(chooser, (0, b"text", True, 1.5, DType("int32"), Shape(None), ()))
    else:
        attrs[key] = another(attrs[key], chooser)
    nodes[node.name] = replace(node, attrs=attrs)


def another(value: Any, chooser: Chooser) -> Any:
    """A value of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return one(chooser, (*INTS, value + 1, value - 1))
        case float():
            return one(chooser, FLOATS)
        case DType():
            return DType(one(chooser, DTYPES))
        case bytes():
            return one(chooser, TEXTS)
        case Shape():
            return Shape(None if chooser.below(5) == 0 else dims(chooser))
        case np.ndarray():
            return other_array(value, chooser)
        case tuple():
            return value[:-1] if chooser.below(2) else (*value, *(value[:1] or (1,)))
    return value


def dims(chooser: Chooser) -> tuple[int | None, ...]:
    """Any shape."""
    return tuple(one(chooser, SIZES) for _ in range(chooser.below(4)))


def other_array(value: np.ndarray, chooser: Chooser) -> np.ndarray:
    """Another shape, dtype or content."""
    how = chooser.below(7)
    if how == 0:
        return value.T
    if how == 1 and value.ndim:
        return value[: chooser.below(len(value) + 1)]
    if how == 2:
        return value[None]
    if how == 3 and value.dtype != object:
        return value.astype(one(chooser, DTYPES[:7]))
    if how == 4 and value.ndim:
        return value[0] if len(value) else value
    if how == 5 and value.size and value.dtype.kind in "iuf":
        return changed_item(value, chooser)
    return np.zeros_like(value)


def changed_item(value: np.ndarray, chooser: Chooser) -> np.ndarray:
    """One item set to something else."""
    out = value.copy()
    new = one(chooser, FLOATS if value.dtype.kind == "f" else INTS)
    with np.errstate(all="ignore"):
        out.flat[chooser.below(out.size)] = np.array(new).astype(value.dtype)
    return out


def change_constant(nodes: Nodes, chooser: Chooser) -> None:
    """Another tensor in a Const."""
    node = pick(nodes, chooser, lambda n: isinstance(n.attrs.get("value"), np.ndarray))
    if node is not None:
        value = other_array(node.attrs["value"], chooser)
        dtype = node.attrs["dtype"] if chooser.below(2) else DType(str(value.dtype))
        nodes[node.name] = replace(node, attrs={**node.attrs, "value": value, "dtype": dtype})


def swap_constants(nodes: Nodes, chooser: Chooser) -> None:
    """Two Consts trade places."""
    a, b = (pick(nodes, chooser, lambda n: n.op == "Const") for _ in range(2))
    if a is not None and b is not None:
        nodes[a.name], nodes[b.name] = replace(a, attrs=b.attrs), replace(b, attrs=a.attrs)


def rewire(nodes: Nodes, chooser: Chooser) -> None:
    """One input comes from elsewhere: any node, the node itself (a cycle), an output that is not there."""
    node = pick(nodes, chooser, lambda n: n.inputs)
    if node is None:
        return
    source = one(chooser, list(nodes.values()))
    tensor = one(
        chooser, (f"{source.name}:0",) * 6 + (f"{source.name}:1", f"{node.name}:0", "ghost:0")
    )
    place = chooser.below(len(node.inputs))
    inputs = (*node.inputs[:place], tensor, *node.inputs[place + 1 :])
    nodes[node.name] = replace(node, inputs=inputs)


def rewire_alike(nodes: Nodes, chooser: Chooser) -> None:
    """One input comes from another node of the op it came from: often a graph that still runs."""
    node = pick(nodes, chooser, lambda n: n.inputs)
    if node is None:
        return
    place = chooser.below(len(node.inputs))
    name, _, index = node.inputs[place].rpartition(":")
    old = nodes.get(name)
    source = None if old is None else pick(nodes, chooser, lambda n: n.op == old.op)
    if source is not None:
        inputs = (*node.inputs[:place], f"{source.name}:{index}", *node.inputs[place + 1 :])
        nodes[node.name] = replace(node, inputs=inputs)


def change_inputs(nodes: Nodes, chooser: Chooser) -> None:
    """Inputs dropped, doubled or in another order."""
    node = pick(nodes, chooser, lambda n: n.inputs)
    if node is not None:
        one_less, more = node.inputs[:-1], (*node.inputs, node.inputs[0])
        inputs = one(chooser, (one_less, more, node.inputs[::-1], ()))
        nodes[node.name] = replace(node, inputs=inputs)


def change_controls(nodes: Nodes, chooser: Chooser) -> None:
    """A control input more, or none."""
    node, other = pick(nodes, chooser), pick(nodes, chooser)
    if node is not None and other is not None:
        controls = one(chooser, ((), (*node.controls, other.name), ("ghost",)))
        nodes[node.name] = replace(node, controls=controls)


def delete(nodes: Nodes, chooser: Chooser) -> None:
    """A node gone."""
    del nodes[one(chooser, list(nodes))]


def change_op(nodes: Nodes, chooser: Chooser) -> None:
    """Another op with the same inputs."""
    node = pick(nodes, chooser)
    if node is not None:
        ops = CONTROL if chooser.below(3) == 0 else sorted(TABLE)
        nodes[node.name] = replace(node, op=one(chooser, ops))


def change_op_alike(nodes: Nodes, chooser: Chooser) -> None:
    """Another op of the same kind with the same inputs: often a graph that still runs."""
    node = pick(nodes, chooser, lambda n: any(n.op in group for group in ALIKE))
    if node is not None:
        group = next(group for group in ALIKE if node.op in group)
        nodes[node.name] = replace(node, op=one(chooser, group))


def insert(nodes: Nodes, chooser: Chooser) -> None:
    """An elementwise op on an edge."""
    node = pick(nodes, chooser, lambda n: n.inputs)
    if node is None:
        return
    place = chooser.below(len(node.inputs))
    name = f"{node.name}/inserted{len(nodes)}"
    attrs = {"T": node.attrs.get("T", DType("float32"))}
    nodes[name] = Node(name, one(chooser, UNARY), (node.inputs[place],), attrs=attrs)
    inputs = (*node.inputs[:place], f"{name}:0", *node.inputs[place + 1 :])
    nodes[node.name] = replace(node, inputs=inputs)


def rename(nodes: Nodes, chooser: Chooser) -> None:
    """A hostile name, everywhere; placeholders keep theirs."""
    node = pick(nodes, chooser, lambda n: n.op != "Placeholder")
    if node is None:
        return
    name = one(chooser, NAMES)
    if name in nodes:
        return

    def tensor(t: str) -> str:
        head, _, index = t.rpartition(":")
        return f"{name}:{index}" if head == node.name else t

    for old in list(nodes.values()):
        inputs = tuple(map(tensor, old.inputs))
        controls = tuple(name if c == node.name else c for c in old.controls)
        if inputs != old.inputs or controls != old.controls:
            nodes[old.name] = replace(old, inputs=inputs, controls=controls)
    nodes[name] = replace(nodes.pop(node.name), name=name)


UNARY = ("Tanh", "Sigmoid", "Relu", "Relu6", "Elu", "Selu", "Softplus", "Softsign", "Neg", "Abs", "Square", "Sin",
         "Sign", "Floor", "Round", "Identity", "Exp", "Erf", "ZerosLike", "OnesLike", "StopGradient")  # fmt: skip
BINARY = (
    "Add",
    "AddV2",
    "Sub",
    "Mul",
    "Maximum",
    "Minimum",
    "RealDiv",
    "SquaredDifference",
    "DivNoNan",
    "TruncateDiv",
)
ALIKE = (
    UNARY, BINARY, ("Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual"), ("All", "Any"), ("Select", "SelectV2"),
    ("LogicalAnd", "LogicalOr"), ("Sum", "Mean", "Max", "Min", "Prod"), ("ArgMax", "ArgMin"),
)  # fmt: skip
"""Ops of one kind each: what separates them is what they compute."""
MUTATIONS: tuple[Callable[[Nodes, Chooser], None], ...] = (
    change_attribute, change_attribute, change_constant, change_constant, swap_constants, rewire, rewire_alike,
    rewire_alike, change_inputs, change_controls, delete, change_op, change_op_alike, change_op_alike, rename, insert,
)  # fmt: skip

"""Placeholders, constants, variables, lookup tables and random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from converters import tf_ops
from converters.graph import Node
from converters.oracle.handlers import handles
from converters.oracle.values import Table, Variable, uniform
from converters.tf_ops.complex_numbers import as_parts
from converters.tf_ops.table import refusal
from reference.errors import ArtefactError, SemanticsError, UsageError


@handles("Placeholder", "PlaceholderV2")
def placeholder(machine: Any, node: Node) -> tuple[Any, ...]:
    """Needed and not fed."""
    msg = f"placeholder {node.name + ':0'!r} is needed and was not fed: add it to the inputs"
    raise UsageError(msg)


@handles("PlaceholderWithDefault")
def with_default(machine: Any, node: Node, value: Any) -> tuple[Any, ...]:
    """Its default, where it is not fed."""
    return (value,)


@handles("Const")
def const(machine: Any, node: Node) -> tuple[Any, ...]:
    """A literal, widened and perturbed once."""
    return (machine.weight(node.name, as_parts(node.attr("value"))),)


@handles("Dequantize")
def dequantize(machine: Any, node: Node, *inputs: Any) -> tuple[Any, ...]:
    """A weight that is stored in 8 bits, perturbed once as others are."""
    (found,) = tf_ops.apply(machine.ops, node, inputs)
    return (machine.perturbed(node.name, found),)


@handles("VariableV2", "Variable", "TemporaryVariable")
def variable(machine: Any, node: Node) -> tuple[Any, ...]:
    """A variable's value."""
    return (value_of(machine, node),)


def value_of(machine: Any, node: Node) -> Any:
    """The value the reader found.

    Raises:
        ArtefactError: it found none.
    """
    values = machine.graph.variables
    if node.name not in values:
        msg = f"variable {node.name!r} is needed and has no value: its checkpoint is missing or lacks it"
        raise ArtefactError(msg)
    return machine.weight(node.name, values[node.name])


@handles("VarHandleOp")
def handle(machine: Any, node: Node) -> tuple[Any, ...]:
    """The variable itself."""
    return (Variable(node),)


@handles("ReadVariableOp")
def read(machine: Any, node: Node, handle: Variable) -> tuple[Any, ...]:
    """The variable's value."""
    return (value_of(machine, handle.node),)


@handles("ResourceGather", "ResourceGatherNd")
def gather(machine: Any, node: Node, handle: Variable, indices: Any) -> tuple[Any, ...]:
    """Rows of the variable."""
    value, batch = value_of(machine, handle.node), int(node.attr("batch_dims", 0))
    if node.op == "ResourceGatherNd":
        return (machine.ops.gather_nd(value, indices),)
    return (machine.ops.gather(value, indices, axis=batch, batch_dims=batch),)


@handles("VariableShape")
def variable_shape(machine: Any, node: Node, handle: Variable) -> tuple[Any, ...]:
    """The variable's sizes."""
    dtype = str(node.attr("out_type", "int32"))
    return (np.array(value_of(machine, handle.node).shape, dtype),)


@handles("VarIsInitializedOp", "IsVariableInitialized")
def initialised(machine: Any, node: Node, handle: Any) -> tuple[Any, ...]:
    """Whether the reader found a value."""
    known = not isinstance(handle, Variable) or handle.node.name in machine.graph.variables
    return (np.array(known),)


@handles("RandomUniform")
def random_uniform(machine: Any, node: Node, shape: Any) -> tuple[Any, ...]:
    """Known to lie in 0..1 and no more: enough where dropout is off."""
    return (uniform(node, shape, machine.ops.float_dtype(str(node.attr("dtype")))),)


# -- lookup tables ------------------------------------------------------------------------------
@handles("HashTableV2", "HashTable")
def table(machine: Any, node: Node) -> tuple[Any, ...]:
    """The table itself."""
    return (Table(node),)


@handles("LookupTableFindV2", "LookupTableFind")
def find(machine: Any, node: Node, handle: Table, keys: Any, default: Any) -> tuple[Any, ...]:
    """The value of each key, or the default."""
    items, other = filled(machine, handle), np.asarray(default).reshape(-1)[0]
    found = [items.get(plain(key), other) for key in np.asarray(keys).reshape(-1)]
    out = np.empty(len(found), np.asarray(default).dtype)
    out[:] = found
    return (out.reshape(np.shape(keys)),)


@handles("LookupTableSizeV2", "LookupTableSize")
def size(machine: Any, node: Node, handle: Table) -> tuple[Any, ...]:
    """How many keys there are."""
    return (np.array(len(filled(machine, handle)), np.int64),)


def plain(key: Any) -> Any:
    """A key as Python has it."""
    if isinstance(key, str):
        return key.encode()
    return key.item() if isinstance(key, np.generic) else key


def filled(machine: Any, handle: Table) -> dict[Any, Any]:
    """The items of a table, from the argument ``tables`` or from its initialiser in the graph.

    Raises:
        ArtefactError: nothing fills it.
    """
    name = handle.node.name
    if name not in machine.filled:
        if name in machine.tables:
            pairs = machine.tables[name].items()
        else:
            pairs = initial_items(machine, handle.node)
        machine.filled[name] = {plain(key): value for key, value in pairs}
    return dict_of(machine, name)


def dict_of(machine: Any, name: str) -> dict[Any, Any]:
    """The items of a table that is filled."""
    items: dict[Any, Any] = machine.filled[name]
    return items


INITIALISERS = (
    "InitializeTableV2",
    "InitializeTable",
    "LookupTableImportV2",
    "LookupTableImport",
    "InitializeTableFromTextFileV2",
    "InitializeTableFromTextFile",
)


def initial_items(machine: Any, table_node: Node) -> Iterator[tuple[Any, Any]]:
    """Keys and values, computed by the graph's own initialiser."""
    shared = table_node.text("shared_name", "") or table_node.name
    for node in machine.graph.nodes.values():
        if node.op not in INITIALISERS:
            continue
        target = machine.graph.nodes.get(node.inputs[0].rpartition(":")[0])
        if target is None or (target.text("shared_name", "") or target.name) != shared:
            continue
        if (
            machine.initializers
            and node.name not in machine.initializers
            and target is not table_node
        ):
            continue
        values = machine.evaluate(node.inputs[1:])
        if "TextFile" in node.op:
            return text_items(machine, node, table_node, values[0])
        return zip(*(np.asarray(v).reshape(-1) for v in values), strict=True)
    msg = f"lookup table {table_node.name!r} is needed and nothing in the graph initialises it"
    raise ArtefactError(msg)


def text_items(
    machine: Any, node: Node, table_node: Node, filename: Any
) -> Iterator[tuple[Any, Any]]:
    """Lines of an asset: column numbers, -2 the whole line, -1 the line's number.

    core/kernels/lookup_util.cc, TextFileLineIterator, v1.15.5.
    """
    name = np.asarray(filename).reshape(-1)[0]
    base = Path(name.decode() if isinstance(name, bytes) else str(name)).name
    if base not in machine.assets:
        msg = f"lookup table {table_node.name!r} is read from the file {base!r}, which is no asset of the model"
        raise ArtefactError(msg)
    key, value = int(node.attr("key_index")), int(node.attr("value_index"))
    limit, mark = int(node.attr("vocab_size", -1)), node.text("delimiter", "\t").encode()
    lines = Path(machine.assets[base]).read_bytes().split(b"\n")
    lines = lines[:-1] if lines and not lines[-1] else lines
    if limit > len(lines):
        msg = f"file {base!r} has {len(lines)} lines, {limit} are needed"
        raise SemanticsError(msg)
    dtypes = (str(table_node.attr("key_dtype")), str(table_node.attr("value_dtype")))
    for number, line in enumerate(lines if limit < 0 else lines[:limit]):
        line = line.removesuffix(b"\r")
        yield tuple(
            typed(number if i == -1 else line if i == -2 else line.split(mark)[i], dtype)
            for i, dtype in zip((key, value), dtypes, strict=True)
        )


def typed(text: Any, dtype: str) -> Any:
    """A column in a table's dtype."""
    if dtype == "string":
        return text
    return float(text) if dtype.startswith("float") else int(text)


@handles("MutableHashTableV2", "MutableHashTable", "MutableDenseHashTableV2", "Assign", "AssignAdd",
         "AssignSub", "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp")  # fmt: skip
def refused(machine: Any, node: Node, *inputs: Any) -> tuple[Any, ...]:
    """State that changes from run to run."""
    raise refusal(node, "it changes state that lasts from run to run")

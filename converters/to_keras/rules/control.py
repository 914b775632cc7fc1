"""Loops, conditionals and lists: a :class:`Block` that runs the statements as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from converters.lift.lists import is_list_op
from converters.program import Conditional, Loop, OpNode, Recurrence, Statement, defined, walk
from converters.to_keras.backend import keras
from converters.to_keras.bounds import with_bounds
from converters.to_keras.context import Context
from converters.to_keras.encode import encode
from converters.to_keras.encode_program import encode_statement
from converters.to_keras.layers.block import Block
from converters.to_keras.operations import Weight, operand, told
from converters.to_keras.plan import Builder, Key, Plan, Tensors, alias
from converters.to_keras.recurrent import loop_record, record
from converters.to_keras.slices import with_sizes
from reference.cells.base import weights


def control(context: Context, key: Key) -> Plan | None:
    """One layer for one statement; what it reads from around it are its inputs."""
    statement, _ = context.producers.get(key.value, (None, 0))
    if not key.plain or not _is_control(statement):
        return None
    assert statement is not None
    if isinstance(statement, OpNode) and statement.node.op in ("ListStack", "ListUnstack"):
        return alias(key, Key(statement.inputs[0]))
    statements: tuple[Statement, ...] = (*_new_lists(context, statement), statement)
    if keras.backend.backend() == "jax":
        statements = with_bounds(context, with_sizes(context, statements))
    return block(context, statements)


def block(context: Context, statements: tuple[Statement, ...], /) -> Plan:
    """One layer that runs the statements and gives what the last one defines."""
    inner = {name for one in statements for name in defined(one)}
    reads = dict.fromkeys(name for one in statements for name in one.inputs)
    names = tuple(name for name in reads if name not in inner)
    given = {name: operand(context, name) for name in names}
    tensors = tuple(name for name in names if given[name] is None)
    known = {name: value for name, value in given.items() if value is not None}

    def build(builder: Builder, values: Tensors) -> Mapping[Key, Any]:
        return _build(builder, statements, (tensors, known), values)

    return Plan(tuple(map(Key, tensors)), build)


def _is_control(statement: Statement | None) -> bool:
    if isinstance(statement, OpNode):
        return is_list_op(statement.node.op)
    return isinstance(statement, Loop | Conditional)


def _title(statement: Statement) -> str:
    return statement.node.name if isinstance(statement, OpNode) else statement.name


def _new_lists(context: Context, statement: Statement) -> tuple[Statement, ...]:
    """The lists made for it, taken inside: a list of items of unknown shape cannot stand between layers."""
    made = [context.producers.get(name, (None, 0))[0] for name in statement.inputs]
    found = {id(s): s for s in made if isinstance(s, OpNode) and s.node.op == "ListNew"}
    return tuple(found.values())


def _build(
    builder: Builder, statements: tuple[Statement, ...], parts: tuple[Any, ...], values: Tensors
) -> Mapping[Key, Any]:
    tensors, known = parts
    statement = statements[-1]
    arrays: dict[str, np.ndarray] = {}
    constants = {name: _encoded(value, arrays) for name, value in known.items()}
    slots = []
    for inner in walk(statements):
        if isinstance(inner, Loop):
            builder.records[inner.name] = dict(loop_record(inner))
        if isinstance(inner, Recurrence):
            builder.records[inner.name] = dict(record(inner, "Block", "it runs inside a loop"))
            for path, value in weights(inner.cell).items():
                slots.append(_encoded(Weight(f"{inner.name}/{path}", value), arrays))
    title, outputs = _title(statement), defined(statement)
    layer = builder.layer(
        ("Block", outputs),
        title,
        lambda name: Block(
            [encode_statement(one, builder.context.program.facts) for one in statements],
            tensors,
            constants,
            slots,
            outputs,
            title,
            name=name,
        ),
    )
    layer.refine(told(builder.context, outputs))
    results = layer(list(values) or [builder.any_input()])
    layer.assign(arrays)
    results = results if isinstance(results, list | tuple) else [results]
    if isinstance(statement, Loop):
        builder.notes.append(f"{title} stays a loop: {statement.reason or 'no recurrence'}")
    return {Key(name): tensor for name, tensor in zip(outputs, results, strict=True)}


def _encoded(value: np.ndarray | Weight, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, Weight):
        return encode(np.asarray(value))
    arrays[value.name] = value.value
    shape = [int(n) for n in value.value.shape]
    return {"kind": "slot", "path": value.name, "shape": shape, "dtype": str(value.value.dtype)}

"""Forward and backward recurrences over the same input, brought together so that one bidirectional operator can do both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from converters.program import OpNode, Program, Recurrence, Statement, defined

_SMALL = 4096


def numbering(program: Program, /) -> dict[str, Any]:
    """A number by value name; values with equal numbers are equal, for they come from equal ops on equal values."""
    numbers: dict[str, Any] = {}
    known: dict[Any, int] = {}

    def number(key: Any) -> int:
        return known.setdefault(key, len(known))

    def of(name: str) -> int:
        if name not in numbers:
            numbers[name] = number(_constant_key(name, program.constants))
        return int(numbers[name])

    for statement in program.statements:
        if isinstance(statement, OpNode) and not _random(statement.node.op):
            inputs = tuple(of(name) for name in statement.inputs)
            attrs = tuple(
                sorted((k, _plain(v)) for k, v in statement.node.attrs.items() if k[0] != "_")
            )
            key = (statement.node.op, inputs, attrs)
            for index, name in enumerate(statement.outputs):
                numbers[name] = number((key, index))
        else:
            for name in defined(statement):
                numbers[name] = number(("value", name))
    for name in program.constants:
        of(name)
    return numbers


def _constant_key(name: str, constants: Mapping[str, np.ndarray]) -> Any:
    value = constants.get(name)
    if value is None or value.nbytes > _SMALL or value.dtype == object:
        return ("value", name if value is None else id(value))
    return ("constant", str(value.dtype), value.shape, value.tobytes())


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return (
            str(value.dtype),
            value.shape,
            value.tobytes() if value.dtype != object else id(value),
        )
    return (type(value).__name__, str(value))


def _random(op: str) -> bool:
    return "Random" in op or "Multinomial" in op or "Stateful" in op


def paired(
    program: Program, joinable: Mapping[str, Any], /
) -> tuple[list[Statement], dict[str, str]]:
    """The statements, each pair side by side, and each forward recurrence's partner by name of the first of the two.

    ``joinable``: by recurrence name, what two must share to become one operator (None: never).
    """
    numbers = numbering(program)
    statements = list(program.statements)
    partner: dict[str, str] = {}
    waiting: dict[Any, list[Recurrence]] = {}
    for statement in program.statements:
        if not isinstance(statement, Recurrence) or joinable.get(statement.name) is None:
            continue
        key = _key(statement, numbers, joinable[statement.name])
        mate = next((m for m in waiting.get(key, ()) if m.direction != statement.direction), None)
        if mate is None:
            waiting.setdefault(key, []).append(statement)
            continue
        moved = _together(statements, mate, statement)
        if moved is not None:
            waiting[key].remove(mate)
            statements = moved
            partner[mate.name] = statement.name
    return statements, partner


def _key(statement: Recurrence, numbers: Mapping[str, Any], shared: Any) -> Any:
    lengths = (
        None if statement.lengths is None else numbers.get(statement.lengths, statement.lengths)
    )
    return (tuple(numbers.get(n, n) for n in statement.sequences), lengths, shared)


def _together(
    statements: list[Statement], first: Recurrence, second: Recurrence
) -> list[Statement] | None:
    """``first`` moved to just before ``second``, what depends on it to after; None where ``second`` depends on it."""
    i, j = statements.index(first), statements.index(second)
    tainted = set(defined(first))
    stay: list[Statement] = []
    after: list[Statement] = []
    for statement in statements[i + 1 : j]:
        if any(name in tainted for name in statement.inputs):
            tainted.update(defined(statement))
            after.append(statement)
        else:
            stay.append(statement)
    if any(name in tainted for name in second.inputs):
        return None
    return [*statements[:i], *stay, first, second, *after, *statements[j + 1 :]]

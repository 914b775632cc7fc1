"""Runs a Program under NumPy: the check of the lift. Slow, and independent of every exporter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import Node
from converters.lift import lists
from converters.program import Conditional, Loop, OpNode, Program, Recurrence, Statement
from converters.tf_ops import apply
from reference import states
from reference.errors import UsageError
from reference.vocabulary.abstract.fact import Fact


@dataclass(frozen=True, slots=True)
class Items:
    """A list value: unwritten items are None."""

    items: tuple[np.ndarray | None, ...]
    dtype: str


def execute(
    program: Program, feeds: Mapping[str, np.ndarray], /, *, widen: bool = False
) -> dict[str, np.ndarray]:
    """The outputs by name.

    Args:
        widen: compute in float64 (``NumpyOps(widen=True)``).

    Raises:
        UsageError: an input is not fed.
    """
    return Executor(program, widen=widen).run(feeds)


class Executor:
    """Holds the values by name; a loop's body overwrites its own in each iteration."""

    def __init__(self, program: Program, *, widen: bool = False) -> None:
        from reference.vocabulary.numpy_ops import NumpyOps

        self.ops = NumpyOps(widen=widen)
        self.program = program
        self.values: dict[str, Any] = {}

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        missing = [name for name in self.program.inputs if name not in feeds]
        if missing:
            msg = f"no value is fed for {', '.join(missing)}"
            raise UsageError(msg)
        for name, value in {**self.program.constants, **feeds}.items():
            self.values[name] = self.ops.constant(np.asarray(value))
        self._all(self.program.statements)
        names = self.program.names
        return {
            name: np.asarray(self.values[names.get(name, name)]) for name in self.program.outputs
        }

    def _all(self, statements: Sequence[Statement]) -> None:
        for statement in statements:
            if isinstance(statement, OpNode):
                self._op(statement)
            elif isinstance(statement, Loop):
                self._loop(statement)
            elif isinstance(statement, Conditional):
                side = (
                    statement.then
                    if bool(self.values[statement.predicate])
                    else statement.otherwise
                )
                self._all(side.statements)
                results = [self.values[name] for name in side.outputs]
                self.values.update(zip(statement.outputs, results, strict=True))
            else:
                self._recurrence(statement)

    def _op(self, statement: OpNode) -> None:
        node = statement.node
        inputs = [self.values[name] for name in node.inputs]
        if lists.is_list_op(node.op):
            fact = self.program.facts.get(statement.outputs[0], Fact("float32"))
            results = _LISTS[node.op](node, fact, *inputs)
            outputs = results if isinstance(results, tuple) else (results,)
        else:
            outputs = apply(self.ops, node, inputs)
        self.values.update(zip(statement.outputs, outputs, strict=False))

    def _loop(self, loop: Loop) -> None:
        carried = [self.values[name] for name in loop.carried]
        while True:
            self.values.update(zip(loop.condition.inputs, carried, strict=True))
            self._all(loop.condition.statements)
            if not bool(self.values[loop.condition.outputs[0]]):
                break
            self.values.update(zip(loop.body.inputs, carried, strict=True))
            self._all(loop.body.statements)
            carried = [self.values[name] for name in loop.body.outputs]
        self.values.update(zip(loop.outputs, carried, strict=True))

    def _recurrence(self, r: Recurrence) -> None:
        ops = self.ops
        sequences = [self.values[name] for name in r.sequences]
        state = [self.values[name] for name in r.initial_state]
        steps = len(sequences[0]) if sequences else int(self.values[r.steps or ""])
        batch = len(state[0]) if state else sequences[0].shape[1]
        lengths = np.full(batch, steps) if r.lengths is None else np.asarray(self.values[r.lengths])
        lengths = np.clip(lengths, 0, steps).astype(np.int64)
        if r.direction == "backward":
            sequences = [_reversed(x, lengths) for x in sequences]
        invariants = [self.values[name] for name in r.invariants]
        collected: list[list[np.ndarray]] = [[] for _ in r.outputs]
        for t in range(steps):
            items = tuple(x[t] for x in sequences) + tuple(invariants)
            x = items[0] if len(items) == 1 else items
            output, after = r.cell.step(ops, x, states.unflatten_like(r.cell.state_size, state))
            # Without lengths every row runs to the end; what a step gives need not have its rows in front.
            valid = None if r.lengths is None else t < lengths
            for rows, y in zip(collected, states.flatten(output), strict=True):
                rows.append(_select(valid, y, np.zeros_like(y)))
            new = states.flatten(after)
            state = [_select(valid, a, b) for a, b in zip(new, state, strict=True)]
        for name, rows in zip(r.outputs, collected, strict=True):
            fact = self.program.facts.get(name)
            value = np.stack(rows) if rows else _empty(fact, batch)
            self.values[name] = _reversed(value, lengths) if r.direction == "backward" else value
        self.values.update(zip(r.final_state, state, strict=True))


def _select(valid: np.ndarray | None, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if valid is None:
        return a
    return np.where(valid.reshape(valid.shape + (1,) * (a.ndim - 1)), a, b)


def _reversed(x: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """[T, B, …], each row's first lengths[b] steps reversed."""
    result = x.copy()
    for b, n in enumerate(lengths):
        result[:n, b] = x[:n, b][::-1]
    return result


def _empty(fact: Fact | None, batch: int) -> np.ndarray:
    shape = (0, batch) if fact is None or fact.shape is None else fact.shape
    dims = [0, batch, *(int(dim) for dim in shape[2:])]
    return np.zeros(dims, "float32" if fact is None else fact.dtype)


# ---- lists -----------------------------------------------------------------------------------------------------


def _zeros(value: Items, fact: Fact) -> np.ndarray:
    """What an unwritten item reads as."""
    written = next((item for item in value.items if item is not None), None)
    if written is not None:
        return np.zeros_like(written)
    shape = () if fact.shape is None else fact.shape
    return np.zeros([dim if isinstance(dim, int) else 0 for dim in shape], value.dtype)


def _dense(value: Items, fact: Fact) -> np.ndarray:
    filled = [
        _zeros(value, Fact(fact.dtype, fact.shape and fact.shape[1:])) if i is None else i
        for i in value.items
    ]
    if not filled:
        shape = fact.shape or (0,)
        return np.zeros(
            [0, *(dim if isinstance(dim, int) else 0 for dim in shape[1:])], value.dtype
        )
    return np.stack(filled)


def _new(node: Node, fact: Fact, size: Any) -> Items:
    return Items((None,) * int(size), str(node.attr("dtype")))


def _set(node: Node, fact: Fact, value: Items, index: Any, item: np.ndarray) -> Items:
    place = int(index)
    items = list(value.items) + [None] * (place + 1 - len(value.items))
    items[place] = item
    return Items(tuple(items), value.dtype)


def _get(node: Node, fact: Fact, value: Items, index: Any) -> np.ndarray:
    item = value.items[int(index)]
    return _zeros(value, fact) if item is None else item


def _gather(node: Node, fact: Fact, value: Items, indices: np.ndarray) -> np.ndarray:
    return _dense(Items(tuple(value.items[int(i)] for i in indices), value.dtype), fact)


def _scatter(
    node: Node, fact: Fact, value: Items, indices: np.ndarray, tensor: np.ndarray
) -> Items:
    for index, item in zip(indices, tensor, strict=True):
        value = _set(node, fact, value, index, item)
    return value


def _concat(node: Node, fact: Fact, value: Items) -> tuple[np.ndarray, np.ndarray]:
    parts = [_zeros(value, fact) if item is None else item for item in value.items]
    return np.concatenate(parts), np.array([len(part) for part in parts], np.int64)


def _split(node: Node, fact: Fact, value: Items, tensor: np.ndarray, lengths: np.ndarray) -> Items:
    places = np.cumsum(lengths)[:-1]
    return Items(tuple(np.split(tensor, places)), value.dtype)


_LISTS: dict[str, Callable[..., Any]] = {
    "ListNew": _new,
    "ListSet": _set,
    "ListGet": _get,
    "ListStack": lambda node, fact, value: _dense(value, fact),
    "ListUnstack": lambda node, fact, tensor: Items(tuple(tensor), str(tensor.dtype)),
    "ListGather": _gather,
    "ListScatter": _scatter,
    "ListSize": lambda node, fact, value: np.asarray(len(value.items), np.int32),
    "ListConcat": _concat,
    "ListSplit": _split,
    "ListPush": lambda node, fact, value, item: Items((*value.items, item), value.dtype),
    "ListResize": lambda node, fact, value, size: Items(
        (value.items + (None,) * int(size))[: int(size)], value.dtype
    ),
}

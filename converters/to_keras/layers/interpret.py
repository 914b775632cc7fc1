"""Runs statements on Keras tensors inside a layer's call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converters.lift.lists import is_list_op
from converters.program import Conditional, Loop, OpNode, SubProgram
from converters.tf_ops import apply
from converters.to_keras.backend import keras
from converters.to_keras.encode_program import NewList, ShapedLoop
from converters.to_keras.layers.lists import Pending, apply_list, new_list
from converters.to_keras.layers.looping import while_loop
from converters.to_keras.layers.stepping import Drive, drive
from converters.to_keras.layers.tf_op import as_tensor
from converters.to_keras.ops import KerasOps, Value, raw
from reference import states
from reference.cells.base import map_sizes, map_weights
from reference.errors import NotConvertibleError, Reason

OPS = KerasOps()
kops = keras.ops


class Interpreter:
    """Statements over an environment of values.

    Args:
        weights: by slot path, for the cells inside.
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self.weights = weights

    def run(self, statements: Sequence[Any], values: dict[str, Any]) -> None:
        """Run them; ``values`` gets what they define."""
        for statement in statements:
            if isinstance(statement, OpNode):
                self._op(statement, values)
            elif isinstance(statement, NewList):
                self._new(statement, values)
            elif isinstance(statement, ShapedLoop):
                self._loop(statement, values)
            elif isinstance(statement, Conditional):
                self._conditional(statement, values)
            else:
                self._recurrence(statement, values)

    def _op(self, statement: OpNode, values: dict[str, Any]) -> None:
        inputs = [values[name] for name in statement.inputs]
        if is_list_op(statement.node.op):
            data = [raw(x) for x in inputs]
            results = [Value(y) for y in apply_list(statement.node, data)]
        else:
            results = list(apply(OPS, statement.node, inputs))
        values.update(zip(statement.outputs, results, strict=False))

    def _new(self, new: NewList, values: dict[str, Any]) -> None:
        size = raw(values[new.statement.inputs[0]])
        count = int(size) if isinstance(size, np.ndarray) else size
        dtype = str(new.statement.node.attr("dtype"))
        made = Pending(count, dtype) if new.element is None else new_list(count, new.element, dtype)
        values[new.statement.outputs[0]] = Value(made)

    def _sub(
        self, program: SubProgram, given: Sequence[Any], values: Mapping[str, Any]
    ) -> list[Any]:
        inner = dict(values)
        inner.update(zip(program.inputs, given, strict=True))
        self.run(program.statements, inner)
        return [inner[name] for name in program.outputs]

    def _loop(self, shaped: ShapedLoop, values: dict[str, Any]) -> None:
        loop = shaped.statement

        def condition(*carried: Any) -> Any:
            (go,) = self._sub(loop.condition, [Value(v) for v in carried], values)
            return kops.reshape(as_tensor(go), ())

        def body(*carried: Any) -> Any:
            return [as_tensor(v) for v in self._sub(loop.body, [Value(v) for v in carried], values)]

        start = self._start(loop, values)
        results = while_loop(condition, body, start, shaped.shapes)
        values.update(zip(loop.outputs, map(Value, results), strict=True))

    def _start(self, loop: Loop, values: Mapping[str, Any]) -> list[Any]:
        """What the loop starts from; a list of items of unknown shape learns it from the first round."""
        carried = [values[name] for name in loop.carried]
        if any(isinstance(raw(v), Pending) for v in carried):
            after = self._sub(loop.body, carried, values)
            carried = [_shaped(a, b, loop.name) for a, b in zip(carried, after, strict=True)]
        return [as_tensor(v) for v in carried]

    def _conditional(self, one: Conditional, values: dict[str, Any]) -> None:
        def side(program: SubProgram) -> list[Any]:
            return [as_tensor(v) for v in self._sub(program, (), values)]

        predicate = raw(values[one.predicate])
        if isinstance(predicate, np.ndarray):
            results = side(one.then if predicate.all() else one.otherwise)
        else:
            results = kops.cond(predicate, lambda: side(one.then), lambda: side(one.otherwise))
        values.update(zip(one.outputs, map(Value, results), strict=True))

    def _recurrence(self, r: Any, values: dict[str, Any]) -> None:
        cell = map_weights(lambda _, slot: Value(self.weights[slot.path]), r.cell)
        shape = map_sizes(lambda _: 0, cell.state_size)

        def step(x: Any, parts: list[Any]) -> tuple[Any, list[Any]]:
            items = tuple(map(Value, x)) if isinstance(x, tuple) else Value(x)
            nest = states.unflatten_like(shape, [Value(part) for part in parts])
            y, new = cell.step(OPS, items, nest)
            return [raw(v) for v in states.flatten(y)], [raw(v) for v in states.flatten(new)]

        def tensors(names: Sequence[str]) -> list[Any]:
            return [as_tensor(values[name]) for name in names]

        given = Drive(
            tensors(r.sequences),
            tensors(r.invariants),
            as_tensor(values[r.lengths]) if r.lengths else None,
            as_tensor(values[r.steps]) if r.steps else None,
            r.direction == "backward",
        )
        outputs, final = drive(step, given, tensors(r.initial_state))
        values.update(zip(r.outputs, map(Value, outputs), strict=True))
        values.update(zip(r.final_state, map(Value, final), strict=True))


def _shaped(before: Any, after: Any, name: str) -> Any:
    pending, filled = raw(before), raw(after)
    if not isinstance(pending, Pending):
        return before
    if isinstance(filled, Pending):
        msg = f"{name}: a TensorArray is carried and not written in the loop's first round"
        raise NotConvertibleError(msg, (Reason(name, "a list of items of unknown shape"),))
    return Value(new_list(pending.size, tuple(kops.shape(filled))[1:], pending.dtype))

"""Counters and bounds: how often a loop runs."""

from __future__ import annotations

from collections.abc import Mapping

from converters.lift.recognise.loops.model import NotAStepError
from converters.program import Loop, OpNode, Program, walk


def counters_of(program: Program, loop: Loop) -> dict[int, int]:
    """Carried values that start at a known integer and go up by one."""
    makers = {s.outputs[0]: s for s in loop.body.statements if isinstance(s, OpNode)}
    found = {}
    for k, (start, name, out) in enumerate(
        zip(loop.carried, loop.body.inputs, loop.body.outputs, strict=True)
    ):
        maker = makers.get(out)
        value = known_int(program, start)
        if maker is None or maker.node.op not in ("Add", "AddV2") or value is None:
            continue
        a, b = maker.inputs
        other = b if a == name else a if b == name else None
        if other is not None and known_int(program, other) == 1:
            found[k] = value
    return found


def known_int(program: Program, value: str) -> int | None:
    """The value of an integer constant."""
    array = program.constants.get(value)
    if array is None:
        fact = program.facts.get(value)
        array = None if fact is None else fact.value
    if array is None or array.dtype == object or array.size != 1 or array.dtype.kind not in "iu":
        return None
    return int(array.reshape(()))


def bound_of(program: Program, loop: Loop, counters: Mapping[int, int]) -> tuple[int, str]:
    """(the carried counter, the value it stays below): the condition must be nothing but such comparisons."""
    condition = loop.condition
    makers = {s.outputs[0]: s for s in condition.statements if isinstance(s, OpNode)}
    todo, bounds = [condition.outputs[0]], []
    while todo:
        maker = makers.get(todo.pop())
        if maker is None:
            msg = "its condition is not a comparison of a counter"
            raise NotAStepError(msg)
        if maker.node.op == "LogicalAnd":
            todo.extend(maker.inputs)
            continue
        bound = _comparison(maker, condition.inputs, counters)
        if bound is None or bound[1] in makers:
            msg = f"its condition depends on {maker.node.name} ({maker.node.op}), not only on a counter"
            raise NotAStepError(msg)
        bounds.append(bound)
    starts = {counters[k] for k, _ in bounds}
    if starts != {0}:
        msg = "its counter does not start at 0"
        raise NotAStepError(msg)
    return _tightest(program, bounds)


def _comparison(
    maker: OpNode, inputs: tuple[str, ...], counters: Mapping[int, int]
) -> tuple[int, str] | None:
    sides = {"Less": maker.inputs, "Greater": maker.inputs[::-1]}.get(maker.node.op)
    if sides is None or sides[0] not in inputs or sides[1] in inputs:
        return None
    index = inputs.index(sides[0])
    return (index, sides[1]) if index in counters else None


def _tightest(program: Program, bounds: list[tuple[int, str]]) -> tuple[int, str]:
    """Of several bounds the one that decides: equal ones, or the one made by a minimum over the others."""
    names = {value for _, value in bounds}
    if len(names) == 1:
        return bounds[0]
    makers = {n: s for s in walk(program.statements) if isinstance(s, OpNode) for n in s.outputs}
    for counter, value in bounds:
        others = names - {value}
        maker = makers.get(value)
        if maker is None or maker.node.op != "Minimum":
            continue
        if all(o in maker.inputs or _equal_facts(program, o, maker.inputs) for o in others):
            return counter, value
    if all(_equal_facts(program, value, (bounds[0][1],)) for value in names):
        return bounds[0]
    msg = "two different bounds end it"
    raise NotAStepError(msg)


def _equal_facts(program: Program, value: str, others: tuple[str, ...]) -> bool:
    """Whether a value's symbolic number equals that of one of the others."""
    numbers = [symbolic(program, name) for name in (value, *others)]
    return numbers[0] is not None and numbers[0] in numbers[1:]


def symbolic(program: Program, value: str) -> object | None:
    """The number or symbolic size an integer scalar is known to be."""
    array = program.constants.get(value)
    if array is None and value in program.facts:
        array = program.facts[value].value
    if array is None or array.size != 1:
        return None
    item = array.reshape(-1)[0]
    return int(item) if isinstance(item, int) or hasattr(item, "__index__") else item

"""``while`` as ONNX's Loop.

The condition is written twice: before the loop, on the initial values, and at the end of the body, on the new ones. What the body never changes is
not carried. A list that gets one item per trip is not carried either: the items are the loop's scan output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from converters.program import Loop, OpNode, defined, walk
from converters.to_onnx.branches import as_list, common, outside, own_outputs, tensor_of
from converters.to_onnx.builder import Scope, ranked
from converters.to_onnx.lists import ListValue, grown, stack_of
from converters.to_onnx.values import Value
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.abstract.fact import Fact

if TYPE_CHECKING:
    from converters.to_onnx.convert import Env, Exporter

_ROUNDS = 6
"""Tries to find sizes that every trip keeps; each makes at least one more size unknown."""


@dataclass
class Roles:
    """What becomes of each carried value, by its place."""

    kept: list[int]
    """Never changed by the body."""
    appended: dict[int, str]
    """Lists that get one item per trip: the name of the item."""
    carried: list[int]


def emit_loop(exporter: Exporter, loop: Loop, env: Env, /) -> None:
    """Write a Loop."""
    roles = _roles(exporter, loop, env)
    initial = {i: env[loop.carried[i]] for i in range(len(loop.carried))}
    for i in roles.carried:
        _materialise(exporter, loop, i, initial[i])
    facts = {i: initial[i].fact for i in roles.carried}
    changing: set[Any] = set()
    for _ in range(_ROUNDS):
        scope, results = _body(exporter, loop, env, roles, initial, facts)
        widened = {i: common(exporter, facts[i], results[i].fact, changing) for i in roles.carried}
        if all(_same(facts[i], widened[i]) for i in roles.carried):
            break
        facts = widened
    else:
        msg = f"loop {loop.name!r}: the shapes of its values do not settle"
        raise NotConvertibleError(msg, (Reason(loop.name, "its shapes do not settle"),))
    _close(exporter, loop, env, roles, initial, facts, scope, results)


def _roles(exporter: Exporter, loop: Loop, env: Env) -> Roles:
    body = loop.body
    kept = [i for i, name in enumerate(body.outputs) if name == body.inputs[i]]
    appended: dict[int, str] = {}
    for i, value in enumerate(env[name] for name in loop.carried):
        if isinstance(value, ListValue) and i not in kept and value.blank:
            item = _appended_item(exporter, loop, env, i)
            if item is not None:
                appended[i] = item
    rest = [i for i in range(len(loop.carried)) if i not in kept and i not in appended]
    return Roles(kept, appended, rest)


def _appended_item(exporter: Exporter, loop: Loop, env: Env, place: int) -> str | None:
    """The item that trip number k writes to place k of an otherwise unread list; None where it is not so."""
    body, name = loop.body, loop.body.inputs[place]
    readers = [s for s in walk(body.statements) if name in s.inputs]
    written = [s for s in body.statements if body.outputs[place] in defined(s)]
    if len(readers) != 1 or readers != written or not isinstance(readers[0], OpNode):
        return None
    statement = readers[0]
    in_condition = any(
        loop.condition.inputs[place] in s.inputs for s in walk(loop.condition.statements)
    )
    again = any(body.outputs[place] in s.inputs for s in walk(body.statements))
    twice = body.outputs.count(body.outputs[place]) > 1 or name in body.outputs
    if in_condition or again or twice or loop.condition.inputs[place] in loop.condition.outputs:
        return None
    if statement.node.op != "ListSet" or statement.inputs.count(name) != 1:
        return None
    index, item = statement.inputs[1:]
    return item if _counts_trips(exporter, loop, env, index) else None


def _counts_trips(exporter: Exporter, loop: Loop, env: Env, index: str) -> bool:
    """Whether ``index`` is a carried number that starts at 0 and grows by 1."""
    body = loop.body
    if index not in body.inputs:
        return False
    place = body.inputs.index(index)
    start = env[loop.carried[place]]
    known = None if isinstance(start, ListValue) else exporter.ops.static(start)
    makers = [s for s in body.statements if body.outputs[place] in defined(s)]
    if known is None or known.ndim or known != 0 or len(makers) != 1:
        return False
    [maker] = makers
    if not isinstance(maker, OpNode) or maker.node.op not in ("Add", "AddV2"):
        return False
    others = [name for name in maker.inputs if name != index]
    if len(maker.inputs) != 2 or len(others) != 1:
        return False
    step = exporter.program.constants.get(others[0])
    if step is None and others[0] in exporter.program.facts:
        step = exporter.program.facts[others[0]].value
    return step is not None and step.size == 1 and step.ravel()[0] == 1


def _materialise(exporter: Exporter, loop: Loop, place: int, value: Any) -> None:
    """A carried list must be a tensor: its items' shape is taken from what the lift knows."""
    if not isinstance(value, ListValue) or value.stacked is not None:
        return
    names = (loop.body.inputs[place], loop.body.outputs[place], loop.outputs[place])
    for name in names:
        fact = exporter.program.facts.get(name)
        if fact is not None and fact.shape is not None:
            stack_of(exporter.ops, value, fact.shape[1:])
            return
    stack_of(exporter.ops, value)


def _body(
    exporter: Exporter,
    loop: Loop,
    env: Env,
    roles: Roles,
    initial: dict[int, Any],
    facts: dict[int, Fact],
) -> tuple[Scope, dict[int, Any]]:
    """The body with its condition: (scope, new values and appended items by place)."""
    ops = exporter.ops
    with ops.build.inside(loop.name) as scope:
        ops.build.port("trip", "int64", ())
        ops.build.port("go", "bool", ())
        inner = exporter.inner(env)
        for i in roles.kept:
            inner[loop.body.inputs[i]] = initial[i]
        for i in roles.carried:
            name = ops.build.port("carried", facts[i].dtype, ranked(facts[i].shape))
            value = Value(ops, Fact(facts[i].dtype, facts[i].shape), name)
            ops.note_sizes(value)
            inner[loop.body.inputs[i]] = as_list(ops, initial[i], value)
        for i in roles.appended:
            inner[loop.body.inputs[i]] = initial[i]
        results = _trip(exporter, loop, inner, roles)
    return scope, results


def _trip(exporter: Exporter, loop: Loop, inner: Env, roles: Roles) -> dict[int, Any]:
    skipped = {loop.body.outputs[i] for i in roles.appended}
    statements = tuple(
        s for s in loop.body.statements if not (isinstance(s, OpNode) and skipped & set(s.outputs))
    )
    exporter.statements(statements, inner)
    results = {i: inner[loop.body.outputs[i]] for i in roles.carried}
    results |= {i: inner[item] for i, item in roles.appended.items()}
    later = exporter.inner(inner)
    for i, name in enumerate(loop.condition.inputs):
        if i not in roles.appended:
            later[name] = inner[loop.body.outputs[i]]
    exporter.statements(loop.condition.statements, later)
    results[-1] = later[loop.condition.outputs[0]]
    return results


def _same(a: Fact, b: Fact) -> bool:
    return a.shape == b.shape


def _close(
    exporter: Exporter,
    loop: Loop,
    env: Env,
    roles: Roles,
    initial: dict[int, Any],
    facts: dict[int, Fact],
    scope: Scope,
    results: dict[int, Any],
) -> None:
    ops = exporter.ops
    before = exporter.inner(env)
    for i, name in enumerate(loop.condition.inputs):
        before[name] = initial[i]
    exporter.at(loop.name)
    exporter.statements(loop.condition.statements, before)
    go = before[loop.condition.outputs[0]]
    exporter.at(loop.name)
    order = [-1, *roles.carried, *roles.appended]
    with ops.build.again(scope):
        tensors = [tensor_of(ops, results[i]) for i in order]
        own_outputs(ops, scope, tensors)
    starts = [tensor_of(ops, initial[i]) for i in roles.carried]
    names = (
        ops.nodes("Loop", len(order) - 1, None, go, *starts, body=scope) if len(order) > 1 else []
    )
    for i, name in zip(roles.carried, names, strict=False):
        shape = facts[i].shape
        value = ops.wrap(name, Fact(facts[i].dtype, outside(exporter, shape)))
        env[loop.outputs[i]] = as_list(ops, initial[i], value)
    for i, name in zip(roles.appended, names[len(roles.carried) :], strict=True):
        env[loop.outputs[i]] = _appended(exporter, initial[i], results[i], name)
    for i in roles.kept:
        env[loop.outputs[i]] = initial[i]


def _appended(exporter: Exporter, start: ListValue, item: Value, name: str) -> ListValue:
    """The scan output, with zeros behind where the loop stopped before the list was full."""
    ops = exporter.ops
    shape = outside(exporter, item.fact.shape)
    trips = ops.abstract.fresh()
    stacked = ops.wrap(name, Fact(item.fact.dtype, None if shape is None else (trips, *shape)))
    size = ops.cast(start.size, "int64")
    full = stacked if shape is None else grown(ops, stacked, ops.amount(trips), size)
    known = start.size.fact.value
    if known is not None and shape is not None and not start.dynamic:
        # A fixed list never holds more than its size: the stack's length is that size.
        full = Value(ops, Fact(full.fact.dtype, (known.item(), *shape)), ops.ref(full))
    return ListValue(start.dtype, start.size, full, start.dynamic)

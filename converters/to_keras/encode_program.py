"""Statements as JSON and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from converters.program import Conditional, Loop, OpNode, Recurrence, Statement, SubProgram
from converters.to_keras.encode import decode, encode
from reference.errors import ArtefactError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import as_static

Facts = Mapping[str, Fact]


def encode_statement(statement: Statement, facts: Facts, /) -> Any:
    """One statement, with what the facts tell of the shapes of lists and of what loops carry."""

    def sub(program: SubProgram) -> Any:
        inner = [encode_statement(s, facts) for s in program.statements]
        return {
            "inputs": list(program.inputs),
            "outputs": list(program.outputs),
            "statements": inner,
        }

    if isinstance(statement, OpNode):
        found = {"is": "op", "node": encode(statement.node), "outputs": list(statement.outputs)}
        if statement.node.op == "ListNew":
            fact = facts.get(statement.outputs[0])
            shape = None if fact is None or fact.shape is None else as_static(fact.shape)
            found["element"] = None if shape is None or None in shape[1:] else list(shape[1:])
        return found
    if isinstance(statement, Loop):
        return {
            "is": "loop",
            "name": statement.name,
            "carried": list(statement.carried),
            "condition": sub(statement.condition),
            "body": sub(statement.body),
            "outputs": list(statement.outputs),
            "shapes": [_shape(facts, statement, place) for place in range(len(statement.carried))],
        }
    if isinstance(statement, Conditional):
        return {
            "is": "conditional",
            "name": statement.name,
            "predicate": statement.predicate,
            "then": sub(statement.then),
            "otherwise": sub(statement.otherwise),
            "outputs": list(statement.outputs),
        }
    return _recurrence(statement)


def _shape(facts: Facts, loop: Loop, place: int) -> Any:
    """Sizes that every round agrees on; an unknown rank is None."""
    names = (loop.body.inputs[place], loop.body.outputs[place], loop.carried[place])
    found = [facts[n].shape for n in names if n in facts]
    shapes = [shape for shape in found if shape is not None]
    if not shapes or len({len(s) for s in shapes}) > 1:
        return None
    static = [as_static(s) for s in shapes]
    agreed = [d[0] if len(set(d)) == 1 else None for d in zip(*static, strict=True)]
    fact = facts.get(names[0])
    if getattr(fact, "dynamic", False) and agreed:
        agreed[0] = None
    return agreed


def _recurrence(r: Recurrence) -> Any:
    return {
        "is": "recurrence",
        "name": r.name,
        "cell": encode(r.cell, f"{r.name}/"),
        "sequences": list(r.sequences),
        "initial_state": list(r.initial_state),
        "outputs": list(r.outputs),
        "final_state": list(r.final_state),
        "invariants": list(r.invariants),
        "lengths": r.lengths,
        "steps": r.steps,
        "direction": r.direction,
    }


@dataclass(frozen=True)
class NewList:
    """A ListNew and the shape of its items, None where only the first item written tells it."""

    statement: OpNode
    element: tuple[int, ...] | None


@dataclass(frozen=True)
class ShapedLoop:
    """A loop and the fixed sizes of what it carries."""

    statement: Loop
    shapes: tuple[Any, ...]


def decode_statement(data: Mapping[str, Any], /) -> Any:
    """An OpNode, NewList, ShapedLoop, Conditional or Recurrence.

    Raises:
        ArtefactError: the data is something else.
    """
    decoder = _DECODERS.get(data.get("is", ""))
    if decoder is None:
        msg = f"a layer's configuration holds the unknown statement {data.get('is')!r}"
        raise ArtefactError(msg)
    return decoder(data)


def _sub(data: Mapping[str, Any]) -> SubProgram:
    statements = tuple(decode_statement(s) for s in data["statements"])
    return SubProgram(tuple(data["inputs"]), statements, tuple(data["outputs"]))


def _op(data: Mapping[str, Any]) -> Any:
    found = OpNode(decode(data["node"]), tuple(data["outputs"]))
    if "element" not in data:
        return found
    return NewList(found, None if data["element"] is None else tuple(data["element"]))


def _loop(data: Mapping[str, Any]) -> ShapedLoop:
    loop = Loop(
        data["name"],
        tuple(data["carried"]),
        _sub(data["condition"]),
        _sub(data["body"]),
        tuple(data["outputs"]),
    )
    shapes = tuple(None if s is None else tuple(s) for s in data["shapes"])
    return ShapedLoop(loop, shapes)


def _conditional(data: Mapping[str, Any]) -> Conditional:
    return Conditional(
        data["name"],
        data["predicate"],
        _sub(data["then"]),
        _sub(data["otherwise"]),
        tuple(data["outputs"]),
    )


def _rebuild(data: Mapping[str, Any]) -> Recurrence:
    return Recurrence(
        data["name"],
        decode(data["cell"]),
        tuple(data["sequences"]),
        tuple(data["initial_state"]),
        tuple(data["outputs"]),
        tuple(data["final_state"]),
        lengths=data["lengths"],
        invariants=tuple(data["invariants"]),
        steps=data["steps"],
        direction=data["direction"],
    )


_DECODERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "op": _op,
    "loop": _loop,
    "conditional": _conditional,
    "recurrence": _rebuild,
}

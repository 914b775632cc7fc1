"""Small rewrites on a Program: aliases resolved, lists stacked back at once, dead statements dropped."""

from __future__ import annotations

from dataclasses import replace

from converters.program import (
    Loop,
    OpNode,
    Program,
    Recurrence,
    Statement,
    SubProgram,
    defined,
)


def rename(statement: Statement, names: dict[str, str]) -> Statement:
    """The statement with the values it reads renamed."""
    if isinstance(statement, OpNode):
        inputs = tuple(names.get(v, v) for v in statement.inputs)
        if inputs == statement.inputs:
            return statement
        return replace(statement, node=replace(statement.node, inputs=inputs))
    if isinstance(statement, Recurrence):
        return replace(
            statement,
            sequences=_all(statement.sequences, names),
            initial_state=_all(statement.initial_state, names),
            invariants=_all(statement.invariants, names),
            lengths=names.get(statement.lengths, statement.lengths) if statement.lengths else None,
            steps=names.get(statement.steps, statement.steps) if statement.steps else None,
        )
    if isinstance(statement, Loop):
        return replace(
            statement,
            carried=_all(statement.carried, names),
            condition=_sub(statement.condition, names),
            body=_sub(statement.body, names),
        )
    return replace(
        statement,
        predicate=names.get(statement.predicate, statement.predicate),
        then=_sub(statement.then, names),
        otherwise=_sub(statement.otherwise, names),
    )


def _all(values: tuple[str, ...], names: dict[str, str]) -> tuple[str, ...]:
    return tuple(names.get(v, v) for v in values)


def _sub(sub: SubProgram, names: dict[str, str]) -> SubProgram:
    statements = tuple(rename(s, names) for s in sub.statements)
    return SubProgram(sub.inputs, statements, _all(sub.outputs, names))


def tidy(program: Program) -> Program:
    """Identities and ``ListStack(ListUnstack(x))`` resolved, then what nobody reads dropped."""
    names: dict[str, str] = {}
    unstacked: dict[str, str] = {}
    kept: list[Statement] = []
    whole = WholeLists(program)
    for original in program.statements:
        statement = whole.rewritten(rename(original, names))
        source = _alias(statement, unstacked)
        if source is not None:
            names[defined(statement)[0]] = source
            continue
        if isinstance(statement, OpNode) and statement.node.op == "ListUnstack":
            unstacked[statement.outputs[0]] = statement.inputs[0]
        kept.append(statement)
    outputs = dict(program.names)
    for name in program.outputs:
        value = outputs.get(name, name)
        if value in names:
            outputs[name] = names[value]
    return drop_dead(replace(program, statements=tuple(kept), names=outputs))


class WholeLists:
    """Gathers and scatters of all items in order, ``range(0, size)``, as ListStack and ListUnstack."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.makers: dict[str, OpNode] = {}

    def rewritten(self, statement: Statement) -> Statement:
        if not isinstance(statement, OpNode):
            return statement
        node = statement.node
        if node.op == "ListGather" and self._whole(node.inputs[1], node.inputs[0]):
            statement = replace(
                statement, node=replace(node, op="ListStack", inputs=node.inputs[:1])
            )
        elif (
            node.op == "ListScatter"
            and self._whole(node.inputs[1], node.inputs[0])
            and self._new(node.inputs[0])
        ):
            statement = replace(
                statement, node=replace(node, op="ListUnstack", inputs=node.inputs[2:])
            )
        for name in statement.outputs:
            self.makers[name] = statement
        return statement

    def _new(self, value: str) -> bool:
        maker = self.makers.get(value)
        return maker is not None and maker.node.op == "ListNew"

    def _whole(self, indices: str, items: str) -> bool:
        """Whether the indices are 0, 1, … of as many items as the list has."""
        facts = self.program.facts
        size = getattr(facts.get(items), "size", None)
        fact = facts.get(indices)
        constant = self.program.constants.get(indices)
        if constant is not None:
            return size == len(constant) and constant.tolist() == list(range(len(constant)))
        if fact is None or fact.shape is None or size is None or fact.shape[0] != size:
            return False
        maker = self.makers.get(indices)
        if maker is None or maker.node.op != "Range":
            return False
        start, delta = (self.program.constants.get(maker.inputs[k]) for k in (0, 2))
        return start is not None and delta is not None and int(start) == 0 and int(delta) == 1


def _alias(statement: Statement, unstacked: dict[str, str]) -> str | None:
    if not isinstance(statement, OpNode):
        return None
    if statement.node.op == "Identity":
        return statement.inputs[0]
    if statement.node.op == "ListStack":
        return unstacked.get(statement.inputs[0])
    return None


def drop_dead(program: Program) -> Program:
    """Only what the outputs need."""
    needed = {program.names.get(name, name) for name in program.outputs}
    kept: list[Statement] = []
    for statement in reversed(program.statements):
        if needed.intersection(defined(statement)):
            kept.append(statement)
            needed.update(statement.inputs)
    constants = {k: v for k, v in program.constants.items() if k in needed}
    return replace(program, statements=tuple(reversed(kept)), constants=constants)


def sort_statements(statements: list[Statement]) -> tuple[Statement, ...]:
    """The statements in an order in which they can run; those that need nothing new keep their order."""
    makers = {name: s for s in statements for name in defined(s)}
    done: set[int] = set()
    ordered: list[Statement] = []
    for start in statements:
        stack = [start]
        while stack:
            top = stack[-1]
            if id(top) in done:
                stack.pop()
                continue
            waiting = [makers[v] for v in top.inputs if v in makers and id(makers[v]) not in done]
            waiting = [s for s in waiting if s is not top]
            if waiting:
                stack.extend(waiting)
                continue
            done.add(id(top))
            ordered.append(top)
            stack.pop()
    return tuple(ordered)

"""Values that are longer here than in TensorFlow: what follows a recurrence that was not cut at its last step (:mod:`converters.to_keras.cuts`),
or a loop whose lists are as long as they can get (:mod:`converters.to_keras.bounds`).

Each is followed along its axis of steps. An op that keeps the steps apart hands the axis on; one that works across them (a mean over time, the
last step) would see steps that TensorFlow never ran, and is refused. Sizes read off such a value may shape others, and nothing else.
What leaves the model is zeros behind the last step, or, of a list, what an item of zeros becomes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converters.program import Loop, OpNode, Program, Recurrence, Statement, defined
from converters.to_keras.along import RULES, Along, View, filled
from converters.to_keras.slices import ARITHMETIC, is_size
from reference.errors import NotConvertibleError, Reason


class Stretched:
    """The states of a Program's values.

    Args:
        begun: where it begins: by value, its state.
        loops: by the loop of a recurrence whose outputs are such values: the number of its steps.

    Raises:
        NotConvertibleError: something works across the steps.
    """

    def __init__(
        self, program: Program, begun: Mapping[str, Along], loops: Mapping[str, str]
    ) -> None:
        self.program, self.loops = program, loops
        self.states: dict[str, Along] = dict(begun)
        self.sizes: dict[str, str] = {}
        """Sizes read off them, and what is computed of these: with the number of steps."""
        for statement in _live(program):
            self._follow(statement)
        for name in program.outputs:
            value = program.names.get(name, name)
            state = self.states.get(value)
            if value in self.sizes or (state is not None and (state.lead or not state.steps)):
                raise _refusal(name.rpartition(":")[0], "it gives out")

    def _follow(self, statement: Statement) -> None:
        if isinstance(statement, Recurrence) and statement.loop in self.loops:
            steps = self.loops[statement.loop]
            self.states.update((name, Along(0, steps)) for name in statement.outputs)
            return
        if defined(statement)[0] in self.states:
            return  # a cut, at which it begins
        touched = [n for n in statement.inputs if n in self.states or n in self.sizes]
        if not touched:
            return
        if not isinstance(statement, OpNode):
            raise _refusal(statement.name, f"{type(statement).__name__} reads")
        self._op(statement)

    def _op(self, statement: OpNode) -> None:
        op, name = statement.node.op, statement.node.name
        states = tuple(self.states.get(value) for value in statement.inputs)
        sized = {k: self.sizes[v] for k, v in enumerate(statement.inputs) if v in self.sizes}
        found = next((state for state in states if state is not None), None)
        if found is not None and op in ("Shape", "Size", "ListSize"):
            self.sizes.update(dict.fromkeys(statement.outputs, found.steps))
            return
        if sized and found is None and op == "Range":
            self.states[statement.outputs[0]] = Along(0, next(iter(sized.values())))
            return
        shaping = all(is_size(statement, k) for k in sized)
        if sized and found is None and op in ARITHMETIC and not (shaping and op == "Fill"):
            self.sizes.update(dict.fromkeys(statement.outputs, next(iter(sized.values()))))
            return
        view = View(statement, states, self.program)
        if op == "Fill" and shaping:
            after = filled(view, next(iter(sized.values())))
        else:
            rule = RULES.get(op)
            steps = {state.steps for state in states if state is not None}
            after = rule(view) if rule and found and shaping and len(steps) == 1 else None
        if after is None:
            raise _refusal(name, f"{op} works across")
        self.states.update(dict.fromkeys(statement.outputs, after))


def refuse_across(program: Program, /) -> None:
    """Nothing, where all that follows a loop with growing lists keeps its rounds apart.

    Raises:
        NotConvertibleError: with the node that does not.
    """
    begun = {
        after: Along(0, one.name)
        for one in program.statements
        if isinstance(one, Loop)
        for before, after in zip(one.carried, one.outputs, strict=True)
        if getattr(program.facts.get(before), "dynamic", False)
    }
    if begun:
        Stretched(program, begun, {})


def _live(program: Program) -> Sequence[Statement]:
    wanted = {program.names.get(name, name) for name in program.outputs}
    kept = []
    for statement in reversed(program.statements):
        if wanted.intersection(defined(statement)):
            wanted.update(statement.inputs)
            kept.append(statement)
    return kept[::-1]


def _refusal(node: str, what: str) -> NotConvertibleError:
    text = f"{what} steps whose number depends on values, and sizes are fixed on JAX"
    return NotConvertibleError(
        f"node {node!r}: {text}: port it on TensorFlow", (Reason(node, text),)
    )

"""A rolled recurrence put where its steps were: each value that the rest of the program reads keeps its name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from converters.graph import DType, Node
from converters.lift.recognise.loops.model import Built
from converters.lift.recognise.tidy import sort_statements, tidy
from converters.program import OpNode, Program, Statement, defined
from reference.vocabulary.abstract.fact import Fact


def taken_apart(
    label: str, items: str, item: Fact, count: int, facts: dict[str, Fact]
) -> tuple[list[Statement], tuple[str, ...]]:
    """Statements that unpack a list of ``count`` items, and the names they get."""
    names = tuple(f"{label}:{t}" for t in range(count))
    stacked = f"{label}|stacked"
    facts[stacked] = Fact(item.dtype, (count, *(item.shape or ())))
    facts.update(dict.fromkeys(names, item))
    attrs = {"num": count, "axis": 0, "T": DType(item.dtype)}
    statements: list[Statement] = [
        OpNode(Node(stacked, "ListStack", (items,)), (stacked,)),
        OpNode(Node(label, "Unpack", (stacked,), (), attrs), names),
    ]
    return statements, names


def joined(
    before: Program,
    built: Built,
    given: Sequence[Statement],
    facts: dict[str, Fact],
    replaced: Collection[str],
) -> Program:
    """The program with the recurrence, and without the statements that made what it gives now."""
    kept: list[Statement] = []
    for s in before.statements:
        names = defined(s)
        if not any(name in replaced for name in names):
            kept.append(s)
        elif isinstance(s, OpNode) and not all(name in replaced for name in names):
            # The op gives other results too; only the replaced ones get a new maker.
            fresh = tuple(f"{n}|unrolled" if n in replaced else n for n in names)
            kept.append(replace(s, outputs=fresh))
    statements = sort_statements([*kept, *built.statements, *given])
    return tidy(
        replace(
            before,
            statements=statements,
            constants={**before.constants, **built.constants},
            variables={**before.variables, **built.variables},
            facts=facts,
        )
    )

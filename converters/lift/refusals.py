"""Why a Program cannot be ported: every reason by node, and the outputs that none of them touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from converters.graph import Graph, Node, split_tensor
from converters.lift.dead import keep_live, walk
from converters.lift.ranks import UNTOLD
from converters.lift.specialise import Specialiser
from converters.lift.work import is_random
from converters.program import Conditional, Loop, OpNode, Statement
from converters.tf_ops.complex_numbers import gives_complex
from converters.tf_ops.table import REFUSED, TABLE
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.abstract import Fact
from reference.vocabulary.arrays import UNRANKED


def refuse(
    special: Specialiser,
    statements: Sequence[Statement],
    outputs: Sequence[str],
    inputs: Mapping[str, Fact],
) -> None:
    """Raises NotConvertibleError where a live statement cannot be ported."""
    reasons = _reasons(special, statements, inputs)
    if not reasons:
        return
    fine = []
    for output in outputs:
        part, _ = keep_live(statements, [output])
        if not _reasons(special, part, inputs):
            fine.append(output)
    msg = "not convertible: " + "; ".join(str(reason) for reason in reasons)
    raise NotConvertibleError(msg, tuple(reasons), tuple(fine))


def refuse_complex(graph: Graph, outputs: Sequence[str]) -> None:
    """Raises NotConvertibleError where an output is complex: inside a model such numbers are pairs, outside there is no dtype for them."""
    nodes = {o: graph.nodes.get(split_tensor(o)[0]) for o in outputs}
    found = [n for n in nodes.values() if n is not None and gives_complex(n)]
    if not found:
        return
    text = "it is a complex output, which no port holds: name its real and imaginary parts, or its modulus, instead"
    reasons = tuple(Reason(node.name, text) for node in found)
    fine = tuple(o for o, node in nodes.items() if node not in found)
    msg = "not convertible: " + "; ".join(str(reason) for reason in reasons)
    raise NotConvertibleError(msg, reasons, fine)


def _reasons(
    special: Specialiser, statements: Sequence[Statement], inputs: Mapping[str, Fact]
) -> list[Reason]:
    """Why the live nodes cannot be ported; a dropout that stays on explains its random numbers."""
    alive = {op.node.name: op.node for op in walk(statements)}
    training = _branches_of(statements)
    found: dict[str, Reason] = {}
    explained = False
    for name, reason in special.identities.reasons.items():
        if name in alive and name not in training:
            found[name] = reason
            explained = True
    for name, node in alive.items():
        known = special.reasons.get(name)
        if known is None or (explained and node.op == "RandomUniform" and name not in training):
            continue
        if name in training and is_random(node):
            predicate, side = training[name]
            text = f"{known.text}; freeze it: --freeze {predicate}={'false' if side else 'true'}"
            known = Reason(name, text)
        found[name] = known
    caused = _consequences(alive, set(found))
    untold = {split_tensor(n)[0] for n, fact in inputs.items() if fact.shape is None}
    behind = {name: _behind(alive, name) for name in set(found) - caused} if untold else {}
    roots = {n for n, seen in behind.items() if seen & untold and UNRANKED in found[n].text}
    for name, seen in behind.items():
        if name in roots or seen & roots:
            caused.add(name)
    for source in {source for name in roots for source in behind[name] & untold}:
        found[source] = Reason(source, UNTOLD)
    return [found[name] for name in sorted(found) if name not in caused]


def _behind(alive: Mapping[str, Node], start: str) -> set[str]:
    """The nodes that a node is computed from, inputs of the model included."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        node = alive.get(todo.pop())
        names = [] if node is None else [value.rpartition(":")[0] for value in node.inputs]
        todo += [name for name in names if name not in seen]
        seen |= set(names)
    return seen


def _consequences(alive: Mapping[str, Node], refused: set[str]) -> set[str]:
    """Refused nodes that read what another refused one gives: nothing is known of it, which is all that ails them.

    An op that is refused for what it is, or is not in the table, is no consequence.
    """
    found: set[str] = set()
    for start in refused:
        node = alive.get(start)
        if node is None or node.op in REFUSED or node.op not in TABLE:
            continue
        seen = _behind(alive, start) & refused - {start}
        if any(alive[name].op in REFUSED for name in seen):
            found.add(start)
    return found


def _branches_of(statements: Sequence[Statement]) -> dict[str, tuple[str, bool]]:
    """By node inside a conditional: the predicate's name and the side it is on."""
    found: dict[str, tuple[str, bool]] = {}
    stack: list[tuple[Statement, tuple[str, bool] | None]] = [(s, None) for s in statements]
    while stack:
        statement, side = stack.pop()
        if isinstance(statement, OpNode) and side is not None:
            found[statement.node.name] = side
        elif isinstance(statement, Loop):
            for sub in (statement.condition, statement.body):
                stack += [(s, side) for s in sub.statements]
        elif isinstance(statement, Conditional):
            name = statement.predicate.removesuffix(":0")
            stack += [(s, side or (name, True)) for s in statement.then.statements]
            stack += [(s, side or (name, False)) for s in statement.otherwise.statements]
    return found

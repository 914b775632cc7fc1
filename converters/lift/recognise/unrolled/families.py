"""The anchors of unrolled steps: products with one weight that depend on one another, and what hangs on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from converters.lift.recognise.unrolled.lockstep import same_call
from converters.lift.recognise.unrolled.whole import TracedProgram
from reference.vocabulary.tracer import CONSTANT, Expr, needed

MOST_PRODUCTS = 6
"""More products with one weight than these, one after another in a step, are not looked for."""


@dataclass(frozen=True)
class Family:
    """Chains of anchors that step together, such as the products with an LSTM's four recurrent matrices."""

    weight: str
    chains: tuple[tuple[Expr, ...], ...]
    levels: dict[Expr, int]
    """By expression that depends on an anchor: the last step (from 1) of one it depends on."""
    whole: bool = False
    """One chain holds all the products with its weight."""

    @property
    def steps(self) -> int:
        return len(self.chains[0])


def families(traced: TracedProgram) -> list[Family]:
    """Longest first."""
    groups: dict[Expr, list[Expr]] = {}
    everything = needed(list(traced.values.values()))
    for expr in everything:
        linear = expr.op == "conv" or (expr.op == "matmul" and not expr.params["transpose_a"])
        if linear and expr.args[1].op == CONSTANT:
            groups.setdefault(expr.args[1], []).append(expr)
    paths = [
        p for anchors in groups.values() if len(anchors) > 1 for p in _paths(anchors, everything)
    ]
    paths.sort(key=lambda p: (-len(p), p[0].serial))
    reach = [levels_of([p], everything) for p in paths]
    found, used = [], set()
    for k, path in enumerate(paths):
        if k in used:
            continue
        together = [k]
        for j in range(k + 1, len(paths)):
            if j not in used and _step_together(path, paths[j], reach[k], reach[j]):
                together.append(j)
                used.add(j)
        chains = tuple(tuple(paths[j]) for j in together)
        weight = path[0].args[1]
        name = str(weight.name or weight.origin or weight.serial)
        levels = reach[k] if len(chains) == 1 else levels_of(chains, everything)
        whole = len(chains) == 1 and len(groups[weight]) == len(path)
        found.append(Family(name, chains, levels, whole))
    return found


def _step_together(
    a: Sequence[Expr], b: Sequence[Expr], reach_a: dict[Expr, int], reach_b: dict[Expr, int]
) -> bool:
    """Whether each step of either depends on the step before (or the same step) of the other."""
    if len(a) != len(b) or a[0] is b[0]:
        return False
    for t in range(1, len(a)):
        if reach_a.get(b[t], 0) not in (t, t + 1) or reach_b.get(a[t], 0) not in (t, t + 1):
            return False
    return True


def _paths(anchors: list[Expr], everything: list[Expr]) -> Iterator[list[Expr]]:
    """Chains of anchors, each depending on the one before."""
    members = set(anchors)
    last: dict[Expr, Expr | None] = {}
    depth: dict[Expr, int] = {}
    parent: dict[Expr, Expr | None] = {}
    for expr in everything:
        behind = [last.get(e) for e in expr.operands]
        above = max((a for a in behind if a is not None), key=lambda a: depth[a], default=None)
        if expr in members:
            parent[expr] = above
            depth[expr] = 1 if above is None else depth[above] + 1
            last[expr] = expr
        elif above is not None:
            last[expr] = above
    children = Counter(p for p in parent.values() if p is not None)
    for end in (a for a in anchors if not children[a]):
        path = [end]
        while (up := parent[path[-1]]) is not None:
            path.append(up)
        path.reverse()
        if len(path) > 1:
            yield path
    if any(count > 1 for count in children.values()):
        yield from _lowest(anchors, everything, depth)


def _lowest(
    anchors: list[Expr], everything: list[Expr], depth: dict[Expr, int]
) -> Iterator[list[Expr]]:
    """The chain whose members depend on nothing but each other: the lowest of layers that share one weight.

    ``MultiRNNCell([cell] * 2)`` makes a lattice, and its longest chain turns from one layer into the next.
    """
    bits = {anchor: 1 << k for k, anchor in enumerate(anchors)}
    behind: dict[Expr, int] = {}
    parent: dict[Expr, Expr] = {}
    by_set: dict[int, Expr] = {}
    best: Expr | None = None
    for expr in everything:
        found = 0
        for operand in expr.operands:
            found |= behind.get(operand, 0)
        bit = bits.get(expr)
        if bit is not None:
            if found.bit_count() == depth[expr] - 1 and (not found or found in by_set):
                by_set[found | bit] = expr
                if found:
                    parent[expr] = by_set[found]
                if best is None or depth[expr] > depth[best]:
                    best = expr
            found |= bit
        if found:
            behind[expr] = found
    path = [best] if best is not None else []
    while path and path[-1] in parent:
        path.append(parent[path[-1]])
    if len(path) > 1:
        yield path[::-1]


def periods(family: Family) -> Iterator[Family]:
    """The family itself; then with 2, 3, … products of its one chain in each step."""
    yield family
    if not family.whole:
        return
    (chain,) = family.chains
    everything = sorted(family.levels, key=lambda e: e.serial)
    for each in range(2, min(len(chain) // 2, MOST_PRODUCTS) + 1):
        if len(chain) % each == 0:
            chains = tuple(chain[k::each] for k in range(each))
            yield Family(family.weight, chains, levels_of(chains, everything))


def levels_of(chains: Sequence[Sequence[Expr]], everything: list[Expr]) -> dict[Expr, int]:
    """The last step that each expression depends on, 1 for the first; absent where it depends on none."""
    number = {anchor: t + 1 for chain in chains for t, anchor in enumerate(chain)}
    levels: dict[Expr, int] = {}
    for expr in everything:
        level = max((levels.get(e, 0) for e in expr.operands), default=0)
        level = max(level, number.get(expr, 0))
        if level:
            levels[expr] = level
    return levels


def downstream(family: Family) -> list[tuple[Expr, ...]]:
    """The anchors, and the rows of what each step makes of them, the last ones first.

    A row is followed to the reader that each of its members has in its own step. The second step says which reader is meant, since in the
    first one a state may still look like a constant (``where(past, zeros, h)`` is both the masked output and the masked state).
    """
    levels = family.levels
    readers: dict[Expr, list[Expr]] = {}
    for expr in levels:
        for operand in dict.fromkeys(expr.operands):
            readers.setdefault(operand, []).append(expr)
    rows = list(family.chains)
    seen = {chain[:2] for chain in rows}
    for row in rows:
        for second in readers.get(row[1], ()):
            if levels[second] != levels[row[1]]:
                continue
            found = _followed(row, second, readers, levels)
            if found is not None and found[:2] not in seen:
                seen.add(found[:2])
                rows.append(found)
    return rows[::-1]


def _followed(
    row: tuple[Expr, ...],
    second: Expr,
    readers: dict[Expr, list[Expr]],
    levels: dict[Expr, int],
) -> tuple[Expr, ...] | None:
    """The readers of every member that are like ``second``."""
    places = _places(second, row[1])
    found = []
    for t, member in enumerate(row):
        if t == 1:
            found.append(second)
            continue
        like = [
            e
            for e in readers.get(member, ())
            if same_call(e, second)
            and levels[e] == levels[member]
            and _places(e, member) == places
            and (t == 0 or _alike(e, second, levels))
        ]
        best = max((_shared(e, second) for e in like), default=0)
        like = [e for e in like if _shared(e, second) == best]
        if len(like) != 1:
            return None
        found.append(like[0])
    return tuple(found)


def _alike(a: Expr, b: Expr, levels: dict[Expr, int]) -> bool:
    """Whether the operands come from inside the loop at the same places."""
    pairs = zip(a.operands, b.operands, strict=False)
    return len(a.operands) == len(b.operands) and all(
        (x in levels) == (y in levels) for x, y in pairs
    )


def _shared(a: Expr, b: Expr) -> int:
    return sum(x is y for x, y in zip(a.operands, b.operands, strict=False))


def _places(reader: Expr, operand: Expr) -> list[int]:
    return [k for k, e in enumerate(reader.operands) if e is operand]

"""Predicates that are known before the model runs: only the taken side of their conditionals stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.graph import split_tensor
from converters.lift.homes import Homes
from converters.lift.work import Work
from converters.tf_ops import apply
from reference.errors import RnnportError
from reference.vocabulary.abstract.values import numpy_ops

_OPS = frozenset(
    [
        "LogicalNot",
        "LogicalAnd",
        "LogicalOr",
        "Equal",
        "NotEqual",
        "Less",
        "LessEqual",
        "Greater",
        "GreaterEqual",
        "Cast",
        "Squeeze",
        "Reshape",
        "All",
        "Any",
    ]
)
_LIMIT = 64
"""Nodes looked at for one predicate; what is left over the second pass folds."""


def settle_predicates(work: Work, outputs: Sequence[str]) -> dict[str, None]:
    """Take the known sides; the tensors then reached."""
    reached = work.reach(outputs)
    while True:
        homes = Homes(work, reached)
        changed = False
        for merge, join in homes.joins.items():
            value = evaluate(work, join.predicate)
            if value is not None and f"{merge}:0" not in work.alias:
                place = join.then if value else join.otherwise
                work.known[join.predicate] = value
                work.alias[f"{merge}:0"] = work.node(merge).inputs[place]
                work.frozen[f"{merge}:1"] = np.asarray(place, np.int32)
                changed = True
        for name, found in work.branches.items():
            value = evaluate(work, work.resolve(found.predicate))
            if value is not None and found.guard not in work.known:
                work.known[found.guard] = value
                taken = found.then if value else found.otherwise
                work.alias.update({f"{name}:{i}": t for i, t in enumerate(taken)})
                changed = True
        if not changed:
            return reached
        work.frames = {k: f for k, f in work.frames.items() if not k.startswith("v1:")}
        reached = work.reach(outputs)


def evaluate(work: Work, tensor: str) -> bool | None:
    """The value of a predicate that is computed from constants alone."""
    order: list[str] = []
    stack = [work.resolve(tensor)]
    values: dict[str, np.ndarray] = {}
    while stack:
        current = stack.pop()
        order.append(current)
        if len(order) > _LIMIT:
            return None
        if current in work.inputs:
            return None
        if work.is_leaf(current):
            value = work.leaf_value(current)
            if value is None or value.size > _LIMIT:
                return None
            values[current] = value
            continue
        node = work.node(split_tensor(current)[0])
        if node.op not in _OPS:
            return None
        stack += [work.resolve(t) for t in node.inputs]
    for current in reversed(order):
        if current not in values:
            node = work.node(split_tensor(current)[0])
            try:
                result = apply(numpy_ops(), node, [values[work.resolve(t)] for t in node.inputs])
            except (RnnportError, ValueError, TypeError):
                return None
            values[current] = np.asarray(result[0])
    return bool(values[order[0]].reshape(-1)[0]) if values[order[0]].size == 1 else None

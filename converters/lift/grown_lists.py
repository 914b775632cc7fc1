"""TensorLists that are made longer before they are written past their end: lists that grow, as TensorArrays with ``dynamic_size`` do.

Under control flow v2 ``TensorArray(dynamic_size=True).write(i, x)`` is a TensorListSetItem of
``cond(i >= length(list), resize(list, i + 1), list)`` (TF 1.15.5 ``python/ops/list_ops.py:161-171``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from converters.graph import Node, split_tensor
from converters.lift.array_flows import Lists
from converters.lift.homes import Homes
from converters.lift.work import Work


def grow_on_demand(work: Work, outputs: Sequence[str], reached: dict[str, None]) -> dict[str, None]:
    """Take these choices off, and say of the lists that they grow; gives the tensors then reached."""
    names = dict.fromkeys(split_tensor(t)[0] for t in reached if not work.terminal(t))
    if not any(work.node(name).op == "ListResize" for name in names):
        return reached
    homes = Homes(work, reached)
    lists = Lists(work, names, reached)
    found = False
    for output, predicate, then, otherwise in _choices(work, homes, reached):
        source = _on_demand(work, predicate, then, otherwise)
        if source is None:
            continue
        made = lists.arrays_of(source)
        nodes = {name: work.nodes.get(name) for name in made}
        if all(node is not None and node.op == "ListNew" for node in nodes.values()):
            work.alias[output] = source
            _grow(work, nodes)
            found = True
    if not found:
        return reached
    work.frames = {k: f for k, f in work.frames.items() if not k.startswith("v1:")}
    return work.reach(outputs)


def _grow(work: Work, nodes: Mapping[str, Node | None]) -> None:
    for name, node in nodes.items():
        assert node is not None
        work.nodes[name] = replace(node, attrs={**node.attrs, "dynamic": True})


def _choices(
    work: Work, homes: Homes, reached: Iterable[str]
) -> Iterator[tuple[str, str, str, str]]:
    """(output, predicate, then, otherwise) of all conditionals."""
    for merge, join in homes.joins.items():
        inputs = work.node(merge).inputs
        yield f"{merge}:0", join.predicate, inputs[join.then], inputs[join.otherwise]
    wanted = set(reached)
    for name, found in work.branches.items():
        for k, (then, otherwise) in enumerate(zip(found.then, found.otherwise, strict=False)):
            if f"{name}:{k}" in wanted and f"{name}:{k}" not in work.alias:
                yield f"{name}:{k}", found.predicate, then, otherwise


def _on_demand(work: Work, predicate: str, then: str, otherwise: str) -> str | None:
    """The list of ``cond(i >= length(list), resize(list, i + 1), list)``."""
    test, longer, source = _node(work, predicate), _node(work, then), work.resolve(otherwise)
    if test is None or test.op != "GreaterEqual" or longer is None or longer.op != "ListResize":
        return None
    index, (base, size) = work.resolve(test.inputs[0]), map(work.resolve, longer.inputs)
    length, total = _node(work, test.inputs[1]), _node(work, size)
    if length is None or length.op != "ListSize" or work.resolve(length.inputs[0]) != source:
        return None
    if base != source or total is None or total.op not in ("Add", "AddV2"):
        return None
    a, b = map(work.resolve, total.inputs)
    one = b if a == index else a
    return source if index in (a, b) and _is_one(work, one) else None


def _node(work: Work, tensor: str) -> Node | None:
    value = work.resolve(tensor)
    return None if work.is_leaf(value) else work.node(split_tensor(value)[0])


def _is_one(work: Work, tensor: str) -> bool:
    value = work.leaf_value(tensor) if work.is_leaf(tensor) else None
    return value is not None and value.shape == () and value == 1

"""The schedule of a graph, a function or a loop body, made once and run many times.

A loop is one step of what surrounds it. Its own schedule has four parts: what is done once (Enter), what its condition needs,
what the next iteration needs, and what leaves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from converters.graph import Node, split_tensor
from converters.oracle.contexts import (
    ENTER,
    EXIT,
    MERGE,
    NEXT,
    Contexts,
    Guard,
    Path,
    bottom_up,
    comes_back,
    producer,
)
from reference.errors import ArtefactError, NotConvertibleError, Reason


@dataclass(slots=True)
class Step:
    """One node to run."""

    node: Node
    outputs: tuple[tuple[int, str], ...]
    """(index, tensor) of those that anything reads."""
    guards: tuple[Guard, ...] = ()
    watched: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    """Tensors nothing reads any more."""

    @property
    def reads(self) -> tuple[str, ...]:
        return self.node.inputs + tuple(pred for pred, _ in self.guards)


@dataclass(slots=True)
class LoopStep:
    """One while loop to run."""

    name: str
    reads: tuple[str, ...]
    """Tensors from around it."""
    exports: tuple[str, ...]
    """Tensors of its last iteration that an Exit hands out."""
    condition: str
    merges: tuple[tuple[Node, str, str, int], ...]
    """(the Merge, its first value, its next value, the place of the first among its inputs)."""
    once: list[Step] = field(default_factory=list)
    head: list[AnyStep] = field(default_factory=list)
    body: list[AnyStep] = field(default_factory=list)
    leave: list[AnyStep] = field(default_factory=list)
    watched: tuple[str, ...] = ()
    free: tuple[str, ...] = ()


AnyStep = Step | LoopStep
KEPT_PLANS = 8
_PLANS: OrderedDict[Any, tuple[Mapping[str, Node], list[AnyStep]]] = OrderedDict()
"""The last plans of whole graphs. A verdict runs one graph some fifty times, and planning costs twice a run."""


def planned(
    nodes: Mapping[str, Node],
    contexts: Contexts,
    fed: Collection[str],
    targets: Sequence[str],
    watch: Collection[str],
) -> list[AnyStep]:
    """The schedule of a graph, from the last ones where it is among them."""
    key = (id(nodes), frozenset(fed), tuple(targets), frozenset(watch))
    found = _PLANS.pop(key, None)
    # The entry holds its nodes, so that their id is nobody else's.
    if found is None or found[0] is not nodes:
        found = (nodes, Planner(nodes, contexts, fed, targets, watch).plan())
    _PLANS[key] = found
    while len(_PLANS) > KEPT_PLANS:
        _PLANS.popitem(last=False)
    return found[1]


Unit = str | Path
"""A node's name, or the frame of a loop taken as one."""


class Planner:
    """Plans for one graph or function body, given what is fed."""

    def __init__(
        self,
        nodes: Mapping[str, Node],
        contexts: Contexts,
        fed: Collection[str],
        targets: Sequence[str],
        watch: Collection[str] = (),
    ) -> None:
        self.nodes, self.contexts, self.fed = nodes, contexts, frozenset(fed)
        self.watch = frozenset(watch)
        self.targets = tuple(dict.fromkeys((*targets, *watch)))
        self.needed = self._closure(self.targets)
        self.frames = {name: contexts.frame(name) for name in self.needed}
        self.used = self._used()

    def _closure(self, targets: Iterable[str]) -> dict[str, tuple[Guard, ...]]:
        """Every node that must run, with the guards of its control inputs."""
        found: dict[str, tuple[Guard, ...]] = {}
        stack = list(targets)
        while stack:
            tensor = stack.pop()
            name = producer(tensor)
            if tensor in self.fed or name in found:
                continue
            if name not in self.nodes:
                msg = f"tensor {tensor!r} is needed and its node is not in the graph"
                raise ArtefactError(msg)
            node = self.nodes[name]
            found[name] = tuple(sorted(self.contexts.control_guards(node)))
            stack.extend(node.inputs)
            stack.extend(pred for pred, _ in found[name])
        return found

    def _used(self) -> dict[str, tuple[tuple[int, str], ...]]:
        tensors = set(self.targets)
        for name, guards in self.needed.items():
            tensors.update(self.nodes[name].inputs)
            tensors.update(pred for pred, _ in guards)
        by_node: dict[str, list[tuple[int, str]]] = {}
        for tensor in tensors - self.fed:
            name, index = split_tensor(tensor)
            by_node.setdefault(name, []).append((index, tensor))
        return {name: tuple(sorted(pairs)) for name, pairs in by_node.items()}

    def plan(self) -> list[AnyStep]:
        """The steps of the root, with what each of them frees."""
        order = self._order((), self._members(()))
        steps = [self._step(unit) for unit in order]
        last: dict[str, AnyStep] = {}
        for step in steps:
            made = step.exports if isinstance(step, LoopStep) else [t for _, t in step.outputs]
            for tensor in (*made, *step.reads):
                last[tensor] = step
        kept = {*self.targets, *self.fed}
        for tensor, step in last.items():
            if tensor not in kept:
                step.free += (tensor,)
        return steps

    # -- units of one level -------------------------------------------------------------------
    def _members(self, path: Path) -> list[str]:
        """Nodes in a frame and in the loops inside it."""
        depth = len(path)
        return [name for name, frame in self.frames.items() if frame[:depth] == path]

    def _unit(self, name: str, path: Path) -> Unit | None:
        """What stands for a node at level ``path``; None for what lies outside."""
        frame = self.frames.get(name)
        if frame is None or frame[: len(path)] != path:
            return None
        return name if frame == path else frame[: len(path) + 1]

    def _reads(self, name: str) -> Iterator[str]:
        yield from self.nodes[name].inputs
        yield from (pred for pred, _ in self.needed[name])

    def _edges(self, path: Path, members: list[str]) -> dict[Unit, list[Unit]]:
        edges: dict[Unit, dict[Unit, None]] = {}
        for name in members:
            unit = self._unit(name, path)
            assert unit is not None
            before = edges.setdefault(unit, {})
            merge = self.frames[name] == path and self.nodes[name].op in MERGE
            for tensor in self._reads(name):
                if tensor in self.fed or (merge and comes_back(self.nodes, tensor)):
                    continue
                other = self._unit(producer(tensor), path)
                if other is not None and other != unit:
                    before[other] = None
        return {unit: list(before) for unit, before in edges.items()}

    def _order(self, path: Path, members: list[str]) -> list[Unit]:
        edges = self._edges(path, members)
        done: dict[str, Unit] = {}
        keys = {str(unit): unit for unit in edges}
        for key in keys:
            for each in bottom_up(key, lambda k: iter([str(u) for u in edges[keys[k]]]), done):
                done[each] = keys[each]
        return list(done.values())

    def _step(self, unit: Unit) -> AnyStep:
        if isinstance(unit, tuple):
            return self._loop(unit)
        outputs = self.used.get(unit, ())
        watched = tuple(t for _, t in outputs if t in self.watch)
        return Step(self.nodes[unit], outputs, self.needed[unit], watched)

    # -- loops --------------------------------------------------------------------------------
    def _loop(self, path: Path) -> LoopStep:
        members = self._members(path)
        inside = set(members)
        own = [name for name in members if self.frames[name] == path]
        reads = dict.fromkeys(
            t
            for name in members
            for t in self._reads(name)
            if t in self.fed or producer(t) not in inside
        )
        exports = tuple(
            node.inputs[0]
            for node in (self.nodes[name] for name in self.needed)
            if node.op in EXIT and self.frames.get(producer(node.inputs[0])) == path
        )
        loop = LoopStep(
            name="/".join(path),
            reads=tuple(reads),
            exports=exports,
            condition=self._condition(path, own),
            merges=tuple(self._merge(self.nodes[n]) for n in own if self._is_loop_merge(n)),
            watched=tuple(
                t for t in self.watch if self._is_loop_merge(producer(t)) and producer(t) in own
            ),
        )
        self._fill(loop, path, members)
        return loop

    def _condition(self, path: Path, own: list[str]) -> str:
        found = [name for name in own if self.nodes[name].op == "LoopCond"]
        if len(found) != 1:
            text = f"the frame has {len(found)} conditions (LoopCond), not one"
            msg = f"while loop {path[-1]!r}: {text}"
            raise NotConvertibleError(msg, (Reason(path[-1], text),))
        return f"{found[0]}:0"

    def _is_loop_merge(self, name: str) -> bool:
        node = self.nodes[name]
        return node.op in MERGE and any(comes_back(self.nodes, t) for t in node.inputs)

    def _merge(self, node: Node) -> tuple[Node, str, str, int]:
        back = [t for t in node.inputs if comes_back(self.nodes, t)]
        first = [t for t in node.inputs if t not in back]
        if len(back) != 1 or len(first) != 1:
            msg = f"node {node.name!r}: a loop's Merge needs one first and one next value"
            raise ArtefactError(msg)
        after = self.nodes[producer(back[0])].inputs[0]
        return node, first[0], after, node.inputs.index(first[0])

    def _fill(self, loop: LoopStep, path: Path, members: list[str]) -> None:
        """Cut the order of the body into what runs once, for the condition, on, and at the end."""
        order = self._order(path, members)
        edges = self._edges(path, members)
        skipped = {merge[0].name for merge in loop.merges}
        skipped |= {n for n in order if isinstance(n, str) and self.nodes[n].op in NEXT}
        once = {n for n in order if isinstance(n, str) and self.nodes[n].op in ENTER}

        def above(tensors: Iterable[str]) -> set[Unit]:
            found: set[Unit] = set()
            stack = [self._unit(producer(t), path) for t in tensors if t not in self.fed]
            while stack:
                unit = stack.pop()
                if unit is not None and unit not in found:
                    found.add(unit)
                    stack.extend(edges[unit])
            return found

        head = above([loop.condition]) - skipped - once
        watched = [t for t in self.watch if self.frames.get(producer(t), ())[: len(path)] == path]
        body = above([*(merge[2] for merge in loop.merges), *watched]) - skipped - once - head
        leave = above(loop.exports) - skipped - once - head
        steps = {unit: self._step(unit) for unit in order if unit not in skipped}
        loop.once = [s for u, s in steps.items() if u in once and isinstance(s, Step)]
        loop.head = [steps[u] for u in order if u in head]
        loop.body = [steps[u] for u in order if u in body]
        loop.leave = [steps[u] for u in order if u in leave]

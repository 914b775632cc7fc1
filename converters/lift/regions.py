"""From homes to statements: one region (the outside, a loop's condition or body, a branch) at a time.

Inside a region the things to put in order are *units*: an op, a whole loop, a whole conditional. Recursion is over the
nesting of units only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from converters.graph import split_tensor
from converters.lift.frames import IFS, LOOP_ARGUMENT, WHILES
from converters.lift.homes import MAX_NESTING, Home, Homes
from converters.lift.work import Work, inside_a_loop
from converters.program import Conditional, Loop, OpNode, Statement, SubProgram
from reference.errors import ArtefactError, NotConvertibleError, Reason

Unit = tuple[str, str]
"""("op", node), ("loop", frame) or ("cond", first member)."""


@dataclass(slots=True)
class Group:
    """The Merges (or the If) that make one conditional."""

    name: str
    predicate: str
    guard: str
    home: Home
    then: list[str] = field(default_factory=list)
    otherwise: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


class Regions:
    """Builds statements. ``used`` counts how many outputs of each op are read."""

    def __init__(self, work: Work, homes: Homes, wanted: Mapping[str, None]) -> None:
        self.work = work
        self.homes = homes
        self.wanted = wanted
        self.used: dict[str, int] = {}
        self.groups: dict[str, Group] = {}
        self.group_of: dict[str, str] = {}
        self._externals: dict[Unit, tuple[str, ...]] = {}
        self._emitted: set[str] = set()
        self._variable = {
            name: frame.key
            for frame in work.frames.values()
            for v in frame.variables.values()
            for name in (v.condition_input, v.body_input)
        }
        self._form_groups()

    # ---- conditionals --------------------------------------------------------------------------------------------

    def _form_groups(self) -> None:
        """Merges of one predicate that share a node of their branches belong to one conditional."""
        parent: dict[str, str] = {m: m for m in self.homes.joins}

        def find(m: str) -> str:
            while parent[m] != m:
                parent[m] = parent[parent[m]]
                m = parent[m]
            return m

        owner: dict[tuple[str, str, Home], str] = {}
        for merge, join in self.homes.joins.items():
            home = self.homes.of[merge]
            for shared in self._interior(merge, home, owner, join.predicate):
                parent[find(owner[shared, join.predicate, home])] = find(merge)
        for merge, join in self.homes.joins.items():
            key = find(merge)
            group = self.groups.get(key)
            if group is None:
                home = self.homes.of[merge]
                group = self.groups[key] = Group(merge, join.predicate, join.predicate, home)
            self.group_of[merge] = key
            node = self.work.node(merge)
            group.then.append(node.inputs[join.then])
            group.otherwise.append(node.inputs[join.otherwise])
            group.outputs.append(f"{merge}:0")
            if f"{merge}:1" in self.wanted:  # value_index: which input was taken
                group.then.append(self.work.literal(f"{merge}|then", join.then))
                group.otherwise.append(self.work.literal(f"{merge}|otherwise", join.otherwise))
                group.outputs.append(f"{merge}:1")
        for name, found in self.work.branches.items():
            self._if_group(name, found.predicate, found.guard, found.then, found.otherwise)

    def _if_group(
        self, name: str, predicate: str, guard: str, then: Sequence[str], otherwise: Sequence[str]
    ) -> None:
        places = [i for i in range(len(then)) if f"{name}:{i}" in self.wanted]
        if not places or name not in self.homes.of:
            return
        group = Group(name, predicate, guard, self.homes.of[name])
        group.then = [then[i] for i in places]
        group.otherwise = [otherwise[i] for i in places]
        group.outputs = [f"{name}:{i}" for i in places]
        self.groups[name] = group
        self.group_of[name] = name

    def _interior(
        self, merge: str, home: Home, owner: dict[tuple[str, str, Home], str], predicate: str
    ) -> Iterator[str]:
        """Marks the nodes of both branches as ``merge``'s; gives those that already are another's."""
        stack = [self.work.resolve(t) for t in self.work.node(merge).inputs]
        while stack:
            tensor = stack.pop()
            if self.work.is_leaf(tensor):
                continue
            name = split_tensor(tensor)[0]
            if self._outside(self.homes.tensor(tensor), home):
                continue
            known = owner.setdefault((name, predicate, home), merge)
            if known != merge:
                yield name
                continue
            key = (f"|{name}", predicate, home)
            if key not in owner:
                owner[key] = merge
                stack += [self.work.resolve(t) for t in self.work.needs(tensor)]

    # ---- units ---------------------------------------------------------------------------------------------------

    def _outside(self, home: Home, region: Home) -> bool:
        """Whether a value is at home in the region or around it."""
        if home.frame == region.frame:
            return home.guards <= region.guards
        frame = region.frame
        for _ in range(MAX_NESTING):
            if not frame:
                return home.frame == ""
            frame = self.work.frames[frame].parent
            if frame == home.frame:
                return True
        msg = f"loops nest more than {MAX_NESTING} deep at {region.frame!r}"
        raise ArtefactError(msg)

    def _unit(self, tensor: str) -> Unit:
        name = split_tensor(tensor)[0]
        op = self.work.node(name).op
        if op == "Exit":
            switch = self.work.node(split_tensor(self.work.node(name).inputs[0])[0])
            merge = split_tensor(switch.inputs[0])[0]
            return "loop", self.homes.of[merge].frame
        if op in WHILES:
            return "loop", name
        if op in IFS or (op == "Merge" and name in self.group_of):
            return "cond", self.group_of[name]
        if tensor in self._variable or op in (LOOP_ARGUMENT, "Switch", "Merge"):
            raise inside_a_loop(name)
        return "op", name

    def _deps(self, unit: Unit) -> list[str]:
        """What the unit reads from its region and around it; resolved."""
        kind, key = unit
        if kind == "op":
            return [self.work.resolve(t) for t in self.work.node(key).inputs]
        if unit not in self._externals:
            if kind == "loop":
                frame = self.work.frames[key]
                roots = [frame.condition, *(v.result for v in frame.variables.values())]
                region = Home(frame.parent, frame.guards)
                own = [v.init for v in frame.variables.values()]
            else:
                group = self.groups[key]
                roots, region, own = [*group.then, *group.otherwise], group.home, [group.predicate]
            found = dict.fromkeys(self.work.resolve(t) for t in own)
            self._externals[unit] = tuple(found | dict.fromkeys(self._reads(roots, region)))
        return list(self._externals[unit])

    def _reads(self, roots: Sequence[str], region: Home) -> Iterator[str]:
        """What lies outside a unit and is read inside it."""
        stack = [self.work.resolve(t) for t in roots]
        seen: set[str] = set()
        while stack:
            tensor = stack.pop()
            if tensor in seen:
                continue
            seen.add(tensor)
            if tensor in self._variable:
                if self._bound(tensor, region):
                    yield tensor
                continue
            if self.work.is_leaf(tensor):
                yield tensor
                continue
            if self._outside(self.homes.tensor(tensor), region):
                yield tensor
                continue
            stack += self._deps(self._unit(tensor))

    def _schedule(self, roots: Sequence[str], region: Home) -> list[Unit]:
        order: list[Unit] = []
        state: dict[Unit, int] = {}
        stack: list[tuple[Unit, bool]] = []

        def push(tensor: str) -> None:
            if self.work.is_leaf(tensor) or self._bound(tensor, region):
                return
            home = self.homes.tensor(tensor)
            if home == region or not self._outside(home, region):
                unit = self._unit(tensor)
                if state.get(unit, 0) == 1:
                    msg = f"node {unit[1]!r} depends on itself outside of any loop"
                    raise ArtefactError(msg)
                if unit not in state:
                    stack.append((unit, False))

        for root in reversed(roots):
            push(self.work.resolve(root))
        while stack:
            unit, done = stack.pop()
            if done:
                state[unit] = 2
                order.append(unit)
                continue
            if unit in state:
                continue
            state[unit] = 1
            stack.append((unit, True))
            for tensor in reversed(self._deps(unit)):
                push(tensor)
        return order

    def _bound(self, tensor: str, region: Home) -> bool:
        """Whether it is a variable of a loop around the region."""
        key = self._variable.get(tensor)
        return key is not None and self._outside(Home(key), region)

    # ---- statements ----------------------------------------------------------------------------------------------

    def build(
        self, roots: Sequence[str], region: Home, rename: dict[str, str], depth: int = 0
    ) -> tuple[tuple[Statement, ...], tuple[str, ...]]:
        """The region's statements, and the names of the roots' values."""
        if depth > MAX_NESTING:
            msg = f"loops and conditionals nest more than {MAX_NESTING} deep"
            raise ArtefactError(msg)
        statements: list[Statement] = []
        for kind, key in self._schedule(roots, region):
            if kind == "op":
                statements.append(self._op(key, rename))
            elif kind == "loop":
                statements.append(self._loop(key, rename, depth))
            else:
                statements.append(self._conditional(key, rename, depth))
        return tuple(statements), tuple(self._name(t, rename) for t in roots)

    def _name(self, tensor: str, rename: Mapping[str, str]) -> str:
        value = self.work.resolve(tensor)
        name, index = split_tensor(value)
        self.used[name] = max(self.used.get(name, 0), index + 1)
        return rename.get(value, value)

    def _op(self, name: str, rename: dict[str, str]) -> OpNode:
        node = self.work.node(name)
        inputs = tuple(self._name(t, rename) for t in node.inputs)
        node = replace(node, inputs=inputs, controls=())
        if name in self._emitted:  # the loop's condition and its body both compute it
            copy = f"{name}|body"
            rename.update({f"{name}:{i}": f"{copy}:{i}" for i in range(self.used.get(name, 1) + 8)})
            return OpNode(replace(node, name=copy), ())
        self._emitted.add(name)
        return OpNode(node, ())

    def _loop(self, key: str, rename: dict[str, str], depth: int) -> Loop:
        frame = self.work.frames[key]
        variables = list(frame.variables.values())
        self._once(frame.name)
        inside = Home(key)
        carried = tuple(self._name(v.init, rename) for v in variables)
        statements, outputs = self.build([frame.condition], inside, dict(rename), depth + 1)
        condition = SubProgram(tuple(v.condition_input for v in variables), statements, outputs)
        inner = rename | {v.condition_input: v.body_input for v in variables}
        statements, outputs = self.build([v.result for v in variables], inside, inner, depth + 1)
        body = SubProgram(tuple(v.body_input for v in variables), statements, outputs)
        return Loop(frame.name, carried, condition, body, tuple(v.output for v in variables))

    def _conditional(self, key: str, rename: dict[str, str], depth: int) -> Conditional:
        group = self.groups[key]
        self._once(group.name)
        sides = []
        for side, roots in ((True, group.then), (False, group.otherwise)):
            home = Home(group.home.frame, group.home.guards | {(group.guard, side)})
            sides.append(SubProgram((), *self.build(roots, home, dict(rename), depth + 1)))
        predicate = self._name(group.predicate, rename)
        return Conditional(group.name, predicate, sides[0], sides[1], tuple(group.outputs))

    def _once(self, name: str) -> None:
        if name in self._emitted:
            text = "both a loop's condition and its body read this loop or conditional"
            msg = f"node {name!r}: {text}"
            raise NotConvertibleError(msg, (Reason(name, text),))
        self._emitted.add(name)

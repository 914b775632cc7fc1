"""Where every node lives: in which loop, and under which decisions.

A node's *home* is a frame (a loop, ``""`` outside all) and the guards it stands under inside that frame: pairs of a
predicate and the side taken. Both flow forward from Enter and Switch; a Merge takes its guard off, an Exit leaves its frame.
Constants live outside everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from converters.graph import Node, split_tensor
from converters.lift.frames import LOOP_ARGUMENT, TOP, WHILES, Context, Frame, Guard, LoopVariable
from converters.lift.work import ALIASES, Work, is_random
from reference.errors import ArtefactError, NotConvertibleError, Reason

MAX_NESTING = 100


@dataclass(frozen=True, slots=True)
class Home:
    frame: str = ""
    guards: frozenset[Guard] = frozenset()


ROOT = Home()


@dataclass(frozen=True, slots=True)
class Join:
    """A Merge that is no loop variable: which predicate it joins, and the inputs of both sides (tensor, place)."""

    predicate: str
    then: int
    otherwise: int


class Homes:
    """Computed for all the tensors reached, once; also fills ``work.frames`` for v1 loops."""

    def __init__(self, work: Work, reached: Iterable[str]) -> None:
        self.work = work
        self.of: dict[str, Home] = {}
        self.joins: dict[str, Join] = {}
        tensors = list(reached)
        found = {split_tensor(t)[0] for t in tensors if not work.terminal(t)}
        names = [
            name
            for name in work.nodes  # the file's order
            if name in found and not (f"{name}:0" in work.alias and work.node(name).op == "Merge")
        ]
        self._terminal = {t for t in tensors if work.terminal(t)}
        self._enters: dict[str, list[str]] = {}
        self._loop_merges: dict[str, str] = {}
        for name in names:
            self._see(work.node(name))
        exits = [name for name in names if work.node(name).op == "Exit"]
        self._exits = {name: self._frame_of_exit(name) for name in exits}
        for name in names:
            self._settle(name)
        for enter in self._loop_merges.values():
            self._leave(self.frame_of_enter(enter))
        self._loops(names)
        wanted = set(tensors)
        for frame in work.frames.values():
            if not frame.key.startswith("v1:"):
                frame.variables = {k: v for k, v in frame.variables.items() if k in wanted}

    def _see(self, node: Node) -> None:
        if node.op in ("Enter", "RefEnter"):
            self._enters.setdefault("v1:" + node.text("frame_name"), []).append(node.name)
        if node.op == "Merge":
            for tensor in node.inputs:
                if self._op(tensor) in ("NextIteration", "RefNextIteration"):
                    entered = [t for t in node.inputs if self._op(t) in ("Enter", "RefEnter")]
                    if not entered:
                        msg = f"node {node.name!r}: a Merge with a NextIteration and no Enter"
                        raise ArtefactError(msg)
                    enter = split_tensor(entered[0])[0]
                    if self.work.node(enter).attr("is_constant", False) is True:
                        msg = f"node {enter!r}: a constant of its loop starts a loop variable, {node.name!r}"
                        raise ArtefactError(msg)
                    self._loop_merges[node.name] = enter

    def _op(self, tensor: str) -> str:
        return "" if tensor in self._terminal else self.work.node(split_tensor(tensor)[0]).op

    def frame_of_enter(self, name: str) -> str:
        return "v1:" + self.work.node(name).text("frame_name")

    def _frame_of_exit(self, name: str) -> str:
        switch = self.work.node(split_tensor(self.work.node(name).inputs[0])[0])
        merge = split_tensor(switch.inputs[0])[0] if switch.op == "Switch" else ""
        if merge not in self._loop_merges:
            msg = f"node {name!r}: an Exit that does not follow a Switch on a loop variable"
            raise ArtefactError(msg)
        return self.frame_of_enter(self._loop_merges[merge])

    # ---- homes -------------------------------------------------------------------------------------------------

    def _before(self, node: Node) -> list[str]:
        """The nodes whose homes decide this one's: no back edges."""
        if node.name in self._loop_merges:
            return [self._loop_merges[node.name]]
        if node.name in self._exits:
            return list(self._enters[self._exits[node.name]])
        sources = [self._source(t) for t in node.inputs]
        before = [split_tensor(t)[0] for t in sources if not self.work.terminal(t)]
        if node.op == LOOP_ARGUMENT:
            return before
        frame, _ = self.work.context.get(node.name, TOP)
        if frame and frame != node.name:
            before.append(frame)
        return before + [split_tensor(t)[0] for t in self._anchors(node)]

    def _anchors(self, node: Node) -> list[str]:
        """A random op lives where its control inputs do: moved out of a loop it would draw once."""
        return self.work.pivots(f"{node.name}:0") if is_random(node) else []

    def _source(self, tensor: str) -> str:
        """Past what was found to be another value's name: a settled Merge, a function call, an unchanged loop variable."""
        alias = self.work.alias
        while tensor in alias and not self.work.terminal(tensor):
            if self.work.node(split_tensor(tensor)[0]).op in ALIASES | {"Switch", "IdentityN"}:
                break
            tensor = alias[tensor]
        return tensor

    def _settle(self, start: str) -> None:
        stack = [start]
        waiting: set[str] = set()
        while stack:
            name = stack[-1]
            if name in self.of:
                stack.pop()
                continue
            node = self.work.node(name)
            todo = [before for before in self._before(node) if before not in self.of]
            if todo and name not in waiting:
                waiting.add(name)
                stack += todo
                continue
            if todo:
                msg = f"node {name!r} ({node.op}) depends on itself outside of any loop"
                raise ArtefactError(msg)
            self.of[name] = self._home(node)
            stack.pop()

    def tensor(self, tensor: str) -> Home:
        """The home of a value: a Switch's outputs stand under its predicate."""
        tensor = self._source(tensor)
        if tensor in self._terminal or self.work.terminal(tensor):
            return ROOT
        name, index = split_tensor(tensor)
        home = self.of.get(name)
        if home is None:
            self._settle(name)
            home = self.of[name]
        node = self.work.node(name)
        if node.op == "Switch" and not self.work.is_loop_switch(node):
            predicate = self.work.resolve(node.inputs[1])
            if predicate not in self.work.known:
                return Home(home.frame, home.guards | {(predicate, index == 1)})
        return home

    def _home(self, node: Node) -> Home:
        work = self.work
        if node.op in ("Const", "VariableV2", "Variable", "VarHandleOp"):
            return ROOT
        if node.name in self._loop_merges:
            return Home(self.frame_of_enter(self._loop_merges[node.name]))
        if node.name in self._exits:
            return self._leave(self._exits[node.name])
        if node.op in ("Enter", "RefEnter"):
            return Home(self.frame_of_enter(node.name))
        if node.op == LOOP_ARGUMENT:
            return Home(work.context[node.name][0])
        if node.op == "Merge":
            return self._join(node)
        frame, guards = self._context(node.name)
        tensors = [self.tensor(t) for t in node.inputs]
        tensors += [self.tensor(t) for t in self._anchors(node)]
        home = _together(node, [*tensors, Home(frame, guards)])
        if node.op in WHILES:
            own = work.frames[node.name]
            own.parent, own.guards = home.frame, home.guards
        return home

    def _context(self, name: str) -> Context:
        frame, guards = self.work.context.get(name, TOP)
        return frame, frozenset(g for g in guards if g[0] not in self.work.known)

    def _leave(self, key: str) -> Home:
        frame = self.work.frames.setdefault(key, Frame(key, key[3:].removesuffix("/while_context")))
        inits = [self.tensor(self.work.node(enter).inputs[0]) for enter in self._enters[key]]
        first = self.work.node(self._enters[key][0])
        home = _together(first, [*inits, Home(*self._context(first.name))])
        frame.parent, frame.guards = home.frame, home.guards
        return home

    def _join(self, node: Node) -> Home:
        if len(node.inputs) != 2:
            text = f"a Merge of {len(node.inputs)} inputs is no conditional"
            raise refused(node, text)
        sides = [self._side(tensor) for tensor in node.inputs]
        for predicate, side in sorted(sides[0].guards):
            if (predicate, not side) in sides[1].guards:
                return self._joined(node, sides, predicate, 0 if side else 1)
        for place in (0, 1):  # the other side is a constant without a trace of its branch
            own = sides[place].guards - sides[1 - place].guards
            if len(own) == 1 and not sides[1 - place].guards:
                ((predicate, side),) = own
                return self._joined(node, sides, predicate, place if side else 1 - place)
        text = "a Merge whose inputs are not the two sides of one Switch"
        raise refused(node, text)

    def _joined(self, node: Node, sides: list[Home], predicate: str, then: int) -> Home:
        self.joins[node.name] = Join(predicate, then, 1 - then)
        both = _together(node, sides)
        return Home(both.frame, frozenset(g for g in both.guards if g[0] != predicate))

    def _side(self, tensor: str) -> Home:
        """The home of a Merge's input; a constant's branch is told by its control inputs."""
        home = self.tensor(tensor)
        seen = 0
        while home == ROOT and not self.work.terminal(tensor) and seen < MAX_NESTING:
            node = self.work.node(split_tensor(tensor)[0])
            for pivot in self.work.pivots(tensor):
                home = self.tensor(pivot)
            if not node.inputs:
                break
            tensor = node.inputs[0]
            seen += 1
        return home

    # ---- loops -------------------------------------------------------------------------------------------------

    def _loops(self, names: Iterable[str]) -> None:
        switches: dict[str, str] = {}
        exits: dict[str, str] = {}
        for name in names:
            node = self.work.node(name)
            if node.op == "Switch" and self.work.is_loop_switch(node):
                merge, first = split_tensor(node.inputs[0])[0], f"{name}:1"
                body = switches.setdefault(merge, first)
                frame = self.work.frames.get(self.of[name].frame)
                if frame is not None and not frame.condition:
                    frame.condition = node.inputs[1]
                if body != first:
                    self.work.alias[first] = body
        for name in self._exits:
            merge = split_tensor(
                self.work.node(split_tensor(self.work.node(name).inputs[0])[0]).inputs[0]
            )[0]
            known = exits.setdefault(merge, f"{name}:0")
            if known != f"{name}:0":
                self.work.alias[f"{name}:0"] = known
        for merge, enter in self._loop_merges.items():
            self._variable(
                self.work.frames[self.frame_of_enter(enter)], merge, enter, switches, exits
            )

    def _variable(
        self, frame: Frame, merge: str, enter: str, switches: dict[str, str], exits: dict[str, str]
    ) -> None:
        node = self.work.node(merge)
        result = next(
            t for t in node.inputs if self._op(t) in ("NextIteration", "RefNextIteration")
        )
        body = switches.get(merge, f"{merge}|body:0")
        init = self.work.node(enter).inputs[0]
        output = exits.get(merge, f"{merge}|final:0")
        if body in switches.values() and self.work.resolve(result) == body:
            for same in (f"{merge}:0", body, exits.get(merge)):
                if same is not None:
                    self.work.alias[same] = init
            return
        frame.variables[f"{merge}:0"] = LoopVariable(init, f"{merge}:0", body, result, output)


def refused(node: Node, text: str) -> NotConvertibleError:
    """The refusal of one node."""
    return NotConvertibleError(f"node {node.name!r}: {text}", (Reason(node.name, text),))


def _together(node: Node, homes: Iterable[Home]) -> Home:
    """Inputs from outside all loops do not count; the others agree on the frame."""
    frame, guards = "", frozenset[Guard]()
    for home in homes:
        if home.frame == frame:
            guards |= home.guards
        elif not frame:
            frame, guards = home.frame, home.guards
        elif home.frame:
            msg = (
                f"node {node.name!r} ({node.op}) reads from two loops, {frame!r} and {home.frame!r}"
            )
            raise ArtefactError(msg)
    return Home(frame, guards)

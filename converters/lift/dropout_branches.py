"""Bool placeholders that only choose between a dropout and nothing: ``tf.cond(is_training, lambda: dropout(x), lambda: x)``.

Every use of such a placeholder is the predicate of branches of which one passes x on and the other multiplies the same x by a random mask, or runs the
same cell on it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from converters.graph import Node, split_tensor
from converters.lift.frames import IFS
from converters.lift.work import ALIASES, Work

_PLACEHOLDERS = frozenset(("Placeholder", "PlaceholderWithDefault", "PlaceholderWithDefaultV2"))
_SHIFTED = frozenset(("Mul", "Add", "AddV2", "Sub"))
_SCALES = frozenset(("Sub", "RealDiv", "Div", "Reciprocal", "Const", *_PLACEHOLDERS))
_DEEPEST = 8
_LARGEST = 2000
"""Nodes of a branch that are compared with those of the other."""
_OWN = _PLACEHOLDERS | {"Switch", "Merge", "RandomUniform", *IFS}
"""Two nodes of these are two values, however like each other they look."""


class _Branches:
    """The graph read forwards from a predicate, and backwards from where its branches meet."""

    def __init__(self, work: Work, reached: Iterable[str]) -> None:
        self.work = work
        names = dict.fromkeys(split_tensor(tensor)[0] for tensor in reached)
        self.nodes = {name: work.node(name) for name in names if name in work.nodes}
        self.readers: dict[str, list[tuple[Node, int]]] = {}
        for node in self.nodes.values():
            for place, tensor in enumerate(node.inputs):
                self.readers.setdefault(tensor, []).append((node, place))

    def inference(self, placeholder: str) -> bool | None:
        """The value at which nothing is dropped; None where the placeholder does anything else."""
        kept: set[bool] = set()
        stack = [placeholder]
        while stack:
            tensor = stack.pop()
            for node, place in self.readers.get(tensor, ()):
                if node.op in ALIASES:
                    stack.append(f"{node.name}:0")
                elif node.op in IFS and place == 0:
                    if not self._of_if(node, kept):
                        return None
                elif node.op == "Switch":
                    if not self._of_switch(node, place, placeholder, kept):
                        return None
                else:
                    return None
        return kept.pop() if len(kept) == 1 else None

    # -- the two forms of a branch -------------------------------------------------------------------------

    def _of_if(self, node: Node, kept: set[bool]) -> bool:
        found = self.work.branches.get(node.name)
        if found is None or not found.then:
            return False
        return all(
            self._pair(then, otherwise, True, kept)
            for then, otherwise in zip(found.then, found.otherwise, strict=True)
        )

    def _of_switch(self, switch: Node, place: int, placeholder: str, kept: set[bool]) -> bool:
        """Every Merge that the switched value comes to must choose between x and a dropout of x."""
        pivots = self._pivots(switch)
        if pivots is None:
            return place == 1 and self._meets(
                [f"{switch.name}:0", f"{switch.name}:1"], placeholder, kept
            )
        inside = [n.name for n in self.nodes.values() if not pivots.isdisjoint(n.controls)]
        return self._meets([f"{name}:0" for name in inside], placeholder, kept)

    def _pivots(self, switch: Node) -> set[str] | None:
        """The nodes that pass on a predicate switched by itself, for control inputs alone; None where its value is read."""
        found: set[str] = set()
        stack = [f"{switch.name}:0", f"{switch.name}:1"]
        for tensor in stack:
            for node, _ in self.readers.get(tensor, ()):
                if node.op not in ALIASES:
                    return None
                found.add(node.name)
                stack.append(f"{node.name}:0")
        known = self.work.nodes
        found |= {
            name
            for name, node in known.items()
            if node.op in ALIASES and node.inputs and split_tensor(node.inputs[0])[0] == switch.name
        }
        same = self.work.resolve(switch.inputs[0]) == self.work.resolve(switch.inputs[1])
        return found if same else None

    def _meets(self, tensors: list[str], placeholder: str, kept: set[bool]) -> bool:
        stack, seen = list(tensors), set()
        while stack:
            tensor = stack.pop()
            if tensor in seen:
                continue
            seen.add(tensor)
            for node, _ in self.readers.get(tensor, ()):
                if node.op != "Merge":
                    stack.append(f"{node.name}:0")
                elif not self._merges(node, placeholder, kept):
                    return False
        return True

    def _merges(self, node: Node, placeholder: str, kept: set[bool]) -> bool:
        if len(node.inputs) != 2:
            return False
        side = self._side(node.inputs[0], placeholder)
        if side is None:
            other = self._side(node.inputs[1], placeholder)
            if other is None:
                return False
            side = not other
        return self._pair(node.inputs[0], node.inputs[1], side, kept)

    def _side(self, tensor: str, placeholder: str) -> bool | None:
        """For which value of the placeholder a tensor is a switched value, passed on; None where it is computed."""
        for _ in range(len(self.nodes)):
            name, index = split_tensor(tensor)
            node = self.work.node(name)
            if node.op == "Switch":
                return bool(index) if self.work.resolve(node.inputs[1]) == placeholder else None
            if node.op not in ALIASES or not node.inputs or self.work.terminal(tensor):
                return None
            tensor = node.inputs[0]
        return None

    # -- the dropout itself --------------------------------------------------------------------------------

    def _pair(self, first: str, second: str, side: bool, kept: set[bool]) -> bool:
        """Whether one of the two is the other, dropped; ``first`` is what is taken at ``side``."""
        if self._drops(first, second):
            kept.add(side)
            return True
        if self._drops(second, first):
            kept.add(not side)
            return True
        return False

    def _drops(self, plain: str, dropped: str) -> bool:
        """Whether the second is the first but for dropouts: a dropout of it, or the same cell run on a dropout of the same input."""
        found = False
        stack, seen = [(plain, dropped)], set()
        while stack:
            pair = stack.pop()
            a, b = (self.work.resolve(tensor) for tensor in pair)
            if a == b or (a, b) in seen:
                continue
            seen.add((a, b))
            inside = self._dropped(b)
            if inside is not None:
                found = True
                stack.append((a, inside))
                continue
            if len(seen) > _LARGEST or not self._same_node(a, b):
                return False
            first, second = (self.work.node(split_tensor(t)[0]) for t in (a, b))
            stack.extend(zip(first.inputs, second.inputs, strict=True))
        return found

    def _same_node(self, a: str, b: str) -> bool:
        """Whether two values come from one operation, whatever its inputs."""
        if self.work.terminal(a) or self.work.terminal(b):
            return False
        (name, index), (other, place) = split_tensor(a), split_tensor(b)
        first, second = self.work.node(name), self.work.node(other)
        if (first.op, index, len(first.inputs)) != (second.op, place, len(second.inputs)):
            return False
        if first.op in _OWN or first.attrs.keys() != second.attrs.keys():
            return False
        return all(_equal(v, second.attrs[k]) for k, v in first.attrs.items() if k[:1] != "_")

    def _dropped(self, tensor: str) -> str | None:
        """x where the tensor is x, scaled and multiplied by a random mask."""
        node = self.work.node(split_tensor(tensor)[0])
        if node.op in ("Select", "SelectV2") and len(node.inputs) == 3:
            return self._unscaled(node.inputs[1]) if self._mask(node.inputs[0]) else None
        if node.op != "Mul":
            return None
        for value, mask in (node.inputs, node.inputs[::-1]):
            if self._mask(mask):
                return self._unscaled(value)
        return None

    def _mask(self, tensor: str) -> bool:
        node = self._behind(tensor)
        if node.op == "Cast":
            node = self._behind(node.inputs[0])
        if node.op == "Floor":
            inner = self._behind(node.inputs[0])
            return inner.op in ("Add", "AddV2") and any(self._uniform(t) for t in inner.inputs)
        return node.op in ("GreaterEqual", "Less") and self._uniform(node.inputs[0])

    def _uniform(self, tensor: str, depth: int = 0) -> bool:
        node = self._behind(tensor)
        if node.op == "RandomUniform":
            return True
        return (
            depth < _DEEPEST
            and node.op in _SHIFTED
            and any(self._uniform(t, depth + 1) for t in node.inputs)
        )

    def _unscaled(self, tensor: str) -> str | None:
        tensor = self.work.resolve(tensor)
        node = self.work.node(split_tensor(tensor)[0])
        if node.op in ("RealDiv", "Div") and self._scale(node.inputs[1]):
            return self.work.resolve(node.inputs[0])
        if node.op == "Mul" and self._scale(node.inputs[1]):
            return self.work.resolve(node.inputs[0])
        if node.op == "Mul" and self._scale(node.inputs[0]):
            return self.work.resolve(node.inputs[1])
        return tensor

    def _scale(self, tensor: str, depth: int = 0) -> bool:
        """Whether a value comes from constants and placeholders by the arithmetic of a keep probability alone."""
        resolved = self.work.resolve(tensor)
        node = self.work.node(split_tensor(resolved)[0])
        if depth > _DEEPEST or node.op not in _SCALES:
            return False
        if node.op == "Const":
            return bool(getattr(node.attr("value"), "ndim", 0) == 0)
        if node.op in _PLACEHOLDERS:
            shape = node.attrs.get("shape")
            return getattr(shape, "dims", None) in (None, ())
        return all(self._scale(t, depth + 1) for t in node.inputs)

    def _behind(self, tensor: str) -> Node:
        return self.work.node(split_tensor(self.work.resolve(tensor))[0])


def _equal(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b)
    return a == b


def dropout_switches(work: Work, reached: Iterable[str]) -> dict[str, bool]:
    """By tensor name: the value at which the dropout is passed by."""
    branches = _Branches(work, reached)
    if not any(node.op == "RandomUniform" for node in branches.nodes.values()):
        return {}
    found: dict[str, bool] = {}
    for node in list(branches.nodes.values()):
        if node.op in _PLACEHOLDERS and node.attrs.get("dtype") == "bool":
            value = branches.inference(f"{node.name}:0")
            if value is not None:
                found[f"{node.name}:0"] = value
    return found

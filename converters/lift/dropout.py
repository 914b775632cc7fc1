"""Placeholders that only set dropout: found on the raw graph, to be fixed to "keep everything".

Every path from such a placeholder leads, through scalar arithmetic, only to the places a dropout has for its keep probability:
``floor(keep + uniform)`` and ``uniform >= rate`` (the mask), and the scale, which is multiplied by that mask.
"""

from __future__ import annotations

from collections.abc import Iterable

from converters.graph import Node, split_tensor
from converters.lift.work import ALIASES, Work

_PASS = ALIASES | {"Switch", "Merge", "Cast", "Reshape", "IdentityN", "Select"}
_PLACEHOLDERS = frozenset(("Placeholder", "PlaceholderWithDefault", "PlaceholderWithDefaultV2"))
_UNIFORM_PASS = frozenset(("Mul", "Add", "AddV2", "Sub"))


class _Uses:
    """Who reads what, among the nodes reached."""

    def __init__(self, work: Work, reached: Iterable[str]) -> None:
        self.nodes: dict[str, Node] = {}
        for tensor in reached:
            name = split_tensor(tensor)[0]
            if name in work.nodes:
                self.nodes[name] = work.node(name)
        self.readers: dict[str, list[tuple[Node, int]]] = {}
        for node in self.nodes.values():
            for place, tensor in enumerate(node.inputs):
                self.readers.setdefault(tensor, []).append((node, place))
        self.uniform = self._from_uniform()
        self.masks: set[str] = set()

    def _from_uniform(self) -> set[str]:
        """Tensors that are a uniform draw, scaled and shifted."""
        found: set[str] = set()
        stack = [f"{n.name}:0" for n in self.nodes.values() if n.op == "RandomUniform"]
        while stack:
            tensor = stack.pop()
            if tensor in found:
                continue
            found.add(tensor)
            for node, _ in self.readers.get(tensor, ()):
                if node.op in _UNIFORM_PASS or node.op in ALIASES:
                    stack.append(f"{node.name}:0")
        return found

    def reads(self, tensor: str) -> list[tuple[Node, int]]:
        return self.readers.get(tensor, [])


def dropout_placeholders(work: Work, reached: Iterable[str]) -> dict[str, float]:
    """By tensor name: the value that keeps everything (1.0 for a keep probability, 0.0 for a rate)."""
    uses = _Uses(work, reached)
    if not uses.uniform:
        return {}
    found: dict[str, float] = {}
    for node in uses.nodes.values():
        if node.op in _PLACEHOLDERS and node.attrs.get("dtype", "") in (
            "float32",
            "float64",
            "float16",
        ):
            value = _only_dropout(uses, f"{node.name}:0")
            if value is not None:
                found[f"{node.name}:0"] = value
    return found


def _only_dropout(uses: _Uses, start: str) -> float | None:
    kinds: set[float] = set()
    stack = [(start, False)]
    seen: set[tuple[str, bool]] = set()
    scales: list[str] = []
    masks: set[str] = set()
    while stack:
        tensor, flipped = stack.pop()
        if (tensor, flipped) in seen:
            continue
        seen.add((tensor, flipped))
        for node, place in uses.reads(tensor):
            outputs = [f"{node.name}:{i}" for i in range(2 if node.op == "Switch" else 1)]
            if node.op in _PASS:
                stack += [(output, flipped) for output in outputs]
            elif node.op == "Sub" and place == 1 and tensor not in uses.uniform:
                stack.append((outputs[0], not flipped))
            elif node.op in ("Add", "AddV2") and node.inputs[1 - place] in uses.uniform:
                if not all(reader.op == "Floor" for reader, _ in uses.reads(outputs[0])):
                    return None
                kinds.add(0.0 if flipped else 1.0)
                masks |= {f"{reader.name}:0" for reader, _ in uses.reads(outputs[0])}
            elif (
                node.op in ("GreaterEqual", "Less")
                and place == 1
                and node.inputs[0] in uses.uniform
            ):
                rate = (node.op == "GreaterEqual") != flipped
                kinds.add(0.0 if rate else 1.0)
                masks.add(outputs[0])
            elif node.op in ("RealDiv", "Div", "Mul"):
                scales.append(outputs[0])
            else:
                return None
    if len(kinds) != 1 or not all(_meets(uses, scale, _spread(uses, masks)) for scale in scales):
        return None
    return kinds.pop()


def _spread(uses: _Uses, masks: set[str]) -> set[str]:
    """The masks under all their names: cast, passed on."""
    found: set[str] = set()
    stack = list(masks)
    while stack:
        tensor = stack.pop()
        if tensor not in found:
            found.add(tensor)
            stack += [
                f"{n.name}:0" for n, _ in uses.reads(tensor) if n.op == "Cast" or n.op in ALIASES
            ]
    return found


def _meets(uses: _Uses, scale: str, masks: set[str]) -> bool:
    """Whether everything scaled is multiplied by (or selected with) a mask."""
    stack, seen = [scale], set()
    while stack:
        tensor = stack.pop()
        if tensor in seen:
            continue
        seen.add(tensor)
        readers = uses.reads(tensor)
        if not readers:
            return False
        for node, place in readers:
            if node.op == "Mul" and node.inputs[1 - place] in masks:
                continue
            if node.op in ("Select", "SelectV2") and node.inputs[0] in masks:
                continue
            if node.op not in _PASS and node.op != "Mul":
                return False
            stack += [f"{node.name}:{i}" for i in range(2 if node.op == "Switch" else 1)]
    return True

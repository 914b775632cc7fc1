"""The weights, compared bit for bit: a weight off by one part in 10^5 is below the noise of a real model's outputs.

The packing of the port is undone by value, not by trusting what the converter says of it: a matrix of the port, its transpose, or its
blocks of columns must lie somewhere in a matrix of the artefact, bit for bit. A bias may be the sum of two (forget_bias, cuDNN's two
biases), rounded once. A port in float16 must hold the artefact's weights rounded to float16 once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import Graph, split_tensor
from porting.verification.folded import explained
from porting.verification.original import Original
from porting.verification.vectors import Vectors, is_copy, within

MOSTLY = 0.02
"""Part of a weight that may be strange to the artefact in a damaged copy of another layout."""
_BLOCKS = (1, 2, 3, 4, 5, 6, 8)


@dataclass(frozen=True)
class Source:
    """One float weight of the artefact."""

    name: str
    value: np.ndarray

    def narrowed(self) -> Source:
        """As a port in float16 holds it."""
        with np.errstate(over="ignore"):
            return Source(self.name, self.value.astype(np.float16))


def audit(original: Original, weights: Mapping[str, np.ndarray], /) -> dict[str, Any]:
    """``{"compared", "exact", "rounded", "derived": [names], "missing": [names], "wrong": [{"weight", "text", …}]}``.

    ``derived``: computed from the artefact's weights (folded norms, constants of the port's own), which this cannot judge.
    ``missing``: weights of the artefact of which nothing was found in the port.
    """
    sources = sources_of(original)
    finder = _Finder(sources)
    exact, rounded = 0, 0
    derived: list[str] = []
    wrong: list[dict[str, Any]] = []
    for name, value in weights.items():
        if value.size < 2 or not value.any() or _no_weight(np.asarray(value)):
            continue
        for block in _units(np.asarray(value)):
            kind, found = finder.judge(block)
            if kind == "derived" and finder.folded(
                original.artefact.graph, name, np.asarray(value)
            ):
                kind = "rounded"
            exact, rounded = exact + (kind == "exact"), rounded + (kind == "rounded")
            if kind == "derived":
                derived.append(name)
            elif kind == "wrong":
                wrong.append({"weight": name} | found)
    return {
        "compared": exact + rounded + len(wrong), "exact": exact, "rounded": rounded,
        "derived": list(dict.fromkeys(derived)), "missing": finder.missing(sources), "wrong": wrong,
    }  # fmt: skip


def _no_weight(value: np.ndarray) -> bool:
    """One infinite number all over, as a mask has it: near to every weight and equal to none."""
    first = value.reshape(-1)[0]
    return not np.isfinite(first) and bool((value == first).all())


def sources_of(original: Original, outputs: tuple[str, ...] | None = None, /) -> list[Source]:
    """The float weights that the outputs (or these) depend on."""
    names = original.outputs if outputs is None else outputs
    return list(_sources(original.artefact.graph, names)) if names else []


def _sources(graph: Graph, outputs: tuple[str, ...]) -> Iterator[Source]:
    """The float constants and variables that the outputs depend on (functions whole)."""
    stack, seen = [split_tensor(name)[0] for name in outputs], set()
    while stack:
        name = stack.pop()
        node = graph.nodes.get(name)
        if name in seen or node is None:
            continue
        seen.add(name)
        stack.extend(split_tensor(tensor)[0] for tensor in node.inputs)
        value = graph.variables.get(name)
        if value is None and node.op == "Const":
            value = node.attr("value")
        if value is not None and np.asarray(value).dtype.kind == "f":
            yield Source(name, np.asarray(value))
    for function in graph.functions.values():
        for node in function.nodes.values():
            if node.op == "Const" and np.asarray(node.attr("value")).dtype.kind == "f":
                yield Source(f"{function.name}/{node.name}", np.asarray(node.attr("value")))


def _units(value: np.ndarray) -> Iterator[np.ndarray]:
    """The parts of a stored weight: the directions of ONNX's W, R and B, else the whole."""
    if value.ndim in (2, 3) and value.shape[0] <= 2:
        yield from value
    else:
        yield value


class _Finder:
    """Looks blocks up among the artefact's weights, and remembers which were found."""

    def __init__(self, sources: list[Source]) -> None:
        self.used: set[str] = set()
        self.sources = sources
        every = [*sources, *(s.narrowed() for s in sources if s.value.dtype != np.float16)]
        self.matrices = [
            (s.name, s.value.reshape(-1, s.value.shape[-1])) for s in every if s.value.ndim >= 2
        ]
        self.tries = 2 * sum(matrix.size for _, matrix in self.matrices)
        """Places where a block may lie, at most."""
        vectors = [(s.name, s.value.reshape(-1)) for s in every if s.value.ndim >= 1]
        scalars = {float(s.value.reshape(())) for s in sources if s.value.ndim == 0}
        scalars |= {float(v[0]) for _, v in vectors if v.size and (v == v[0]).all()}
        self.scalars = sorted(scalars | {1.0})
        self.vectors = Vectors(vectors, self.scalars)
        self.sorted: dict[tuple[int, bytes], list[str]] = {}
        for s in every:
            self.sorted.setdefault(self._key(s.value), []).append(s.name)

    @staticmethod
    def _key(value: np.ndarray) -> tuple[int, bytes]:
        return value.size, np.sort(value.reshape(-1)).tobytes()

    def missing(self, sources: list[Source]) -> list[str]:
        """The weights of which nothing was found; constants of one value apart."""
        return [
            s.name
            for s in sources
            if s.value.size > 1 and s.name not in self.used and np.ptp(s.value) > 0
        ]

    def folded(self, graph: Graph, name: str, value: np.ndarray) -> bool:
        """Whether it is what the graph computes from weights under that name, but for the last bits."""
        names = explained(graph, name, value)
        self.used.update(names)
        return bool(names)

    def _found(self, *names: str) -> bool:
        self.used.update(names)
        return True

    def judge(self, value: np.ndarray) -> tuple[str, dict[str, Any]]:
        """``"exact"``, ``"rounded"``, ``"derived"`` or ``"wrong"``, and what is wrong."""
        if not value.any():
            return "exact", {}
        if (names := self.sorted.get(self._key(value))) is not None:
            self._found(*names)
            return "exact", {}
        if value.ndim == 1:
            return self._vector(value)
        if (found := self._mostly(value)) is not None:
            return "wrong", found
        flat = value.reshape(-1, value.shape[-1])
        for matrix in (flat, flat.T):
            for parts in _BLOCKS:
                if matrix.shape[1] % parts == 0 and all(
                    self._place(b) for b in np.split(matrix, parts, axis=1)
                ):
                    return "exact", {}
        return self._damaged(flat)

    def _mostly(self, value: np.ndarray) -> dict[str, Any] | None:
        """A weight in another layout (convolutions) whose values are those of the artefact but for a few."""
        for source in self.sources:
            own = np.asarray(source.value)
            if own.size != value.size or own.dtype != value.dtype or value.ndim < 3:
                continue
            strange = ~np.isin(value, own)
            count = int(strange.sum())
            if 0 < count <= max(2, MOSTLY * value.size):
                text = f"{count} values are none of {source.name} of the artefact, which has all the others"
                return {"original": source.name, "values": count, "text": text}
        return None

    # -- matrices ------------------------------------------------------------------------------------------

    def _place(self, block: np.ndarray) -> bool:
        return any(
            self._found(name)
            for signed in (block, -block)  # a gate u that is kept as 1 - u has its weights negated
            for name, matrix in self.matrices
            if _hits(matrix, signed)
            or (matrix.shape == block.shape[::-1] and _hits(matrix.T, signed))
        )

    def _damaged(self, flat: np.ndarray) -> tuple[str, dict[str, Any]]:
        """Whether all blocks are found, some only nearly: then these are damaged copies."""
        for matrix in (flat, flat.T):
            for parts in _BLOCKS:
                if matrix.shape[1] % parts:
                    continue
                blocks = np.split(matrix, parts, axis=1)
                found = [self._near(block) for block in blocks]
                if all(found):
                    damaged = [f for f in found if f is not None and f[1]]
                    if not damaged:  # a part of a transposed matrix, whole
                        return "exact", {}
                    name, count, gap = damaged[0]
                    text = f"{count} values differ from {name} of the artefact, by up to {gap:.2g}"
                    return "wrong", {"original": name, "values": count, "text": text}
        return "derived", {}

    def _near(self, block: np.ndarray) -> tuple[str, int, float] | None:
        for signed, (name, matrix) in itertools.product((block, -block), self.matrices):
            for source in (matrix, matrix.T):
                for other in _hits(source, signed, within(block)):
                    if is_copy(other, signed, self.tries):
                        gap = float(np.abs(other - signed).max())
                        return name, int((other != signed).sum()), gap
        return None

    # -- vectors -------------------------------------------------------------------------------------------

    def _vector(self, value: np.ndarray) -> tuple[str, dict[str, Any]]:
        for parts in (1, 2, 3, 4, 6, 8, 12, 16):
            if value.size % parts == 0:
                kinds = [self._part(part) for part in np.split(value, parts)]
                if all(kind in ("exact", "rounded") for kind in kinds):
                    return ("rounded" if "rounded" in kinds else "exact"), {}
        for parts in (1, 2, 3, 4, 6, 8):
            if value.size % parts == 0 and value.size // parts > 1:
                near = [self._near_part(part) for part in np.split(value, parts)]
                if all(near):
                    name, count, gap = max((n for n in near if n), key=lambda n: n[1])
                    text = f"{count} values differ from {name} of the artefact, by up to {gap:.2g}"
                    return "wrong", {"original": name, "values": count, "text": text}
        return "derived", {}

    def _part(self, part: np.ndarray) -> str:
        if not part.any() or (part.size > 1 and self._constant(part)):
            return "exact"
        for signed in (part, -part):
            if name := self.vectors.equal(signed):
                self._found(name)
                return "exact"
        for signed in (part, -part):
            if names := self.vectors.summed(signed):
                self._found(*names)
                return "rounded"
        return ""

    def _constant(self, part: np.ndarray) -> bool:
        """Whether it is one of the artefact's scalars, or 1, all over (a forget_bias by itself)."""
        scalars = np.asarray(self.scalars, np.float64).astype(part.dtype)
        return bool((part == part[0]).all() and (scalars == part[0]).any())

    def _near_part(self, part: np.ndarray) -> tuple[str, int, float] | None:
        if self._part(part):
            return ("", 0, 0.0)
        return self.vectors.near(part) or self.vectors.near(-part)


def _hits(matrix: np.ndarray, block: np.ndarray, within: Any = None, /) -> list[np.ndarray]:
    """The first sub-matrix, at any row and at columns that are multiples of the block's width, equal to the block.

    Args:
        within: how far its values may lie from the block's, one number or one a column; None for not at all.
    """
    rows, width = block.shape
    if not width or matrix.shape[0] < rows or matrix.shape[1] < width:
        return []
    if matrix.dtype != block.dtype:
        return []
    anchor = int(np.argmax(np.abs(block).max(axis=1)))
    for left in range(0, matrix.shape[1] - width + 1, width):
        part = matrix[:, left : left + width]
        lines = part[anchor : matrix.shape[0] - rows + 1 + anchor]
        for top in np.flatnonzero(_same(lines, block[anchor], within).all(axis=1)):
            other = part[top : top + rows]
            if _same(other, block, within).all():
                return [other]
    return []


def _same(a: np.ndarray, b: np.ndarray, within: Any) -> np.ndarray:
    return np.asarray(a == b if within is None else np.abs(a - b) <= within)

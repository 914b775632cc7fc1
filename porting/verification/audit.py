"""The weights, compared bit for bit: a weight off by one part in 10^5 is below the noise of a real model's outputs.

The packing of the port is undone by value, not by trusting what the converter says of it: a matrix of the port, its transpose, or its
blocks of columns must lie somewhere in a matrix of the artefact, bit for bit. A bias may be the sum of two (forget_bias, cuDNN's two
biases), rounded once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.graph import Graph, split_tensor
from porting.verification.original import Original

NEAR = 1e-2
"""Relative distance within which a block is a damaged copy rather than another weight."""
_BLOCKS = (1, 2, 3, 4, 5, 6, 8)


@dataclass(frozen=True)
class Source:
    """One float weight of the artefact."""

    name: str
    value: np.ndarray


def audit(original: Original, weights: Mapping[str, np.ndarray], /) -> dict[str, Any]:
    """``{"compared", "exact", "rounded", "derived": [names], "wrong": [{"weight", "text", …}]}``.

    ``derived``: computed from the artefact's weights (folded norms, constants of the port's own), which this cannot judge.
    """
    sources = list(_sources(original.artefact.graph, original.outputs))
    finder = _Finder(sources)
    exact, rounded = 0, 0
    derived: list[str] = []
    wrong: list[dict[str, Any]] = []
    for name, value in weights.items():
        if value.size < 2 or not value.any():
            continue
        for block in _units(np.asarray(value)):
            kind, found = finder.judge(block)
            exact, rounded = exact + (kind == "exact"), rounded + (kind == "rounded")
            if kind == "derived":
                derived.append(name)
            elif kind == "wrong":
                wrong.append({"weight": name} | found)
    return {
        "compared": exact + rounded + len(wrong), "exact": exact, "rounded": rounded,
        "derived": list(dict.fromkeys(derived)), "wrong": wrong,
    }  # fmt: skip


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
    """Looks blocks up among the artefact's weights."""

    def __init__(self, sources: list[Source]) -> None:
        self.matrices = [
            (s.name, s.value.reshape(-1, s.value.shape[-1])) for s in sources if s.value.ndim >= 2
        ]
        self.vectors = [(s.name, s.value.reshape(-1)) for s in sources if s.value.ndim >= 1]
        scalars = {float(s.value.reshape(())) for s in sources if s.value.ndim == 0}
        scalars |= {float(v[0]) for _, v in self.vectors if v.size and (v == v[0]).all()}
        self.scalars = sorted(scalars | {1.0})
        self.sorted = {self._key(s.value) for s in sources}

    @staticmethod
    def _key(value: np.ndarray) -> tuple[int, bytes]:
        return value.size, np.sort(value.reshape(-1)).tobytes()

    def judge(self, value: np.ndarray) -> tuple[str, dict[str, Any]]:
        """``"exact"``, ``"rounded"``, ``"derived"`` or ``"wrong"``, and what is wrong."""
        if not value.any() or self._key(value) in self.sorted:
            return "exact", {}
        if value.ndim == 1:
            return self._vector(value)
        flat = value.reshape(-1, value.shape[-1])
        for matrix in (flat, flat.T):
            for parts in _BLOCKS:
                if matrix.shape[1] % parts == 0 and all(
                    self._place(b) for b in np.split(matrix, parts, axis=1)
                ):
                    return "exact", {}
        return self._damaged(flat)

    # -- matrices ------------------------------------------------------------------------------------------

    def _place(self, block: np.ndarray) -> bool:
        return any(_hits(matrix, block, exact=True) for _, matrix in self.matrices) or any(
            _hits(matrix.T, block, exact=True)
            for _, matrix in self.matrices
            if matrix.shape == block.shape[::-1]
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
        for name, matrix in self.matrices:
            for source in (matrix, matrix.T):
                for other in _hits(source, block, exact=False):
                    return name, int((other != block).sum()), float(np.abs(other - block).max())
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

    def _slices(self, size: int, dtype: np.dtype[Any]) -> Iterator[tuple[str, np.ndarray]]:
        for name, vector in self.vectors:
            if vector.size % size == 0 and vector.size <= 64 * size and vector.dtype == dtype:
                yield from ((name, part) for part in vector.reshape(-1, size))

    def _sums(self, size: int, dtype: np.dtype[Any]) -> Iterator[tuple[str, np.ndarray]]:
        parts = list(self._slices(size, dtype))
        for name, part in parts:
            yield from ((name, part + dtype.type(scalar)) for scalar in self.scalars)
        if len(parts) <= 128:
            yield from ((a, x + y) for a, x in parts for _, y in parts)

    def _part(self, part: np.ndarray) -> str:
        if not part.any() or (part == part[0]).all():
            return "exact"
        if any(np.array_equal(other, part) for _, other in self._slices(part.size, part.dtype)):
            return "exact"
        return (
            "rounded"
            if any(np.array_equal(o, part) for _, o in self._sums(part.size, part.dtype))
            else ""
        )

    def _near_part(self, part: np.ndarray) -> tuple[str, int, float] | None:
        if self._part(part):
            return ("", 0, 0.0)
        for source in (self._slices, self._sums):
            for name, other in source(part.size, part.dtype):
                if _close(other, part):
                    return name, int((other != part).sum()), float(np.abs(other - part).max())
        return None


def _hits(matrix: np.ndarray, block: np.ndarray, /, *, exact: bool) -> list[np.ndarray]:
    """The sub-matrices, at any row and at columns that are multiples of the block's width, equal (or near) to the block."""
    rows, width = block.shape
    if (
        not width
        or matrix.shape[0] < rows
        or matrix.shape[1] < width
        or matrix.dtype != block.dtype
    ):
        return []
    found = []
    anchor = int(np.argmax(np.abs(block).max(axis=1)))
    for left in range(0, matrix.shape[1] - width + 1, width):
        part = matrix[:, left : left + width]
        lines = part[anchor : matrix.shape[0] - rows + 1 + anchor]
        same = (lines == block[anchor]).all(axis=1) if exact else _near_lines(lines, block[anchor])
        for top in np.flatnonzero(same):
            other = part[top : top + rows]
            if np.array_equal(other, block) if exact else _close(other, block):
                found.append(other)
                break
        if found:
            break
    return found


def _near_lines(lines: np.ndarray, line: np.ndarray) -> np.ndarray:
    near = np.abs(lines - line) <= NEAR * np.abs(line).max(initial=0.0)
    return np.asarray(near.all(axis=1))


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max(initial=0.0) <= NEAR * np.abs(b).max(initial=0.0))

"""What is known so far, and the rules still to be applied."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from converters.graph import Node

Dims = tuple[int | None, ...]
"""Sizes, None where one is not known; the number of them is the rank."""
LONGEST = 16
"""Items of a vector whose values are followed: shapes, axes and permutations are short."""
MAX_RANK = 254
"""TensorFlow's own limit; a hostile file may declare a vector of sizes as long as it likes."""
_WHOLE = frozenset(("int32", "int64", "int8", "int16", "uint8"))


class Shapes:
    """``dims`` and ``value`` by tensor; what is told once is refined and never taken back.

    A tensor is refined at most once for its rank and once for each axis, and only the rules around it are applied again: the work grows with the
    number of nodes.
    """

    def __init__(self, constants: Callable[[str], np.ndarray | None]) -> None:
        self._constants = constants
        self._dims: dict[str, Dims | None] = {}
        self._values: dict[str, Dims | None] = {}
        self._around: dict[str, list[Node]] = {}
        self._queue: deque[Node] = deque()
        self._waiting: set[str] = set()
        self.constant: dict[str, np.ndarray | None] = {}

    def watch(self, node: Node, tensors: Iterable[str]) -> None:
        """Apply the node's rule whenever one of ``tensors`` becomes better known."""
        for tensor in tensors:
            self._around.setdefault(tensor, []).append(node)
        self._enqueue(node)

    def settle(self, rule: Callable[[Node], None]) -> None:
        """Apply rules until nothing more is told."""
        while self._queue:
            node = self._queue.popleft()
            self._waiting.discard(node.name)
            rule(node)

    def _enqueue(self, node: Node) -> None:
        if node.name not in self._waiting:
            self._waiting.add(node.name)
            self._queue.append(node)

    def _changed(self, tensor: str) -> None:
        for node in self._around.get(tensor, ()):
            self._enqueue(node)

    # ---- shapes ------------------------------------------------------------------------------------------------

    def dims(self, tensor: str) -> Dims | None:
        """The sizes; None where the rank is not known."""
        if tensor not in self._dims:
            array = self.array(tensor)
            self._dims[tensor] = None if array is None else tuple(map(int, array.shape))
        return self._dims[tensor]

    def rank(self, tensor: str) -> int | None:
        found = self.dims(tensor)
        return None if found is None else len(found)

    def dim(self, tensor: str, axis: int) -> int | None:
        """One size; None where it, or the rank, is not known."""
        found = self.dims(tensor)
        return found[axis] if found and -len(found) <= axis < len(found) else None

    def tell(self, tensor: str, dims: Sequence[int | None] | None) -> None:
        """``tensor`` has these sizes. What contradicts what is known is dropped: a branch that never runs may say anything."""
        if dims is None or len(dims) > MAX_RANK or any(d is not None and d < 0 for d in dims):
            return
        old = self.dims(tensor)
        if old is None:
            self._dims[tensor] = tuple(dims)
            self._changed(tensor)
            return
        if len(old) != len(dims):
            return
        new = tuple(b if a is None else a for a, b in zip(old, dims, strict=True))
        if new != old:
            self._dims[tensor] = new
            self._changed(tensor)

    def tell_rank(self, tensor: str, rank: int | None) -> None:
        if rank is not None and 0 <= rank <= MAX_RANK:
            self.tell(tensor, (None,) * rank)

    def all_of_rank(self, rank: int, *tensors: str) -> bool:
        """Tell them that rank; whether nothing known before says another."""
        for tensor in tensors:
            self.tell_rank(tensor, rank)
        return all(self.rank(tensor) == rank for tensor in tensors)

    def tell_dim(self, tensor: str, axis: int, size: int | None) -> None:
        """One size, where the rank is known."""
        rank = self.rank(tensor)
        if size is None or rank is None or not -rank <= axis < rank:
            return
        axis %= rank
        self.tell(tensor, tuple(size if k == axis else None for k in range(rank)))

    def same(self, *tensors: str) -> None:
        """All of one shape."""
        merged: Dims | None = None
        for dims in map(self.dims, tensors):
            if merged is None:
                merged = dims
            elif dims is not None and len(dims) == len(merged):
                merged = tuple(b if a is None else a for a, b in zip(merged, dims, strict=True))
        for tensor in tensors:
            self.tell(tensor, merged)

    def same_rank(self, *tensors: str) -> None:
        rank = next((r for r in map(self.rank, tensors) if r is not None), None)
        for tensor in tensors:
            self.tell_rank(tensor, rank)

    def same_dim(self, *places: tuple[str, int]) -> None:
        """One size at several (tensor, axis)."""
        size = next((d for d in (self.dim(*place) for place in places) if d is not None), None)
        for tensor, axis in places:
            self.tell_dim(tensor, axis, size)

    # ---- values of short integer vectors -----------------------------------------------------------------------

    def value(self, tensor: str) -> Dims | None:
        """The items of an integer scalar or short vector, None for an unknown item; None where nothing is known."""
        if tensor not in self._values:
            array = self.array(tensor)
            short = array is not None and array.ndim <= 1 and array.size <= LONGEST
            known = array is not None and short and str(array.dtype) in _WHOLE
            self._values[tensor] = (
                tuple(map(int, array.reshape(-1))) if known and array is not None else None
            )
        return self._values[tensor]

    def known(self, tensor: str) -> tuple[int, ...] | None:
        """The items, where every one is known."""
        found = self.value(tensor)
        if found is None or None in found:
            return None
        return tuple(item for item in found if item is not None)

    def scalar(self, tensor: str) -> int | None:
        """The one item."""
        found = self.value(tensor)
        return found[0] if found and len(found) == 1 else None

    def tell_value(self, tensor: str, items: Sequence[int | None] | None) -> None:
        if items is None or len(items) > LONGEST:
            return
        old = self.value(tensor)
        if old is not None and len(old) != len(items):
            return
        new = tuple(items)
        if old is not None:
            new = tuple(b if a is None else a for a, b in zip(old, items, strict=True))
        if new != old:
            self._values[tensor] = new
            self._changed(tensor)

    def array(self, tensor: str) -> np.ndarray | None:
        """The value of a constant or variable."""
        if tensor not in self.constant:
            self.constant[tensor] = self._constants(tensor)
        return self.constant[tensor]

"""``RecordingOps``: the base of interpreters that build something (an expression graph, an ONNX graph).

Every operation runs :class:`AbstractOps` beside itself. Where the result is known as plain numbers it becomes a constant;
otherwise the subclass's one method :meth:`RecordingOps.emit` says what is built::

    class OnnxOps(RecordingOps):
        def constant(self, value): ...             # an array with .fact (and Fact.value) for a literal
        def emit(self, op, args, params, facts): ...   # a tuple of arrays, one per fact

Arrays are objects of the subclass's own, with ``.fact`` (a Fact) and, by :class:`reference.vocabulary.arrays.Operators`,
``.ops``. ``args`` and ``params`` are the canonical call of :mod:`reference.vocabulary.signatures`; Python scalars met in an
operand's place have become constants of their partner's dtype. ``facts`` say dtype, symbolic shape and, for shape
arithmetic, symbolic value of each result: an argument's ``.fact.value`` may be an object array of Dims.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from reference.vocabulary.abstract import AbstractOps
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import as_static
from reference.vocabulary.arrays import concrete
from reference.vocabulary.scalars import promote
from reference.vocabulary.signatures import MULTIPLE, SIGNATURES, bind, call


class RecordingOps:
    """Subclasses give ``constant`` and ``emit``; every vocabulary operation is a method."""

    abstract: AbstractOps

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self) -> None:
        self.abstract = AbstractOps()

    @abstractmethod
    def constant(self, value: np.ndarray, /) -> Any:
        """An array for a literal; its Fact holds the value."""

    @abstractmethod
    def emit(
        self, op: str, args: tuple[Any, ...], params: Mapping[str, Any], facts: tuple[Fact, ...]
    ) -> tuple[Any, ...]:
        """Build ``op``; one array per fact."""

    def dtype_of(self, x: Any, /) -> str:
        return str(x.fact.dtype)

    def rank_of(self, x: Any, /) -> int:
        return len(x.shape)

    def dims_of(self, x: Any, /) -> tuple[int | None, ...]:
        return as_static(x.shape)

    def static(self, x: Any, /) -> np.ndarray | None:
        return concrete(x.fact)

    def apply(self, op: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run ``op``: facts first, then fold or emit."""
        operands, params = bind(op, args, kwargs)
        operands = promote(self, op, operands)
        known = call(self.abstract, op, operands, params)
        results = known if op in MULTIPLE else (known,)
        facts = tuple(result.fact for result in results)
        if all(concrete(fact) is not None for fact in facts):
            arrays = self.fold(op, tuple(operands), params, facts)
        else:
            arrays = self.emit(op, tuple(operands), params, facts)
        return arrays if op in MULTIPLE else arrays[0]

    def fold(
        self, op: str, args: tuple[Any, ...], params: Mapping[str, Any], facts: tuple[Fact, ...]
    ) -> tuple[Any, ...]:
        """Constants for results that are known."""
        values = (concrete(fact) for fact in facts)
        return tuple(self.constant(value) for value in values if value is not None)


def operation(op: str) -> Callable[..., Any]:
    """The method that runs ``op`` through ``apply``."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.apply(op, args, kwargs)

    method.__name__ = op
    return method


for _op in SIGNATURES:
    setattr(RecordingOps, _op, operation(_op))

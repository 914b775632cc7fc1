"""The weights of a class: arrays that go on training, and those too large or too odd to be written down."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.program import Recurrence, walk
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.operations import INLINE
from converters.to_source.blocks.regions import Region
from converters.to_source.blocks.trace import Trace
from converters.to_source.blocks.words import short
from converters.to_source.names import is_noise, scope
from reference.cells.base import map_weights
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr


class Weights:
    """Defines known values in a trace.

    Args:
        bound: learns the tensors that stand for weights.
    """

    def __init__(self, trace: Trace, bound: dict[Expr, Any]) -> None:
        self.trace, self.bound = trace, bound
        self.found: dict[str, tuple[Any, np.ndarray]] = {}

    def of(self, region: Region, context: Context, /) -> dict[str, tuple[Any, np.ndarray]]:
        """By name: the tensors that stand for weights, and their arrays; other known values are constants.

        The cells of recurrences inside loops and branches have expressions for theirs afterwards.
        """
        for name in region.known:
            path = context.variable(name)
            value = np.asarray(context.known(name))
            self.trace.define(name, self._expr(path or _said(name), value, bool(path)))
        variables = set(context.program.variables.values())
        for one in walk(tuple(region.statements)):
            if isinstance(one, Recurrence):
                self._cell(one, variables)
        return self.found

    def _cell(self, one: Recurrence, variables: set[str]) -> None:
        def expr(path: str, value: Any) -> Expr:
            name = one.parameters.get(path) or f"{one.name}/{path}"
            return self._expr(name, np.asarray(value), name in variables)

        self.trace.cells[one.name] = map_weights(expr, one.cell)

    def _expr(self, path: str, value: np.ndarray, variable: bool) -> Expr:
        """What stands for it: an input of the trace, or the number itself."""
        if not is_weight(value, variable):
            return self.trace.tracer.constant(value)
        while path in self.found and not np.array_equal(self.found[path][1], value):
            path += "_"
        fact = Fact(str(value.dtype), tuple(value.shape))
        made = self.trace.tracer.input(f"weight {path}", fact)
        if made not in self.bound:
            self.bound[made] = keras.Input(batch_shape=value.shape, dtype=str(value.dtype))
            self.found[path] = self.bound[made], value
        return made


def _said(value: str) -> str:
    """A name for numbers that are no variable."""
    name = short(value)
    return (scope(name) or "weight") if is_noise(name) else name


def is_weight(value: np.ndarray, variable: bool, /) -> bool:
    """Whether an array is one of the class' weights: it goes on training, or is too large or too odd to be written down."""
    if value.dtype.kind not in "fiub":
        return False
    if value.size > INLINE:
        return True
    odd = value.dtype.kind == "f" and value.size > 2 and len(np.unique(value)) > 2
    return odd or (variable and value.dtype.kind == "f" and value.size > 1)

"""The Program while it grows: TF ops appended one by one, each with its facts worked out at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters import tf_ops
from converters.graph import DType, Node
from converters.program import OpNode, Program, Recurrence, Statement
from converters.read_keras.values import Value
from reference.errors import NotConvertibleError, Reason, RnnportError
from reference.vocabulary.abstract import AbstractOps, Fact

Size = Any
"""An int, or a Value of rank 0 (int32)."""
_SMALL = 256


class Builder:
    """Statements, constants and facts; names are taken from the layer being read (:attr:`prefix`)."""

    def __init__(self) -> None:
        self.ops = AbstractOps()
        self.prefix = ""
        self.masks: Any = None
        """The :class:`~converters.read_keras.masks.Masks` of this model."""
        self.statements: list[Statement] = []
        self.constants: dict[str, np.ndarray] = {}
        self.variables: dict[str, str] = {}
        self.facts: dict[str, Fact] = {}
        self.inputs: dict[str, Fact] = {}
        self._arrays: dict[str, Any] = {}
        self._taken: dict[str, int] = {}
        self._known: dict[Any, Value] = {}
        self._made: dict[Any, tuple[Value, ...]] = {}

    # -- values ----------------------------------------------------------------------------------

    def unique(self, name: str, /) -> str:
        """``name``, numbered where it is taken."""
        count = self._taken.get(name, 0)
        self._taken[name] = count + 1
        return name if not count else self.unique(f"{name}_{count}")

    def _define(self, name: str, array: Any) -> Value:
        self._arrays[name] = array
        self.facts[name] = array.fact
        return Value(name, array.fact)

    def input(self, name: str, fact: Fact, /) -> Value:
        """An input of the model."""
        name = self.unique(name)
        self.inputs[name] = fact
        return self._define(name, self.ops.input(fact))

    def constant(self, value: Any, dtype: str | None = None, /) -> Value:
        """A literal; small equal ones share a name."""
        array = np.asarray(value, dtype)
        key = (str(array.dtype), array.shape, array.tobytes()) if array.nbytes <= _SMALL else None
        if key in self._known:
            return self._known[key]
        name = self.unique(f"{self.prefix}/const:0")
        self.constants[name] = array
        found = self._define(name, self.ops.constant(array))
        if key is not None:
            self._known[key] = found
        return found

    def weight(self, array: np.ndarray, path: str, /) -> Value:
        """A variable of the model."""
        if path in self._known:
            return self._known[path]
        name = self.unique(f"{path}:0")
        self.constants[name] = array
        self.variables[name] = path
        self._known[path] = self._define(name, self.ops.constant(array))
        return self._known[path]

    def known(self, x: Value, /) -> np.ndarray | None:
        """The value where it is known now."""
        found = self.ops.static(self._arrays[x.name])
        return None if found is None else np.asarray(found)

    # -- statements ------------------------------------------------------------------------------

    def call(self, op: str, *inputs: Any, outputs: int = 1, **attrs: Any) -> tuple[Value, ...]:
        """A TF op. Equal calls are made once.

        Raises:
            NotConvertibleError: the op cannot take these; the layer is named.
        """
        taken = [x if isinstance(x, Value) else self.constant(x) for x in inputs]
        key = (
            op,
            tuple(x.name for x in taken),
            outputs,
            tuple(sorted((k, repr(v)) for k, v in attrs.items())),
        )
        if key in self._made:
            return self._made[key]
        name = self.unique(f"{self.prefix}/{op}" if self.prefix else op)
        node = Node(name, op, tuple(x.name for x in taken), (), attrs)
        self.ops.hint = name
        try:
            found = tf_ops.apply(self.ops, node, [self._arrays[x.name] for x in taken])
        except NotConvertibleError:
            raise
        except (RnnportError, ValueError, TypeError, IndexError, AssertionError) as error:
            raise refused(self.prefix, f"{op}: {error}") from error
        names = tuple(f"{name}:{index}" for index in range(len(found)))
        self.statements.append(OpNode(node, names))
        made = tuple(self._define(n, array) for n, array in zip(names, found, strict=True))
        self._made[key] = made
        return made

    def __call__(self, op: str, *inputs: Any, **attrs: Any) -> Value:
        """A TF op of one output."""
        return self.call(op, *inputs, **attrs)[0]

    def recurrence(self, statement: Recurrence, facts: Sequence[Fact], /) -> tuple[Value, ...]:
        """A Recurrence; facts of its outputs, then of its final states."""
        self.statements.append(statement)
        return tuple(
            self._define(name, self.ops.input(fact))
            for name, fact in zip(statement.defines, facts, strict=True)
        )

    # -- what is often needed --------------------------------------------------------------------

    def cast(self, x: Value, dtype: str, /) -> Value:
        return x if x.dtype == dtype else self("Cast", x, DstT=DType(dtype)).masked(x.mask)

    def like(self, x: Value, number: Any, /) -> Value:
        """A rank-0 constant of the dtype of x."""
        return self.constant(np.asarray(number).astype(x.dtype))

    def size(self, x: Value, axis: int, /) -> Size:
        """The size of an axis: an int where it is known."""
        dim = x.shape[axis]
        if isinstance(dim, int):
            return dim
        place = axis % x.rank
        shape = self("Shape", x)
        begin, end = (np.array([v], np.int32) for v in (place, place + 1))
        return self("StridedSlice", shape, begin, end, np.array([1], np.int32), shrink_axis_mask=1)

    def vector(self, sizes: Sequence[Size], /) -> Value:
        """A shape: int32 ``[n]``."""
        if all(isinstance(size, int) for size in sizes):
            return self.constant(np.array(sizes, np.int32))
        parts = [x if isinstance(x, Value) else self.constant(np.array(x, np.int32)) for x in sizes]
        return self("Pack", *parts, axis=0)

    def zeros(self, sizes: Sequence[Size], dtype: str, /) -> Value:
        if all(isinstance(size, int) for size in sizes) and int(np.prod(sizes)) * 8 <= _SMALL:
            return self.constant(np.zeros(sizes, dtype))
        return self("Fill", self.vector(sizes), np.zeros((), dtype))

    def reshape(self, x: Value, sizes: Sequence[Size], /) -> Value:
        return self("Reshape", x, self.vector(sizes))

    def transpose(self, x: Value, perm: Sequence[int], /) -> Value:
        return (
            x
            if list(perm) == list(range(x.rank))
            else self("Transpose", x, np.array(perm, np.int32))
        )

    def expand(self, x: Value, axis: int, /) -> Value:
        return self("ExpandDims", x, np.array(axis, np.int32))

    def squeeze(self, x: Value, axis: int, /) -> Value:
        return self("Squeeze", x, squeeze_dims=(axis,))

    def reduce(self, op: str, x: Value, axes: Any, keepdims: bool = False, /) -> Value:
        """Sum, Mean, Max, Min, Prod, Any or All; ``axes`` None for all."""
        chosen = (
            range(x.rank) if axes is None else axes if isinstance(axes, list | tuple) else [axes]
        )
        numbers = np.array([axis % x.rank for axis in chosen], np.int32)
        return self(op, x, numbers, keep_dims=bool(keepdims))

    def concat(self, xs: Sequence[Value], axis: int, /) -> Value:
        return xs[0] if len(xs) == 1 else self("ConcatV2", *xs, np.array(axis, np.int32), N=len(xs))

    def program(self, outputs: dict[str, Value]) -> Program:
        """The finished Program, without what no output needs."""
        needed = {value.name for value in outputs.values()}
        kept: list[Statement] = []
        for statement in reversed(self.statements):
            made = statement.defines if isinstance(statement, Recurrence) else statement.outputs
            if needed.intersection(made):
                kept.append(statement)
                needed.update(statement.inputs)
        names = {name: value.name for name, value in outputs.items() if name != value.name}
        return Program(
            inputs=self.inputs,
            outputs=tuple(outputs),
            statements=tuple(kept[::-1]),
            constants={n: v for n, v in self.constants.items() if n in needed},
            variables={n: v for n, v in self.variables.items() if n in needed},
            facts=self.facts,
            names=names,
        )


def refused(layer: str, text: str) -> NotConvertibleError:
    """The error for a layer that cannot be converted, with its one reason."""
    return NotConvertibleError(f"layer {layer!r}: {text}", (Reason(layer, text),))

"""``OnnxOps``: the vocabulary, each operation as ONNX nodes.

Dtype, symbolic shape and known values are worked out beside (:class:`reference.vocabulary.recording.RecordingOps`), so that what is
known becomes a constant and shape arithmetic vanishes. How an operation is written is the business of :mod:`converters.to_onnx.emit`, one
function each; where it is written, inside or outside a loop, of :mod:`builder` and :mod:`hoist`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.to_onnx import sizes
from converters.to_onnx.builder import Builder, Scope
from converters.to_onnx.emit import emitter
from converters.to_onnx.hoist import hoisted
from converters.to_onnx.kernels import carrier
from converters.to_onnx.layer_norm import LayerNorms
from converters.to_onnx.streaming import TimeGuard
from converters.to_onnx.values import Value, narrowed
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, Size
from reference.vocabulary.arrays import concrete
from reference.vocabulary.recording import RecordingOps

LARGEST_FOLD = 1 << 20
"""Bytes above which a constant that is cheap to compute is left to the runtime."""
_CHEAP = frozenset(("fill", "broadcast_to", "tile", "range", "one_hot", "pad", "eye"))

Operand = Any
"""A Value or the name of an ONNX value."""


@dataclass(eq=False, slots=True)
class Frame:
    """The body of a Scan being written: the sequences it reads an item of at every step."""

    scope: Scope
    sequences: dict[str, str] = field(default_factory=dict)
    """Name of the body's input, by the name of the sequence."""

    def port(self, ops: OnnxOps, item: Value, /) -> str:
        """The body's input that holds ``item``."""
        assert item.rows is not None
        outside = ops.ref(item.rows)
        if outside not in self.sequences:
            name = ops.build.unique(f"{outside}|item")
            ops.build.home[name] = self.scope
            self.sequences[outside] = name
        return self.sequences[outside]


class OnnxOps(RecordingOps):
    """The interpreter. ``narrow`` maps dtypes to those computed in instead (``{"float32": "float16"}``)."""

    def __init__(
        self,
        *,
        opset: int,
        narrow: Mapping[str, str] | None = None,
        times: frozenset[str] = frozenset(),
        quantise: bool = False,
    ) -> None:
        super().__init__()
        self.opset = opset
        self.narrow = dict(narrow or {})
        self.stored: dict[str, str] = {}
        self.build = Builder()
        self.guard = TimeGuard(times)
        self.quantise, self.quantised = quantise, list[str]()
        """Names of the recurrences whose weights became int8."""
        self.steps: list[Frame] = []
        """The bodies of Scans being written, innermost last."""
        self.transposed: dict[str, tuple[Value, tuple[int, ...]]] = {}
        """By the name of a transposed value: what it was transposed from, and how."""
        self.zeros: set[str] = set()
        """Names of float arrays that are zero throughout."""
        self.uncut: dict[str, str] = {}
        """By the name of an array cut to the batch's rows: the array with the row that an empty batch needs."""
        self.sides: dict[str, tuple[str, int, int]] = {}
        """By the name of one direction's sequence: the operator's whole result, which direction it is, and of how many."""
        self.gathered: dict[str, Any] = {}
        """By the name of a sequence that was run in segments of time: its ``Gathered``."""
        self.ramps: set[str] = set()
        """Names of vectors 0, 1, 2, …"""
        self.norms = LayerNorms()
        self.facts: dict[str, Fact] = {}
        """What is known of values in the bodies of Scans, by name."""
        self.natural: set[str] = set()
        """Names of integers that cannot be negative."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def constant(self, value: np.ndarray, /, label: str = "") -> Value:
        """A literal; nothing is written until something reads it."""
        value = np.asarray(value)
        text = value.dtype.kind in "OSU"
        dtype = "string" if text else self.narrow.get(str(value.dtype), str(value.dtype))
        if not text:
            value = narrowed(value, dtype)
        return Value(self, Fact(dtype, value.shape, value), label=label)

    def weight(self, value: np.ndarray, label: str, /) -> Value:
        """A cell's weight; in a model narrowed elsewhere it is stored narrow and cast when the model is loaded."""
        small = self.stored.get(str(value.dtype))
        if small is None:
            return self.constant(value, label)
        name = self.node("Cast", self.build.constant(narrowed(value, small), label), to=1)
        return Value(self, Fact(str(value.dtype), value.shape), name)

    @contextmanager
    def wide(self) -> Iterator[None]:
        """Without narrowing, but for how weights are stored."""
        self.stored, self.narrow = self.narrow, self.stored
        try:
            yield
        finally:
            self.stored, self.narrow = self.narrow, self.stored

    def input(self, name: str, fact: Fact, /) -> Value:
        """An input of the present scope."""
        value = Value(self, fact, self.build.port(name, fact.dtype, fact.shape))
        self.note_sizes(value)
        return value

    def cast(self, x: Value, dtype: str, /) -> Value:
        """As the vocabulary's, with the narrowed dtype in place of the wide one."""
        return self.apply("cast", (x, self.narrow.get(dtype, dtype)), {})  # type: ignore[no-any-return]

    def emit(
        self, op: str, args: tuple[Any, ...], params: Mapping[str, Any], facts: tuple[Fact, ...]
    ) -> tuple[Value, ...]:
        """Write ``op``, for all steps at once where it depends on a sequence's items alone."""
        self.guard.check(self, op, args, params)
        results = self._written(op, args, params, facts)
        self.guard.made(op, args, results)
        return results

    def _written(
        self, op: str, args: tuple[Any, ...], params: Mapping[str, Any], facts: tuple[Fact, ...]
    ) -> tuple[Value, ...]:
        early = hoisted(self, op, args, params, facts) or self.norms.fused(self, op, args, facts)
        if early is not None:
            return early
        found = emitter(op)(self, facts if len(facts) > 1 else facts[0], *args, **params)
        results = found if isinstance(found, tuple) else (found,)
        wrapped = tuple(self.wrap(r, fact) for r, fact in zip(results, facts, strict=True))
        return self.norms.note(op, args, params, wrapped)

    def fold(
        self, op: str, args: tuple[Any, ...], params: Mapping[str, Any], facts: tuple[Fact, ...]
    ) -> tuple[Value, ...]:
        """Constants, unless they are large and cheap to compute."""
        if op in _CHEAP and any(_bytes(fact) > LARGEST_FOLD for fact in facts):
            return self.emit(op, args, params, facts)
        return tuple(super().fold(op, args, params, facts))

    def wrap(self, found: Value | str, fact: Fact, /) -> Value:
        """What an emitter gave, with what is known of it."""
        if isinstance(found, Value):
            if found.fact.shape is None or (fact.value is not None and found.fact.value is None):
                found.fact = fact
            return found
        value = Value(self, fact, found)
        self.note_sizes(value)
        if self.steps:
            self.facts.setdefault(found, fact)
        return value

    def note_sizes(self, value: Value, /) -> None:
        """Remember where each unknown size of ``value`` can be read at run time."""
        if value.name is None or value.fact.shape is None:
            return
        scope = self.build.home[value.name]
        for axis, dim in enumerate(value.fact.shape):
            if isinstance(dim, Size):
                name = sizes.lone_unknown(dim) or f"={dim}"
                scope.symbols.setdefault(name, (value.name, axis))

    # -- writing nodes ---------------------------------------------------------------------------

    def ref(self, x: Operand, /) -> str:
        """The ONNX name of a value; constants, items of sequences and symbolic sizes get theirs here."""
        if isinstance(x, str):
            return x
        if (known := concrete(x.fact)) is not None and x.name is None:
            x.name = self.build.constant(known, x.label)
        elif x.fact.value is not None and known is None:
            name = sizes.symbolic(self, x.fact)
            return x.name if name is None and x.name is not None else name or self._lost(x)
        elif x.name is None and x.frame is not None:
            x.name = str(x.frame.port(self, x))
        name = x.name or self._lost(x)
        if self.steps:
            self.facts.setdefault(name, x.fact)
        return name

    def _lost(self, x: Value) -> str:
        msg = f"{self.build.prefix}: a value of shape {x.fact.shape} has no place in the ONNX graph"
        raise NotConvertibleError(msg)

    def node(self, op: str, *inputs: Operand | None, **attrs: Any) -> str:
        """One node of one output."""
        return self.nodes(op, 1, *inputs, **attrs)[0]

    def nodes(self, op: str, outputs: int, *inputs: Operand | None, **attrs: Any) -> list[str]:
        """One node of several outputs."""
        names = ["" if x is None else self.ref(x) for x in inputs]
        while names and not names[-1]:
            names.pop()
        domain = attrs.pop("domain", "")
        return self.build.add(op, names, attrs, outputs=outputs, domain=domain)

    def compute(self, op: str, dtype: str, *inputs: Operand, result: str = "", **attrs: Any) -> str:
        """A node whose operands are of ``dtype``, through a wider one where the runtime has no kernel.

        ``result`` is the dtype of the node's result where it is not the operands' (comparisons).
        """
        wide = carrier(op, dtype)
        if wide == dtype:
            return self.node(op, *inputs, **attrs)
        name = self.node(op, *(self.to(x, wide) for x in inputs), **attrs)
        return name if result else self.to(name, dtype)

    def to(self, x: Operand, dtype: str, /) -> str:
        """``x`` cast to ``dtype``, a constant at conversion."""
        if isinstance(x, Value):
            if x.fact.dtype == dtype:
                return self.ref(x)
            known = concrete(x.fact)
            if known is not None and dtype != "string" and x.fact.dtype != "string":
                return self.array(known.astype(dtype))
        return self.cast_node(x, dtype)

    def cast_node(self, x: Operand, dtype: str, /) -> str:
        """A Cast. ONNX Runtime 1.31 ends the process at a Cast between a Transpose and a MatMul: of a transposed value, the origin is cast."""
        name = self.ref(x)
        if name in self.transposed:
            source, perm = self.transposed[name]
            wide = "float32" if dtype == "float16" else dtype
            moved = self.node("Transpose", self.to(source, wide), perm=list(perm))
            return moved if wide == dtype else self.node("Cast", moved, to=sizes.onnx_type(dtype))
        return self.node("Cast", name, to=sizes.onnx_type(dtype))

    def array(self, value: Any, dtype: str | None = None, /) -> str:
        """The name of a constant."""
        return self.build.constant(np.asarray(value, dtype))

    def scalar(self, value: Any, dtype: str, /) -> str:
        """The name of a rank-0 constant."""
        return self.array(np.asarray(value).astype(dtype))

    def axes(self, values: Sequence[int], /) -> str:
        """The name of an int64 vector."""
        return self.array(np.asarray(values, np.int64))

    def depth(self, x: Any, /) -> int:
        """How deep in loops and branches a value lives."""
        if not isinstance(x, Value) or (x.name is None and x.frame is None):
            return 0
        return int(x.frame.scope.depth) if x.name is None else self.build.home[x.name].depth

    def size(self, dim: Dim, /) -> Any:
        """A size as an item of a shape: an int, or a rank-0 int64."""
        if not isinstance(dim, Size):
            return int(dim)
        value = np.empty((), object)
        value[()] = dim
        return Value(self, Fact("int64", (), value))

    def amount(self, dim: Dim, /) -> Value:
        """A size as a rank-0 int64."""
        size = self.size(dim)
        return size if isinstance(size, Value) else self.constant(np.asarray(size, np.int64))

    @contextmanager
    def one_level_out(self) -> Iterator[None]:
        """Outside the innermost Scan being written."""
        frame, scope = self.steps.pop(), self.build.scope
        self.build.scope = frame.scope.parent or self.build.root
        try:
            yield
        finally:
            self.steps.append(frame)
            self.build.scope = scope

    @property
    def scope(self) -> Scope:
        return self.build.scope


def _bytes(fact: Fact) -> int:
    return 0 if fact.value is None else int(fact.value.nbytes)

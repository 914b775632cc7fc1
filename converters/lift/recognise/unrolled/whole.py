"""A whole program traced: every value's expression, equal values one expression."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from converters import tf_ops
from converters.lift.recognise.form.slices import slice_window
from converters.program import OpNode, Program, defined
from reference.errors import RnnportError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import CONSTANT, Expr, Tracer


def constant_sources(program: Program) -> dict[str, str]:
    """A name for every constant: its variable's, or that of the first constant with the same bytes.

    Unrolled layers of tf.keras cut their kernels anew in every step.
    """
    first: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    names: dict[str, str] = {}
    for name, array in program.constants.items():
        source = program.variables.get(name)
        if source is None:
            source = name
            if array.dtype.kind == "f" and array.ndim:
                digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()
                source = first.setdefault((array.dtype.str, array.shape, digest), name)
        names[name] = source
    return names


@dataclass
class TracedProgram:
    """What the vocabulary cannot say (loops, recurrences, refused ops) enters as an input."""

    program: Program
    tracer: Tracer = field(default_factory=Tracer)
    values: dict[str, Expr] = field(default_factory=dict)
    names: dict[Expr, str] = field(default_factory=dict)
    """The first value that is this expression."""

    def __post_init__(self) -> None:
        program = self.program
        for name, fact in program.inputs.items():
            self._set(name, self.tracer.input(name, fact))
        sources = constant_sources(program)
        for name, array in program.constants.items():
            # The same array object, so that the tracer sees one expression.
            same = array if name in program.variables else program.constants[sources[name]]
            self._set(name, self.tracer.constant(same, name=sources[name]))
        for statement in program.statements:
            if isinstance(statement, OpNode) and self._applied(statement):
                continue
            for name in defined(statement):
                self._set(name, self.tracer.input(name, program.facts.get(name, Fact("float32"))))

    def _applied(self, statement: OpNode) -> bool:
        if statement.node.op.startswith("List"):
            return False
        try:
            inputs = [self.values[name] for name in statement.inputs]
            results = tf_ops.apply(self.tracer, statement.node, inputs)
        except (RnnportError, KeyError):
            return False
        for name, expr in zip(statement.outputs, results, strict=False):
            self._set(name, uncut(expr))
        return True

    def _set(self, name: str, expr: Expr) -> None:
        self.values[name] = expr
        if expr.op != CONSTANT:
            self.names.setdefault(expr, name)


def uncut(expr: Expr) -> Expr:
    """The item that a cut takes out of a concat again: ``split(concat([c, h], 1), 2, 1)`` of a packed state is c and h."""
    while expr.op in ("split", "strided_slice"):
        window, source = slice_window(expr), expr.args[0]
        if window is None or source.op != "concat":
            break
        axis, low, high = window
        if source.params["axis"] % len(source.shape) != axis:
            break
        found = _between(source.args[0], axis, low, high)
        if found is None:
            break
        expr = found
    return expr


def _between(items: tuple[Expr, ...], axis: int, low: int, high: int) -> Expr | None:
    """The item that lies from ``low`` to ``high`` along ``axis``."""
    at = 0
    for item in items:
        size = item.shape[axis]
        if not isinstance(size, int) or at > low:
            return None
        if (at, at + size) == (low, high):
            return item
        at += size
    return None

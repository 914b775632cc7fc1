""":func:`to_onnx`: a Program run by :class:`OnnxOps`, statement by statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from onnx import ModelProto

from converters import tf_ops
from converters.program import (
    Conditional,
    Loop,
    OpNode,
    Program,
    Recurrence,
    Statement,
    read_names,
    walk,
)
from converters.records import RecurrenceRecord
from converters.to_onnx import lists, tables
from converters.to_onnx.branches import emit_conditional
from converters.to_onnx.builder import Port
from converters.to_onnx.exported import Exported
from converters.to_onnx.finish import finish
from converters.to_onnx.loops import emit_loop
from converters.to_onnx.native.driver import Side, emit_native
from converters.to_onnx.onnx_ops import OnnxOps
from converters.to_onnx.pairs import paired
from converters.to_onnx.plan import Plan, fed_names, plan
from converters.to_onnx.ranks import ranked
from converters.to_onnx.records import loop_record, record
from converters.to_onnx.scan import emit_scan
from converters.to_onnx.segments.emission import emit_in_segments
from converters.to_onnx.streaming import Pairs, step_model
from converters.to_onnx.values import Value
from converters.unrolled import unrolled_records
from reference.errors import NotConvertibleError, Reason, RnnportError, UsageError
from reference.vocabulary.abstract.fact import Fact

OPSETS = range(17, 27)
"""The operator sets that can be asked for."""
DEFAULT_OPSET = 17
"""Read by ONNX Runtime 1.13 and later; nothing written here needs a newer one."""
_DTYPES = ("float32", "float16", "int8")
_PREFERENCES = ("speed", "native")


def to_onnx(
    program: Program,
    /,
    *,
    opset: int = DEFAULT_OPSET,
    prefer: str = "speed",
    batch: int = 16,
    streaming: bool = False,
    ragged: bool | None = None,
    dtype: str = "float32",
    metadata: Mapping[str, str] | None = None,
) -> Exported:
    """The program as an ONNX model; batch and time stay dynamic, names are TF's tensor names.

    Args:
        prefer: ``"speed"``: a recurrence that ONNX Runtime's own operator runs slower than a Scan at ``batch`` rows becomes a Scan.
        batch: the number of rows that the speed is judged for.
        streaming: a step model, with states as inputs and outputs.
        ragged: batches with lengths in segments of time, each with the rows that have not ended; None: where speed is preferred, from a
            size on, but for float16 and step models; False: everything in one piece.
        dtype: ``"float32"``, ``"float16"`` or ``"int8"`` (LSTM weights only).

    Raises:
        UsageError: an option is not one of those.
        NotConvertibleError: an op, a dtype or a form that ONNX cannot hold; the node is named.
    """
    if opset not in OPSETS:
        msg = f"opset {opset} is not between {OPSETS[0]} and {OPSETS[-1]}"
        raise UsageError(msg)
    if prefer not in _PREFERENCES or batch < 1:
        msg = f"prefer is 'speed' or 'native' and batch at least 1, not {prefer!r} and {batch}"
        raise UsageError(msg)
    if dtype not in _DTYPES:
        msg = f"dtype is one of {', '.join(_DTYPES)}, not {dtype!r}"
        raise UsageError(msg)
    pairs: Pairs = ()
    times: frozenset[str] = frozenset()
    if streaming:
        program, pairs, times = step_model(program)
    narrow = {"float32": "float16"} if dtype == "float16" else None
    if ragged is None and (streaming or dtype == "float16"):
        ragged = False
    ops = OnnxOps(opset=opset, narrow=narrow, times=times, quantise=dtype == "int8")
    exporter = Exporter(program, ops, prefer=prefer, batch=batch, ragged=ragged)
    exported = replace(exporter.run(metadata or {}), states=pairs)
    if dtype == "int8" and not ops.quantised:
        msg = "no recurrence is a native LSTM: there is nothing to quantise to int8"
        raise NotConvertibleError(msg)
    return exported


class Env(dict[str, Any]):
    """Values (and lists) by name; constants come into being when first read, what a subprogram captures is found around it."""

    def __init__(self, ops: OnnxOps, program: Program, around: Env | None = None) -> None:
        super().__init__()
        self.ops, self.program, self.around = ops, program, around

    def __missing__(self, name: str) -> Any:
        if self.around is not None:
            return self.around[name]
        if name not in self.program.constants:
            msg = f"value {name!r} is read before any statement defines it"
            raise UsageError(msg)
        label = self.program.variables.get(name, name)
        self[name] = self.ops.constant(self.program.constants[name], label)
        return self[name]


class Exporter:
    """One conversion."""

    def __init__(
        self, program: Program, ops: OnnxOps, *, prefer: str, batch: int, ragged: bool | None
    ) -> None:
        self.program, self.ops = program, ops
        self.options: Any = {"prefer": prefer, "batch": batch, "ragged": ragged}
        self.options["fed"] = fed_names(program)
        self.records: dict[str, RecurrenceRecord] = {}
        self.read = read_names(program)

    def run(self, metadata: Mapping[str, str]) -> Exported:
        env = Env(self.ops, self.program)
        for name, fact in self.program.inputs.items():
            value = self.ops.input(name, ranked(name, fact))
            env[name] = self.ops.cast(value, fact.dtype) if self.ops.narrow else value
        with named("the model"):
            self.statements(self.program.statements, env)
            model = self.model(env, metadata)
        found = [s.name for s in walk(self.program.statements) if isinstance(s, Recurrence | Loop)]
        records = [self.records[name] for name in found if name in self.records]
        return Exported(model, (*records, *unrolled_records(self.program)))

    def model(self, env: Env, metadata: Mapping[str, str]) -> ModelProto:
        ports = []
        self.ops.build.prefix = ""
        for name in self.program.outputs:
            found = env[self.program.names.get(name, name)]
            if not isinstance(found, Value):
                text = "it is a list of tensors, not a tensor: choose another output"
                msg = f"tensor {name!r}: {text}"
                raise NotConvertibleError(msg, (Reason(name, text),))
            value = self.widened(name, found)
            fact = ranked(name, value.fact, self.program)
            ports.append((name, Port(self.ops.ref(value), fact.dtype, fact.shape)))
        return finish(
            self.ops.build,
            ports,
            opset=self.ops.opset,
            domains={"com.microsoft": 1, tables.DOMAIN: tables.VERSION},
            metadata=metadata,
        )

    def widened(self, name: str, value: Value) -> Value:
        """An output in the dtype it has in TF, where the model computes in a narrower one."""
        source = self.program.names.get(name, name)
        fact = self.program.facts.get(source)
        wide = "float32" if fact is None else fact.dtype
        if self.ops.narrow.get(wide) != value.fact.dtype:
            return value
        return self.ops.wrap(self.ops.to(value, wide), Fact(wide, value.fact.shape))

    def statements(self, statements: tuple[Statement, ...], env: Env) -> None:
        ordered, partners = self.pairs(statements, env)
        second = set(partners.values())
        by_name = {s.name: s for s in ordered if isinstance(s, Recurrence)}
        for statement in ordered:
            if isinstance(statement, Recurrence):
                if statement.name not in second:
                    mate = by_name.get(partners.get(statement.name, ""))
                    with named(statement.name):
                        self.recurrence((statement,) if mate is None else (statement, mate), env)
            else:
                self.statement(statement, env)

    def pairs(
        self, statements: tuple[Statement, ...], env: Env
    ) -> tuple[list[Statement], dict[str, str]]:
        """Bidirectional pairs are sought in the whole program only, not in the bodies of loops."""
        if statements is not self.program.statements:
            return list(statements), {}
        return paired(
            self.program, {s.name: _shared(s) for s in statements if isinstance(s, Recurrence)}
        )

    def statement(self, statement: Statement, env: Env) -> None:
        with named(statement.node.name if isinstance(statement, OpNode) else statement.name):
            self.written(statement, env)

    def written(self, statement: Statement, env: Env) -> None:
        if isinstance(statement, OpNode):
            self.node(statement, env)
        elif isinstance(statement, Loop):
            self.records[statement.name] = loop_record(statement)
            emit_loop(self, statement, env)
        elif isinstance(statement, Conditional):
            emit_conditional(self, statement, env)

    def node(self, statement: OpNode, env: Env) -> None:
        """One TF op, by its description in the vocabulary."""
        self.at(statement.node.name)
        inputs = [env[name] for name in statement.inputs]
        if lists.is_list_op(statement.node.op):
            fact = self.program.facts.get(statement.outputs[0])
            found = lists.apply(self.ops, statement.node, inputs, fact)
        else:
            found = tables.by_text(self.ops, statement.node, inputs) or tf_ops.apply(
                self.ops, statement.node, inputs
            )
        for name, value in zip(statement.outputs, found, strict=False):
            env[name] = value

    def inner(self, env: Env) -> Env:
        """The values of a subprogram."""
        return Env(self.ops, self.program, env)

    def at(self, name: str) -> None:
        """New nodes are named after ``name``."""
        self.ops.build.prefix = name
        self.ops.abstract.hint = name

    def recurrence(self, parts: tuple[Recurrence, ...], env: Env) -> None:
        self.at(parts[0].name)
        plans = [self.plan(r, env) for r in parts]
        for recurrence, chosen in zip(parts, plans, strict=True):
            self.records[recurrence.name] = record(recurrence, chosen)
        forms = [chosen.native for chosen in plans]
        sides = tuple(Side(r, f) for r, f in zip(parts, forms, strict=True) if f is not None)
        if len(sides) == len(parts) and not any(chosen.segments for chosen in plans):
            ordered = tuple(sorted(sides, key=lambda side: side.recurrence.direction != "forward"))
            emit_native(self.ops, ordered, env)
            return
        for recurrence, chosen in zip(parts, plans, strict=True):
            self.at(recurrence.name)
            if chosen.segments:
                emit_in_segments(
                    self.ops, recurrence, chosen.native, env, self.read, chosen.segments
                )
            elif chosen.native is not None:
                emit_native(self.ops, (Side(recurrence, chosen.native),), env)
            else:
                emit_scan(self.ops, recurrence, env, self.read)

    def plan(self, recurrence: Recurrence, env: Env) -> Plan:
        """Which form the recurrence takes."""
        sequences, initial = (
            [env[name] for name in names]
            for names in (recurrence.sequences, recurrence.initial_state)
        )
        return plan(recurrence, sequences, initial, **self.options)


@contextmanager
def named(node: str) -> Iterator[None]:
    """What a damaged graph makes fail is a refusal with the node's name, never a traceback."""
    try:
        yield
    except RnnportError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        text = f"it cannot be written as ONNX ({type(error).__name__}: {error})"
        msg = f"node {node!r}: {text}"
        raise NotConvertibleError(msg, (Reason(node, text),)) from error


def _shared(recurrence: Recurrence) -> Any:
    """What two recurrences must have in common to be one bidirectional operator."""
    from converters.to_onnx.native import NativeForm, native

    form = native(recurrence.cell)
    if not isinstance(form, NativeForm) or len(recurrence.sequences) != 1:
        return None
    peepholes = form.peepholes is not None
    return (form.op, form.units, form.linear_before_reset, form.input_forget, peepholes)


__all__ = ["DEFAULT_OPSET", "OPSETS", "Env", "Exporter", "record", "to_onnx"]

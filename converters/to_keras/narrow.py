"""Models whose values this backend does not hold are refused, with the node.

An int64 that provably fits 32 bits (:mod:`converters.to_keras.ranges`) is an int32 on a JAX without 64 bits, inputs and outputs too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from converters.lift.recognise.loops.traced import TracedCell
from converters.program import OpNode, Recurrence, Statement, defined, walk
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.dtypes import WIDE, held, narrows, wide_jax
from converters.to_keras.ranges import of_array, ranges_of
from converters.to_keras.slices import is_size
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.tracer import CONSTANT, Expr, needed

STRINGS = ("string", "object")
_WIDER = "set JAX_ENABLE_X64=1, or "


def narrowed(context: Context, /) -> tuple[str, ...]:
    """The outputs of the model that are int64 in TensorFlow and int32 here."""
    facts = {name: context.fact(value) for name, value in context.outputs.items()}
    return tuple(n for n, f in facts.items() if f is not None and held(f.dtype) != f.dtype)


def refuse_dtypes(context: Context, /) -> None:
    """Nothing, where this process's backend holds every value of the model.

    Raises:
        NotConvertibleError: with the node of the first value it cannot hold.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return
    ranges = ranges_of(context) if narrows() else None
    for name, dtype in _watched(context, backend):
        if dtype in STRINGS:
            raise _refusal(name, f"the {backend} backend does not hold {dtype}: ")
        if dtype == "float64" and _lost(context, name, backend):
            more = "" if _lost(context, name, "jax64") or backend != "jax" else _WIDER
            raise _refusal(name, f"the {backend} backend does not hold {dtype}: {more}")
        if dtype in WIDE and ranges is not None:
            found = ranges.of(name)
            if found is None or not found.fits("int32"):
                text = f"nothing tells that its {dtype} values fit 32 bits, and the jax backend holds no more: "
                raise _refusal(name, text + _WIDER)
    if ranges is not None:
        for statement in walk(context.live):
            _refuse_inside(context, statement)


def _refusal(name: str, text: str) -> NotConvertibleError:
    node = name.rpartition(":")[0] or name
    text += "port it on TensorFlow"
    return NotConvertibleError(f"node {node!r}: {text}", (Reason(node, text),))


def _watched(context: Context, backend: str) -> Iterator[tuple[str, str]]:
    """The values to look at, each with its dtype."""
    names = [*context.program.inputs, *context.outputs.values()]
    for statement in walk(context.live) if backend == "jax" else context.live:
        names += defined(statement)
    for name in names:
        fact = context.fact(name)
        if fact is not None:
            yield name, fact.dtype


def _lost(context: Context, name: str, backend: str) -> bool:
    """Whether a float64 is."""
    edge = name in context.program.inputs or name in context.outputs.values()
    wide = backend == "jax64" or (backend == "jax" and wide_jax())
    statement, _ = context.producers.get(name, (None, 0))
    return edge or not wide or isinstance(statement, Recurrence)


def _refuse_inside(context: Context, statement: Statement) -> None:
    """Nothing, where the wide constants that a statement reads fit 32 bits, and what a traced cell computes inside.

    Raises:
        NotConvertibleError: naming the statement.
    """
    if isinstance(statement, Recurrence) and isinstance(statement.cell, TracedCell):
        cell = statement.cell
        wide = next((e for e in _inside(cell) if not _is_narrow(e, cell.inputs)), None)
        if wide is not None:
            text = f"its cell computes {wide.fact.dtype} ({wide.op}), and the jax backend holds 32 bits: "
            raise _refusal(statement.name, text + _WIDER)
    if not isinstance(statement, OpNode):
        return
    for place, name in enumerate(statement.inputs):
        value = context.known(name)
        if value is None or str(value.dtype) not in WIDE or is_size(statement, place):
            continue
        if not of_array(value).fits("int32"):
            text = f"its constant {name} does not fit 32 bits, and the jax backend holds no more: "
            raise _refusal(statement.outputs[0], text + _WIDER)


def _inside(cell: TracedCell) -> list[Expr]:
    """What it computes and carries; its inputs are looked at where they come from."""
    bound = dict.fromkeys((*cell.inputs, *cell.old, *cell.places))
    found = needed((*cell.old, *cell.outputs, *cell.new), bound)
    return [one for one in found if one not in cell.inputs]


def _is_narrow(one: Expr, inputs: Collection[Expr]) -> bool:
    """Whether a value inside a cell is of 32 bits, or certainly fits them."""
    if one.fact.dtype not in (*WIDE, "float64") or one in inputs:
        return True
    if one.fact.dtype == "float64":
        return False
    if one.op == CONSTANT:
        return of_array(np.asarray(one.fact.value)).fits("int32")
    if one.op in ("expand_dims", "reshape", "squeeze", "transpose", "gather", "strided_slice"):
        return _is_narrow(one.args[0], inputs)
    narrow = one.op == "cast" and one.args[0].fact.dtype in ("bool", "int8", "int16", "int32")
    return narrow or one.op in ("argmax", "argmin")

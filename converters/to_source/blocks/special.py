"""Expressions that are no operation of the vocabulary: lists, and what the source says in one word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.ops import NeedsRunTimeError, Value, known, raw
from converters.to_source.blocks.operations import Text, Written
from converters.to_source.blocks.simplify import number
from reference.vocabulary.tracer import Expr

kops = keras.ops


def called(
    name: str, operands: Sequence[Any], specs: Sequence[Any], results: Sequence[str] = ()
) -> Any:
    """A call of a helper of the source."""
    given = list(map(raw, operands))

    def write(text: Text, _args: Sequence[Any]) -> str:
        return f"{name}({', '.join(text(one) for one in given)})"

    tensors = [one for one in given if keras.utils.is_keras_tensor(one)]
    return Written(write, specs, kind=name, helpers=(name,), called=results)(*tensors)


def _new(symbols: Any, expr: Expr, args: list[Any]) -> Value:
    count = raw(args[0])
    count = int(count) if known(count) else count
    sizes = [symbols.size(dim) for dim in expr.shape[1:]]
    if any(n is None for n in sizes):
        msg = "the size of a list's items is not known"
        raise NeedsRunTimeError(msg)
    made: Value = symbols.ops.fill([count, *sizes], Value(np.zeros((), expr.fact.dtype)))
    return made


def _set(symbols: Any, expr: Expr, args: list[Any]) -> Value:
    if expr.params.get("dynamic"):
        msg = "a list is lengthened by values"
        raise NeedsRunTimeError(msg)
    made: Value = symbols.ops.put(*args)
    return made


def _push(symbols: Any, _expr: Expr, args: list[Any]) -> Value:
    made: Value = symbols.ops.concat([args[0], symbols.ops.expand_dims(args[1], 0)], 0)
    return made


def _scatter(symbols: Any, expr: Expr, args: list[Any]) -> Value:
    places, where = raw(args[1]), expr.args[1]
    whole = where.op == "range" and number(where.args[0]) == 0 and number(where.args[2]) == 1
    whole = whole and where.shape[0] == expr.args[2].shape[0]
    if whole or (known(places) and (places == np.arange(len(places))).all()):
        return args[2] if isinstance(args[2], Value) else Value(args[2])
    msg = "a list is written at several places at once"
    raise NeedsRunTimeError(msg)


def gather_tree(args: Sequence[Any], /) -> Value:
    """The beams of ``tokens, parents, lengths, end_token``."""
    like = raw(args[0])
    return Value(called("gather_tree", args, [(tuple(like.shape), like.dtype)], ("beams",)))


def _beams(_symbols: Any, expr: Expr, args: list[Any]) -> Value:
    x, beams = map(raw, args)
    more = tuple(range(2, len(x.shape)))
    place = kops.expand_dims(beams, more[0] if len(more) == 1 else more) if more else beams
    return Value(kops.take_along_axis(x, place, axis=1))


def _lstm(symbols: Any, expr: Expr, args: list[Any]) -> tuple[Value, Value]:
    x, c, h, kernel, bias, forget = map(raw, args)
    specs = [(tuple(c.shape), c.dtype)] * 2
    operands = [x, c, h, kernel, bias] + ([] if forget == 1 else [forget])
    new_c, new_h = called("lstm", operands, specs, symbols.words.lstm(expr))
    return Value(new_c), Value(new_h)


def _repeat(_symbols: Any, expr: Expr, args: list[Any]) -> Value:
    return Value(kops.repeat(raw(args[0]), expr.params["count"], axis=0))


def _reversed(symbols: Any, expr: Expr, args: list[Any]) -> Value:
    if (expr.params["seq_axis"], expr.params["batch_axis"]) != (0, 1):
        made: Value = symbols.ops.reverse_sequence(*args, **expr.params)
        return made
    x = raw(args[0])
    return Value(called("reverse", args, [(tuple(x.shape), x.dtype)]))


SPECIAL: dict[str, Callable[[Any, Expr, list[Any]], Any]] = {
    "ListNew": _new,
    "ListSet": _set,
    "ListPush": _push,
    "ListScatter": _scatter,
    "gather_tree": lambda _symbols, _expr, args: gather_tree(args),
    "take_beams": _beams,
    "lstm": _lstm,
    "repeat": _repeat,
    "reverse_sequence": _reversed,
}

"""An LSTM's step in traced expressions, told by what is done with the four parts of one sum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.to_source.blocks.simplify import Rule, number
from reference.vocabulary.tracer import Expr, Tracer


@dataclass(frozen=True, eq=False)
class Step:
    """``lstm(x, c, h, kernel, bias, forget_bias)``."""

    operands: tuple[Expr, ...]


def lstm_rule(tracer: Tracer, exprs: Iterable[Expr], /) -> Rule:
    """Writes every new c and h found among ``exprs`` as one call's results."""
    found: dict[Expr, tuple[Step, int]] = {}
    for expr in exprs:
        step = _step(tracer, expr)
        if step is not None:
            found[step[0]] = step[1], 0
            found[expr] = step[1], 1

    def rule(again: Tracer, expr: Expr) -> Expr | None:
        if expr not in found:
            return None
        step, place = found[expr]
        facts = (step.operands[1].fact, step.operands[1].fact)
        return again.emit("lstm", step.operands, {}, facts)[place]

    return rule


def _step(tracer: Tracer, h: Expr) -> tuple[Expr, Step] | None:
    """(new c, the step) where h is ``sigmoid(o) * tanh(new c)``."""
    for gate, bent in _pair(h, "multiply"):
        if gate.op != "sigmoid" or bent.op != "tanh" or bent.args[0].op != "add":
            continue
        c_new, out = bent.args[0], gate.args[0]
        for kept, added in _pair(c_new, "add"):
            for forget, c in _pair(kept, "multiply"):
                for i, j in _pair(added, "multiply"):
                    if forget.op == "sigmoid" and i.op == "sigmoid" and j.op == "tanh":
                        step = _whole(tracer, (i.args[0], j.args[0], forget.args[0], out), c)
                        if step is not None:
                            return c_new, step
    return None


def _whole(tracer: Tracer, gates: tuple[Expr, ...], c: Expr) -> Step | None:
    i, j, forget, o = gates
    bias: Any = tracer.constant(np.zeros((), c.fact.dtype))
    for f, more in _pair(forget, "add"):
        if number(more) is not None and f.op == "split":
            forget, bias = f, more
            break
    parts = (i, j, forget, o)
    if any(p.op != "split" or p.group != i.group for p in parts) or [p.index for p in parts] != [
        0,
        1,
        2,
        3,
    ]:
        return None
    total = i.args[0]
    width = c.shape[-1]
    if i.params["sizes"] != (width,) * 4 or len(c.shape) != 2:
        return None
    for product, add in _pair(total, "add"):
        if product.op != "matmul" or product.params["transpose_a"] or product.params["transpose_b"]:
            continue
        joined, kernel = product.args
        if joined.op == "concat" and len(joined.args[0]) >= 2 and len(add.shape) == 1:
            *xs, h = joined.args[0]
            if h.shape[-1] != width or joined.params["axis"] not in (1, -1):
                continue
            x = xs[0] if len(xs) == 1 else tracer.concat(xs, 1)
            return Step((x, c, h, kernel, add, bias))
    return None


def _pair(expr: Expr, op: str) -> list[tuple[Expr, Expr]]:
    if expr.op != op:
        return []
    a, b = expr.args
    return [(a, b), (b, a)]

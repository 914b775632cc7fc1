"""Symbolic tensors: what leads to them, and what is read from around a function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.dtypes import held
from reference.vocabulary.abstract.sizes import Size, as_static
from reference.vocabulary.tracer import Expr


def given(expr: Expr, /) -> Any:
    """A tensor that stands for a value to come."""
    return keras.Input(batch_shape=as_static(expr.shape), dtype=str(held(expr.fact.dtype)))


def single(dim: Size, /) -> str:
    """The name of a size that is one unknown."""
    terms = dim.terms
    alone = len(terms) == 1 and len(terms[0][0]) == 1 and terms[0][1] == 1
    return terms[0][0][0] if alone else ""


def operands(tensor: Any, /) -> list[Any]:
    """The tensors a tensor is made of."""
    operation, place = tensor._keras_history[:2]
    return list(operation._inbound_nodes[place].arguments.keras_tensors)


def in_order(tensor: Any, done: Mapping[int, Any], /) -> list[Any]:
    """The tensors that lead to one, itself last, without those of ``done``."""
    order: list[Any] = []
    seen: set[int] = set()
    stack = [(tensor, False)]
    while stack:
        one, ready = stack.pop()
        if id(one) in done or (id(one) in seen and not ready):
            continue
        if ready:
            order.append(one)
            continue
        seen.add(id(one))
        stack.append((one, True))
        stack += [(t, False) for t in operands(one)]
    return order


def captured(
    results: Sequence[Any], inputs: Sequence[Any], is_outer: Any, /
) -> dict[int, tuple[Any, int]]:
    """What the results read from outside, by identity, and how often."""
    found: dict[int, tuple[Any, int]] = {}
    seen = {id(t) for t in inputs}
    stack = [t for t in results if keras.utils.is_keras_tensor(t)]
    while stack:
        one = stack.pop()
        if id(one) in found:
            found[id(one)] = one, found[id(one)][1] + 1
        elif id(one) not in seen and is_outer(one):
            found[id(one)] = one, 1
        elif id(one) not in seen:
            seen.add(id(one))
            stack += operands(one)
    return found


def outer_tensors(found: Mapping[int, tuple[Any, int]], /) -> list[Any]:
    """The tensors, those that were met last first."""
    return [tensor for tensor, _ in reversed(list(found.values()))]


def parts_of(name: str) -> list[str]:
    """``a`` and ``b`` of ``broadcast(a,b)``: equal, or one of them 1 and met by the other where it is used."""
    if not name.startswith("broadcast(") or name.count("(") != 1:
        return []
    return name[len("broadcast(") : -1].split(",")

"""From bindings to a cell with weights: the windows that matched are put where the cell's own layout wants them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.lift.recognise.cells.bindings import Bindings, Block, operand_width
from converters.lift.recognise.cells.patterns import Pattern
from converters.lift.recognise.cells.specs import cell_of
from converters.lift.recognise.form.poly import Monomial
from converters.lift.recognise.form.refs import Parts, evaluate
from reference.activations import LINEAR, SIGMOID, Activation


@dataclass(frozen=True, slots=True)
class Assembled:
    """A recognised cell. ``parameters`` says for each weight which variable or constant it came from."""

    cell: Any
    parameters: Mapping[str, str]


def assemble(
    pattern: Pattern, env: Bindings, operands: Sequence[Monomial], dtype: np.dtype
) -> Assembled | None:
    """None where the numbers cannot fill the weights (a product that is no weight's shape)."""
    widths = [operand_width(o) for o in operands]
    arrays: dict[str, np.ndarray] = {}
    sources: dict[str, list[str]] = {}
    for name, shape in pattern.weight_shapes.items():
        arrays[name] = np.zeros(shape, dtype)
        sources[name] = []
    for block in env.blocks:
        if not _fill(arrays[block.ref.source], block, widths):
            return None
        sources[block.ref.source] += _names(block.parts)
    spec = pattern.variant.spec
    fields: dict[str, Any] = dict(arrays)
    for name in (*spec.numbers, *pattern.variant.options):
        if name not in fields and name != spec.repeated:
            fields[name] = float(env.scalars.get(name, 0.0))
    for name, choice in pattern.variant.choices:
        fields[name] = {"linear": LINEAR, "sigmoid": SIGMOID}.get(choice) or _activation(env, name)
    if any(value is None for value in fields.values()):
        return None
    if spec.finish is not None:
        fields = spec.finish(fields)
    names = {k: " + ".join(dict.fromkeys(v)) for k, v in sources.items() if v}
    return Assembled(cell_of(spec, fields, pattern.places), names)


def _activation(env: Bindings, name: str) -> Activation | None:
    found = env.activations.get(name)
    return None if found is None else Activation(found[0], tuple(float(v) for v in found[1]))


def _fill(array: np.ndarray, block: Block, widths: Sequence[int]) -> bool:
    window = list(block.ref.window)
    if block.operand is not None:
        window[max(len(window) - 2, 0)] = (block.start, block.start + widths[block.operand])
    # A weight of one row ([1, units]) is matched as a vector.
    place: Any = (..., *(slice(low, high) for low, high in window))
    target = array[place]
    value = evaluate(block.parts, array.dtype)
    if block.identity:
        if target.ndim != 2 or target.shape[0] != target.shape[1]:
            return False
        value = np.diag(np.broadcast_to(value, (target.shape[0],)))
    try:
        target[...] = value
    except ValueError:
        return False
    return True


def _names(parts: Parts) -> list[str]:
    return [ref.source for _, ref in parts if ref is not None and not ref.source.startswith("#")]

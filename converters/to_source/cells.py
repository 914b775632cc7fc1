"""A cell that Keras lacks as a class of its own: the equation is run once over ``keras.ops`` and written down."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.idioms import idiom
from converters.to_keras.layers.cell import ReferenceCell
from converters.to_keras.ops import KerasOps, NeedsRunTimeError, Value, raw
from converters.to_source.calls import SYMBOLS, Names, call, helper
from converters.to_source.order import nodes_in_order, operands
from reference import states
from reference.cells.base import map_sizes, map_weights
from reference.errors import NotConvertibleError, Reason

OPS = KerasOps()

TRACED = ("TracedCell", "ReplayCell")
"""Cells without a class of their own in TF1."""

INLINE = 60
"""Longer expressions get a line of their own."""

CLASS = '''

class {name}(layers.Layer):
    """{title}"""

    state_size = {state_size}
    output_size = {output_size}

    def build(self, *_):
{weights}

    def call(self, x, states):
        {states} = states
{body}
        return {output}, [{new}]
'''


@dataclass(frozen=True)
class CellClass:
    """A cell as source."""

    name: str
    text: str
    helpers: set[str]


def cell_class(cell: ReferenceCell, features: int, taken: set[str], /) -> CellClass:
    """The class that computes what ``cell`` does for rows of so many features, with its weights in the same order.

    Raises:
        NotConvertibleError: the equation asks for sizes that are known only when it runs.
    """
    names = Names()
    slots = _weights(cell, names)
    tensors = {path: tensor for path, (tensor, _) in slots.items()}
    x, parts, output, new = _traced(cell, features, tensors)
    named = zip(parts, _state_names(parts), strict=True)
    given = [names.of(tensor, wanted) for tensor, wanted in ((x, "x"), *named)]
    lines, helpers = _lines(names, [output, *new])
    kind = _class_name(cell)
    while kind in taken:
        kind += "_"
    taken.add(kind)
    text = CLASS.format(
        name=kind,
        title=_title(cell, x, parts),
        state_size=tuple(cell.state_size) if len(parts) > 1 else cell.state_size[0],
        output_size=cell.output_size,
        weights="\n".join(f"        {line}" for _, line in slots.values()),
        states=", ".join(given[1:]) + ("," if len(parts) == 1 else ""),
        body="\n".join(f"        {line}" for line in lines),
        output=names.of(output),
        new=", ".join(names.of(part) for part in new),
    )
    return CellClass(kind, text, helpers)


def _weights(cell: ReferenceCell, names: Names) -> dict[str, tuple[Any, str]]:
    """By path: a tensor that stands for the weight, and the line that makes it."""
    found: dict[str, tuple[Any, str]] = {}
    for (path, weight), attribute in zip(cell._slots.items(), _attributes(cell), strict=True):
        tensor = keras.Input(batch_shape=tuple(weight.shape), dtype=weight.dtype)
        names.call_it(tensor, f"self.{attribute}")
        line = (
            f'self.{attribute} = self.add_weight(name="{attribute}", shape={tuple(weight.shape)})'
        )
        found[path] = tensor, line
    return found


def _attributes(cell: ReferenceCell) -> list[str]:
    """What a person calls the weights: the ends of their TF names (of their paths, in a known cell), as far as they differ."""
    known = type(cell._cell).__name__ not in TRACED
    long = [path if known else cell.parameters.get(path, path) for path in cell._slots]
    parts = [[re.sub(r"\W+", "_", p, flags=re.ASCII) for p in name.split("/")] for name in long]
    depth = 1
    while depth < 9 and len({"_".join(p[-depth:]) for p in parts}) < len(parts):
        depth += 1
    names = ["_".join(p[-depth:]).strip("_").lower() or "weight" for p in parts]
    if len(set(names)) < len(names):
        names = [f"weight_{k}" for k in range(len(names))]
    return [
        n if n.isidentifier() and not hasattr(keras.layers.Layer, n) else f"w_{n}" for n in names
    ]


def _lines(names: Names, results: list[Any]) -> tuple[list[str], set[str]]:
    """The equation, what is read once written where it is read."""
    order = list(nodes_in_order(results))
    reads = Counter(id(t) for node, tensor in order for t in operands(node, tensor))
    kept = {id(t) for t in results}
    names.read = {*reads, *kept}
    lines, helpers = [], set[str]()
    for node, tensor in order:
        found = idiom(tensor)
        for made in node.output_tensors:
            if found is None and id(made) in names.read:
                names.of(made, _plain(type(node.operation).__name__))
        line = call(node, names) if found is None else helper(tensor, found, names)
        helpers |= set() if found is None else {found.function}
        once = len(node.output_tensors) == 1 and reads[id(tensor)] == 1 and id(tensor) not in kept
        right = line.partition(" = ")[2]
        if once and found is None and len(right) <= INLINE:
            names.call_it(tensor, f"({right})" if _is_sum(node, right) else right)
        else:
            lines.append(line)
    return lines, helpers


def _plain(kind: str) -> str:
    """What to call a result: Keras' own names are counted by process."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()


def _is_sum(node: Any, text: str) -> bool:
    """Whether an operator stands outside of all parentheses: then it needs some where it is read."""
    kind = type(node.operation).__name__
    return kind in SYMBOLS and kind != "Multiply" and f" {SYMBOLS[kind]} " in text


def _traced(
    cell: ReferenceCell, features: int, slots: dict[str, Any]
) -> tuple[Any, list[Any], Any, list[Any]]:
    """x, the state's parts, the output and the new parts as tensors of a functional graph."""
    inner = map_weights(lambda path, _: Value(slots[path]), cell._cell)
    dtype = cell.compute_dtype
    x = keras.Input(batch_shape=(None, features), dtype=dtype)
    parts = [keras.Input(batch_shape=(None, n), dtype=dtype) for n in cell.state_size]
    shape = map_sizes(lambda _: 0, cell._cell.state_size)
    try:
        nest = states.unflatten_like(shape, [Value(part) for part in parts])
        output, new = inner.step(OPS, Value(x), nest)
    except NeedsRunTimeError as error:
        msg = f"the equation of {cell.name} cannot be written down: {error}"
        raise NotConvertibleError(msg, (Reason(cell.name, str(error)),)) from error
    (shown,) = [raw(value) for value in states.flatten(output)]
    return x, parts, shown, [raw(value) for value in states.flatten(new)]


def _state_names(parts: list[Any]) -> Iterator[str]:
    """TF1's order: c before h."""
    yield from (
        ("c", "h")
        if len(parts) == 2
        else ("h",)
        if len(parts) == 1
        else (f"state_{k}" for k in range(len(parts)))
    )


def _class_name(cell: ReferenceCell) -> str:
    kind = type(cell._cell).__name__
    if kind not in TRACED:
        return kind
    scope = cell.name.removesuffix("_tracedcell")
    return "".join(word.capitalize() for word in re.split(r"\W+|_", scope)) + "Cell"


def _title(cell: ReferenceCell, x: Any, parts: list[Any]) -> str:
    sizes = ", ".join(f"[rows, {part.shape[1]}]" for part in parts)
    kind = type(cell._cell).__name__
    what = "The loop's own equation" if kind in TRACED else f"TensorFlow 1's {kind}"
    return f"{what}: x [rows, {x.shape[1]}], states {sizes}."

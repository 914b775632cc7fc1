"""A cell that Keras lacks as a class of its own: the equation is run once over ``keras.ops`` and written down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.layers.cell import ReferenceCell
from converters.to_keras.layers.recurrent import Recurrent
from converters.to_keras.ops import KerasOps, NeedsRunTimeError, Value, raw
from converters.to_source.letters import lettered
from converters.to_source.lines import Writer
from converters.to_source.names import Names
from converters.to_source.norms import mark_layer_norms
from reference import states
from reference.cells.base import map_sizes, map_weights
from reference.errors import NotConvertibleError, Reason

OPS = KerasOps()

TRACED = ("TracedCell", "ReplayCell")
"""Cells without a class of their own in TF1."""

CLASS = '''

class {name}(layers.Layer):
    """{title}"""
{sizes}
{build}    def call(self, {x}, states):
{unpacked}{body}
        return {output}, [{new}]
'''

SIZES = """
    state_size = {state_size}
    output_size = {output_size}
"""

BUILD = """    def build(self, *_):
{weights}

"""


@dataclass(frozen=True)
class CellClass:
    """A cell as source."""

    name: str
    text: str
    helpers: set[str]


@dataclass(frozen=True)
class Traced:
    """One step on tensors of a functional graph."""

    x: tuple[Any, ...]
    parts: tuple[Any, ...]
    outputs: tuple[Any, ...]
    new: tuple[Any, ...]


def cell_class(layer: Any, taken: set[str], /) -> CellClass:
    """The class that computes what the cell of ``layer`` (a ``keras.layers.RNN`` or a ``Recurrent``) does, its weights in the same order.

    Raises:
        NotConvertibleError: the equation asks for sizes that are known only when it runs.
    """
    cell, single = layer.cell, not isinstance(layer, Recurrent)
    names = Names()
    names.eager = True
    slots = _weights(cell, names)
    tensors = {path: tensor for path, (tensor, _) in slots.items()}
    traced, letters = lettered(lambda: _traced(cell, *_read(layer), tensors))
    mark_layer_norms([*traced.outputs, *traced.new])
    x, parts = _given(names, traced)
    writer = Writer(names, [*traced.outputs, *traced.new], letters, reuse=True)
    if not letters:
        writer.name_gates({id(part) for part in traced.parts})
    _name_results(writer, names, traced, parts, bool(letters))
    lines = writer.write()
    kind = _class_name(cell)
    while kind in taken:
        kind += "_"
    taken.add(kind)
    comma = "," if len(parts) == 1 else ""
    unpacked = [f"{', '.join(parts)}{comma} = states"] if parts else []
    unpacked += [] if single else [f"{', '.join(x)}{',' if len(x) == 1 else ''} = inputs"]
    shown = ", ".join(names.of(tensor) for tensor in traced.outputs)
    text = CLASS.format(
        name=kind,
        title=_title(cell, traced),
        sizes=_sizes(cell) if single else "",
        build=BUILD.format(weights=_lines(line for _, line in slots.values())) if slots else "",
        x="x" if single else "inputs",
        unpacked="".join(f"        {line}\n" for line in unpacked),
        body=_lines(lines),
        output=shown if single else f"[{shown}]",
        new=", ".join(names.of(part) for part in traced.new),
    )
    return CellClass(kind, text, writer.helpers)


def _shortest(path: list[str], paths: list[list[str]], /) -> str:
    """The fewest last parts that no other path ends with."""
    for depth in range(1, len(path)):
        if sum(other[-depth:] == path[-depth:] for other in paths) == 1:
            return "_".join(path[-depth:])
    return "_".join(path)


def _lines(lines: Any) -> str:
    return "\n".join(f"        {line}" for line in lines)


def _sizes(cell: ReferenceCell) -> str:
    sizes = tuple(cell.state_size)
    return SIZES.format(
        state_size=sizes if len(sizes) > 1 else sizes[0], output_size=cell.output_size
    )


def _given(names: Names, traced: Traced) -> tuple[list[str], list[str]]:
    """The names of x and of the state's parts."""
    one = len(traced.x) == 1
    x = [names.of(t, "x" if one else f"x_{k}") for k, t in enumerate(traced.x)]
    called = _state_names(len(traced.parts))
    return x, [names.of(t, name) for t, name in zip(traced.parts, called, strict=True)]


def _name_results(
    writer: Writer, names: Names, traced: Traced, parts: list[str], lettered: bool
) -> None:
    """What the equation has no letter for: the new parts and the outputs."""
    for tensor, part in zip(traced.new, parts, strict=True):
        if not names.known(tensor):
            writer.letters.setdefault(id(tensor), part if lettered else f"new_{part}")
    for tensor in traced.outputs:
        if not names.known(tensor):
            writer.letters.setdefault(id(tensor), "output")


def _read(layer: Any) -> tuple[list[Any], list[Any] | None]:
    """Like what a step is given: x's items, and the state's parts (None: as the cell says)."""
    given = layer._inbound_nodes[0].arguments.args[0]
    if not isinstance(layer, Recurrent):
        shape = (None, *given.shape[2:])
        return [keras.KerasTensor(shape, layer.cell.compute_dtype)], None
    feed = iter(given)
    found = {key: [next(feed) for _ in range(count)] for key, count in layer.parts.items()}
    items = [keras.KerasTensor(t.shape[1:], t.dtype) for t in found["sequences"]]
    return [*items, *found["invariants"]], found["states"]


def _traced(
    cell: ReferenceCell, items: Sequence[Any], parts: Sequence[Any] | None, slots: dict[str, Any]
) -> Traced:
    """One step as a functional graph."""
    inner = map_weights(lambda path, _: Value(slots[path]), cell._cell)
    x = [_input(item.shape, item.dtype) for item in items]
    if parts is None:
        held = [_input((None, n), cell.compute_dtype) for n in cell.state_size]
    else:
        held = [_input(part.shape, part.dtype) for part in parts]
    shape = map_sizes(lambda _: 0, cell._cell.state_size)
    given = tuple(map(Value, x)) if len(x) > 1 else Value(x[0]) if x else ()
    try:
        nest = states.unflatten_like(shape, [Value(part) for part in held])
        output, new = inner.step(OPS, given, nest)
    except NeedsRunTimeError as error:
        msg = f"the equation of {cell.name} cannot be written down: {error}"
        raise NotConvertibleError(msg, (Reason(cell.name, str(error)),)) from error
    results = [[_symbolic(cell, raw(v)) for v in states.flatten(nest)] for nest in (output, new)]
    return Traced(tuple(x), tuple(held), tuple(results[0]), tuple(results[1]))


def _input(shape: Any, dtype: Any) -> Any:
    return keras.Input(batch_shape=tuple(shape), dtype=dtype)


def _symbolic(cell: ReferenceCell, value: Any) -> Any:
    if not keras.utils.is_keras_tensor(value):
        msg = f"the equation of {cell.name} gives a constant, which has no place in a cell's class"
        raise NotConvertibleError(msg, (Reason(cell.name, "it gives a constant"),))
    return value


def _weights(cell: ReferenceCell, names: Names) -> dict[str, tuple[Any, str]]:
    """By path: a tensor that stands for the weight, and the line that makes it."""
    found: dict[str, tuple[Any, str]] = {}
    for (path, weight), attribute in zip(cell._slots.items(), _attributes(cell), strict=True):
        tensor = keras.Input(batch_shape=tuple(weight.shape), dtype=weight.dtype)
        names.call_it(tensor, f"self.{attribute}")
        dtype = "" if weight.dtype == cell.compute_dtype else f', dtype="{weight.dtype}"'
        line = f'self.{attribute} = self.add_weight(name="{attribute}", shape={tuple(weight.shape)}{dtype})'
        found[path] = tensor, line
    return found


def _attributes(cell: ReferenceCell) -> list[str]:
    """What a person calls the weights: the ends of their TF names (of their paths, in a known cell), as far as they differ."""
    known = type(cell._cell).__name__ not in TRACED
    long = [path if known else cell.parameters.get(path, path) for path in cell._slots]
    parts = [[re.sub(r"\W+", "_", p, flags=re.ASCII) for p in name.split("/")] for name in long]
    names = [_shortest(one, parts).strip("_").lower() or "weight" for one in parts]
    if len(set(names)) < len(names):
        names = [f"weight_{k}" for k in range(len(names))]
    return [
        n if n.isidentifier() and not hasattr(keras.layers.Layer, n) else f"w_{n}" for n in names
    ]


def _state_names(count: int) -> list[str]:
    """TF1's order: c before h."""
    few = {1: ["h"], 2: ["c", "h"]}
    return few.get(count) or [f"state_{k}" for k in range(count)]


def _class_name(cell: ReferenceCell) -> str:
    kind = type(cell._cell).__name__
    if kind not in TRACED:
        return kind
    scope = re.sub(r"_(tracedcell|replaycell)$", "", cell.name)
    return "".join(word.capitalize() for word in re.split(r"\W+|_", scope)) + "Cell"


def _title(cell: ReferenceCell, traced: Traced) -> str:
    kind = type(cell._cell).__name__
    what = "The loop's own equation" if kind in TRACED else f"TensorFlow 1's {kind}"
    given = ", ".join(map(_shape, traced.x)) or "nothing"
    held = ", ".join(map(_shape, traced.parts))
    return f"{what}: x {given}, states {held}."


def _shape(tensor: Any) -> str:
    sizes = [
        "rows" if n is None and not k else "any" if n is None else str(n)
        for k, n in enumerate(tensor.shape)
    ]
    return f"[{', '.join(sizes)}]"

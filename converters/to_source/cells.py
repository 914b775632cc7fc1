"""A cell that Keras lacks as a class of its own: the equation is run once over ``keras.ops`` and written down."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.layers.cell import ReferenceCell
from converters.to_keras.layers.recurrent import Recurrent
from converters.to_keras.ops import NeedsRunTimeError, Value, raw
from converters.to_source.blocks.source_ops import SourceOps
from converters.to_source.blocks.symbols import Symbols
from converters.to_source.blocks.trace import Trace
from converters.to_source.class_text import CellClass
from converters.to_source.letters import lettered
from converters.to_source.lines import Writer
from converters.to_source.names import Names
from converters.to_source.norms import mark_layer_norms
from converters.to_source.weights import told_apart
from reference import states
from reference.cells.base import map_sizes, map_weights
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown

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
class Traced:
    """One step on tensors of a functional graph."""

    x: tuple[Any, ...]
    parts: tuple[Any, ...]
    outputs: tuple[Any, ...]
    new: tuple[Any, ...]


@dataclass(frozen=True)
class Given:
    """Like what a step is given: items of sequences, invariants, and the state's parts (None: as the cell says)."""

    items: list[Any]
    invariants: list[Any]
    parts: list[Any] | None


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
    given = _read(layer)
    traced, letters = lettered(lambda: _traced(cell, given, tensors))
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
    unpacked = _unpacked(names, traced, lines, (x, parts), single)
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


def _unpacked(
    names: Names,
    traced: Traced,
    lines: list[str],
    called: tuple[list[str], list[str]],
    single: bool,
) -> list[str]:
    """The lines that take x and the states apart; what nothing reads has no name."""
    x, parts = called
    shown = [names.of(t) for t in (*traced.outputs, *traced.new)]
    used = set(re.findall(r"\w+", " ".join([*lines, *shown])))
    held = [part if part in used else "_" for part in parts]
    found = [f"{', '.join(held)}{',' if len(parts) == 1 else ''} = states"] if parts else []
    return (
        found
        if single or not x
        else [*found, f"{', '.join(x)}{',' if len(x) == 1 else ''} = inputs"]
    )


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


def _read(layer: Any) -> Given:
    """Like what a step is given."""
    given = layer._inbound_nodes[0].arguments.args[0]
    if not isinstance(layer, Recurrent):
        shape = (None, *given.shape[2:])
        return Given([keras.KerasTensor(shape, layer.cell.compute_dtype)], [], None)
    feed = iter(given)
    found = {key: [next(feed) for _ in range(count)] for key, count in layer.parts.items()}
    items = [keras.KerasTensor(t.shape[1:], t.dtype) for t in found["sequences"]]
    return Given(items, found["invariants"], found["states"])


def _traced(cell: ReferenceCell, found: Given, slots: dict[str, Any]) -> Traced:
    """One step as a functional graph."""
    inner = map_weights(lambda path, _: Value(slots[path]), cell._cell)
    x = [_input(item.shape, item.dtype) for item in (*found.items, *found.invariants)]
    if found.parts is None:
        held = [_input((None, n), cell.compute_dtype) for n in cell.state_size]
    else:
        held = [_input(part.shape, part.dtype) for part in found.parts]
    shape = map_sizes(lambda _: 0, cell._cell.state_size)
    given = tuple(map(Value, x)) if len(x) > 1 else Value(x[0]) if x else ()
    try:
        if type(cell._cell).__name__ in TRACED:
            return _cleaned(cell, x, held, slots, len(found.items))
        nest = states.unflatten_like(shape, [Value(part) for part in held])
        output, new = inner.step(SourceOps([*held, *x][0]), given, nest)
    except NeedsRunTimeError as error:
        msg = f"the equation of {cell.name} cannot be written down: {error}"
        raise NotConvertibleError(msg, (Reason(cell.name, str(error)),)) from error
    results = [[_symbolic(cell, raw(v)) for v in states.flatten(nest)] for nest in (output, new)]
    return Traced(tuple(x), tuple(held), tuple(results[0]), tuple(results[1]))


def _cleaned(
    cell: ReferenceCell, x: list[Any], held: list[Any], slots: dict[str, Any], count: int
) -> Traced:
    """The same by way of expressions, whose noise is taken off.

    Args:
        count: how many of ``x`` are items of sequences: their rows are the states'.
    """
    trace = Trace({})
    bound: dict[Any, Any] = {}

    def given(tensor: Any, name: str, rows: str = "rows") -> Any:
        dims = [
            unknown(f"{name}.{a}" if a else rows) if n is None else n
            for a, n in enumerate(tensor.shape)
        ]
        expr = trace.tracer.input(name, Fact(tensor.dtype, tuple(dims)))
        bound[expr] = tensor
        return expr

    inner = map_weights(lambda path, _: given(slots[path], f"weight {path}"), cell._cell)
    items = [given(t, f"x{k}", "rows" if k < count else f"x{k}.0") for k, t in enumerate(x)]
    parts = [given(t, f"state{k}") for k, t in enumerate(held)]
    trace.cleaner.told |= {str(dim) for expr in bound for dim in expr.fact.shape}
    nest = states.unflatten_like(map_sizes(lambda _: 0, inner.state_size), parts)
    output, new = inner.step(trace.tracer, tuple(items) if len(items) != 1 else items[0], nest)
    results = [trace.cleaner.of(e) for e in (*states.flatten(output), *states.flatten(new))]
    symbols = Symbols(trace, bound, results, [*held, *x][0])
    made = [_symbolic(cell, symbols.tensor(e)) for e in results]
    shown = len(states.flatten(output))
    return Traced(tuple(x), tuple(held), tuple(made[:shown]), tuple(made[shown:]))


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
    return told_apart(long)


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

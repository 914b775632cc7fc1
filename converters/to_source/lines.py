"""A functional graph as lines of Python: what is read once is written where it is read, unless TF1 gave it a name that says something."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from converters.to_keras.backend import keras
from converters.to_keras.idioms import idiom
from converters.to_keras.layers.recurrent import Recurrent
from converters.to_source.blocks.operations import CONTROL, Written
from converters.to_source.calls import EMPTY, Expression, expression, helper
from converters.to_source.constructors import layer
from converters.to_source.control import write_control
from converters.to_source.gates import gate_letters
from converters.to_source.helpers import VARIABLES
from converters.to_source.literals import index, text
from converters.to_source.names import Names, counted, is_noise, is_weight, own, scope
from converters.to_source.order import nodes_in_order, operands

INLINE = 60
"""Longer expressions get a line of their own."""

INLINE_INSIDE = 48
"""Of functions in a class."""

NAMED_AFTER = {
    "Reshape": "{}_reshaped", "Transpose": "{}_transposed", "Concatenate": "joined", "Stack": "stacked", "Sum": "total", "Mean": "mean",
    "Take": "taken", "Matmul": "product", "Argmax": "best", "Where": "chosen", "Multiply": "product", "Add": "total", "Subtract": "difference",
    "Divide": "ratio", "Sigmoid": "gate", "Softmax": "weights", "Max": "largest", "ExpandDims": "{}_expanded", "Squeeze": "{}_squeezed",
    "zeros": "zeros", "full": "filled", "tile": "tiled", "arange": "places", "broadcast_to": "filled", "put": "rows", "cut": "{}_cut",
    "reshape": "{}_reshaped", "get_item": "part", "All": "all_are", "Equal": "same", "Cast": "{}_cast", "Flip": "{}_reversed", "Copy": "{}_copy",
}  # fmt: skip
"""What a result without a name of its own is called; {} is what it is made of."""


class Writer:
    """The lines of one function.

    Args:
        names: those given so far.
        results: the tensors the function gives.
        letters: names by identity of the tensor, which an equation has for them.
        reuse: whether a name may be given again when its tensor is read no more.
        inner: whether it is a function inside another, which reads the names of that.
    """

    def __init__(
        self,
        names: Names,
        results: Sequence[Any],
        letters: Mapping[int, str] | None = None,
        /,
        *,
        reuse: bool = False,
        inner: bool = False,
    ) -> None:
        self.names, self.letters, self.reuse, self.inner = names, dict(letters or {}), reuse, inner
        results = [t for t in results if keras.utils.is_keras_tensor(t)]
        self.order = list(nodes_in_order(results, names.known))
        self.reads = Counter(id(t) for node, tensor in self.order for t in operands(node, tensor))
        self.readers: dict[int, list[tuple[Any, Any]]] = {}
        for node, tensor in self.order:
            for read in operands(node, tensor):
                self.readers.setdefault(id(read), []).append((node, tensor))
        for node, _ in self.order:
            for one, count in getattr(node.operation, "uses", {}).values():
                # What a loop reads is computed before it.
                self.reads[id(one)] += count - 1 if _is_size(one) else count
        self.kept = {id(t) for t in results if not inner or self.reads[id(t)]}
        self.reads.update(id(t) for t in results if inner)
        self.left = self.reads + Counter(self.kept)
        self.within: dict[int, list[Any]] = {}
        """By identity of an expression: the variables in it."""
        self.lines: list[str] = []
        self.outer: set[int] = set()
        """Tensors whose names are those of a function around this one: given again they would be variables of its own."""
        self.stepped = False
        """Whether a function is called ``step`` already."""
        self.helpers: set[str] = set()
        self.calls = Counter(id(node.operation) for node, _ in self.order)
        names.read = {*self.reads, *self.kept}
        self._hints()

    def name_gates(self, states: Collection[int], /) -> None:
        """Letters for an LSTM's gates, where the equation has none."""
        splits = [node for node, _ in self.order if type(node.operation).__name__ == "Split"]
        self.letters |= gate_letters(splits, states, self.readers)

    def write(self) -> list[str]:
        """The lines, in the order of computation."""
        for node, tensor in self.order:
            if isinstance(node.operation, CONTROL):
                write_control(self, node)
            elif type(node.operation).__name__ == "Unstack" and id(tensor) not in self.kept:
                self._unstack(node)
            else:
                self._write(node, tensor)
        return self.lines

    def _hints(self) -> None:
        """Names by what a tensor is read as."""
        for node, tensor in self.order:
            found = idiom(tensor)
            if found is not None and found.function == "sequence_mask":
                self._hint(found.arguments[1], "lengths")
            if type(node.operation).__name__ in ("Softmax", "Argmax", "LogSoftmax"):
                one = node.arguments.args[0]
                if keras.utils.is_keras_tensor(one) and is_weight(one._keras_history[0].name):
                    self._hint(one, "logits")

    def _hint(self, tensor: Any, name: str) -> None:
        if keras.utils.is_keras_tensor(tensor) and (
            is_noise(own(tensor)) or is_weight(own(tensor))
        ):
            self.letters.setdefault(id(tensor), name)

    def _unstack(self, node: Any) -> None:
        """Its results are items of what it takes apart."""
        operation, (x, *_) = node.operation, node.arguments.args
        for place, made in enumerate(node.output_tensors):
            key = index((*[slice(None)] * operation.axis, place), None)
            base = text(x, self.names, 0)
            merged = re.fullmatch(r"(\w+)\[(\d+(?:, \d+)*)\]", base)
            plain = f"{merged[1]}[{merged[2]}, {key}]" if merged else f"{base}[{key}]"
            self.names.call_it(made, plain)
            self.within[id(made)] = self._variables(x)
        for variable in self._variables(x):
            self.left[id(variable)] += len(node.output_tensors) * 9  # never free

    def _write(self, node: Any, tensor: Any) -> None:
        found, one = idiom(tensor), node.operation
        is_layer = isinstance(one, keras.layers.Layer) and found is None
        if is_layer and self.calls[id(one)] > 1 and id(one) not in self.names.layers:
            self.names.layers[id(one)] = self.names.of(one, f"{one.name}_layer")
            self.lines.append(f"{self.names.layers[id(one)]} = {layer(one, self.names)}")
        if found is not None:
            self.helpers.add(found.function)
            right = helper(found, self.names)
        else:
            right = expression(node, self.names)
            self.helpers |= set(getattr(one, "helpers", ()))
            kind = type(one).__name__.lower()
            self.helpers |= {kind} if kind in EMPTY and self.names.eager else set()
        given = [v for t in operands(node, tensor) for v in self._variables(t)]
        if not is_layer and self._goes_inside(node, tensor, right):
            self.names.call_it(tensor, right.text, right.level)
            self.within[id(tensor)] = given
            return
        for variable in given:
            self.left[id(variable)] -= 1
            free = (self.reuse or self.inner) and id(variable) not in self.outer
            if free and self.left[id(variable)] == 0:
                self.names.free(variable)
        called = dict(zip(map(id, node.output_tensors), results_of(one, node), strict=True))
        wanted = (lambda t: called[id(t)]) if is_layer else (lambda t: self._wanted(node, t, found))
        self.lines.append(f"{self._left(node, wanted)} = {right.text}")

    def _variables(self, tensor: Any) -> list[Any]:
        return self.within.get(id(tensor), [tensor])

    def _left(self, node: Any, wanted: Callable[[Any], str]) -> str:
        made = node.output_tensors
        read = [self.names.of(t, self.letters.get(id(t)) or wanted(t)) if self._is_read(t) else "_" for t in made]  # fmt: skip
        return ", ".join(read)

    def _is_read(self, tensor: Any) -> bool:
        return id(tensor) in self.names.read

    def _goes_inside(self, node: Any, tensor: Any, right: Expression) -> bool:
        """Whether an expression is written where it is read."""
        if len(node.output_tensors) != 1 or id(tensor) in self.kept or self.names.known(tensor):
            return False
        limit = INLINE_INSIDE if self.inner else INLINE
        if self.reads[id(tensor)] != 1 or len(right.text) > limit or self._is_split_up(tensor):
            return False
        if any(
            getattr(node.operation, "kind", "") == "lstm"
            for node, _ in self.readers.get(id(tensor), ())
        ):
            return False
        one = idiom(tensor)
        told = self.letters.get(id(tensor)) or (one is not None and one.function == "layer_norm")
        return not told if self.letters and self.reuse else not told and self._says_nothing(tensor)

    def _is_split_up(self, tensor: Any) -> bool:
        """Whether its reader writes it several times."""
        readers = self.readers.get(id(tensor), ())
        return any(type(node.operation).__name__ == "Unstack" for node, _ in readers)

    def _says_nothing(self, tensor: Any) -> bool:
        """Whether its name is TF1's own, or that of what reads it: several calls of one node."""
        operation = getattr(tensor, "_keras_history", [None])[0]
        if isinstance(operation, Written) and operation.name == operation.kind:
            return True
        if is_noise(own(tensor)) or idiom(tensor) is not None:
            return True
        readers = self.readers.get(id(tensor), ())
        return any(counted(own(made)) == counted(own(tensor)) for _, made in readers)

    def _norm(self, found: Any) -> str:
        """``forget`` of ``layer_norm(x, self.forget_gamma, …)``."""
        if found.function != "layer_norm" or not keras.utils.is_keras_tensor(found.arguments[1]):
            return ""
        match = re.fullmatch(r"(?:self\.)?(\w+)_gamma", self.names.of(found.arguments[1]))
        return match[1] if match else ""

    def _wanted(self, node: Any, tensor: Any, found: Any) -> str:
        """A name made from what is known."""
        if found is not None:
            return self._norm(found) or VARIABLES[found.function]
        kind = type(node.operation).__name__
        if isinstance(node.operation, Written) and node.operation.called:
            place = next(k for k, t in enumerate(node.output_tensors) if t is tensor)
            return str(node.operation.called[place])
        if not self.reuse and not is_noise(own(tensor)):
            return own(tensor)
        if not self.reuse and (stem := scope(own(tensor))):
            return stem
        kind = getattr(node.operation, "kind", kind)
        plain = NAMED_AFTER.get(kind, re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower())
        if "{}" not in plain:
            return plain
        operand = operands(node, tensor)[0]
        base = self.names.of(operand) if self.names.known(operand) else ""
        return plain.format(base) if base.isidentifier() else plain.replace("{}_", "")


def _is_size(tensor: Any) -> bool:
    return getattr(tensor._keras_history[0], "kind", "") == "size_of"


def results_of(operation: Any, node: Any, /) -> list[str]:
    """What a reader calls the results of a layer."""
    count, name = len(node.output_tensors), counted(operation.name)
    name = name.removeprefix("bidirectional_")
    if isinstance(operation, Recurrent):
        held = operation.parts["states"]
        shown = [name, *(f"{name}_{k}" for k in range(2, count - held + 1))][: count - held]
        return [*shown, *([f"{name}_state"] * held)]
    one = getattr(operation, "forward_layer", operation)
    parts = _state_parts(one, count)
    sides = [f"{name}_fw", f"{name}_bw"]
    if one is not operation and count in (2, 2 + 2 * len(parts)):
        return [*sides, *(f"{side}_{p}" for side in sides for p in parts)][:count]
    if parts and count == 1 + len(parts):
        return [name, *(f"{name}_{p}" for p in parts)]
    return [name, *(f"{name}_{i}" for i in range(1, count))]


def _state_parts(one: Any, count: int) -> list[str]:
    if isinstance(one, keras.layers.LSTM):
        return ["h", "c"]
    if isinstance(one, keras.layers.RNN):
        return ["c", "h"] if count == 3 and not isinstance(one, keras.layers.GRU) else ["h"]
    return []

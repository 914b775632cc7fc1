"""One function's statements, and one recurrence in them turned into Keras layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst

from porting.rewrite.cells import CellCode, Resolve, Uncertain, arguments, layers_of, literal
from porting.rewrite.statements import assigned_name, code, names_in, reached, removed

DRIVER_ARGUMENTS = {
    "dynamic_rnn": ("cell", "inputs", "sequence_length", "initial_state", "dtype", "parallel_iterations", "swap_memory", "time_major", "scope"),
    "static_rnn": ("cell", "inputs", "initial_state", "dtype", "sequence_length", "scope"),
    "bidirectional_dynamic_rnn": ("cell_fw", "cell_bw", "inputs", "sequence_length", "initial_state_fw", "initial_state_bw", "dtype", "parallel_iterations", "swap_memory", "time_major", "scope"),
}  # fmt: skip
IGNORED = ("dtype", "parallel_iterations", "swap_memory")
"""Arguments that Keras has no need of; a dtype must be float32."""


class Block:
    """The statements of a function.

    Args:
        lines: its statements.
        parameters: its parameters, which may be Keras tensors.
        resolve: the TensorFlow path of an expression of ``lines``.
        taken: names of Keras layers in use.
    """

    def __init__(
        self, lines: Sequence[Any], parameters: set[str], resolve: Resolve, taken: set[str]
    ) -> None:
        self.lines, self.parameters, self.resolve, self.taken = (
            list(lines),
            parameters,
            resolve,
            taken,
        )
        self.entries: dict[str, Any] = {}

    def rewritten(self, line: Any) -> tuple[list[Any], dict[str, Any]]:
        """The statements with the recurrence of ``line`` in Keras, and the entries of ``RNNPORT_WEIGHTS``.

        Raises:
            Uncertain: with the reason to leave it alone.
        """
        call = line.body[0].value
        driver = (self.resolve(call.func) or "").rpartition(".")[2]
        outputs, state = self._targets(line.body[0])
        given = arguments(call, DRIVER_ARGUMENTS[driver])
        self._check_arguments(given)
        if state not in (None, "_") and self._loads(state or ""):
            msg = f"the final state {state!r} is used: Keras hands out h before c"
            raise Uncertain(msg)
        names = self._assigned(before=line)
        scope = str(literal(given.pop("scope"))) if "scope" in given else None
        if driver == "bidirectional_dynamic_rnn":
            made = self._bidirectional(given, names, outputs, scope or "bidirectional_rnn")
            lines = self._consumers(line, outputs, pair=True)
        else:
            made = self._stacked(
                given, names, outputs, scope or "rnn", unstacked=driver == "static_rnn"
            )
            lines = self._consumers(line, outputs, pair=False)
        statements = [cst.parse_statement(text) for text in made]
        statements[0] = statements[0].with_changes(leading_lines=line.leading_lines)
        statements[-1] = statements[-1].with_changes(trailing_whitespace=line.trailing_whitespace)
        at = next(i for i, other in enumerate(lines) if other is line)
        lines[at : at + 1] = statements
        return self._without_cells(lines, given, names), self.entries

    # -- what is there ------------------------------------------------------------------------
    def _targets(self, node: Any) -> tuple[str, str | None]:
        target = (
            node.targets[0].target
            if isinstance(node, cst.Assign) and len(node.targets) == 1
            else None
        )
        if isinstance(target, cst.Tuple) and len(target.elements) == 2:
            first, second = (element.value for element in target.elements)
            if isinstance(first, cst.Name) and isinstance(second, cst.Name):
                return first.value, second.value
        msg = "the results are not taken as `outputs, state = …`"
        raise Uncertain(msg)

    def _check_arguments(self, given: dict[str, cst.BaseExpression]) -> None:
        for name in [n for n in given if n in IGNORED]:
            value = given.pop(name)
            if name == "dtype" and not code(value).endswith("float32"):
                msg = f"dtype is {code(value)}"
                raise Uncertain(msg)
        if "time_major" in given and literal(given.pop("time_major")) is not False:
            msg = "the inputs are time-major"
            raise Uncertain(msg)
        for name in ("initial_state", "initial_state_fw", "initial_state_bw"):
            if name in given:
                msg = f"there is an {name}"
                raise Uncertain(msg)

    def _assigned(self, before: Any) -> dict[str, cst.BaseExpression]:
        """Names assigned once, by a plain statement before ``before``."""
        found: dict[str, cst.BaseExpression] = {}
        for line in self.lines:
            if line is before:
                break
            name = assigned_name(line)
            if name is not None:
                found[name] = line.body[0].value
        stores = [n for n in names_in(self.lines) if n in found]
        return {n: v for n, v in found.items() if stores.count(n) == 2 or stores.count(n) == 3}

    def _loads(self, name: str) -> int:
        return names_in(self.lines).count(name) - 1

    def _input(self, node: cst.BaseExpression, names: dict[str, cst.BaseExpression]) -> str:
        """The input as it can stand in a Keras call."""
        if isinstance(node, cst.Name) and node.value in self.parameters | self._kerased():
            return str(node.value)
        msg = f"the input {code(node)} is not a parameter of the function, so it may not be a Keras tensor"
        raise Uncertain(msg)

    def _kerased(self) -> set[str]:
        return {n for line in self.lines if (n := assigned_name(line)) and "keras." in code(line)}

    # -- what it becomes ----------------------------------------------------------------------
    def _layer(self, cell: CellCode, name: str, masked: bool) -> str:
        parts = [code(cell.units), "return_sequences=True"]
        parts += [f"activation={cell.activation!r}"] if cell.activation else []
        parts += ["reset_after=False"] if cell.layer == "GRU" else []
        parts += ["zero_output_for_mask=True"] if masked else []
        return f"keras.layers.{cell.layer}({', '.join([*parts, f'name={name!r}'])})"

    def _entry(self, scopes: list[str], cell: CellCode) -> str:
        name = scopes[0].replace("/", "_")
        while name in self.taken or name in self.entries:
            name += "_"
        entry: dict[str, Any] = {
            "variables": scopes if len(scopes) > 1 else scopes[0],
            "layer": cell.layer,
        }
        if cell.forget_bias is not None:
            entry["forget_bias"] = cell.forget_bias
        self.entries[name] = entry
        return name

    def _mask(self, x: str, lengths: cst.BaseExpression | None) -> str:
        if lengths is None:
            return ""
        if not (isinstance(lengths, cst.Name) and lengths.value in self.parameters):
            msg = f"sequence_length {code(lengths)} is not a parameter of the function"
            raise Uncertain(msg)
        steps = f'keras.ops.cumsum(keras.ops.ones_like({x}[:, :, 0], dtype="int32"), axis=1)'
        return f', mask={steps} <= keras.ops.cast({lengths.value}, "int32")[:, None]'

    def _stacked(
        self, given: Any, names: Any, outputs: str, scope: str, *, unstacked: bool
    ) -> list[str]:
        inputs = given["inputs"]
        if unstacked:
            inputs = _unstacked(
                names.get(inputs.value, inputs) if isinstance(inputs, cst.Name) else inputs
            )
        x = self._input(inputs, names)
        lengths = given.get("sequence_length")
        mask = self._mask(x, lengths)
        made = []
        for cell in layers_of(given["cell"], names, self.resolve):
            name = self._entry([f"{scope}/{cell.scope}"], cell)
            made.append(f"{outputs} = {self._layer(cell, name, lengths is not None)}({x}{mask})\n")
            x = outputs
        return made

    def _bidirectional(self, given: Any, names: Any, outputs: str, scope: str) -> list[str]:
        fw, bw = (layers_of(given[f"cell_{side}"], names, self.resolve) for side in ("fw", "bw"))
        if len(fw) != 1 or len(bw) != 1:
            msg = (
                "the cells of the two directions are stacks, each with its own direction throughout"
            )
            raise Uncertain(msg)
        one, two = fw[0], bw[0]
        if (one.layer, one.activation, code(one.units)) != (
            two.layer,
            two.activation,
            code(two.units),
        ):
            msg = "the two directions have different cells"
            raise Uncertain(msg)
        if one.forget_bias != two.forget_bias:
            msg = "the two directions have different forget biases"
            raise Uncertain(msg)
        x = self._input(given["inputs"], names)
        lengths = given.get("sequence_length")
        mask = self._mask(x, lengths)
        name = self._entry([f"{scope}/fw/{one.scope}", f"{scope}/bw/{two.scope}"], one)
        inner = self._layer(one, f"{name}_cell", lengths is not None)
        return [
            f"{outputs} = keras.layers.Bidirectional({inner}, merge_mode=None, name={name!r})({x}{mask})\n"
        ]

    # -- around it ----------------------------------------------------------------------------
    def _consumers(self, line: Any, outputs: str, *, pair: bool) -> list[Any]:
        """The statements, with every use of the outputs in Keras' words."""
        from porting.rewrite.consumers import Consumers

        static = (self.resolve(line.body[0].value.func) or "").endswith("static_rnn")
        return [
            other if other is line else Consumers(outputs, pair=pair, listed=static).run(other)
            for other in self.lines
        ]

    def _without_cells(self, lines: list[Any], given: Any, names: Any) -> list[Any]:
        """Without the statements that only made the cells and steps; their comments go to the statement below."""
        wanted = reached(
            [node for node in given.values() if isinstance(node, cst.BaseExpression)], names
        )
        gone = True
        while gone:
            counts = names_in(lines)
            dead = [
                line for line in lines
                if (name := assigned_name(line)) in wanted and counts.count(name) == 1
                and _makes_cell(line, self.resolve, names)
            ]  # fmt: skip
            gone = bool(dead)
            if dead:
                lines = removed(lines, dead[0])
        return lines


def _makes_cell(line: Any, resolve: Resolve, names: Any) -> bool:
    try:
        value = line.body[0].value
        if isinstance(value, cst.List | cst.ListComp):
            return True
        if isinstance(value, cst.Call) and code(value.func).endswith("unstack"):
            return True
        return bool(layers_of(value, names, resolve))
    except Uncertain:
        return False


def _unstacked(node: cst.BaseExpression) -> cst.BaseExpression:
    """x of ``tf.unstack(x, n, 1)``."""
    if isinstance(node, cst.Call) and code(node.func).endswith(".unstack"):
        given = arguments(node, ("value", "num", "axis"))
        if "axis" in given and literal(given["axis"]) == 1:
            return given["value"]
    msg = f"the steps {code(node)} are not tf.unstack(x, …, axis=1)"
    raise Uncertain(msg)

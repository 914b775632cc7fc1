"""Loops and conditionals of a TF graph as one layer each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.encode import Slot, decode
from converters.to_keras.encode_program import decode_statement
from converters.to_keras.layers.interpret import Interpreter
from converters.to_keras.layers.tf_op import TFOp, as_tensor
from converters.to_keras.ops import Value


@keras.saving.register_keras_serializable(package="rnnport")
class Block(TFOp):
    """Statements (encoded, see :mod:`converters.to_keras.encode_program`) over named values.

    Args:
        statements: what is run.
        inputs: the values that the tensors it is called with are.
        constants: by value name: an encoded array, or an encoded slot.
        slots: encoded slots of the cells inside.
        outputs: the values it gives.
        title: the node it stands for.
    """

    def __init__(
        self,
        statements: Sequence[Any],
        inputs: Sequence[str],
        constants: Mapping[str, Any],
        slots: Sequence[Any],
        outputs: Sequence[str],
        title: str,
        specs: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        operands = [*constants.values(), *slots]
        node = {"kind": "node", "name": title, "op": "Block", "inputs": [], "attrs": {}}
        super().__init__(node, operands, specs, **kwargs)
        self.block = {
            "statements": list(statements),
            "inputs": list(inputs),
            "constants": dict(constants),
            "slots": list(slots),
            "outputs": list(outputs),
            "title": title,
        }
        self._statements = tuple(decode_statement(s) for s in statements)
        self._constants = {name: decode(value) for name, value in constants.items()}

    def call(self, tensors: Any) -> Any:
        given = tensors if isinstance(tensors, list | tuple) else [tensors]
        weights = {path: keras.ops.convert_to_tensor(w) for path, w in self._slots.items()}
        values: dict[str, Any] = {
            name: Value(weights[value.path] if isinstance(value, Slot) else value)
            for name, value in self._constants.items()
        }
        names = self.block["inputs"]
        values.update(zip(names, map(Value, given[: len(names)]), strict=True))
        Interpreter(weights).run(self._statements, values)
        return self.shaped([as_tensor(values[name]) for name in self.block["outputs"]])

    @property
    def folded(self) -> dict[str, np.ndarray]:
        """By value name: the numbers it holds that are no weights, such as a product of weights that was folded."""
        held = ((k, v) for k, v in self._constants.items() if isinstance(v, np.ndarray))
        return {name: value for name, value in held if value.dtype.kind == "f"}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for key in ("node", "operands"):
            del config[key]
        return {**config, **self.block}

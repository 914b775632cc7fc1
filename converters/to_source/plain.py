"""The functional graph as source has it: layers of Keras, cells, and classes for what a functional model cannot hold."""

from __future__ import annotations

from typing import Any

from converters.program import OpNode
from converters.to_keras import Exported
from converters.to_keras.backend import keras
from converters.to_keras.export import functional, plain_errors
from converters.to_keras.layers.tf_op import TFOp
from converters.to_keras.rules import RULES
from converters.to_source.blocks.regions import regions
from converters.to_source.blocks.rule import region_rule
from converters.to_source.opening import Opening
from reference.errors import NotConvertibleError, Reason

TAKEN = frozenset(("Variable", "Recurrent"))
"""Classes that a source may define beside its own."""

ROUNDS = 8
"""What cannot stand outside is found op by op."""


def opened(exported: Exported, /) -> Any:
    """The same model without layers of this package but cells; itself where it has no others.

    Raises:
        NotConvertibleError: an op has no line of source; the reasons name the nodes.
    """
    model, context = exported.model, exported.context
    if context is None or not any(isinstance(layer, TFOp) for layer in model.layers):
        return model
    hard: set[str] = set()
    nodes = {s.node.name for s in context.live if isinstance(s, OpNode)}
    for _ in range(ROUNDS):
        found = regions(context, hard)
        if found:
            with plain_errors():
                _, model = functional(context, model.name, (region_rule(found, set(TAKEN)), *RULES))
        work = Opening(model)
        if not work.reasons:
            outputs = {key: work.result(tensor, key) for key, tensor in model.output.items()}
            return keras.Model(model.input, outputs, name=model.name)
        more = {reason.node for reason in work.reasons} - hard
        if not more & nodes:
            break
        hard |= more
    _refuse(work.reasons)
    return None


def _refuse(reasons: list[Reason]) -> None:
    msg = f"the model cannot be plain Keras source: {'; '.join(map(str, reasons[:3]))}"
    raise NotConvertibleError(msg, tuple(reasons))

"""Models of the zoo as Programs: their own inputs, outputs and frozen placeholders."""

from __future__ import annotations

from converters.lift import lift, structure
from converters.program import Program
from converters.read_graphdef import read
from tests.zoo.catalogue import zoo_model


def lifted(name: str, /) -> Program:
    """Recurrences and all."""
    model = zoo_model(name)
    return lift(
        read(model.graph),
        inputs=model.inputs,
        outputs=model.outputs,
        freeze=model.card["frozen"],
    )


def structured(name: str, /) -> Program:
    """The loops as they were written, recurrences or not."""
    model = zoo_model(name)
    return structure(
        read(model.graph).graph,
        inputs=model.inputs,
        outputs=model.outputs,
        freeze=model.card["frozen"],
    )

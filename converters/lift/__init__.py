"""From a TF1 graph to a Program: :func:`structure`, then the recognition of recurrences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from converters.graph import Artefact, Graph
from converters.lift.names import candidates, default_io, tensor_name
from converters.lift.specialise import DAMAGE
from converters.lift.stacks import whole_stacks
from converters.lift.structure import structure
from converters.program import Loop, Program
from reference.errors import RnnportError
from reference.vocabulary.abstract import Fact

__all__ = ["candidates", "default_io", "lift", "structure", "tensor_name"]


def lift(
    source: Artefact | Graph,
    /,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    input_facts: Mapping[str, Fact] | None = None,
    ranks: Mapping[str, int] | None = None,
    freeze: Mapping[str, Any] | None = None,
    signature: str | None = None,
    strict: bool = True,
    moving: bool = True,
) -> Program:
    """The lifted Program; inputs and outputs default as :func:`default_io` says.

    ``moving`` lets masked steps be moved behind the others of their row, which needs all steps at once.

    Raises:
        UsageError, ArtefactError, NotConvertibleError: as :func:`structure` and :func:`default_io`.
    """
    graph = source.graph if isinstance(source, Artefact) else source
    if inputs is None or outputs is None:
        from converters.lift.names import io_of

        inputs, outputs = io_of(source, signature, inputs, outputs)
    program = structure(
        graph,
        inputs=inputs,
        outputs=outputs,
        input_facts=input_facts,
        ranks=ranks,
        freeze=freeze,
        artefact=source if isinstance(source, Artefact) else None,
        strict=strict,
    )
    return whole_stacks(_recognised(program, moving))


def _recognised(program: Program, moving: bool) -> Program:
    """With recurrences in place of loops; a mistake of the recognition costs speed, never the model."""
    recognise = getattr(import_module("converters.lift.recognise"), "recognise")  # noqa: B009
    try:
        result: Program = recognise(program, moving=moving)
    except RnnportError:
        raise
    except (*DAMAGE, AssertionError, RecursionError) as error:
        reason = f"the recognition of recurrences failed ({type(error).__name__}: {error})"
        statements = tuple(
            replace(s, reason=reason) if isinstance(s, Loop) else s for s in program.statements
        )
        return replace(program, statements=statements)
    return result

"""ONNX asks for the number of axes of every input and output: where it is not known, what to name instead."""

from __future__ import annotations

from converters.program import OpNode, Program, defined
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.abstract.fact import Fact


def ranked(name: str, fact: Fact, program: Program | None = None) -> Fact:
    """The fact of an input or output.

    Raises:
        NotConvertibleError: the number of its axes is not known.
    """
    if fact.shape is not None:
        return fact
    text = "its number of axes is not known, and ONNX asks for it"
    squeezed = None if program is None else _squeezed(program, program.names.get(name, name))
    if squeezed is not None:
        node, source = squeezed
        text += (
            f": {node} (Squeeze) takes away every axis that turns out to be of size 1; "
            f"name what it reads instead: --outputs {source}"
        )
    msg = f"tensor {name!r}: {text}"
    raise NotConvertibleError(msg, (Reason(name, text),))


def _squeezed(program: Program, value: str) -> tuple[str, str] | None:
    """(node, its input) of the Squeeze without axes behind a value."""
    makers = {name: s for s in program.statements for name in defined(s)}
    todo, seen = [value], set()
    while todo:
        name = todo.pop()
        maker = makers.get(name)
        if name in seen or not isinstance(maker, OpNode):
            continue
        seen.add(name)
        if maker.node.op == "Squeeze" and not maker.node.attr("squeeze_dims", ()):
            return maker.node.name, maker.inputs[0]
        todo += maker.inputs
    return None

"""ONNX asks for the number of axes of every input and output, also of those whose number depends on sizes.

``tf.squeeze`` without axes of [batch, 1] is [batch], and [] where the batch is one row. The operator does the same; what the file declares is the
shape where no unknown size is 1. ONNX Runtime gives the right array either way, and logs a line where the number of axes is not the one declared.
"""

from __future__ import annotations

from converters.lift.ranks import UNTOLD
from converters.program import OpNode, Program, defined
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.abstract.fact import Fact

SAME_SHAPE = frozenset(
    "Identity Sigmoid Tanh Relu Relu6 Elu Selu Softplus Softsign Exp Log Sqrt Square Abs Neg Round Rint Floor Ceil Sign Cast".split()
)
"""Ops of one tensor that keep its shape."""


def ranked(name: str, fact: Fact, program: Program | None = None) -> Fact:
    """The fact that the file declares of an input or output.

    Raises:
        NotConvertibleError: the number of its axes is not known.
    """
    if fact.shape is not None:
        return fact
    if program is None:  # an input: nothing inside the model can tell any more
        msg = f"tensor {name!r}: {UNTOLD}"
        raise NotConvertibleError(msg, (Reason(name, UNTOLD),))
    text = "its number of axes is not known, and ONNX asks for it"
    found = _squeeze(program, program.names.get(name, name))
    if found is not None:
        squeeze, direct = found
        shape = getattr(program.facts.get(squeeze.inputs[0]), "shape", None)
        if direct and shape is not None:
            return Fact(fact.dtype, tuple(size for size in shape if size != 1))
        text += (
            f": {squeeze.node.name} (Squeeze) takes away every axis that turns out to be of size 1; "
            f"name what it reads instead: --outputs {squeeze.inputs[0]}"
        )
    msg = f"tensor {name!r}: {text}"
    raise NotConvertibleError(msg, (Reason(name, text),))


def _squeeze(program: Program, value: str) -> tuple[OpNode, bool] | None:
    """The Squeeze without axes behind a value, and whether only ops that keep the shape lie between."""
    makers = {name: s for s in program.statements for name in defined(s)}
    todo, seen = [(value, True)], set()
    while todo:
        name, direct = todo.pop()
        maker = makers.get(name)
        if name in seen or not isinstance(maker, OpNode):
            continue
        seen.add(name)
        if maker.node.op == "Squeeze" and not maker.node.attr("squeeze_dims", ()):
            return maker, direct
        todo += [(source, direct and maker.node.op in SAME_SHAPE) for source in maker.inputs]
    return None

"""Fewer nodes in the body of a Scan: a product and what is added to it are one ``Gemm``.

A step of one row is a dozen small nodes, and each costs ONNX Runtime about as much as the work it does. Its optimiser has the same rule, but
asks for sizes that a body of dynamic batch does not state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from converters.to_onnx.builder import Node, Scope, reads
from reference.vocabulary.abstract.fact import Fact


def tighten(scope: Scope, facts: Mapping[str, Fact], /) -> None:
    """Rewrite ``Add(c, MatMul(a, b))`` as ``Gemm(a, b, c)`` in ``scope``, where nothing else reads the product.

    float32 matrices only, and only where ``c`` is as large as the sum: what would be stretched is left to Add.
    """
    made = {output: node for node in scope.nodes for output in node.outputs}
    uses = Counter(name for node in scope.nodes for name in reads(node))
    uses.update(port.name for port in scope.outputs)
    for node in scope.nodes:
        if node.op != "Add":
            continue
        for product, added in (node.inputs, node.inputs[::-1]):
            source = made.get(product)
            if source is not None and uses[product] == 1 and _fits(source, node, added, facts):
                node.op, node.inputs = "Gemm", [*source.inputs, added]
                break


def _fits(product: Node, total: Node, added: str, facts: Mapping[str, Fact]) -> bool:
    """Whether the product is of matrices, and the sum and what is added are of its shape."""
    names = [*product.inputs, product.outputs[0], total.outputs[0], added]
    known = [facts.get(name) for name in names]
    if product.op != "MatMul" or any(fact is None or fact.dtype != "float32" for fact in known):
        return False
    shapes = [fact.shape for fact in known if fact is not None]
    matrices = all(shape is not None and len(shape) == 2 for shape in shapes)
    return matrices and shapes[2] == shapes[3] == shapes[4]

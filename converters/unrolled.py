"""Steps that were unrolled in the graph and stay so: found by their weights, which step after step multiplies with.

What the lift could roll is a :class:`Recurrence`. The rest is plain nodes, exact as they are; a user asking what became of the decoder is told so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from converters.edges import edge_of, leading_to
from converters.program import OpNode, Program, defined
from converters.records import RecurrenceRecord

_PRODUCTS = frozenset(("MatMul", "BatchMatMul", "BatchMatMulV2", "Conv2D"))
_WHOLE_STEPS = {"LSTMBlockCell": 3, "GRUBlockCell": 2}
"""Ops that are a whole step: where their kernel stands among the inputs."""
_COMPARED = 64
"""So many different weights are looked at for being parts of one another."""
_THROUGH = frozenset(("Identity", "Cast", "Reshape", "Transpose", "StopGradient", "ReadVariableOp"))
_LINEAR = _THROUGH | {"Add", "AddV2", "BiasAdd", "ConcatV2", "ExpandDims", "Squeeze", "Pack"}


@dataclass
class _Product:
    """One multiplication by a weight that others multiply with too."""

    place: int
    node: OpNode
    weight: Hashable
    """What the array is known by: equal for copies and parts of one."""


def unrolled_records(program: Program, /) -> tuple[RecurrenceRecord, ...]:
    """One record for each set of weights whose products depend on each other, step after step."""
    products = _shared_products(program)
    if not products:
        return ()
    needs = _needs(program, products)
    chains = _chains(products, needs)
    taken: set[str] = set()
    return tuple(_record(program, products, needs, chain, taken) for chain in chains)


def _shared_products(program: Program) -> list[_Product]:
    """Products of the main program by a constant of which there is more than one product."""
    origin: dict[str, np.ndarray] = dict(program.constants)
    found: list[tuple[int, OpNode, np.ndarray]] = []
    for place, statement in enumerate(program.statements):
        if not isinstance(statement, OpNode):
            continue
        source = statement.inputs[0] if statement.inputs else ""
        if statement.node.op in _THROUGH and source in origin:
            origin.update(dict.fromkeys(statement.outputs, origin[source]))
        else:
            weights = [origin[name] for name in _factors(statement) if name in origin]
            if len(weights) == 1:
                found.append((place, statement, weights[0]))
    known = _identities([array for _, _, array in found])
    products = [_Product(at, node, known[id(array)]) for at, node, array in found]
    counts = Counter(product.weight for product in products)
    return [product for product in products if counts[product.weight] > 1]


def _factors(statement: OpNode) -> tuple[str, ...]:
    """The inputs that may be the weight it multiplies by."""
    op = statement.node.op
    if op in _WHOLE_STEPS:
        return statement.inputs[_WHOLE_STEPS[op] :][:1]
    return statement.inputs[:2] if op in _PRODUCTS else ()


def _identities(arrays: Sequence[np.ndarray]) -> dict[int, Hashable]:
    """By ``id``: a key that copies of one array share, and columns that were cut out of a larger one."""
    by_id = {id(array): array for array in arrays}
    keys = {at: (a.shape, str(a.dtype), sha256(a.tobytes()).hexdigest()) for at, a in by_id.items()}
    distinct = {keys[at]: array for at, array in by_id.items()}
    if 1 < len(distinct) <= _COMPARED:
        large = sorted(distinct, key=lambda key: -distinct[key].size)
        part_of = {
            small: next((k for k in large if _is_cut(distinct[small], distinct[k])), small)
            for small in distinct
        }
        keys = {at: part_of[key] for at, key in keys.items()}
    return dict(keys)


def _is_cut(part: np.ndarray, whole: np.ndarray) -> bool:
    """Whether it is neighbouring columns of a wider matrix."""
    if part.ndim != 2 or whole.ndim != 2 or part.dtype != whole.dtype or not part.size:
        return False
    if part.shape[0] != whole.shape[0] or part.shape[1] >= whole.shape[1] or not part.any():
        return False
    columns = range(whole.shape[1] - part.shape[1] + 1)
    starts = (c for c in columns if np.array_equal(whole[:, c], part[:, 0]))
    return any(np.array_equal(whole[:, c : c + part.shape[1]], part) for c in starts)


def _needs(program: Program, products: Sequence[_Product]) -> dict[str, int]:
    """By value name: the products it depends on, as bits."""
    own = {product.place: 1 << i for i, product in enumerate(products)}
    needs: dict[str, int] = {}
    for place, statement in enumerate(program.statements):
        bits = own.get(place, 0)
        for name in statement.inputs:
            bits |= needs.get(name, 0)
        if bits:
            needs.update(dict.fromkeys(defined(statement), bits))
    return needs


def _before(product: _Product, needs: dict[str, int]) -> int:
    """The products that ``product``'s operands depend on."""
    bits = 0
    for name in product.node.inputs:
        bits |= needs.get(name, 0)
    return bits


def _chains(products: Sequence[_Product], needs: dict[str, int]) -> list[list[int]]:
    """The numbers of products that belong together: weights that depend on each other both ways, or on themselves."""
    weights = list(dict.fromkeys(product.weight for product in products))
    bits = dict.fromkeys(weights, 0)
    reads = dict.fromkeys(weights, 0)
    for i, product in enumerate(products):
        bits[product.weight] |= 1 << i
        reads[product.weight] |= _before(product, needs)
    recurrent = [w for w in weights if reads[w] & bits[w]]
    chains: list[list[int]] = []
    while recurrent:
        first = recurrent[0]
        group = [w for w in recurrent if reads[first] & bits[w] and reads[w] & bits[first]]
        recurrent = [w for w in recurrent if w not in group]
        chains.append([i for i, product in enumerate(products) if product.weight in group])
    return chains


def _record(
    program: Program,
    products: Sequence[_Product],
    needs: dict[str, int],
    chain: list[int],
    taken: set[str],
) -> RecurrenceRecord:
    members = [products[i] for i in chain]
    steps = max(sum(p.weight == m.weight for p in members) for m in members)
    name = members[0].node.node.name.rpartition("/")[0] or members[0].node.node.name
    name = name if name not in taken else members[0].node.node.name
    taken.add(name)
    return RecurrenceRecord(
        name=name,
        cell="unrolled",
        units=None,
        direction="forward",
        time_major=True,
        lengths=None,
        initial_state=(),
        parameters={},
        form="unrolled",
        reason=f"{steps} steps stand one after another in the graph: {_edge(program, products, needs, chain)}",
    )


def _edge(
    program: Program, products: Sequence[_Product], needs: dict[str, int], chain: list[int]
) -> str:
    """What a step reads of the one before that no cell holds."""
    first, last = products[chain[0]], products[chain[-1]]
    between = [
        statement
        for statement in program.statements[first.place : last.place]
        if isinstance(statement, OpNode)
        and any(needs.get(name, 0) >> chain[0] & 1 for name in statement.inputs)
    ]
    used = leading_to(between, last.node.inputs)
    edge = edge_of(used)
    if edge is not None:
        return edge
    fed = _fed_straight(used, products, chain)
    if fed is not None:
        return (
            f"each step reads the output of the one before through {fed.node.name} ({fed.node.op})"
        )
    return "no cell that is looked for has the equation of one step"


def _fed_straight(
    used: Sequence[OpNode], products: Sequence[_Product], chain: Sequence[int]
) -> OpNode | None:
    """A product whose result reaches another through nothing but additions and changes of shape: a projection fed back."""
    inside = {id(products[i].node) for i in chain}
    sources: dict[str, OpNode] = {}
    for statement in used:
        source = next((sources[name] for name in statement.inputs if name in sources), None)
        if id(statement) in inside:
            if source is not None:
                return source
            sources[statement.outputs[0]] = statement
        elif source is not None and statement.node.op in _LINEAR:
            sources.update(dict.fromkeys(statement.outputs, source))
    return None

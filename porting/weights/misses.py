"""Why a layer got nothing: the sentence that says what to do."""

from __future__ import annotations

import numpy as np

from porting.weights.proposals import Proposal
from porting.weights.store import Store
from porting.weights.targets import (
    BATCH_NORM,
    CELL,
    GRU,
    GRU_AFTER,
    LSTM,
    RECURRENT,
    RNN,
    Leaf,
    Unit,
)


def why_missing(unit: Unit, store: Store, scope: str, taken: Proposal | None, /) -> str:
    """One sentence."""
    if unit.unknown:
        return unit.unknown
    if taken is not None:
        return f"{taken}: {taken.problem}"
    leaf = unit.leaves[0]
    if leaf.kind == CELL:
        return _not_told(leaf, store)
    found = _likeness(leaf, store, scope)
    only = [name for name in store.only_averaged if name.startswith(scope)]
    if not found and only:
        return (
            f"its variables may be there as moving averages alone ({only[0]}): pass averages=True"
        )
    wanted = _wanted(leaf)
    near = f"; {found}" if found else ""
    return (
        f"no variables of the names and shapes of {wanted}{' in ' + scope if scope else ''}{near}"
    )


def _not_told(leaf: Leaf, store: Store) -> str:
    """Of the cell of a port: the first weight whose variable the checkpoint has not, or has in another shape."""
    for role in leaf.variables:
        name, shape = leaf.told.get(role, ""), leaf.shape(role)
        if store.shapes.get(name) == shape:
            continue
        if not name:
            return f"its weight {role} is a constant of the graph, no variable"
        if name not in store.shapes:
            return f"its weight {role} was {name} in the graph, which the checkpoint does not hold"
        return f"its weight {role} is {list(shape)}, and {name} {list(store.shapes[name])}"
    return "its variables lie in another scope"


def _wanted(leaf: Leaf) -> str:
    if leaf.kind not in RECURRENT:
        shape = leaf.shape("moving_mean" if leaf.kind == BATCH_NORM else "kernel")
        return f"a {leaf.kind} layer of shape {list(shape)}"
    gates = {LSTM: 4, GRU: 2, GRU_AFTER: 2, RNN: 1}[leaf.kind] * leaf.units
    return f"a {leaf.kind} cell (kernel {[leaf.features + leaf.units, gates]})"


def _likeness(leaf: Leaf, store: Store, scope: str) -> str:
    """What is there that was probably meant."""
    names = store.names(scope)
    if leaf.kind == GRU_AFTER:
        gates = [n for n in names if n.endswith(("candidate/kernel", "candidate/weights"))]
        if gates:
            return f"{gates[0]} is a GRU that resets before its product: build the layer with reset_after=False"
    if leaf.kind == GRU:
        after = [n for n in names if "candidate/input_projection" in n]
        if after:
            return f"{after[0]} is a GRU that resets after its product: build the layer with reset_after=True"
    if leaf.kind in RECURRENT:
        cells = [
            n for n in names if n.lower().endswith(("cell/kernel", "cell/weights", "linear/matrix"))
        ]
        shown = ", ".join(f"{n} {list(store.shapes[n])}" for n in cells[:4])
        return f"there is {shown}" if shown else ""
    size = int(np.prod(leaf.shape("moving_mean" if leaf.kind == BATCH_NORM else "kernel")))
    same = [n for n in names if int(np.prod(store.shapes[n])) == size]
    return f"{same[0]} has as many numbers, as {list(store.shapes[same[0]])}" if same else ""

"""Rows of an embedding that TF1 kept in several parts: which id each stored row belongs to.

``tf.nn.embedding_lookup(table, ids)`` reads row ``id // n`` of part ``id % n`` (``partition_strategy="mod"``, its default), or row ``id`` of the parts
one after the other (``"div"``); ``tf.gather`` does the latter (embedding_ops.py:150-192, v1.15.5). A checkpoint does not say which the program did.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from porting.weights.proposals import Proposal
from porting.weights.store import Store
from porting.weights.targets import EMBEDDING, Unit
from reference.errors import SemanticsError, UsageError

STRATEGIES = ("mod", "div")


def check_strategy(good: Mapping[Unit, Proposal], store: Store, strategy: str | None, /) -> None:
    """The strategy must be given where a table is in parts, and nowhere else.

    Raises:
        UsageError: it is neither "mod" nor "div", or missing, or does nothing.
    """
    if strategy is not None and strategy not in STRATEGIES:
        msg = f"partition_strategy is 'mod' or 'div', not {strategy!r}"
        raise UsageError(msg)
    places = [place for proposal in good.values() for place in proposal.places]
    tables = [p.tensors[0] for p in places if p.form == EMBEDDING]
    found = {name: len(store.row_starts(name)) for name in tables if store.row_starts(name)}
    if found and strategy is None:
        name, count = next(iter(found.items()))
        msg = (
            f"{name} was saved in {count} parts, and the checkpoint does not say which rows they hold: give partition_strategy='mod', as "
            "tf.nn.embedding_lookup reads them by default, or 'div', where the program says so or uses tf.gather"
        )
        raise UsageError(msg)
    if strategy is not None and not found:
        msg = "partition_strategy is given, but no embedding that matches was saved in parts"
        raise UsageError(msg)


def by_id(table: np.ndarray, starts: tuple[int, ...], name: str, /) -> np.ndarray:
    """The rows [ids, features] in the order of the ids that ``"mod"`` reads them by; ``table`` has the parts one after the other.

    >>> by_id(np.array([[0], [2], [4], [1], [3]]), (0, 3), "table").ravel().tolist()
    [0, 1, 2, 3, 4]

    Raises:
        SemanticsError: the parts are not as long as TF1 needs them for that.
    """
    count, rows = len(starts), len(table)
    lengths = [b - a for a, b in itertools.pairwise((*starts, rows))]
    if lengths != [(rows - part + count - 1) // count for part in range(count)]:
        msg = f"{name} has parts of {lengths} rows, which partition_strategy='mod' cannot read to its end: it is 'div'"
        raise SemanticsError(msg)
    found: Any = np.empty_like(table)
    for part, start in enumerate(starts):
        found[part::count] = table[start : start + lengths[part]]
    return np.asarray(found)

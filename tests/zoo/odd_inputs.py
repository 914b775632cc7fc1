"""Odd inputs to a zoo model, made of its first recorded run: empty and single axes, lengths out of range, NaN in the padding.

NumPy only, and Python 3.7: the recorder (``record_odd.py``, TensorFlow 1.15.5) and the tests draw the same cases.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple

import numpy as np

Feeds = Dict[str, np.ndarray]
Axis = Tuple[str, int]
Case = Tuple[str, Feeds]


def groups(card: Mapping[str, Any], runs: Sequence[Feeds]) -> List[Tuple[Axis, ...]]:
    """Axes of unknown size that have one size in every recorded run: the batch, the time, …"""
    found: Dict[Any, List[Axis]] = {}
    for entry in card["inputs"]:
        for axis, size in enumerate(entry["shape"] or ()):
            if size is None:
                sizes = tuple(run[entry["name"]].shape[axis] for run in runs)
                found.setdefault(sizes, []).append((entry["name"], axis))
    return [tuple(axes) for axes in found.values()]


def cut(feeds: Feeds, axes: Sequence[Axis], size: int) -> Feeds:
    """The first ``size`` items along each of these axes."""
    changed = dict(feeds)
    for name, axis in axes:
        kept = range(min(size, changed[name].shape[axis]))
        changed[name] = changed[name].take(kept, axis)
    return changed


def cases(card: Mapping[str, Any], runs: Sequence[Feeds]) -> Iterator[Case]:
    """(what is odd, feeds), in a fixed order."""
    feeds = runs[0]
    axes = groups(card, runs)
    for group in axes:
        where = ",".join(f"{name}[{axis}]" for name, axis in group)
        for size in (0, 1):
            yield f"{size} along {where}", cut(feeds, group, size)
    if len(axes) > 1:
        yield "0 along everything", cut(feeds, [axis for group in axes for axis in group], 0)
    for name, array in feeds.items():
        if array.ndim == 1 and array.dtype.kind == "i" and array.size:
            yield from out_of_range(feeds, name)
            yield from padded(feeds, axes, name)


def out_of_range(feeds: Feeds, name: str) -> Iterator[Case]:
    """A vector of integers with its last item too large, negative and 0; then all items so."""
    array = feeds[name]
    top = max(a.shape[axis] for a in feeds.values() for axis in range(a.ndim))
    for value in (top + 3, -2, 0):
        changed = array.copy()
        changed[-1] = value
        yield f"{value} in {name}", {**feeds, name: changed}
        yield f"only {value} in {name}", {**feeds, name: np.full_like(array, value)}


def padded(feeds: Feeds, axes: Sequence[Sequence[Axis]], lengths: str) -> Iterator[Case]:
    """NaN behind each row's end, in every float sequence that shares the axis of ``lengths``."""
    rows = next((group for group in axes if (lengths, 0) in group), ())
    for name, batch in rows:
        array = feeds[name]
        if array.ndim < 3 or array.dtype.kind != "f" or batch > 1:
            continue
        moved = np.moveaxis(array.copy(), batch, 0)
        for row, length in zip(moved, feeds[lengths]):
            row[max(int(length), 0) :] = np.nan
        changed = np.ascontiguousarray(np.moveaxis(moved, 0, batch))
        yield f"NaN behind {lengths} in {name}", {**feeds, name: changed}

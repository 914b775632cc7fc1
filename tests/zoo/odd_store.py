"""How ``odd.npz`` holds what TensorFlow gave: an index as JSON, floats as 16-bit fractions of their tensor's largest (to
1.6e-5 of it), integers and booleans as int64, text in the index. NumPy only, Python 3.7.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

import numpy as np

Outcome = Union[str, Mapping[str, np.ndarray]]
"""Why TensorFlow refused, or its results by tensor."""
STEPS = 32700
MARKS = ((32767, np.nan), (32766, np.inf), (-32766, -np.inf))
"""Integers that stand for what is no number."""


def pack(names: Sequence[str], outcomes: Sequence[Outcome]) -> Dict[str, np.ndarray]:
    """The entries of the archive."""
    floats: List[np.ndarray] = []
    whole: List[np.ndarray] = []
    index: List[List[Any]] = []
    for name, outcome in zip(names, outcomes):
        if isinstance(outcome, str):
            index.append([name, outcome])
            continue
        entries: Dict[str, List[Any]] = {}
        for tensor, array in outcome.items():
            entries[tensor] = [array.dtype.str, list(array.shape)]
            if array.dtype.kind == "f":
                unit, steps = quantised(array)
                floats.append(steps.ravel())
                entries[tensor].append(unit)
            elif array.dtype.kind == "S":
                entries[tensor].append([text.decode("latin-1") for text in array.ravel().tolist()])
            else:
                whole.append(array.astype(np.int64).ravel())
        index.append([name, entries])
    about = {"format": 1, "tensorflow": "1.15.5", "cases": index}
    return {
        "about": np.array(json.dumps(about, separators=(",", ":"))),
        "floats": np.concatenate(floats or [np.zeros(0, np.int16)]),
        "whole": np.concatenate(whole or [np.zeros(0, np.int64)]),
    }


def quantised(array: np.ndarray) -> Tuple[float, np.ndarray]:
    """(unit, steps): the array is about steps times unit."""
    finite = np.isfinite(array)
    largest = float(np.abs(array[finite].astype(np.float64)).max()) if finite.any() else 0.0
    unit = largest / STEPS or 1.0
    steps = np.asarray(np.rint(np.where(finite, array, 0) / np.float64(unit)), np.int16)
    for mark, value in MARKS:
        steps[np.isnan(array) if np.isnan(value) else array == value] = mark
    return unit, steps


def unpack(archive: Mapping[str, np.ndarray]) -> Dict[str, Outcome]:
    """By case: its results, or why TensorFlow refused it."""
    floats, whole = iter_of(archive["floats"]), iter_of(archive["whole"])
    found: Dict[str, Outcome] = {}
    for name, entries in json.loads(archive["about"].item())["cases"]:
        if isinstance(entries, str):
            found[name] = entries
            continue
        results = {}
        for tensor, (dtype, shape, *more) in entries.items():
            kind = np.dtype(dtype).kind
            if kind == "f":
                steps = floats(shape)
                array = steps.astype(np.float64) * more[0]
                for mark, value in MARKS:
                    array = np.where(steps == mark, value, array)
            elif kind == "S":
                texts = [text.encode("latin-1") for text in more[0]]
                array = np.array(texts, dtype).reshape(shape)
            else:
                array = whole(shape)
            results[tensor] = array.astype(dtype)
        found[name] = results
    return found


def iter_of(flat: np.ndarray) -> Any:
    """A function that takes the next items of ``flat`` in a shape."""
    at = [0]

    def taken(shape: Sequence[int]) -> np.ndarray:
        count = int(np.prod(shape, dtype=np.int64))
        at[0] += count
        return flat[at[0] - count : at[0]].reshape(shape)

    return taken

"""Decoders that run to their maximum: a port that says so of an output is compared without the steps TensorFlow did not run.

A backend that fixes all sizes before it runs (JAX) gives a decoder's outputs as long as they can get. What lies behind the last step is
one value: zeros, or the end token. Only outputs that the port names in its origin are cut, and only if all that is cut is one value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

KEY = "to_maximum"
"""The entry of a port's origin: a JSON list of TF output names."""

Arrays = Mapping[str, np.ndarray]


def named(origin: Mapping[str, Any], key: str = KEY, /) -> tuple[str, ...]:
    """The outputs that a port says run to their maximum (or what else ``key`` says of them); none where it says nothing that can be read.

    Example:
        >>> named({"to_maximum": '["ids:0"]'}), named({"to_maximum": "?"})
        (('ids:0',), ())
    """
    try:
        found = json.loads(str(origin.get(key, "[]")))
    except ValueError:
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def without_steps_not_run(
    answered: Arrays, exact: Arrays, outputs: tuple[str, ...], /
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The answers, those of ``outputs`` cut to the size of ``exact``, and the names of the cut ones."""
    cut: dict[str, np.ndarray] = {}
    for name in outputs:
        port, true = answered.get(name), exact.get(name)
        if port is not None and true is not None:
            found = _cut(port, true.shape)
            if found is not None:
                cut[name] = found
    return {**answered, **cut}, tuple(cut)


def _cut(port: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """``port`` without what it has more along one axis; None unless that is one value."""
    if port.ndim != len(shape):
        return None
    unlike = [axis for axis, (a, b) in enumerate(zip(port.shape, shape, strict=True)) if a != b]
    if len(unlike) != 1 or port.shape[unlike[0]] < shape[unlike[0]]:
        return None
    kept, rest = np.split(port, [shape[unlike[0]]], axis=unlike[0])
    return kept if not rest.size or bool((rest == rest.reshape(-1)[0]).all()) else None

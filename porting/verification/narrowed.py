"""Outputs that a port gives as int32 where TensorFlow gives int64, since its backend has no more: compared by value.

Only outputs that the port names in its origin; it proved that they fit before it was written.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

KEY = "int32"
"""The entry of a port's origin: a JSON list of TF output names."""

Arrays = Mapping[str, np.ndarray]


def as_wide(
    answered: Arrays, exact: Arrays, outputs: tuple[str, ...], /
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The answers, those of ``outputs`` that are int32 for int64 widened, and the names of these.

    Example:
        >>> five = np.array(5)
        >>> wide, names = as_wide({"y:0": five.astype(np.int32)}, {"y:0": five.astype(np.int64)}, ("y:0",))
        >>> str(wide["y:0"].dtype), names
        ('int64', ('y:0',))
    """
    names = tuple(
        name
        for name in outputs
        if name in answered
        and name in exact
        and (str(answered[name].dtype), str(exact[name].dtype)) == ("int32", "int64")
    )
    return {**answered, **{n: answered[n].astype(np.int64) for n in names}}, names

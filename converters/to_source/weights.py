"""What a person calls the weights of a class: the ends of their TF names, as far as they differ."""

from __future__ import annotations

import re
from collections.abc import Sequence

from converters.to_keras.backend import keras


def told_apart(long: Sequence[str], /) -> list[str]:
    """Short attributes for long names.

    Example:
        >>> told_apart(["a/cell_0/kernel", "a/cell_1/kernel", "a/cell_1/bias"])
        ['cell_0_kernel', 'cell_1_kernel', 'bias']
    """
    parts = [[re.sub(r"\W+", "_", p, flags=re.ASCII) for p in name.split("/")] for name in long]
    names = [_shortest(one, parts).strip("_").lower() or "weight" for one in parts]
    if len(set(names)) < len(names):
        names = [f"weight_{k}" for k in range(len(names))]
    return [
        n if n.isidentifier() and not hasattr(keras.layers.Layer, n) else f"w_{n}" for n in names
    ]


def _shortest(path: list[str], paths: list[list[str]], /) -> str:
    """The last part, behind the nearest one that tells it from all others; else the fewest last parts that do."""
    for depth in range(1, len(path)):
        if sum(other[-depth:] == path[-depth:] for other in paths) == 1:
            if depth == 1:
                return path[-1]
            pair = path[-depth], path[-1]
            alike = sum(other[-1] == pair[1] and pair[0] in other[:-1] for other in paths)
            return "_".join(pair if alike == 1 else path[-depth:])
    return "_".join(path)

"""The variables of a checkpoint by name, without what an optimizer keeps beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from converters.read_checkpoint import Checkpoint
from reference.errors import UsageError

SHADOW = "ExponentialMovingAverage"
_ATTRIBUTE = "/.ATTRIBUTES/VARIABLE_VALUE"
_SLOTS = re.compile(
    r"(Adam|AdamW|AdaMax|Nadam|LazyAdam|RMSProp|Momentum|Adagrad|AdagradDA|Adadelta|Ftrl|ProximalAdagrad)(_\d+)?"
)
_COUNTERS = re.compile(
    r"(.*/)?(global_step|beta[12]_power(_\d+)?|_CHECKPOINTABLE_OBJECT_GRAPH|save_counter)"
)


class Store:
    """Variables by TF1's names; shapes are known unread."""

    def __init__(self, checkpoint: Checkpoint, /, *, averages: bool = False) -> None:
        self._checkpoint = checkpoint
        stored = {_plain(name): name for name in checkpoint.names()}
        self._shadows = _shadows(stored)
        self.where = checkpoint.where
        slots = {name for name in stored if _is_slot(name, stored)}
        self.ignored = tuple(sorted(slots | {n for n in stored if _COUNTERS.fullmatch(n)}))
        """Slots of optimizers, moving averages and counters."""
        self._keys = {n: key for n, key in stored.items() if n not in self.ignored}
        self.averaged: dict[str, str] = {}
        """By variable, its moving average: what is read in its stead."""
        if averages:
            self._take_averages(stored)
        self.shapes = {n: tuple(checkpoint.shape(key)) for n, key in self._keys.items()}

    def _take_averages(self, stored: dict[str, str]) -> None:
        if not self._shadows:
            msg = f"averages=True, but {self.where} holds no {SHADOW}"
            raise UsageError(msg)
        for name, shadow in self._shadows.items():
            self._keys[name] = stored[shadow]
            self.averaged[name] = shadow

    @property
    def only_averaged(self) -> tuple[str, ...]:
        """Variables that are there as moving averages alone."""
        return tuple(name for name in self._shadows if name not in self._keys)

    def names(self, scope: str = "") -> list[str]:
        """Variables in a scope, sorted; ``""`` is the root."""
        return sorted(name for name in self._keys if inside(name, scope))

    def dtype(self, name: str) -> str:
        return self._checkpoint.dtype(self._keys[name])

    def row_starts(self, name: str) -> tuple[int, ...]:
        """Where each part of a table that was partitioned by rows starts; empty where it is whole."""
        return self._checkpoint.row_starts(self._keys[name])

    def read(self, name: str) -> np.ndarray:
        """The value, or that of its moving average.

        Raises:
            ArtefactError: the file is damaged.
        """
        return self._checkpoint.read(self._keys[name])


def inside(name: str, scope: str, /) -> bool:
    """Whether a variable lies in a scope (or is it).

    >>> inside("rnn/lstm_cell/kernel", "rnn"), inside("rnn_1/kernel", "rnn")
    (True, False)
    """
    scope = scope.strip("/")
    return not scope or name == scope or name.startswith(scope + "/")


def _plain(name: str) -> str:
    return name.removesuffix(_ATTRIBUTE)


def _shadows(stored: Iterable[str]) -> dict[str, str]:
    """Moving averages by variable; a scope that ``apply`` was called in comes before the variable's name."""
    known = set(stored)
    found = {}
    for name in sorted(known):
        base, slash, last = name.rpartition("/")
        if not slash or last != SHADOW:
            continue
        parts = base.split("/")
        tails = ["/".join(parts[k:]) for k in range(len(parts))]
        found[next((tail for tail in tails if tail in known), base)] = name
    return found


def _is_slot(name: str, known: Iterable[str]) -> bool:
    """A variable below a variable, or one that is called as optimizers call theirs."""
    base, slash, last = name.rpartition("/")
    if not slash:
        return False
    if last == SHADOW or _SLOTS.fullmatch(last) or ".OPTIMIZER_SLOT" in name:
        return True
    parts = base.split("/")
    return any("/".join(parts[k:]) in known for k in range(len(parts)))

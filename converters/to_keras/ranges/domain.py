"""A range of integers whose ends may name sizes, and its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np

from reference.vocabulary.abstract.fact import Dim
from reference.vocabulary.abstract.sizes import (
    Size,
    add,
    as_dim,
    multiply,
    non_negative,
    subtract,
)

SIZE = 2**30 - 1
"""No axis is longer, no array has more items, and no loop runs more often: two of them add up to 32 bits."""
ROUNDS = "rounds of "
"""Begins the name of the number of rounds that a loop has run."""


@dataclass(frozen=True, slots=True)
class Range:
    """All integers from ``low`` to ``high``, both included."""

    low: Dim
    high: Dim

    def __add__(self, other: Range) -> Range:
        return Range(add(self.low, other.low), add(self.high, other.high))

    def __neg__(self) -> Range:
        return Range(multiply(self.high, -1), multiply(self.low, -1))

    def __mul__(self, other: Range) -> Range:
        ends = [multiply(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        if non_negative(self.low) and non_negative(other.low):
            return Range(ends[0], ends[3])
        return Range(reduce(smaller, ends), reduce(larger, ends))

    def joined(self, other: Range) -> Range:
        """The smallest range found that holds both."""
        return Range(smaller(self.low, other.low), larger(self.high, other.high))

    def within(self, other: Range) -> bool:
        """Whether it certainly lies in the other."""
        return at_most(other.low, self.low) and at_most(self.high, other.high)

    def fits(self, dtype: str) -> bool:
        """Whether a dtype holds all of it, whatever the sizes are."""
        info, low, high = np.iinfo(dtype), least(self.low), greatest(self.high)
        return low is not None and high is not None and info.min <= low and high <= info.max


NATURAL = Range(0, SIZE)
BIT = Range(0, 1)


def all_of(dtype: str, /) -> Range:
    """What a dtype can hold; ``bool`` counts as 0 and 1."""
    if dtype == "bool":
        return BIT
    info = np.iinfo(dtype)
    return Range(int(info.min), int(info.max))


def of_array(value: np.ndarray, /) -> Range:
    """From the smallest item to the largest, numbers or symbolic sizes.

    Example:
        >>> of_array(np.array([3, -1, 7]))
        Range(low=-1, high=7)
    """
    items = [as_dim(item) for item in np.asarray(value).reshape(-1)] or [0]
    if value.dtype != object and value.size:
        items = [int(value.min()), int(value.max())]
    return Range(reduce(smaller, items), reduce(larger, items))


def at_most(a: Dim, b: Dim, /) -> bool:
    """Whether a <= b for certain."""
    return non_negative(subtract(b, a))


def larger(a: Dim, b: Dim, /) -> Dim:
    """Something that is neither less than a nor than b, the larger of them where that can be told."""
    if at_most(a, b):
        return b
    if at_most(b, a):
        return a
    if non_negative(a) and non_negative(b):
        return add(a, b)
    ends = [greatest(a), greatest(b)]
    return max(_FAR if end is None else end for end in ends)


def smaller(a: Dim, b: Dim, /) -> Dim:
    """Something that is neither more than a nor than b."""
    return multiply(larger(multiply(a, -1), multiply(b, -1)), -1)


_FAR = 2**80
"""Beyond every dtype."""


def greatest(dim: Dim, /) -> int | None:
    """The largest number it can be; None where an unknown is no size."""
    if not isinstance(dim, Size):
        return int(dim)
    total = 0
    for monomial, factor in dim.terms:
        if any("~" in name and not name.startswith("max(0,") for name in monomial):
            return None
        # A product of different sizes is the number of an array's items; any other may be as large as it gets.
        items = len(set(monomial)) == len(monomial) and not any(ROUNDS in n for n in monomial)
        most = SIZE if items else SIZE ** len(monomial)
        total += factor * (most if monomial else 1) if factor > 0 or not monomial else 0
    return total


def least(dim: Dim, /) -> int | None:
    """The smallest number it can be."""
    found = greatest(multiply(dim, -1))
    return None if found is None else -found

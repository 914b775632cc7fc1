"""``AbstractOps``: every operation of the vocabulary on Facts: dtype, symbolic shape, known values.

>>> ops = AbstractOps()
>>> x = ops.input(Fact("float32", (unknown("B"), 3)))
>>> [str(dim) for dim in ops.concat([x, x], 0).shape]
['2*B', '3']
"""

from __future__ import annotations

from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.interpreter import AbstractArray, AbstractOps
from reference.vocabulary.abstract.sizes import Dim, Size, signed, unknown

__all__ = ["AbstractArray", "AbstractOps", "Dim", "Fact", "Size", "signed", "unknown"]

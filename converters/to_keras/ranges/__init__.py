"""Which integers a value can hold: what fits 32 bits on a backend that has no more, and how long a decoder can run.

:mod:`domain` is a range and its arithmetic, :mod:`ops` says what each op makes of ranges, :mod:`flow` goes through a Program, and
:mod:`uses` finds what the readers of a value prove of it.
"""

from __future__ import annotations

from converters.to_keras.context import Context
from converters.to_keras.ranges.domain import Range, all_of, of_array
from converters.to_keras.ranges.flow import Ranges
from converters.to_keras.ranges.uses import Uses


def ranges_of(context: Context, /) -> Ranges:
    """The ranges of the integers of ``context.program``.

    A wide input that goes only where large numbers have no use (lengths, ids, comparisons) counts as one of 32 bits: what is fed beyond them
    is refused when it is fed.
    """
    uses = Uses(context)
    told = uses.proven()
    for name, fact in context.program.inputs.items():
        if fact.dtype == "int64" and name not in told and uses.bounded(name):
            told[name] = all_of("int32")
    return Ranges(context, told)


__all__ = ["Range", "Ranges", "of_array", "ranges_of"]

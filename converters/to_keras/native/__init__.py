"""Reference cells as Keras' own recurrent layers: one cell family a file.

:func:`native` gives a :class:`Native`, or the reason (a string) why no Keras layer computes the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from converters.to_keras.native import gru, lstm, refused, simple_rnn
from converters.to_keras.native.spec import Native

_FAMILIES: dict[type, Callable[[Any], Native | str]] = {
    **simple_rnn.CELLS,
    **lstm.CELLS,
    **gru.CELLS,
    **refused.CELLS,
}
"""By the exact class: a subclass may change the equation."""


def native(cell: Any, /) -> Native | str:
    """The Keras layer with this cell's equation, or why there is none."""
    make = _FAMILIES.get(type(cell))
    if make is None:
        return f"no Keras layer has the equation of {type(cell).__name__}"
    return make(cell)


__all__ = ["Native", "native"]

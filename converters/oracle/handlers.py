"""The table of ops that need the machine itself: control flow, state, functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Handler = Callable[..., tuple[Any, ...]]
HANDLERS: Final[dict[str, Handler]] = {}
"""By op type: ``f(machine, node, *inputs)`` gives the tuple of outputs."""


def handles(*ops: str) -> Callable[[Handler], Handler]:
    """Registers a handler."""

    def register(function: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(ops, function))
        return function

    return register

"""The list of all zoo models, and what may be said about one when it is registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Dict, Sequence, Tuple

if TYPE_CHECKING:
    from tests.zoo.generate.model import Model

Build = Callable[["Model"], None]


@dataclass(frozen=True)
class Entry:
    """One model: how it is built, and the words of its card."""

    name: str
    family: str
    description: str
    exercises: Tuple[str, ...]
    build: Build
    control_flow_v2: bool = False
    recorded: bool = True
    extras: Tuple[str, ...] = ()


REGISTRY: Dict[str, Entry] = {}


def model(
    description: str,
    exercises: Sequence[str] = (),
    *,
    name: str = "",
    module: str = "",
    control_flow_v2: bool = False,
    recorded: bool = True,
    extras: Sequence[str] = (),
) -> Callable[[Build], Build]:
    """Register a function that builds one model; its name is the model's unless ``name`` is given.

    ``extras`` may hold ``"saved_model"`` and ``"checkpoint"``: written beside the frozen graph.

    Raises:
        ValueError: the name is taken, or an extra is unknown.
    """

    def register(build: Build) -> Build:
        key = name or build.__name__
        if key in REGISTRY or not set(extras) <= {"saved_model", "checkpoint"}:
            msg = f"zoo model {key!r}: taken name or unknown extra in {tuple(extras)}"
            raise ValueError(msg)
        family = (module or build.__module__).rsplit(".", 1)[-1]
        REGISTRY[key] = Entry(
            key,
            family,
            description,
            tuple(exercises),
            build,
            control_flow_v2,
            recorded,
            tuple(extras),
        )
        return build

    return register

"""The gates of an LSTM that no reference cell matches: i, j, f and o by what is done with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from converters.to_keras.idioms import idiom

THROUGH = ("Add", "Subtract", "Maximum", "Minimum")
"""What a gate may pass before its activation."""

Readers = Mapping[int, Sequence[tuple[Any, Any]]]
"""By identity of a tensor: the calls that read it, each with its result."""


def gate_letters(
    splits: Sequence[Any], states: Collection[int], readers: Readers, /
) -> dict[int, str]:
    """Letters by identity of the results of ``splits`` (calls), where all four are told apart.

    Args:
        states: the identities of the old state's parts.
    """
    found: dict[int, str] = {}
    for split in splits:
        parts = split.output_tensors
        if len(parts) != 4:
            continue
        before = [_before_activation(part, readers) for part in parts]
        letters = [_letter(one, [id(b) for b in before], states, readers) for one in before]
        if sorted(letters) == ["f", "i", "j", "o"]:
            found |= {id(part): letter for part, letter in zip(parts, letters, strict=True)}
    return found


def _kind(tensor: Any) -> str:
    found = idiom(tensor)
    return found.function if found is not None else type(tensor._keras_history[0]).__name__


def _sole(tensor: Any, readers: Readers) -> Any | None:
    """What the one call that reads a tensor makes of it."""
    found = readers.get(id(tensor), ())
    return found[0][1] if len(found) == 1 else None


def _before_activation(part: Any, readers: Readers) -> Any:
    """The part after its bias, its peephole and its norm."""
    made = _sole(part, readers)
    while made is not None and (_kind(made) in THROUGH or _kind(made) == "layer_norm"):
        part, made = made, _sole(made, readers)
    return part


def _letter(tensor: Any, parts: list[int], states: Collection[int], readers: Readers) -> str:
    active = _sole(tensor, readers)
    if active is None:
        return ""
    if _kind(active) != "Sigmoid":
        return "j"
    product = readers.get(id(active), ())
    if len(product) != 1 or _kind(product[0][1]) != "Multiply":
        return ""
    others = [a for a in product[0][0].arguments.args if a is not active]
    if len(others) != 1 or not hasattr(others[0], "_keras_history"):
        return ""
    if id(others[0]) in states:
        return "f"
    operation, place = others[0]._keras_history[:2]
    below = operation._inbound_nodes[place].arguments.keras_tensors
    return "i" if any(id(t) in parts for t in below) else "o"

"""What :func:`to_onnx` gives, and how it is written to disk."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from onnx import ModelProto, TensorProto

from converters.records import RecurrenceRecord

EXTERNAL_ABOVE = 1_900_000_000
"""Bytes of weights above which they go to a file of their own: a protobuf ends at 2 GiB."""
_SMALL = 1024


@dataclass(frozen=True)
class Exported:
    """An ONNX model and what became of each recurrence."""

    model: ModelProto
    recurrences: tuple[RecurrenceRecord, ...]
    states: tuple[tuple[str, str], ...] = field(default=())
    """Of a streaming model: (input, output) of each state part."""


def save(exported: Exported, path: Path | str, /, *, external_above: int = EXTERNAL_ABOVE) -> None:
    """Write the model, replacing what is there; weights above ``external_above`` bytes go to ``PATH.data``, which is written first."""
    target = Path(path)
    model = exported.model
    weight = sum(len(item.raw_data) for item in model.graph.initializer)
    if weight > external_above:
        slim = ModelProto()
        slim.CopyFrom(_without_weights(model))
        data = target.with_name(target.name + ".data")
        _replace(data, _spill(model, slim, data.name))
        model = slim
    _replace(target, [model.SerializeToString(deterministic=True)])


def _without_weights(model: ModelProto) -> ModelProto:
    slim = ModelProto()
    for descriptor, value in model.ListFields():
        if descriptor.name == "graph":
            continue
        if hasattr(value, "extend") and not isinstance(value, str | bytes):
            getattr(slim, descriptor.name).extend(value)
        else:
            setattr(slim, descriptor.name, value)
    slim.graph.name = model.graph.name
    slim.graph.node.extend(model.graph.node)
    slim.graph.input.extend(model.graph.input)
    slim.graph.output.extend(model.graph.output)
    return slim


def _spill(model: ModelProto, slim: ModelProto, location: str) -> list[bytes]:
    """The chunks of the data file; ``slim`` gets initializers that point into it."""
    chunks: list[bytes] = []
    offset = 0
    for item in model.graph.initializer:
        if len(item.raw_data) < _SMALL:
            slim.graph.initializer.append(item)
            continue
        proto = slim.graph.initializer.add(name=item.name, data_type=item.data_type, dims=item.dims)
        proto.data_location = TensorProto.EXTERNAL
        entries = {"location": location, "offset": str(offset), "length": str(len(item.raw_data))}
        for key, value in entries.items():
            proto.external_data.add(key=key, value=value)
        chunks.append(item.raw_data)
        offset += len(item.raw_data)
        gap = -offset % 64
        chunks.append(b"\0" * gap)
        offset += gap
    return chunks


def _replace(path: Path, chunks: list[bytes]) -> None:
    """Written beside, then moved into place."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.writelines(chunks)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)

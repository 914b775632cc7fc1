"""A port as a ``.keras`` file: atomic, and the same bytes for the same port."""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from converters.to_keras.export import Exported

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip entry can carry."""


def save(exported: Exported, path: str | Path, /) -> None:
    """Write ``exported.model`` to ``path`` (ending in ``.keras``); an existing file is replaced.

    The archive's times and Keras' ``date_saved`` are fixed, and the origin stands in ``config.json`` and ``metadata.json`` under
    ``"rnnport"`` (Keras ignores keys it does not know).
    """
    target = Path(path)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "model.keras"
        exported.model.save(draft)
        data = _canonical(draft, dict(exported.metadata))
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _canonical(draft: Path, metadata: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(draft) as source, zipfile.ZipFile(buffer, "w") as result:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name in ("config.json", "metadata.json"):
                content = _with_origin(name, content, metadata)
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = (
                zipfile.ZIP_STORED if name.endswith(".h5") else zipfile.ZIP_DEFLATED
            )
            entry.external_attr = 0o644 << 16
            result.writestr(entry, content)
    return buffer.getvalue()


def _with_origin(name: str, content: bytes, metadata: dict[str, str]) -> bytes:
    data = json.loads(content)
    if name == "metadata.json":
        data["date_saved"] = "1980-01-01@00:00:00"
    _number_shared(data, {})
    if metadata:
        data["rnnport"] = dict(sorted(metadata.items()))
    return json.dumps(data, sort_keys=True).encode()


def _number_shared(data: Any, seen: dict[int, int], /) -> None:
    """Keras marks shared objects by their address in memory: number them in order instead."""
    if isinstance(data, list):
        for item in data:
            _number_shared(item, seen)
    elif isinstance(data, dict):
        if isinstance(data.get("shared_object_id"), int):
            data["shared_object_id"] = seen.setdefault(data["shared_object_id"], len(seen) + 1)
        for key in sorted(data):
            _number_shared(data[key], seen)

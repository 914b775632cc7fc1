"""A ``.keras`` file opened as the zip it is: JSON, and weights out of HDF5. Nothing in it is executed, nothing is trusted.

Sizes are compared with what the file holds before anything is allocated: an entry's declared size with the file's own (deflate gives at most
1032 times), a dataset's declared shape with the bytes that HDF5 stored for it. External storage, links to other files and filters beyond
HDF5's own are refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reference.errors import ArtefactError, MissingExtraError

LARGEST_CONFIG = 256 << 20
"""Bytes of config.json that are read at most."""
_DEFLATE = 1032
_DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")


@dataclass(frozen=True)
class Archive:
    """What the zip holds."""

    path: Path
    config: dict[str, Any]
    metadata: dict[str, Any]
    weights: Weights
    sha256: str


def open_archive(path: Path | str, /, *, max_tensor: int | None = None) -> Archive:
    """Read the three members.

    Args:
        max_tensor: bytes one weight may have at most.

    Raises:
        ArtefactError: it is no .keras file, or damaged, or declares more than it holds.
        MissingExtraError: h5py is not installed.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise ArtefactError(msg) from error
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            config = _json(path, _member(path, archive, "config.json", LARGEST_CONFIG))
            names = archive.namelist()
            metadata = (
                _json(path, _member(path, archive, "metadata.json", LARGEST_CONFIG))
                if "metadata.json" in names
                else {}
            )
            if "model.weights.h5" not in names:
                msg = f"{path.name} has no model.weights.h5: save the model with Keras 3's model.save('….keras')"
                raise ArtefactError(msg)
            weights = _member(path, archive, "model.weights.h5", None)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        msg = f"{path.name} is no .keras file (a zip of Keras 3): {error}"
        raise ArtefactError(msg) from error
    except (
        RuntimeError,
        ValueError,
        OSError,
    ) as error:  # encrypted members, broken deflate streams
        msg = f"{path.name} is a damaged .keras file: {error}"
        raise ArtefactError(msg) from error
    opened = Weights(path, weights, max_tensor)
    return Archive(path, config, metadata, opened, hashlib.sha256(data).hexdigest())


def _member(path: Path, archive: zipfile.ZipFile, name: str, most: int | None) -> bytes:
    import zlib

    try:
        info = archive.getinfo(name)
    except KeyError:
        msg = f"{path.name} has no {name}: it is no .keras file of Keras 3"
        raise ArtefactError(msg) from None
    possible = info.compress_size * _DEFLATE + 64
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        msg = f"{path.name}: {name} is compressed in a way that Keras does not write"
        raise ArtefactError(msg)
    if info.file_size > possible or (most is not None and info.file_size > most):
        msg = (
            f"{path.name}: {name} declares {info.file_size} bytes, which it cannot or may not hold"
        )
        raise ArtefactError(msg)
    try:
        with archive.open(info) as file:
            found = file.read(info.file_size + 1)
    except zlib.error as error:
        msg = f"{path.name}: {name} is damaged: {error}"
        raise ArtefactError(msg) from error
    if len(found) != info.file_size:
        msg = f"{path.name}: {name} has not the size it declares"
        raise ArtefactError(msg)
    return found


def _json(path: Path, data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        msg = f"{path.name}: a configuration is no JSON: {str(error)[:200]}"
        raise ArtefactError(msg) from error
    if not isinstance(found, dict):
        msg = f"{path.name}: a configuration is no JSON object"
        raise ArtefactError(msg)
    return found


class Weights:
    """The arrays of model.weights.h5, by path (``"layers/dense/vars/0"``)."""

    def __init__(self, path: Path, data: bytes, max_tensor: int | None = None) -> None:
        try:
            import h5py
        except ImportError:
            msg = "h5py"
            raise MissingExtraError(msg, "keras", "reading a .keras file") from None
        self.name, self._h5, self.max_tensor = path.name, h5py, max_tensor
        try:
            self._file = h5py.File(io.BytesIO(data), "r")
        except (OSError, RuntimeError, ValueError) as error:
            msg = f"{self.name}: model.weights.h5 is no HDF5 file: {str(error)[:200]}"
            raise ArtefactError(msg) from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def layer(self, path: str, name: str, /) -> list[np.ndarray]:
        """The variables of one layer in Keras' order; none where it has none.

        Raises:
            ArtefactError: they are stored for another layer, or hostile.
        """
        group = self._group(f"{path}/vars")
        if group is None:
            return []
        saved = group.attrs.get("name")
        saved = saved.decode("utf-8", "replace") if isinstance(saved, bytes) else saved
        if isinstance(saved, str) and name and saved != name:
            msg = f"{self.name}: the weights at {path!r} are those of layer {saved!r}, not of {name!r}"
            raise ArtefactError(msg)
        return [self._array(group, key, path) for key in self._keys(group, path)]

    def _keys(self, group: Any, path: str) -> list[str]:
        keys = list(group)
        if any(not key.isdecimal() for key in keys) or sorted(map(int, keys)) != list(
            range(len(keys))
        ):
            msg = f"{self.name}: the variables at {path!r} are not numbered from 0"
            raise ArtefactError(msg)
        return sorted(keys, key=int)

    def _group(self, path: str) -> Any:
        h5, place = self._h5, self._file
        for part in path.split("/"):
            link = place.get(part, getlink=True)
            if link is None:
                return None
            if not isinstance(link, h5.HardLink):
                msg = f"{self.name}: {path!r} is a link, which Keras does not write"
                raise ArtefactError(msg)
            place = place[part]
            if not isinstance(place, h5.Group):
                msg = f"{self.name}: {path!r} is not a group"
                raise ArtefactError(msg)
        return place

    def _array(self, group: Any, key: str, path: str) -> np.ndarray:
        what = f"{self.name}: weight {path}/vars/{key}"
        link = group.get(key, getlink=True)
        item = group[key] if isinstance(link, self._h5.HardLink) else None
        if not isinstance(item, self._h5.Dataset) or item.external or item.is_virtual:
            msg = f"{what} is not an array stored in this file"
            raise ArtefactError(msg)
        if str(item.attrs.get("dtype", "")) == "bfloat16":
            msg = f"{what} is bfloat16, which is not read: save the model in float32"
            raise ArtefactError(msg)
        if str(item.dtype) not in _DTYPES or item.shape is None:
            msg = f"{what} has dtype {item.dtype}, which is no weight's"
            raise ArtefactError(msg)
        size = item.size * item.dtype.itemsize
        stored = item.id.get_storage_size()
        compressed = item.compression is not None
        if item.compression not in (None, "gzip") or size > stored * (
            _DEFLATE if compressed else 1
        ):
            msg = f"{what} declares {size} bytes and holds {stored}"
            raise ArtefactError(msg)
        if self.max_tensor is not None and size > self.max_tensor:
            msg = f"{what} has {size} bytes, more than --max-tensor allows"
            raise ArtefactError(msg)
        try:
            return np.asarray(item[()])
        except (OSError, RuntimeError, ValueError) as error:
            msg = f"{what} is damaged: {str(error)[:200]}"
            raise ArtefactError(msg) from error

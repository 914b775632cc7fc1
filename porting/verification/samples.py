"""Samples files: what a model was fed and what it answered, as ``docs/samples.md`` describes them."""

from __future__ import annotations

import json
import re
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from reference.errors import ArtefactError, UsageError

FORMAT = 1
MAX_SAMPLES = 4 << 30
"""Bytes that all arrays of one file may take when unpacked."""
_KEY = re.compile(r"(in|out)(\d{1,9}):(.+)", re.DOTALL)
_KINDS = "biufSU"
_HEADER = 4096


@dataclass(frozen=True)
class Run:
    """One run: arrays by tensor name. Strings are object arrays of ``bytes``."""

    inputs: Mapping[str, np.ndarray]
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Samples:
    """The runs of one file, in order of their numbers."""

    runs: tuple[Run, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every tensor that some run was fed."""
        return tuple(dict.fromkeys(name for run in self.runs for name in run.inputs))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The tensors that every run returned."""
        first = self.runs[0].outputs if self.runs else {}
        return tuple(name for name in first if all(name in run.outputs for run in self.runs))


def load_samples(path: Path | str, /, *, max_bytes: int = MAX_SAMPLES) -> Samples:
    """Read a samples file; keys other than ``in{k}:``, ``out{k}:`` and ``meta`` are ignored.

    Raises:
        UsageError: the file is not there.
        ArtefactError: it is damaged, no ``.npz``, holds pickled objects or more than ``max_bytes``, or has no run.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"{path} is not there: give a samples file (.npz), as record_tf1.py writes it"
        raise UsageError(msg)
    with refusing(path):
        return _load(path, max_bytes)


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Say of whatever a damaged file raises while it is read that it is not a samples file.

    Raises:
        ArtefactError: instead.
    """
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        KeyError,
        EOFError,
        OSError,
        NotImplementedError,
        SyntaxError,
        tokenize.TokenError,  # NumPy parses an array's header as Python literals
    ) as error:
        msg = f"{path} is not a samples file: {_sentence(error)}"
        raise ArtefactError(msg) from error
    except MemoryError as error:
        msg = f"{path} holds arrays too large to be read"
        raise ArtefactError(msg) from error


def _load(path: Path, max_bytes: int) -> Samples:
    inputs: dict[int, dict[str, np.ndarray]] = {}
    outputs: dict[int, dict[str, np.ndarray]] = {}
    meta: dict[str, Any] = {}
    with zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        _check_sizes(path, archive, members, max_bytes)
        for key, info in members.items():
            match = _KEY.fullmatch(key)
            if match is None and key != "meta":
                continue
            with archive.open(info) as stream:
                array = np.lib.format.read_array(stream, allow_pickle=False)
            if match is None:
                meta = _meta(array)
                continue
            place = inputs if match[1] == "in" else outputs
            place.setdefault(int(match[2]), {})[match[3]] = _array(path, key, array)
    numbers = sorted(inputs.keys() | outputs.keys())
    if not numbers:
        msg = f"{path} has no run: its arrays must be named in0:TENSOR, out0:TENSOR, …"
        raise ArtefactError(msg)
    runs = tuple(Run(inputs.get(k, {}), outputs.get(k, {})) for k in numbers)
    return Samples(runs, meta, path)


def _check_sizes(
    path: Path, archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], max_bytes: int
) -> None:
    """Nothing is unpacked that declares more than the limit, or other than the archive holds."""
    total = 0
    for key, info in members.items():
        if key != "meta" and _KEY.fullmatch(key) is None:
            continue
        with archive.open(info) as stream:
            shape, _, dtype = _header(stream)
        declared = dtype.itemsize
        for size in shape:
            declared *= size
        if dtype.hasobject or dtype.kind not in _KINDS:
            msg = f"{path}: {key} holds {dtype}, which is not a number or a string"
            raise ArtefactError(msg)
        if declared > info.file_size:
            msg = f"{path}: {key} declares {declared} bytes and holds {info.file_size}"
            raise ArtefactError(msg)
        total += declared
    if total > max_bytes:
        msg = f"{path} unpacks to {total} bytes; at most {max_bytes} are read"
        raise ArtefactError(msg)


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    return read(stream, max_header_size=_HEADER)


def _meta(array: np.ndarray) -> dict[str, Any]:
    """The description; nonsense in it is no reason to refuse the numbers."""
    try:
        found = json.loads(str(array[()]))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _array(path: Path, key: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "SU":
        return array
    flat = [
        text if isinstance(text, bytes) else text.encode() for text in array.reshape(-1).tolist()
    ]
    found = np.empty(len(flat), object)
    found[:] = flat
    return found.reshape(array.shape)


def save_samples(
    path: Path | str, runs: Sequence[Run], meta: Mapping[str, Any] | None = None, /
) -> None:
    """Write a samples file; the same runs give the same bytes."""
    arrays: dict[str, np.ndarray] = {}
    for number, run in enumerate(runs):
        for kind, values in (("in", run.inputs), ("out", run.outputs)):
            arrays |= {f"{kind}{number}:{name}": _storable(value) for name, value in values.items()}
    arrays["meta"] = np.array(json.dumps({"format": FORMAT} | dict(meta or {}), sort_keys=True))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, array in sorted(arrays.items()):
            with archive.open(
                zipfile.ZipInfo(f"{key}.npy", (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True
            ) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)


def _storable(value: Any) -> np.ndarray:
    array = np.asarray(value)
    return (
        array.astype("S")
        if array.dtype == object
        else np.ascontiguousarray(array).reshape(array.shape)
    )


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

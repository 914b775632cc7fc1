"""A samples file, one run at a time: only that run is in memory."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from porting.verification import samples
from porting.verification.samples import Run, Samples
from reference.errors import ArtefactError, UsageError


def stream_samples(
    path: Path | str, /, *, max_bytes: int = samples.MAX_SAMPLES
) -> Iterator[Samples]:
    """The runs of a file in order of their numbers, each as Samples of one run.

    Raises:
        UsageError: the file is not there.
        ArtefactError: it is damaged, which may show at any run; one run takes more than ``max_bytes``; or there is none.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"{path} is not there"
        raise UsageError(msg)
    with samples.refusing(path):
        yield from _stream(path, max_bytes)


def _stream(path: Path, max_bytes: int) -> Iterator[Samples]:
    with zipfile.ZipFile(path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        runs: dict[int, dict[str, zipfile.ZipInfo]] = {}
        for key, info in members.items():
            match = samples._KEY.fullmatch(key)
            if match is not None:
                runs.setdefault(int(match[2]), {})[key] = info
        if not runs:
            msg = f"{path} has no run: its arrays must be named in0:TENSOR, out0:TENSOR, …"
            raise ArtefactError(msg)
        meta = {}
        if "meta" in members:
            samples._check_sizes(path, archive, {"meta": members["meta"]}, max_bytes)
            meta = samples._meta(_read(archive, members["meta"]))
        for number in sorted(runs):
            samples._check_sizes(path, archive, runs[number], max_bytes)
            yield Samples((_run(path, archive, runs[number]),), meta, path)


def _run(path: Path, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> Run:
    found: dict[str, dict[str, np.ndarray]] = {"in": {}, "out": {}}
    for key, info in members.items():
        match = samples._KEY.fullmatch(key)
        assert match is not None
        found[match[1]][match[3]] = samples._array(path, key, _read(archive, info))
    return Run(found["in"], found["out"])


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as stream:
        array: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read(1)  # to the end of the member, where its checksum is compared
        return array

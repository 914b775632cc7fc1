"""``open_checkpoint``: which files a prefix means."""

from __future__ import annotations

import re
from pathlib import Path

from converters.read_checkpoint.bundle import BundleCheckpoint
from converters.read_checkpoint.checkpoint import Checkpoint
from converters.read_checkpoint.legacy import LegacyCheckpoint
from converters.read_graphdef.tensors import MAX_TENSOR
from reference.errors import ArtefactError

_SHARD = re.compile(r"-(\d{5})-of-(\d{5})")
_DATA = re.compile(r"\.data-(\d{5})-of-(\d{5})")


def open_checkpoint(prefix: Path | str, *, max_tensor: int = MAX_TENSOR) -> Checkpoint:
    """The checkpoint whose files start with ``prefix``: V2 where ``.index`` exists, else V1.

    Raises
    ------
    ArtefactError
        No file is there, one of them is missing, or the table of contents is damaged.
    """
    prefix = Path(prefix)
    if _beside(prefix, ".index").is_file():
        return BundleCheckpoint(prefix, max_tensor)
    if prefix.is_file():
        return LegacyCheckpoint([prefix], max_tensor)
    shards = _matching(prefix, _SHARD)
    if shards:
        total = int(_SHARD.fullmatch(shards[0].name[len(prefix.name) :])[2])  # type: ignore[index]
        wanted = [_beside(prefix, f"-{i:05d}-of-{total:05d}") for i in range(min(total, 99999))]
        for path in wanted:
            if not path.is_file():
                msg = f"{path} is missing: the checkpoint has {total} files"
                raise ArtefactError(msg)
        return LegacyCheckpoint(wanted, max_tensor)
    missing = _beside(prefix, ".index")
    if _matching(prefix, _DATA):
        msg = f"{missing} is missing: without it the data files beside it cannot be read"
    else:
        msg = f"no checkpoint is at {prefix}: neither {missing.name} nor {prefix.name} exists"
    raise ArtefactError(msg)


def checkpoint_files(prefix: Path) -> dict[str, Path]:
    """The files with values, by base name: ``.index`` and data shards, or the V1 files."""
    paths = [p for p in (prefix, _beside(prefix, ".index")) if p.is_file()]
    paths += _matching(prefix, _DATA) + _matching(prefix, _SHARD)
    return {path.name: path for path in paths}


def _beside(prefix: Path, suffix: str) -> Path:
    return prefix.with_name(prefix.name + suffix)


def _matching(prefix: Path, pattern: re.Pattern[str]) -> list[Path]:
    """Files named ``prefix`` plus ``pattern``, sorted; no glob, the name may hold ``[``."""
    try:
        names = [p.name for p in prefix.parent.iterdir()]
    except OSError:
        return []
    size = len(prefix.name)
    chosen = sorted(n for n in names if n.startswith(prefix.name) and pattern.fullmatch(n[size:]))
    return [prefix.with_name(name) for name in chosen]

"""Where a port is put: checked before any work, and moved into place when all is done."""

from __future__ import annotations

import os
from pathlib import Path

from reference.errors import UsageError


def writable(target: Path, to: str) -> Path:
    """OUT, absolute, in a folder that is there.

    Raises:
        UsageError: its folder is missing, it is a folder, or its ending is another format's.
    """
    if not target.name or not target.parent.is_dir():
        msg = f"the folder {target.parent} is not there: make it, or choose another -o"
        raise UsageError(msg)
    if to != "source" and target.is_dir():
        msg = f"{target} is a folder: -o names the file to write"
        raise UsageError(msg)
    if to == "source" and target.exists() and not target.is_dir():
        msg = f"{target} is a file: --to source writes a folder, choose another -o"
        raise UsageError(msg)
    if to == "keras" and target.suffix != ".keras":
        msg = f"{target.name} must end in .keras: Keras knows its files by that"
        raise UsageError(msg)
    if not os.access(target.parent, os.W_OK):
        msg = f"the folder {target.parent} cannot be written to"
        raise UsageError(msg)
    return target.absolute()


def beside(target: Path) -> Path:
    return target.with_name(target.name + ".different")


def put(folder: Path, final: Path) -> None:
    """Move what was written into place: files beside the model first, the model last."""
    for part in sorted(folder.iterdir(), key=lambda p: p.name == final.name):
        place = final.parent / part.name
        if part.is_dir() and place.is_dir():
            _replace_folder(part, place)
        else:
            os.replace(part, place)


def _replace_folder(part: Path, place: Path) -> None:
    import shutil

    old = part.with_name(part.name + ".old")
    os.replace(place, old)
    os.replace(part, place)
    shutil.rmtree(old)

"""Which files a user's path means: a SavedModel folder, a checkpoint prefix, or one file."""

from __future__ import annotations

import re
from pathlib import Path

from converters.read_graphdef.messages import parse_text
from reference.errors import ArtefactError, UsageError

SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
_CHECKPOINT_SUFFIX = re.compile(r"\.(meta|index|data-\d{5}-of-\d{5})$")


def find_form(path: Path) -> tuple[str, Path]:
    """(``"saved_model"``, its file), (``"checkpoint"``, its prefix) or (``"file"``, the file).

    Raises
    ------
    UsageError
        Nothing that can be read is there; the sentence says what is.
    ArtefactError
        A ``checkpoint`` state file is damaged, or points out of its folder.
    """
    try:
        return _find_form(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no usable path"
        msg = f"{str(path)[:200]!r} cannot be read: {reason}"
        raise UsageError(msg) from error


def _find_form(path: Path) -> tuple[str, Path]:
    if path.is_dir():
        return _find_in_folder(path)
    if path.name in SAVED_MODEL_FILES and path.is_file():
        return "saved_model", path
    suffix = _CHECKPOINT_SUFFIX.search(path.name)
    prefix = path.with_name(path.name[: suffix.start()]) if suffix else path
    meta = prefix.with_name(prefix.name + ".meta")
    if prefix.name and meta.is_file():
        return "checkpoint", prefix
    if suffix and (path.is_file() or path.suffix == ".meta"):
        msg = f"{meta} is missing: without it a checkpoint has values and no graph"
        raise UsageError(msg)
    if path.is_file():
        return "file", path
    if any(path.with_name(path.name + end).is_file() for end in (".index", ".data-00000-of-00001")):
        msg = f"{meta} is missing: without it a checkpoint has values and no graph"
        raise UsageError(msg)
    msg = f"{path} is not there: give a .pb file, a SavedModel folder or a checkpoint prefix"
    raise UsageError(msg)


def _find_in_folder(folder: Path) -> tuple[str, Path]:
    for name in SAVED_MODEL_FILES:
        if (folder / name).is_file():
            return "saved_model", folder / name
    if (folder / "checkpoint").is_file():
        return "checkpoint", _latest(folder)
    names = sorted(p.name for p in folder.iterdir())
    inner = [n for n in names if any((folder / n / f).is_file() for f in SAVED_MODEL_FILES)]
    metas = [n for n in names if n.endswith(".meta")]
    msg = f"{folder} is neither a SavedModel (no saved_model.pb) nor has it a checkpoint state file"
    if inner or metas:
        shown = ", ".join(str(folder / n.removesuffix(".meta")) for n in (inner + metas)[:5])
        msg += f"; perhaps you mean {shown}"
    raise UsageError(msg)


def _latest(folder: Path) -> Path:
    """The prefix that the ``checkpoint`` state file names, inside ``folder``.

    A state file keeps the absolute path of the machine that trained; the same name in this folder
    is what it means after a move.
    """
    state = folder / "checkpoint"
    try:
        text = state.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{state} is not a readable checkpoint state file"
        raise ArtefactError(msg) from error
    written = parse_text("CheckpointState", text, str(state)).model_checkpoint_path
    if not written or not written.isprintable() or len(written) > 4096:
        msg = f"{state} does not name a checkpoint"
        raise ArtefactError(msg)
    home = folder.resolve()
    base = re.split(r"[/\\]", written)[-1]
    for candidate in (folder / written, folder / base):
        meta = candidate.with_name(candidate.name + ".meta") if candidate.name else candidate
        if meta.parent.resolve().is_relative_to(home) and meta.is_file():
            return candidate
    msg = f"{state} names {written!r}, and {folder} has no {base}.meta"
    raise ArtefactError(msg)

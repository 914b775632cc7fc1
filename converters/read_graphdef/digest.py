"""SHA-256 of an artefact, the same wherever its files lie.

One file (a frozen graph): the digest of its bytes, as ``sha256sum`` prints it.

Several files (a SavedModel, a checkpoint): the files are sorted by relative name (``/`` between
folders, compared as UTF-8 bytes), and one digest runs over, for each: the length of the name in
bytes as 8 little-endian bytes, the name, the length of the file as 8 little-endian bytes, the file.

- SavedModel: ``saved_model.pb`` (or ``.pbtxt``) and every regular file below ``variables`` and
  ``assets``, named relative to the SavedModel's folder.
- Checkpoint with prefix P: ``P.meta``, and of ``P``, ``P.index``, ``P.data-*`` and
  ``P-?????-of-?????`` those that exist, by base name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from reference.errors import ArtefactError

_CHUNK = 1 << 20


def digest_bytes(data: bytes) -> str:
    """Hex SHA-256 of one file's bytes."""
    return hashlib.sha256(data).hexdigest()


def digest_files(files: Mapping[str, Path]) -> str:
    """Hex SHA-256 over files by relative name; large ones are streamed.

    Raises
    ------
    ArtefactError
        A file cannot be read.
    """
    total = hashlib.sha256()
    for name in sorted(files, key=lambda n: n.encode("utf-8", "surrogateescape")):
        raw = name.encode("utf-8", "surrogateescape")
        try:
            with files[name].open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(0)
                total.update(len(raw).to_bytes(8, "little") + raw + size.to_bytes(8, "little"))
                while chunk := stream.read(_CHUNK):
                    total.update(chunk)
        except OSError as error:
            msg = f"{files[name]} cannot be read: {error.strerror or error}"
            raise ArtefactError(msg) from error
    return total.hexdigest()

"""Runs the codemods over files: parse, transform, show or write.

A file that does not parse is named and left as it is; a file is written by replacing it, never in place.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from porting.scan.sources import walk
from reference.errors import MissingExtraError


@dataclass(frozen=True)
class Rewritten:
    """What came of one file."""

    path: Path
    before: bytes
    after: bytes
    problem: str | None = None
    """Why it was left untouched, where it could not be parsed."""

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        """A unified diff, with the file's own name on both sides."""
        old, new = (
            text.decode("utf-8", "replace").splitlines(keepends=True)
            for text in (self.before, self.after)
        )
        return "".join(difflib.unified_diff(old, new, f"a/{self.path}", f"b/{self.path}"))


def library() -> Any:
    """LibCST.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import libcst
    except ImportError as error:
        package, extra, purpose = "libcst", "rewrite", "rewriting source code"
        raise MissingExtraError(package, extra, purpose) from error
    return libcst


def rewrite_source(source: bytes | str, *, to_keras: bool = False) -> Any:
    """The rewritten source, of the same type.

    Raises:
        libcst.ParserSyntaxError: the source is not Python 3.
    """
    cst = library()
    from porting.rewrite.to_keras import ToKeras
    from porting.rewrite.to_tf1 import ToTf1

    module = cst.parse_module(source)
    module = ToTf1().run(module)
    if to_keras:
        module = ToKeras().run(module)
    return module.bytes if isinstance(source, bytes) else module.code


def rewrite(
    paths: Iterable[Path], *, to_keras: bool = False, write: bool = False
) -> Iterator[Rewritten]:
    """Rewrite every Python file below ``paths``; notebooks are named and left alone.

    Raises:
        MissingExtraError: LibCST is not installed.
        UsageError: a path that does not exist.
    """
    cst = library()
    for path in walk(paths):
        try:
            before = path.read_bytes()
        except OSError as error:
            yield Rewritten(path, b"", b"", f"cannot be read: {error.strerror}")
            continue
        if b"tensorflow" not in before and b"porting" not in before:
            continue
        if path.suffix == ".ipynb":
            yield Rewritten(
                path, before, before, "a notebook: change its imports by hand, scan lists them"
            )
            continue
        try:
            after = rewrite_source(before, to_keras=to_keras)
        except (cst.ParserSyntaxError, UnicodeDecodeError, RecursionError, SyntaxError) as error:
            line = getattr(error, "raw_line", None)
            where = f" at line {line}" if line else ""
            yield Rewritten(
                path, before, before, f"does not parse as Python 3{where}; left untouched"
            )
            continue
        result = Rewritten(path, before, after)
        if write and result.changed:
            replace_file(path, after)
        yield result


def replace_file(path: Path, content: bytes, /) -> None:
    """Write beside the file, then rename over it; its mode is kept."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, target.stat().st_mode & 0o7777)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise

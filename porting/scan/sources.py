"""From paths to source text: files, folders, notebooks."""

from __future__ import annotations

import ast
import json
import os
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from porting.scan import lexical
from porting.scan.resolve import Finder, Use
from reference.errors import UsageError

SKIPPED = frozenset(
    (".git", ".hg", ".svn", "__pycache__", "node_modules", ".tox", ".venv", ".ipynb_checkpoints")
)
_MAGIC = ("%", "!", "?")
_MAYBE = re.compile("rnn|seq2seq|recurrent")
"""Every recurrent path has one of these in it; a file with none needs no parsing."""


@dataclass
class Scanned:
    """One file: its uses, and what was wrong with it."""

    path: Path
    uses: list[tuple[Use, int | None]] = field(default_factory=list)
    """Each with the number of its notebook cell, from 1."""
    problem: str | None = None


def walk(paths: Iterable[Path]) -> Iterator[Path]:
    """Python files and notebooks, in the order of their names.

    Raises:
        UsageError: a path that does not exist.
    """
    for path in paths:
        if path.is_file():
            yield path
        elif path.is_dir():
            for folder, folders, files in os.walk(path):
                folders[:] = sorted(f for f in folders if f not in SKIPPED)
                yield from (Path(folder, f) for f in sorted(files) if f.endswith((".py", ".ipynb")))
        else:
            msg = f"{path}: no such file or folder"
            raise UsageError(msg)


def read_text(path: Path) -> str:
    """The text in its declared encoding, latin-1 where that fails.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return path.read_bytes().decode("latin-1")


def scan_file(path: Path) -> Scanned:
    """Uses in one file. Nothing is executed, nothing is fatal."""
    scanned = Scanned(path)
    try:
        if path.suffix == ".ipynb":
            _notebook(path, scanned)
        else:
            text = read_text(path)
            scanned.uses = [(use, None) for use in _find(text, Finder(), scanned)]
    except OSError as error:
        scanned.problem = f"cannot be read: {error.strerror}"
    return scanned


def _find(text: str, finder: Finder, scanned: Scanned) -> list[Use]:
    fresh = not finder.module.names and not finder.module.stars
    if fresh and (
        "tensorflow" not in text or (scanned.path.suffix != ".ipynb" and not _MAYBE.search(text))
    ):
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        scanned.problem = f"not Python 3{where}: {getattr(error, 'msg', error)}; searched as text, for Python 2 run 2to3 first"
        return lexical.find(text)
    return sorted(finder.run(tree), key=lambda use: (use.line, use.column))


def _notebook(path: Path, scanned: Scanned) -> None:
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
    except (ValueError, KeyError, TypeError) as error:
        scanned.problem = f"not a notebook of format 4: {error}"
        return
    finder = Finder()
    for number, cell in enumerate(cells if isinstance(cells, list) else [], 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        text = "".join(source) if isinstance(source, list) else str(source)
        if text.lstrip().startswith("%%"):
            continue
        lines = ["" if line.lstrip().startswith(_MAGIC) else line for line in text.split("\n")]
        scanned.uses += [(use, number) for use in _find("\n".join(lines), finder, scanned)]

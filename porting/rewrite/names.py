"""What a name means in a LibCST module: the scan's own resolver, asked by position."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from porting.scan.resolve import Finder, Use


@dataclass(frozen=True)
class Places:
    """The recurrent uses of a module by (line, column)."""

    uses: dict[tuple[int, int], Use]
    unknown: dict[tuple[int, int], str]
    """Uses of tf.contrib that is not recurrent, by place."""


def dotted(node: Any, /) -> str | None:
    """``a.b.c`` of a LibCST expression; None for anything else."""
    import libcst as cst

    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        head = dotted(node.value)
        return None if head is None else f"{head}.{node.attr.value}"
    return None


def places(code: str, /) -> Places:
    """Where the uses are; lines from 1, columns from 0, in characters."""
    lines = code.split("\n")

    def column(line: int, offset: int) -> int:
        text = lines[line - 1] if line <= len(lines) else ""
        return len(text.encode("utf-8")[:offset].decode("utf-8", "ignore"))

    finder = ContribFinder()
    found = finder.run(ast.parse(code))
    uses = {(use.line, column(use.line, use.column)): use for use in found}
    others = {(line, column(line, offset)): api for line, offset, api in finder.others}
    return Places(uses, others)


class ContribFinder(Finder):
    """Remembers the other uses of tf.contrib too."""

    def __init__(self) -> None:
        super().__init__()
        self.others: list[tuple[int, int, str]] = []

    def _expression(self, node: ast.AST, scope: Any) -> None:
        if isinstance(node, ast.Attribute):
            path = self._path(node, scope)
            if path is not None and path.startswith("tensorflow.contrib.") and not self._is_ours(path):
                self.others.append((node.lineno, node.col_offset, path))
        super()._expression(node, scope)

    def _is_ours(self, path: str) -> bool:
        from porting.scan.catalogue import canonical, is_recurrent

        return is_recurrent(canonical(path)) or canonical(path).startswith("tensorflow.contrib.layers.")

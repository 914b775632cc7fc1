"""What a name means in a LibCST module: the scan's own resolver, asked by position."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from porting.scan.resolve import Finder, Use


@dataclass(frozen=True)
class Places:
    """The recurrent uses of a module by (line, column)."""

    uses: dict[tuple[int, int], Use]
    unknown: dict[tuple[int, int], str]
    """Uses of tf.contrib that is not recurrent, by place."""
    v1: bool = False
    """Whether names are used that TensorFlow 2 has under compat.v1 only: the file was written for TensorFlow 1."""


V1_ONLY = frozenset(
    "placeholder placeholder_with_default Session InteractiveSession ConfigProto get_variable variable_scope "
    "get_variable_scope global_variables_initializer trainable_variables global_variables app flags layers "
    "get_default_graph reset_default_graph set_random_seed assign_add truncated_normal random_normal "
    "random_uniform get_collection add_to_collection GraphKeys to_float to_int32 to_int64 log sparse_placeholder "
    "local_variables_initializer tables_initializer initialize_all_variables AUTO_REUSE truncated_normal_initializer "
    "logging gfile summary_writer ".split()
) - {"log", "summary_writer"}


def dotted(node: Any, /) -> str | None:
    """``a.b.c`` of a LibCST expression; None for anything else."""
    import libcst as cst

    if isinstance(node, cst.Name):
        return str(node.value)
    if isinstance(node, cst.Attribute):
        head = dotted(node.value)
        return None if head is None else f"{head}.{node.attr.value}"
    return None


MOVED = {"porting.tf1": "tensorflow", "porting.tf1.rnn_cell": "tensorflow.nn.rnn_cell"}
"""What step 1 made of TensorFlow's modules."""


def places(code: str, /, *, moved: bool = False) -> Places:
    """Where the uses are; lines from 1, columns from 0, in characters.

    Args:
        moved: what step 1 has moved to porting.tf1 counts too.
    """
    lines = code.split("\n")

    def column(line: int, offset: int) -> int:
        text = lines[line - 1] if line <= len(lines) else ""
        return len(text.encode("utf-8")[:offset].decode("utf-8", "ignore"))

    finder = ContribFinder(MOVED if moved else None)
    found = finder.run(ast.parse(code))
    uses = {(use.line, column(use.line, use.column)): use for use in found}
    others = {(line, column(line, offset)): api for line, offset, api in finder.others}
    return Places(uses, others, finder.v1)


class ContribFinder(Finder):
    """Remembers the other uses of tf.contrib too."""

    def __init__(self, also: Mapping[str, str] | None = None) -> None:
        super().__init__(also)
        self.others: list[tuple[int, int, str]] = []
        self.v1 = False

    def _expression(self, node: ast.AST, scope: Any) -> None:
        if isinstance(node, ast.Attribute):
            path = self._path(node, scope)
            if (
                path is not None
                and path.startswith("tensorflow.")
                and path.split(".")[1] in V1_ONLY
            ):
                self.v1 = True
            if (
                path is not None
                and path.startswith("tensorflow.contrib.")
                and not self._is_ours(path)
            ):
                self.others.append((node.lineno, node.col_offset, path))
        super()._expression(node, scope)

    def _is_ours(self, path: str) -> bool:
        from porting.scan.catalogue import canonical, is_recurrent

        return is_recurrent(canonical(path)) or canonical(path).startswith(
            "tensorflow.contrib.layers."
        )

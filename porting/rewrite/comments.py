"""Comments that say why something was left alone; never written twice."""

from __future__ import annotations

from typing import Any

import libcst as cst

MARK = "# rnnport: "


def add_comment(line: Any, text: str, /) -> Any:
    """The statement with ``# rnnport: text`` above it, unless it is there already."""
    wanted = MARK + text
    if any(
        empty.comment is not None and empty.comment.value == wanted for empty in line.leading_lines
    ):
        return line
    made = cst.EmptyLine(indent=True, comment=cst.Comment(wanted))
    return line.with_changes(leading_lines=[*line.leading_lines, made])

"""Small questions about statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst


def assigned_name(line: Any) -> str | None:
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    node = line.body[0]
    if not isinstance(node, cst.Assign) or len(node.targets) != 1:
        return None
    target = node.targets[0].target
    return target.value if isinstance(target, cst.Name) else None


class _Collector(cst.CSTVisitor):
    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_Name(self, node: cst.Name) -> None:
        self.found.append(node.value)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        node.value.visit(self)
        return False


def names_in(lines: Sequence[Any]) -> list[str]:
    """Every name in the statements, as often as it stands there; attributes and keywords left out."""
    collector = _Collector()
    for line in lines:
        line.visit(collector)
    return collector.found


def code(node: cst.CSTNode) -> str:
    return str(cst.Module([]).code_for_node(node)).strip()


def reached(nodes: list[Any], names: Any) -> set[str]:
    """The local names that the nodes stand on."""
    found: set[str] = set()
    todo = list(nodes)
    while todo:
        for name in names_in([todo.pop()]):
            if name in names and name not in found:
                found.add(name)
                todo.append(names[name])
    return found


def removed(lines: list[Any], line: Any) -> list[Any]:
    at = next(i for i, other in enumerate(lines) if other is line)
    rest = lines[:at] + lines[at + 1 :]
    comments = [empty for empty in line.leading_lines if empty.comment is not None]
    trailing = line.trailing_whitespace.comment
    if trailing is not None:
        comments.append(cst.EmptyLine(indent=True, comment=trailing))
    if at < len(rest) and hasattr(rest[at], "leading_lines"):
        rest[at] = rest[at].with_changes(leading_lines=[*comments, *rest[at].leading_lines])
    return rest

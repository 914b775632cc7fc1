"""Takes away imports of porting.tf1 that nothing uses any more: loading it puts TensorFlow into graph mode, which Keras does not work in."""

from __future__ import annotations

from typing import Any

import libcst as cst

from porting.rewrite.names import dotted


class _Used(cst.CSTVisitor):
    """Names that stand anywhere but in an import."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.found.add(node.value)


def drop_unused(module: cst.Module, /) -> cst.Module:
    """The module without top-level ``from porting…tf1… import`` of names that are not used."""
    used = _Used()
    module.visit(used)
    body: list[Any] = []
    comments: list[Any] = []
    for line in module.body:
        kept = _kept(line, used.found)
        if kept is None:
            comments += [empty for empty in line.leading_lines if empty.comment is not None]
            continue
        if comments and hasattr(kept, "leading_lines"):
            kept = kept.with_changes(leading_lines=[*comments, *kept.leading_lines])
            comments = []
        body.append(kept)
    return module.with_changes(body=body)


def _kept(line: Any, used: set[str]) -> Any:
    """The statement, less its unused names; None where nothing is left."""
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return line
    node = line.body[0]
    if (
        not isinstance(node, cst.ImportFrom)
        or node.module is None
        or isinstance(node.names, cst.ImportStar)
    ):
        return line
    module = dotted(node.module) or ""
    ours = [a for a in node.names if f"{module}.{dotted(a.name)}".startswith("porting.tf1")]
    dead = [a for a in ours if _bound(a) not in used]
    if not dead:
        return line
    alive = [a for a in node.names if all(a is not d for d in dead)]
    if not alive:
        return None
    alive[-1] = alive[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return line.with_changes(body=[node.with_changes(names=alive)])


def _bound(alias: cst.ImportAlias) -> str:
    name = alias.asname.name if alias.asname is not None else alias.name
    return dotted(name) or ""

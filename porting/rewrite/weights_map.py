"""``import keras`` and ``RNNPORT_WEIGHTS`` in a rewritten module."""

from __future__ import annotations

from typing import Any

import libcst as cst


def add_import(module: cst.Module, /) -> cst.Module:
    """With ``import keras`` after the last import at the top, unless it is there."""
    if any(_code(line).split("#")[0].strip() == "import keras" for line in module.body):
        return module
    line = cst.parse_statement("import keras\n")
    at = _after_imports(module)
    return module.with_changes(body=[*module.body[:at], line, *module.body[at:]])


def add_map(module: cst.Module, entries: dict[str, Any], /) -> cst.Module:
    """With ``RNNPORT_WEIGHTS = {…}`` below the imports; an older one takes the new entries too."""
    old: dict[str, Any] = {}
    body = list(module.body)
    for i, line in enumerate(body):
        code = _code(line)
        if code.lstrip().startswith("RNNPORT_WEIGHTS = "):
            import ast

            old = ast.literal_eval(code.split("=", 1)[1].strip())
            del body[i]
            break
    module = module.with_changes(body=body)
    lines = "".join(f"    {name!r}: {entry!r},\n" for name, entry in (old | entries).items())
    made = cst.parse_statement(f"RNNPORT_WEIGHTS = {{\n{lines}}}\n")
    made = made.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    at = _after_imports(module)
    return module.with_changes(body=[*module.body[:at], made, *module.body[at:]])


def _after_imports(module: cst.Module) -> int:
    last = 0
    for i, line in enumerate(module.body):
        if isinstance(line, cst.SimpleStatementLine) and isinstance(
            line.body[0], cst.Import | cst.ImportFrom
        ):
            last = i + 1
    return last


def _code(line: cst.BaseStatement) -> str:
    return cst.Module([]).code_for_node(line) if isinstance(line, cst.SimpleStatementLine) else ""

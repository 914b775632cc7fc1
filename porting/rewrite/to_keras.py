"""Step 2: common recurrent shapes to Keras 3 layers; everything else keeps its code and gets a comment."""

from __future__ import annotations

from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from porting.rewrite.blocks import Block
from porting.rewrite.cells import Uncertain
from porting.rewrite.comments import add_comment
from porting.rewrite.names import places
from porting.rewrite.unused import drop_unused
from porting.rewrite.weights_map import add_import, add_map

CALLS = ("dynamic_rnn", "static_rnn", "bidirectional_dynamic_rnn")


class ToKeras:
    DESCRIPTION = "Turn dynamic_rnn, static_rnn and bidirectional_dynamic_rnn over plain cells into Keras layers."

    def run(self, module: cst.Module) -> cst.Module:
        """The module with Keras layers where that is certain, and ``RNNPORT_WEIGHTS`` that says whose weights they take."""
        found = places(module.code, moved=True)
        paths = {place: use.api for place, use in found.uses.items()}
        if not any(api.rpartition(".")[2] in CALLS for api in paths.values()):
            return module
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        visitor = _Functions(paths)
        changed = wrapper.visit(visitor)
        if not visitor.entries:
            return changed
        return add_map(drop_unused(add_import(changed)), visitor.entries)


class _Functions(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, paths: dict[tuple[int, int], str]) -> None:
        super().__init__()
        self._paths = paths
        self.entries: dict[str, Any] = {}

    def path_of(self, node: cst.BaseExpression) -> str | None:
        """The TensorFlow path of an expression of the original module."""
        start = self.get_metadata(PositionProvider, node, None)
        if start is None:
            return None
        return self._paths.get((start.start.line, start.start.column))

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False  # a function is changed as a whole, from its original

    def leave_FunctionDef(self, original: cst.FunctionDef, updated: cst.FunctionDef) -> Any:
        body = original.body
        if not isinstance(body, cst.IndentedBlock):
            return updated
        parameters = {p.name.value for p in original.params.params}
        lines = list(body.body)
        done: list[cst.Call] = []
        while (line := self._next(lines, done)) is not None:
            block = Block(lines, parameters, self.path_of, taken=set(self.entries))
            try:
                lines, entries = block.rewritten(line)
                self.entries |= entries
            except Uncertain as reason:
                lines = [add_comment(x, f"left alone: {reason}") if x is line else x for x in lines]
        lines = [
            x if isinstance(x, cst.SimpleStatementLine) else x.visit(_Nested(self)) for x in lines
        ]
        if all(a is b for a, b in zip(lines, body.body, strict=False)) and len(lines) == len(
            body.body
        ):
            return updated
        return original.with_changes(body=body.with_changes(body=lines))

    def _next(self, lines: list[Any], done: list[cst.Call]) -> Any:
        """The first recurrence that was not looked at; it is marked."""
        for line in lines:
            call = _call(line)
            if call is None or any(call is other for other in done):
                continue
            if (self.path_of(call.func) or "").rpartition(".")[2] in CALLS:
                done.append(call)
                return line
        return None

    def leave_SimpleStatementLine(self, original: Any, updated: Any) -> Any:
        """Only statements outside of functions come here."""
        return self.commented(
            original, updated, "it stands outside of a function, so its input is not a parameter"
        )

    def commented(self, original: Any, updated: Any, reason: str) -> Any:
        """``updated`` with the reason above it, where it is a recurrence."""
        call = _call(original)
        if call is None or (self.path_of(call.func) or "").rpartition(".")[2] not in CALLS:
            return updated
        return add_comment(updated, f"left alone: {reason}")


class _Nested(cst.CSTTransformer):
    """Comments on recurrences inside with, if and loops."""

    def __init__(self, functions: _Functions) -> None:
        super().__init__()
        self._functions = functions

    def leave_SimpleStatementLine(self, original: Any, updated: Any) -> Any:
        return self._functions.commented(
            original, updated, "it stands inside a with, an if or a loop"
        )


def _call(line: cst.BaseStatement) -> cst.Call | None:
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    value = getattr(line.body[0], "value", None)
    return value if isinstance(value, cst.Call) else None

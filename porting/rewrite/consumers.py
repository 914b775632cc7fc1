"""What a function does with a recurrence's outputs, in Keras' words."""

from __future__ import annotations

import re
from typing import Any

import libcst as cst

from porting.rewrite.cells import Uncertain

LAST = re.compile(
    r"tf\.gather\(tf\.transpose\({0}, (?:perm=)?[\[(]1, 0, 2[\])]\), int\({0}\.(?:get_shape\(\)|shape)\[1\]\) - 1\)"
)
CONCAT = r"tf\.concat\({0}, (?:axis=)?(2|-1)\)"
SLICE = re.compile(r"^\[:, -1(, :)?\]$")


class Consumers:
    """Checks and rewrites every use of ``outputs`` in one statement.

    Args:
        outputs: the name.
        pair: it is the (forward, backward) of a bidirectional recurrence.
        listed: it was a list of steps.
    """

    def __init__(self, outputs: str, *, pair: bool, listed: bool) -> None:
        self._name, self._pair, self._listed = outputs, pair, listed

    def run(self, line: Any) -> Any:
        """The statement, unchanged where it does not use the outputs.

        Raises:
            Uncertain: a use that is not known.
        """
        if not re.search(rf"\b{self._name}\b", _code(line)):
            return line
        visitor = _Visitor(self)
        changed = line.visit(visitor)
        if visitor.unknown:
            msg = f"{self._name!r} goes on to {visitor.unknown[0]}, which takes no Keras tensor for certain"
            raise Uncertain(msg)
        return changed

    def replaced(self, code: str) -> str | None:
        """A known use of the outputs, in Keras' words; None for another expression."""
        name = self._name
        flat = re.sub(r"\s+", " ", code)
        if self._pair:
            if match := re.fullmatch(CONCAT.format(name), flat):
                return f"keras.ops.concatenate({name}, {match.group(1)})"
            return None
        if self._listed:
            return f"{name}[:, -1]" if flat == f"{name}[-1]" else None
        if re.fullmatch(LAST.pattern.replace("{0}", name), flat):
            return f"{name}[:, -1]"
        if flat.startswith(f"{name}[") and SLICE.match(flat[len(name) :]):
            return code
        return None


class _Visitor(cst.CSTTransformer):
    """Known expressions become Keras'; what is left of the name is reported."""

    def __init__(self, consumers: Consumers) -> None:
        super().__init__()
        self._of = consumers
        self.unknown: list[str] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if (
            isinstance(node, cst.Return)
            and isinstance(node.value, cst.Name)
            and not self._of._listed
        ):
            return False  # handed out as it is
        if (
            isinstance(node, cst.Call | cst.Subscript)
            and self._of.replaced(_code(node)) is not None
        ):
            return False
        if isinstance(node, cst.Attribute):
            node.value.visit(self)
            return False
        if isinstance(node, cst.Name) and node.value == self._of._name:
            self.unknown.append("code that is not a return, a concat or a last step")
        return True

    def on_leave(self, original: Any, updated: Any) -> Any:
        if isinstance(original, cst.Call | cst.Subscript):
            text = self._of.replaced(_code(original))
            if text is not None and text != _code(original):
                return cst.parse_expression(text)
        return updated


def _code(node: cst.CSTNode) -> str:
    return str(cst.Module([]).code_for_node(node)).strip()

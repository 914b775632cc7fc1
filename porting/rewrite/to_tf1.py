"""Step 1: TF1's recurrent API to porting.tf1, by changing imports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from porting.rewrite.comments import add_comment
from porting.rewrite.names import Places, dotted, places
from porting.scan.catalogue import canonical, fate, is_recurrent

TF1 = "porting.tf1"
LAYERS = "tensorflow.contrib.layers"
OURS = {
    "tensorflow.nn.rnn_cell": f"{TF1}.rnn_cell",
    "tensorflow.nn": f"{TF1}.nn",
    "tensorflow.contrib.rnn": f"{TF1}.contrib.rnn",
    "tensorflow.contrib.seq2seq": f"{TF1}.contrib.seq2seq",
    "tensorflow.contrib.legacy_seq2seq": f"{TF1}.contrib.legacy_seq2seq",
    "tensorflow.contrib.cudnn_rnn": f"{TF1}.contrib.cudnn_rnn",
    LAYERS: f"{TF1}.contrib.layers",
}
"""Where each canonical module lives now."""


class ToTf1:
    DESCRIPTION = "Import porting.tf1 in place of tensorflow where TF1's recurrent API, or what only TF1 had, is used."

    def run(self, module: cst.Module) -> cst.Module:
        """The module, changed only where a recurrent use is certain."""
        found = places(module.code)
        modern = _compat(module)
        if not found.uses and (modern or not found.v1):
            return module
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        return wrapper.visit(_Imports(found, modern=modern))


def _compat(module: cst.Module) -> bool:
    """Whether the code says ``….compat.v1.…`` itself: such a file is TensorFlow 2's."""
    return ".compat.v1." in module.code.replace("tensorflow.compat.v1", "")


class _Imports(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, found: Places, modern: bool) -> None:
        super().__init__()
        self._found, self._modern = found, modern
        self._reasons: list[str] = []
        self._need_tf1 = False

    def _at(self, node: cst.CSTNode) -> tuple[int, int]:
        start = self.get_metadata(PositionProvider, node).start
        return start.line, start.column

    # -- statements ---------------------------------------------------------------------------
    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:
        self._reasons = []

    def leave_SimpleStatementLine(self, original: Any, updated: Any) -> Any:
        if len(updated.body) == 1 and isinstance(updated.body[0], cst.ImportFrom):
            return self._split_from(updated)
        for reason in self._reasons:
            updated = add_comment(updated, reason)
        self._reasons = []
        return updated

    def leave_Import(self, original: cst.Import, updated: cst.Import) -> Any:
        if len(updated.names) != 1 or self._modern:
            return updated
        alias = updated.names[0]
        path, name = dotted(alias.name) or "", alias.asname
        if path in ("tensorflow", "tensorflow.compat.v1") and (
            name is not None or path == "tensorflow"
        ):
            bound = (
                name.name.value
                if name is not None and isinstance(name.name, cst.Name)
                else "tensorflow"
            )
            return _from("porting", [("tf1", bound)])
        target = OURS.get(canonical(path))
        if name is not None and target is not None and is_recurrent(canonical(path)):
            return updated.with_changes(names=[alias.with_changes(name=_chain(target))])
        return updated

    def _split_from(self, line: cst.SimpleStatementLine) -> Any:
        """One ImportFrom as up to three: what moves, and what stays."""
        node = line.body[0]
        assert isinstance(node, cst.ImportFrom)
        module = dotted(node.module) if node.module is not None and not node.relative else None
        if module is None or module.split(".")[0] != "tensorflow":
            return line
        if isinstance(node.names, cst.ImportStar):
            target = OURS.get(canonical(module))
            return (
                line
                if target is None
                else line.with_changes(body=[node.with_changes(module=_chain(target))])
            )
        moved: dict[str, list[tuple[str, str]]] = {}
        kept: list[cst.ImportAlias] = []
        reasons: list[str] = []
        for alias in node.names:
            name, bound = _names(alias)
            where = self._where(module, name)
            if where is None:
                kept.append(alias)
                if is_recurrent(canonical(f"{module}.{name}")) or module.startswith(
                    "tensorflow.contrib"
                ):
                    reasons.append(_why(f"{module}.{name}"))
            else:
                moved.setdefault(where[0], []).append((where[1], bound))
        if not moved:
            return self._commented(line, reasons)
        return self._statements(line, node, moved, kept, reasons)

    def _statements(
        self, line: Any, node: Any, moved: Any, kept: list[Any], reasons: list[str]
    ) -> Any:
        made = [_from(module, names) for module, names in moved.items()]
        if len(made) == 1 and not kept and not _has_comment(node):
            return line.with_changes(body=made)
        lines = [cst.SimpleStatementLine(body=[one]) for one in made]
        lines[0] = lines[0].with_changes(leading_lines=line.leading_lines)
        if kept:
            kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            rest = node.with_changes(names=kept)
            last = cst.SimpleStatementLine(
                body=[rest], trailing_whitespace=line.trailing_whitespace
            )
            lines.append(self._commented(last, reasons))
        else:
            lines[-1] = lines[-1].with_changes(trailing_whitespace=line.trailing_whitespace)
        return cst.FlattenSentinel(lines)

    def _commented(self, line: Any, reasons: Sequence[str]) -> Any:
        for reason in reasons:
            line = add_comment(line, reason)
        return line

    def _where(self, module: str, name: str) -> tuple[str, str] | None:
        """(module, name) of the new import, or None where it stays."""
        path = canonical(f"{module}.{name}")
        if path in OURS:
            head, _, last = OURS[path].rpartition(".")
            return head, last
        parent = canonical(module)
        if path == "tensorflow" and name == "v1":
            return None
        if parent in OURS and is_recurrent(path) and fate(path).tf1 is not None:
            return OURS[parent], name
        return None

    # -- expressions --------------------------------------------------------------------------
    def leave_Attribute(self, original: cst.Attribute, updated: cst.Attribute) -> Any:
        place = self._at(original)
        use = self._found.uses.get(place)
        text = dotted(original)
        if (
            text is not None
            and use is not None
            and use.kind != "import"
            and canonical_end(text, use.api)
        ):
            becomes = fate(use.api)
            if becomes.tf1 is None:
                self._reasons.append(f"left alone: {becomes.person}")
            elif self._modern and ".compat.v1." in text:
                self._need_tf1 = True
                return _chain("tf1." + text.split(".compat.v1.", 1)[1])
        other = self._found.unknown.get(place)
        if other is not None and text is not None and other.endswith(text.split(".", 1)[-1]):
            reason = _why(other)
            if reason not in self._reasons:
                self._reasons.append(reason)
        return updated

    def leave_Module(self, original: cst.Module, updated: cst.Module) -> cst.Module:
        if not self._need_tf1 or "from porting import tf1\n" in original.code:
            return updated
        at = next(
            (
                i
                for i, line in enumerate(updated.body)
                if "tensorflow" in original.code_for_node(line)
            ),
            0,
        )
        line = cst.SimpleStatementLine(body=[_from("porting", [("tf1", "tf1")])])
        return updated.with_changes(body=[*updated.body[: at + 1], line, *updated.body[at + 1 :]])


def canonical_end(text: str, api: str, /) -> bool:
    """Whether ``text`` is the whole chain of a use, not a part of it."""
    return api.split(".")[-1] == text.split(".")[-1]


def _why(path: str) -> str:
    known = fate(canonical(path)).person if is_recurrent(canonical(path)) else None
    return f"left alone: {known or path.replace('tensorflow', 'tf', 1) + ' is gone from TensorFlow and not part of porting.tf1'}"


def _names(alias: cst.ImportAlias) -> tuple[str, str]:
    name = dotted(alias.name) or ""
    asname = alias.asname.name if alias.asname is not None else None
    return name, asname.value if isinstance(asname, cst.Name) else name


def _has_comment(node: cst.ImportFrom) -> bool:
    return "#" in cst.Module([]).code_for_node(node)


def _chain(path: str) -> Any:
    expression: Any = None
    for part in path.split("."):
        expression = (
            cst.Name(part) if expression is None else cst.Attribute(expression, cst.Name(part))
        )
    return expression


def _from(module: str, names: Sequence[tuple[str, str]]) -> cst.ImportFrom:
    aliases = [
        cst.ImportAlias(
            cst.Name(name), asname=None if name == bound else cst.AsName(cst.Name(bound))
        )
        for name, bound in names
    ]
    return cst.ImportFrom(module=_chain(module), names=aliases)

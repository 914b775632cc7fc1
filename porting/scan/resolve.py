"""Which dotted TensorFlow path a name means: imports, aliases and shadowing, scope by scope."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from porting.scan.catalogue import OFFERED, canonical, is_recurrent

ROOTS = ("tensorflow",)


@dataclass
class Scope:
    """Names bound in a module or function. A name that is bound to anything but TensorFlow is bound to None."""

    parent: Scope | None = None
    names: dict[str, str | None] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)

    def lookup(self, name: str) -> str | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            for module in scope.stars:
                if name in OFFERED.get(module, ()):
                    return f"{module}.{name}"
            scope = scope.parent
        return None


@dataclass(frozen=True, slots=True)
class Use:
    """One place in the source."""

    line: int
    column: int
    api: str
    """The canonical path, ``tensorflow.contrib.rnn.LSTMCell``."""
    kind: str
    """import, use, or subclass."""


def dotted(node: ast.expr) -> list[str] | None:
    """``a.b.c`` as its parts; None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return [*reversed([*parts, node.id])]


class Finder:
    """Walks a module in the order in which Python binds names; functions come after the module around them."""

    def __init__(self, also: Mapping[str, str] | None = None) -> None:
        self._also = dict(also or {})
        """Other modules that stand for a TensorFlow path."""
        self.uses: list[Use] = []
        self.module = Scope()
        self._later: list[tuple[ast.AST, Scope]] = []

    def run(self, tree: ast.Module) -> list[Use]:
        """Every use in ``tree``; names stay bound for a following tree (a notebook's next cell)."""
        start = len(self.uses)
        self._block(tree.body, self.module)
        while self._later:
            node, scope = self._later.pop(0)
            self._function(node, scope)
        return self.uses[start:]

    # -- binding ------------------------------------------------------------------------------
    def _tensorflow(self, name: str) -> str | None:
        """The TensorFlow path that an imported name is, or None."""
        if name.split(".")[0] in ROOTS:
            return name
        for prefix, target in sorted(self._also.items(), reverse=True):
            if name == prefix or name.startswith(prefix + "."):
                return target + name[len(prefix) :]
        return None

    def _bind(self, scope: Scope, name: str, path: str | None) -> None:
        scope.names[name] = path

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            path = self._tensorflow(alias.name)
            if alias.asname:
                self._bind(scope, alias.asname, path)
            else:
                head = alias.name.split(".")[0]
                self._bind(scope, head, self._tensorflow(head))
            if path is not None and is_recurrent(canonical(path)):
                self._found(node, path, "import")

    def _import_from(self, node: ast.ImportFrom, scope: Scope) -> None:
        module = self._tensorflow(node.module or "") if node.level == 0 else None
        for alias in node.names:
            if alias.name == "*":
                if module is not None:
                    scope.stars.append(canonical(module))
                    if is_recurrent(canonical(module)):
                        self._found(node, module, "import")
                continue
            whole = f"{node.module}.{alias.name}"
            path = self._tensorflow(whole) if node.level == 0 else None
            self._bind(scope, alias.asname or alias.name, path)
            if path is not None and (
                is_recurrent(canonical(path)) or path.startswith("tensorflow.python.ops.rnn")
            ):
                self._found(node, path, "import")

    def _assign(self, targets: Iterable[ast.expr], value: ast.expr | None, scope: Scope) -> None:
        path = self._path(value, scope) if value is not None else None
        if isinstance(value, ast.Constant) and value.value is None:
            return  # ``tf = None`` where an import failed
        for target in targets:
            if isinstance(target, ast.Name):
                self._bind(scope, target.id, path)
            elif isinstance(target, ast.Tuple | ast.List):
                values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
                same = len(values) == len(target.elts)
                for i, item in enumerate(target.elts):
                    self._assign([item], values[i] if same else None, scope)
            elif isinstance(target, ast.Starred):
                self._assign([target.value], None, scope)

    # -- finding ------------------------------------------------------------------------------
    def _path(self, node: ast.expr | None, scope: Scope) -> str | None:
        parts = dotted(node) if node is not None else None
        if not parts:
            return None
        head = scope.lookup(parts[0])
        return None if head is None else ".".join([head, *parts[1:]])

    def _found(self, node: ast.AST, path: str, kind: str) -> None:
        place = (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
        self.uses.append(Use(*place, canonical(path), kind))

    def _expression(self, node: ast.AST, scope: Scope) -> None:
        kind = type(node)
        if kind is ast.Constant:
            return
        if kind is ast.Name:
            path = scope.lookup(node.id)  # type: ignore[attr-defined]
            if path is not None and is_recurrent(canonical(path)):
                self._found(node, path, "use")
            return
        if isinstance(node, ast.Lambda):
            inner = Scope(scope)
            self._parameters(node.args, inner, scope)
            self._expression(node.body, inner)
            return
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            inner = Scope(scope)
            for generator in node.generators:
                self._expression(generator.iter, inner)
                self._assign([generator.target], None, inner)
                for test in generator.ifs:
                    self._expression(test, inner)
            parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            for part in parts:
                self._expression(part, inner)
            return
        if isinstance(node, ast.Attribute | ast.Name):
            path = self._path(node, scope)
            if path is not None:
                if is_recurrent(canonical(path)):
                    self._found(node, path, "use")
                return
        if isinstance(node, ast.NamedExpr):
            self._assign([node.target], node.value, scope)
        for child in ast.iter_child_nodes(node):
            self._expression(child, scope)

    # -- statements ---------------------------------------------------------------------------
    def _block(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        for node in body:
            self._statement(node, scope)

    def _statement(self, node: ast.stmt, scope: Scope) -> None:
        if isinstance(node, ast.Import):
            self._import(node, scope)
        elif isinstance(node, ast.ImportFrom):
            self._import_from(node, scope)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in [*node.decorator_list, *([node.returns] if node.returns else [])]:
                self._expression(part, scope)
            self._bind(scope, node.name, None)
            self._parameters(node.args, Scope(), scope)
            self._later.append((node, scope))
        elif isinstance(node, ast.ClassDef):
            self._class(node, scope)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for part in [*([node.value] if node.value is not None else []), *targets]:
                if not isinstance(part, ast.Name) or part is node.value:
                    self._expression(part, scope)
            self._assign(targets, node.value, scope)
        else:
            self._compound(node, scope)

    def _compound(self, node: ast.stmt, scope: Scope) -> None:
        """Every other statement: its expressions in order, then its blocks in the same scope."""
        if isinstance(node, ast.For | ast.AsyncFor):
            self._assign([node.target], None, scope)
        for item in getattr(node, "items", []):
            if isinstance(item, ast.withitem) and item.optional_vars is not None:
                self._assign([item.optional_vars], None, scope)
        for child in _children(node):
            if isinstance(child, ast.stmt):
                self._statement(child, scope)
            elif not isinstance(child, ast.expr_context):
                self._expression(child, scope)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        for base in node.bases:
            path = self._path(base, scope)
            if path is not None and is_recurrent(canonical(path)):
                self._found(base, path, "subclass")
            elif path is None:
                self._expression(base, scope)
        for part in [*node.decorator_list, *(keyword.value for keyword in node.keywords)]:
            self._expression(part, scope)
        self._bind(scope, node.name, None)
        inner = Scope(scope)
        for child in node.body:
            self._statement(child, inner)
        # Methods do not see the class's names.
        self._later = [(n, scope if s is inner else s) for n, s in self._later]

    def _parameters(self, args: ast.arguments, inner: Scope, outer: Scope) -> None:
        named = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        for default in [*args.defaults, *args.kw_defaults]:
            if default is not None:
                self._expression(default, outer)
        for arg in named:
            if arg is not None:
                inner.names[arg.arg] = None

    def _function(self, node: ast.AST, outer: Scope) -> None:
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        scope = Scope(outer)
        args = node.args
        for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]:
            if arg is not None:
                scope.names[arg.arg] = None
        self._block(node.body, scope)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Child nodes, with the bodies of handlers and match cases in place of them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ExceptHandler | ast.match_case | ast.withitem):
            yield from _children(child)
        else:
            yield child


__all__ = ["Finder", "Scope", "Use", "dotted"]

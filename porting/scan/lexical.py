"""Uses in text that Python 3 cannot parse: Python 2, and files with mistakes. Names are followed through imports and plain aliases only."""

from __future__ import annotations

import re

from porting.scan.catalogue import canonical, is_recurrent
from porting.scan.resolve import Use

_NAME = r"[A-Za-z_]\w*"
_DOTTED = rf"{_NAME}(?:\.{_NAME})*"
_QUOTED = re.compile(
    r"""[urbURB]{0,2}("{3}.*?"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|#[^\n]*""",
    re.DOTALL,
)
_IMPORT = re.compile(r"^\s*import\s+(.+)$")
_FROM = re.compile(rf"^\s*from\s+({_DOTTED})\s+import\s+(.+)$")
_ALIAS = re.compile(rf"^\s*({_NAME})\s*=\s*({_DOTTED})\s*$")
_CLASS = re.compile(rf"^\s*class\s+{_NAME}\s*\(")
_CHAIN = re.compile(rf"(?<![\w.]){_DOTTED}")


def blank(source: str) -> str:
    """The source with strings and comments blanked out, line by line as before."""
    return _QUOTED.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), source)


def find(source: str) -> list[Use]:
    """Uses by text; columns count from 0."""
    names: dict[str, str | None] = {}
    uses: list[Use] = []
    for number, line in _logical(blank(source)):
        if _bind(line, number, names, uses):
            continue
        kind = "subclass" if _CLASS.match(line) else "use"
        for match in _CHAIN.finditer(line):
            head, _, rest = match.group().partition(".")
            path = names.get(head)
            if path is None:
                continue
            full = canonical(f"{path}.{rest}" if rest else path)
            if is_recurrent(full):
                uses.append(Use(number, match.start(), full, kind))
        if alias := _ALIAS.match(line):
            head, _, rest = alias.group(2).partition(".")
            path = names.get(head)
            names[alias.group(1)] = None if path is None else f"{path}.{rest}" if rest else path
    return uses


def _logical(text: str) -> list[tuple[int, str]]:
    """Lines, with what is continued by a backslash or inside the brackets of an import joined."""
    found: list[tuple[int, str]] = []
    pending, start = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        start = start if pending else number
        pending += line.rstrip("\r")
        if pending.endswith("\\"):
            pending = pending[:-1] + " "
        elif re.match(r"\s*(from|import)\b", pending) and pending.count("(") > pending.count(")"):
            pending += " "
        else:
            found.append((start, pending))
            pending = ""
    return [*found, (start, pending)] if pending else found


def _bind(line: str, number: int, names: dict[str, str | None], uses: list[Use]) -> bool:
    """Whether the line is an import; its names are bound."""
    column = len(line) - len(line.lstrip())
    if match := _FROM.match(line):
        module, items = match.group(1), match.group(2).strip().strip("()")
        ours = module.split(".")[0] == "tensorflow"
        for name, alias in _items(items):
            names[alias or name] = f"{module}.{name}" if ours else None
            path = canonical(f"{module}.{name}")
            if ours and (
                is_recurrent(path) or f"{module}.{name}".startswith("tensorflow.python.ops.rnn")
            ):
                uses.append(Use(number, column, path, "import"))
        return True
    if match := _IMPORT.match(line):
        for name, alias in _items(match.group(1)):
            ours = name.split(".")[0] == "tensorflow"
            names[alias or name.split(".")[0]] = (name if alias else "tensorflow") if ours else None
            if ours and is_recurrent(canonical(name)):
                uses.append(Use(number, column, canonical(name), "import"))
        return True
    return False


def _items(text: str) -> list[tuple[str, str | None]]:
    found = []
    for item in text.split(","):
        words = item.split()
        if words:
            found.append((words[0], words[2] if len(words) == 3 and words[1] == "as" else None))
    return found

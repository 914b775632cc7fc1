"""Trees and tables as plain text: what ``inspect`` and ``bench`` show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass
class Tree:
    """A line, and lines below it.

    >>> root = Tree("model.pb")
    >>> branch = root.add("inputs")
    >>> _ = branch.add("x:0")
    >>> _ = root.add("outputs")
    >>> print(root)
    model.pb
    ├── inputs
    │   └── x:0
    └── outputs
    """

    label: str
    children: list[Tree] = field(default_factory=list)

    def add(self, label: str, /) -> Tree:
        """A new last branch."""
        self.children.append(Tree(printable(label)))
        return self.children[-1]

    def lines(self) -> Iterator[str]:
        yield self.label
        for child in self.children:
            last = child is self.children[-1]
            first, *rest = child.lines()
            yield ("└── " if last else "├── ") + first
            yield from (("    " if last else "│   ") + line for line in rest)

    def __str__(self) -> str:
        return "\n".join(self.lines())


def printable(text: str, /) -> str:
    r"""Without what would move a terminal's cursor: a name comes from a file that anybody may have made.

    >>> printable("rnn/\x1b[2Jwhile")
    'rnn/\\x1b[2Jwhile'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], /) -> str:
    """Columns under their heads: the first to the left, the others to the right.

    >>> print(table(["", "ms"], [["a.onnx", "1.5"], ["b", "12.0"]]))
              ms
    a.onnx   1.5
    b       12.0
    """
    lines = [list(heads), *map(list, rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )

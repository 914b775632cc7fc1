"""The result of a scan, as JSON and as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from porting.scan.catalogue import fate
from porting.scan.sources import Scanned, scan_file, walk


@dataclass(frozen=True)
class Report:
    """Every file that was looked at."""

    files: tuple[Scanned, ...]

    @property
    def uses(self) -> int:
        return sum(len(file.uses) for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """``schema`` 1; files without uses and problems are only counted."""
        listed = [file for file in self.files if file.uses or file.problem]
        found = [_file(file) for file in listed]
        people = sum(use["person"] is not None for file in found for use in file["uses"])
        summary = {"files": len(self.files), "with_uses": sum(bool(f.uses) for f in self.files)}
        summary |= {
            "uses": self.uses,
            "needs_person": people,
            "problems": sum(bool(f.problem) for f in self.files),
        }
        return {"schema": 1, "summary": summary, "files": found}

    def lines(self) -> Iterable[str]:
        """For people: file by file, use by use, then the sum."""
        made = self.as_json()
        for file in made["files"]:
            yield f"{file['path']}: {len(file['uses'])} uses"
            if file["problem"]:
                yield f"  ! {file['problem']}"
            for use in file["uses"]:
                cell = f"cell {use['cell']}, " if use["cell"] else ""
                yield f"  {cell}{use['line']}:{use['column']} {use['kind']} {use['api']} -> {use['tf1'] or 'nothing'}"
                if use["keras"]:
                    yield f"      Keras: {use['keras']}"
                if use["person"]:
                    yield f"      a person: {use['person']}"
        s = made["summary"]
        yield f"{s['uses']} uses in {s['with_uses']} of {s['files']} files; {s['needs_person']} need a person; {s['problems']} files with problems"


def scan(paths: Iterable[Path]) -> Report:
    """Look at every Python file and notebook below ``paths``.

    Raises:
        UsageError: a path that does not exist.
    """
    return Report(tuple(scan_file(path) for path in walk(paths)))


def _file(file: Scanned) -> dict[str, Any]:
    uses = []
    for use, cell in file.uses:
        becomes = fate(use.api)
        uses.append(
            {
                "line": use.line, "column": use.column + 1, "cell": cell, "kind": use.kind,
                "api": use.api.replace("tensorflow", "tf", 1), "tf1": becomes.tf1, "keras": becomes.keras,
                "person": becomes.person,
            }
        )  # fmt: skip
    return {"path": str(file.path), "problem": file.problem, "uses": uses}

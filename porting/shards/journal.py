"""The journal: which shards are in, and what they showed together. One small JSON file, replaced as a whole after each shard."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from porting.shards.tally import Tally, merge
from reference.errors import ArtefactError, UsageError

FORMAT = 1
Stamp = tuple[int, int]
"""Size and time of change of a file: a shard that was counted must still be the same."""


def stamp(path: str, /) -> Stamp:
    """Of a file that is there."""
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


@dataclass
class Journal:
    """A shard and its tally go in together, in one replacement: it is in once, or not at all."""

    path: Path
    identity: str
    """What is compared, and how: a journal of anything else is refused."""
    done: dict[str, Stamp] = field(default_factory=dict)
    tally: Tally | None = None

    def add(self, shard: str, mark: Stamp, tally: Tally, /) -> None:
        """Count one shard, and write."""
        assert shard not in self.done
        self.tally = merge(self.tally, tally)
        self.done[shard] = mark
        self.write()

    def write(self) -> None:
        """Replace the file.

        Raises:
            UsageError: it cannot be written.
        """
        text = json.dumps(
            {"format": FORMAT, "identity": self.identity, "done": self.done, "tally": self.tally}
        )
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            with open(part, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        except OSError as error:
            msg = f"the journal {self.path} cannot be written: {error.strerror}"
            raise UsageError(msg) from error

    def remove(self) -> None:
        """When all is done there is nothing to resume."""
        self.path.unlink(missing_ok=True)

    def resume(self, shards: list[str], /) -> None:
        """Take over what the file holds, if it is there.

        Raises:
            UsageError: it is of another comparison, or a shard that was counted has changed or gone.
            ArtefactError: it is damaged.
        """
        if not self.path.is_file():
            return
        found = self._read()
        if found["identity"] != self.identity:
            msg = f"{self.path} is of another comparison (other files or options): verify without --resume"
            raise UsageError(msg)
        done = {shard: (int(mark[0]), int(mark[1])) for shard, mark in found["done"].items()}
        for shard, mark in done.items():
            if shard not in shards or stamp(shard) != mark:
                what = (
                    "has changed since it was counted"
                    if shard in shards
                    else "was counted, and is not among the samples"
                )
                msg = f"{shard} {what}: verify without --resume"
                raise UsageError(msg)
        self.done, self.tally = done, found["tally"]

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self.path.read_text("utf-8"))
            known = found["format"] == FORMAT and {"identity", "done", "tally"} <= found.keys()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            known = False
        if not known:
            msg = f"{self.path} is no journal of a verification: remove it"
            raise ArtefactError(msg)
        return dict(found)

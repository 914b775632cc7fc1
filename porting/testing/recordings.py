"""A cache of recordings: what an old program answered, asked once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from porting.model import open_model
from porting.verification.drawing import draw_runs
from porting.verification.samples import Run, load_samples, save_samples
from reference.errors import ArtefactError, UsageError

Program = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]


class Recordings:
    """Samples files in a folder, by the artefact's SHA-256 and what was asked."""

    def __init__(self, folder: Path | str, /) -> None:
        self.folder = Path(folder)

    def of(
        self,
        original: Path | str,
        program: Program | None = None,
        /,
        *,
        key: str = "",
        cases: int = 8,
        seed: int = 0,
        **options: Any,
    ) -> Path:
        """The samples file of ``original``; ``program`` is asked only where the folder has none yet.

        Args:
            original: the TF1 artefact; its inputs are drawn from its graph.
            program: the old program: inputs to outputs, both by TF tensor name (a live session, a remote call).
            key: part of the name: change it when ``program`` changes, which nothing here can see.
            options: ``inputs``, ``outputs``, ``freeze``, ``signature``, ``tag``, ``max_tensor``.

        Raises:
            UsageError: there is no recording, and no ``program`` to ask; or its answer lacks an output.
            ArtefactError: ``original`` is damaged.
        """
        model = open_model(original, **options)
        asked = [model.artefact.sha256, key, cases, seed, options]
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()
        path = self.folder / f"{Path(original).stem}-{digest[:20]}.npz"
        if _readable(path):
            return path
        if program is None:
            msg = f"no recording of {original} is in {self.folder}, and no program is given to make one"
            raise UsageError(msg)
        drawn, _ = draw_runs(model.original, model.program.inputs, cases, seed)
        runs = [
            Run(run.inputs, _answer(program, model.program.outputs, run, model.original.frozen))
            for run in drawn
        ]
        self.folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        save_samples(part, runs, {"sha256": model.artefact.sha256, "key": key})
        part.replace(path)
        return path


def _answer(
    program: Program, outputs: tuple[str, ...], run: Run, frozen: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    fixed = {name: np.asarray(value) for name, value in frozen.items()}
    found = program(dict(run.inputs) | fixed)
    lacking = [name for name in outputs if name not in found]
    if lacking:
        msg = f"the program gave no {', '.join(lacking)}: it must return every output by TF tensor name"
        raise UsageError(msg)
    return {name: np.asarray(found[name]) for name in outputs}


def _readable(path: Path) -> bool:
    """Whether a whole samples file is there; a damaged one is made anew."""
    try:
        return path.is_file() and bool(load_samples(path).runs)
    except ArtefactError:
        return False

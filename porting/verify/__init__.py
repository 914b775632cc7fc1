"""Is the port the same? Noise floors instead of tolerances; ``docs/verdict.md`` has the rule."""

from __future__ import annotations

from porting.verify.candidates import Candidate, open_candidate
from porting.verify.equivalence import check
from porting.verify.original import Original
from porting.verify.samples import Run, Samples, load_samples, save_samples
from porting.verify.verdict import Verdict

__all__ = [
    "Candidate",
    "Original",
    "Run",
    "Samples",
    "Verdict",
    "check",
    "load_samples",
    "open_candidate",
    "save_samples",
]

"""Is the port the same? Noise floors instead of tolerances; ``docs/verdict.md`` has the rule."""

from __future__ import annotations

from porting.verification.candidates import Candidate, open_candidate
from porting.verification.equivalence import check
from porting.verification.original import Original
from porting.verification.samples import Run, Samples, load_samples, save_samples
from porting.verification.verdict import Verdict

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

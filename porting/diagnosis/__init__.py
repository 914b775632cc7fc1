"""Why a port is different: the place where it first differs, and the known mistake that explains its numbers.

The lifted Program stands for the port. Each known mistake is made in it, recurrence by recurrence, and the mistaken model is run in
float64: a mistake that gives the candidate's own numbers is the guess.
"""

from __future__ import annotations

from porting.diagnosis.guessing import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]

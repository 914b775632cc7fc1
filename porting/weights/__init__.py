"""TF1 weights into Keras layers that were rewritten by hand, and back under TF1's names; ``docs/weights.md``."""

from __future__ import annotations

from porting.weights.loading import load_tf1_weights
from porting.weights.naming import tf1_names
from porting.weights.report import LoadReport, Match, Missing
from porting.weights.saving import save_tf1_weights

__all__ = ["LoadReport", "Match", "Missing", "load_tf1_weights", "save_tf1_weights", "tf1_names"]

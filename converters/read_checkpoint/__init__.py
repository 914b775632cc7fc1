"""TF1 checkpoints, V1 and V2, read with NumPy and protobuf alone."""

from __future__ import annotations

from converters.read_checkpoint.checkpoint import Checkpoint
from converters.read_checkpoint.opening import open_checkpoint

__all__ = ["Checkpoint", "open_checkpoint"]

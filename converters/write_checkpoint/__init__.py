"""Writing V2 checkpoints that ``tf.train.Saver`` of TensorFlow 1 restores; no TensorFlow."""

from __future__ import annotations

from converters.write_checkpoint.bundle import write_checkpoint

__all__ = ["write_checkpoint"]

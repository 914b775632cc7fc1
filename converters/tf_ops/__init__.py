"""What each TF op computes, written once in the vocabulary.

A function ``f(ops, node, *inputs)`` uses only vocabulary calls on ``ops``, so it runs under every interpreter: NumPy,
abstract facts, ONNX, Keras. Where TF takes an axis, a shape or a number as a tensor, ``ops.static`` must know it, or
the node is refused by name.
"""

from __future__ import annotations

from converters.tf_ops import (  # noqa: F401  (importing a theme fills the table)
    arrays,
    audio,
    blocks,
    complex_numbers,
    conv,
    ctc_beam,
    cudnn,
    decoders,
    images,
    indexing,
    lookups,
    math,
    neural,
    quantised,
    reductions,
    refused,
    segments,
    slices,
    spaces,
    sparse,
    splits,
    strings,
)
from converters.tf_ops.table import REFUSED, TABLE, apply, is_known, tf_op

__all__ = ["REFUSED", "TABLE", "apply", "is_known", "tf_op"]

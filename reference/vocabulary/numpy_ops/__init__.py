"""The vocabulary computed by NumPy: the reference run, and its float64 twin."""

from __future__ import annotations

from reference.vocabulary.numpy_ops.elementwise import ElementwiseOps
from reference.vocabulary.numpy_ops.indexing import IndexingOps
from reference.vocabulary.numpy_ops.linear import LinearOps
from reference.vocabulary.numpy_ops.scans import ScanOps
from reference.vocabulary.numpy_ops.shaping import ShapingOps

__all__ = ["NumpyOps"]


class NumpyOps(ElementwiseOps, LinearOps, ShapingOps, IndexingOps, ScanOps):
    """:class:`reference.vocabulary.protocol.Ops` on NumPy arrays.

    Args:
        widen: every float16 and float32 that enters or would be made is float64 instead, so that
            ``cast(x, "float32")`` gives float64 too. Integers keep their widths.

    Example:
        >>> ops = NumpyOps()
        >>> ops.sigmoid(ops.constant([-1000.0, 0.0])).tolist()
        [0.0, 0.5]
        >>> NumpyOps(widen=True).cast(ops.constant([1, 2]), "float32").dtype.name
        'float64'
    """

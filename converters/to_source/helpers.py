"""The few functions a source port may define: what TF1 wrote with shapes, packs and ranges, said once."""

from __future__ import annotations

HELPERS = {
    "sequence_mask": '''

def sequence_mask(x, lengths):
    """True at the valid steps of x [rows, steps, ...]."""
    items = x[(slice(None), slice(None), *[0] * (len(x.shape) - 2))]
    steps = ops.cumsum(ops.ones_like(items, dtype=lengths.dtype), axis=1)
    return steps <= ops.expand_dims(lengths, 1)
''',
    "positions": '''

def positions(x, axis, dtype):
    """0, 1, 2, ... along an axis of x."""
    others = tuple(a for a in range(len(x.shape)) if a != axis)
    return ops.cumsum(ops.sum(ops.zeros_like(x, dtype=dtype), axis=others) + 1, axis=0) - 1
''',
    "size": '''

def size(x, axis, dtype):
    """How long an axis of x is, known when the model runs."""
    others = tuple(a for a in range(len(x.shape)) if a != axis)
    return ops.sum(ops.sum(ops.zeros_like(x, dtype=dtype), axis=others) + 1)
''',
    "unfold": '''

def unfold(rows, first, second):
    """Rows [n * m, ...] as [n, m, ...], for positions 0 ... n - 1 and 0 ... m - 1."""
    width = ops.sum(ops.ones_like(second))
    return ops.take(rows, ops.expand_dims(first * width, 1) + second, axis=0)
''',
    "gather_nd": '''

def gather_nd(x, places):
    """x[i, j, ...] for the indices i, j, ... along the last axis of places."""
    depth, where = places.shape[-1], places[..., 0]
    for axis in range(1, depth):
        others = tuple(a for a in range(len(x.shape)) if a != axis)
        length = ops.sum(ops.sum(ops.zeros_like(x, dtype=places.dtype), axis=others) + 1)
        where = where * length + places[..., axis]
    return ops.take(ops.reshape(x, (-1, *x.shape[depth:])), where, axis=0)
''',
}
"""Text by name, as ruff formats it."""

VARIABLES = {
    "sequence_mask": "mask",
    "positions": "places",
    "size": "count",
    "unfold": "unfolded",
    "gather_nd": "picked",
}
"""What the results are called."""

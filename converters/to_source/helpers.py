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
    "layer_norm": '''

def layer_norm(x, gamma, beta, epsilon):
    """x with mean 0 and variance 1 along its last axis, scaled by gamma and moved by beta."""
    mean = ops.mean(x, axis=-1, keepdims=True)
    variance = ops.mean(ops.square(x - mean), axis=-1, keepdims=True)
    scale = ops.rsqrt(variance + epsilon) * gamma
    return x * scale + (beta - mean * scale)
''',
    "Variable": '''

class Variable(layers.Layer):
    """An array of the model by itself: called with any tensor, it gives the array."""

    def __init__(self, shape, dtype="float32", **kwargs):
        super().__init__(autocast=False, **kwargs)
        trains = dtype.startswith("float")
        self.value = self.add_weight(name="value", shape=shape, dtype=dtype, trainable=trains)
        self.built = True

    def call(self, _):
        return ops.convert_to_tensor(self.value)
''',
    "reverse": '''

def reverse(x, lengths):
    """The steps of time-major x in reverse, in each row only those up to its length."""
    if lengths is None:
        return ops.flip(x, axis=0)
    place = ops.cumsum(ops.ones_like(x[(..., *[0] * (len(x.shape) - 2))], dtype="int32"), axis=0) - 1
    lengths = ops.cast(lengths, "int32")
    place = ops.where(place < lengths, lengths - 1 - place, place)
    return ops.take_along_axis(x, ops.reshape(place, (*ops.shape(place), *[1] * (len(x.shape) - 2))), axis=0)
''',
    "conv": '''

def conv(x, kernel, **options):
    """ops.conv, right for an empty batch too: TensorFlow gives that the wrong sizes."""
    more = ops.concatenate([x, ops.zeros((1, *ops.shape(x)[1:]), x.dtype)], axis=0)
    return ops.conv(more, kernel, **options)[:-1]
''',
    "longest": '''

def longest(lengths):
    """How many steps TensorFlow 1 runs at most: one at least."""
    return ops.maximum(1, ops.cast(ops.max(lengths, initial=0), "int32"))
''',
    "keep": '''

def keep(rows, new, old):
    """New where rows say so, else old; what has no rows is new."""
    column = ops.reshape(rows, (-1, *[1] * (len(old.shape) - 1)))
    return ops.where(column, new, old) if len(old.shape) else new
''',
    "put": '''

def put(rows, place, item):
    """The rows with the item at its place."""
    here = ops.reshape(ops.arange(ops.shape(rows)[0]) == place, (-1, *[1] * (len(rows.shape) - 1)))
    return ops.where(here, ops.expand_dims(item, 0), rows)
''',
    "cut": '''

def cut(rows, count):
    """The first rows; on JAX, where sizes are fixed, all."""
    return rows if keras.backend.backend() == "jax" else rows[:count, ...]
''',
    "lstm": '''

def lstm(x, c, h, kernel, bias, forget_bias=1.0):
    """One step of TensorFlow 1's LSTM: the new c and h."""
    z = ops.matmul(ops.concatenate([x, h], axis=1), kernel) + bias
    i, j, f, o = ops.split(z, 4, axis=1)
    c = ops.sigmoid(f + forget_bias) * c + ops.sigmoid(i) * ops.tanh(j)
    return c, ops.sigmoid(o) * ops.tanh(c)
''',
    "gather_tree": '''

def gather_tree(tokens, parents, lengths, end_token):
    """Beams [steps, rows, beams] followed back from their last steps; what follows an end token is end tokens."""

    def back(t, beam, rows):
        inside = t < ops.expand_dims(lengths, 1)
        token = ops.take_along_axis(ops.take(tokens, t, axis=0), beam, axis=1)
        parent = ops.take_along_axis(ops.take(parents, t, axis=0), beam, axis=1)
        rows = put(rows, t, ops.where(inside, token, end_token))
        return t - 1, ops.where(inside, parent, beam), rows

    beam = ops.expand_dims(ops.zeros_like(lengths), 1) + ops.arange(tokens.shape[2])
    start = (ops.shape(tokens)[0] - 1, beam, ops.zeros_like(tokens))
    _, _, rows = ops.while_loop(lambda t, *_: t >= 0, back, start)
    ends = ops.cast(rows == end_token, "int32")
    return ops.where(ops.cumsum(ends, axis=0) > ends, end_token, rows)
''',
    "Recurrent": '''

class Recurrent(layers.Layer):
    """A cell over time-major sequences: past a row's length outputs are 0 and states stay."""

    def __init__(self, cell, backward=False, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.cell, self.backward, self.supports_masking = cell, backward, True

    def compute_mask(self, *_):
        return None

    def build(self, *_):
        self.cell.build()

    def call(self, sequences, states, invariants=(), lengths=None, steps=None):
        if sequences:
            steps = ops.shape(sequences[0])[0]
        if self.backward:
            sequences = [reverse(x, lengths) for x in sequences]
        last = steps if lengths is None else ops.minimum(steps, longest(lengths))

        def step(t, states):
            inputs = [*(ops.take(x, t, axis=0) for x in sequences), *invariants]
            outputs, new = self.cell(inputs, states)
            if lengths is not None:
                valid = t < ops.cast(lengths, "int32")
                outputs = [keep(valid, y, ops.zeros_like(y)) for y in outputs]
                new = [keep(valid, b, a) for a, b in zip(states, new)]
            new = [ops.reshape(b, ops.shape(a)) for a, b in zip(states, new)]
            return outputs, new

        def body(t, states, rows):
            outputs, states = step(t, states)
            here = ops.arange(steps) == t
            rows = [keep(here, ops.expand_dims(y, 0), row) for y, row in zip(outputs, rows)]
            return t + 1, states, rows

        rows = [ops.zeros((steps, *ops.shape(y)), y.dtype) for y in step(0, states)[0]]
        start = (ops.zeros((), "int32"), list(states), rows)
        _, states, rows = ops.while_loop(lambda t, *_: t < last, body, start)
        return [*(reverse(y, lengths) if self.backward else y for y in rows), *states]
''',
}
"""Text by name, as ruff formats it."""

NEEDS = {"Recurrent": ("reverse", "keep", "longest"), "gather_tree": ("put",)}
"""Functions that others read."""

LIBRARY = ("beam_search", "cut", "gather_tree", "lstm", "put", "sequence_mask")
"""Functions of :mod:`converters.to_keras.decoding`."""

ONLY_IMPORTED = {"beam_search"}
"""Too long to be written into a source; one that imports it imports the others too."""

VARIABLES = {
    "sequence_mask": "mask",
    "positions": "places",
    "size": "count",
    "unfold": "unfolded",
    "gather_nd": "picked",
    "layer_norm": "normed",
}
"""What the results are called."""

"""How a case is written down. Runs under Python 3.7."""

import numpy as np


def case(op, *inputs, static=(), fails=False, loose=1.0, ignore=(), producer=134, **attrs):
    """One run of ``op``.

    Args:
        inputs: arrays, functions that draw one, or lists of them for a variadic argument.
        static: which of the flat inputs an exporter must know at build time.
        fails: TensorFlow refuses it.
        loose: factor on the float tolerance, where the kernel approximates.
        producer: version of the GraphDef, for ops that later ones forbid.
        ignore: outputs that are undefined memory or for training only.
    """
    return {"op": op, "inputs": list(inputs), "attrs": attrs, "static": list(static),
            "fails": fails, "loose": loose, "ignore": list(ignore), "producer": producer}


def r(*shape, scale=1.0, dtype="float32", shift=0.0):
    """Normal floats."""
    return lambda: np.asarray(np.random.standard_normal(shape) * scale + shift).astype(dtype)


def u(*shape, low=0.1, high=2.0, dtype="float32"):
    """Uniform floats."""
    return lambda: np.asarray(np.random.uniform(low, high, shape)).astype(dtype)


def n(*shape, low=-5, high=6, dtype="int32"):
    """Integers low <= x < high."""
    return lambda: np.asarray(np.random.randint(low, high, shape)).astype(dtype)


def b(*shape):
    """Booleans."""
    return lambda: np.random.uniform(size=shape) < 0.5


def i32(*values):
    """A rank-1 int32 constant."""
    return np.array(values, np.int32)


def k(value, dtype="int32"):
    """A rank-0 constant."""
    return np.array(value, dtype)


def f32(*values):
    """A rank-1 float32 constant."""
    return np.array(values, np.float32)


def s(*values):
    """A rank-1 constant of strings."""
    return np.array([v if isinstance(v, bytes) else v.encode() for v in values], object)

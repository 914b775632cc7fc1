"""The cell configurations, and how one is run in TF: one step, and dynamic_rnn, with gradients."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import tensorflow as tf
from tensorflow.contrib import cudnn_rnn, rnn as contrib
from tensorflow.python.util import nest

from store import draw

ACTIVATIONS = {
    "tanh": tf.tanh,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "sigmoid": tf.sigmoid,
    "softplus": tf.nn.softplus,
    "softsign": tf.nn.softsign,
    "elu": tf.nn.elu,
    "selu": tf.nn.selu,
    "swish": tf.nn.swish,
    "linear": tf.identity,
    "exp": tf.exp,
    "sin": tf.sin,
    "leaky_relu": tf.nn.leaky_relu,
    "hard_sigmoid": tf.keras.activations.hard_sigmoid,
}
CLASSES = {}
for _module in (contrib, cudnn_rnn, tf.nn.rnn_cell):
    for _name in dir(_module):
        if isinstance(getattr(_module, _name), type):
            CLASSES[_name] = getattr(_module, _name)
from tensorflow.contrib.rnn.python.ops import rnn_cell as _rnn_cell  # noqa: E402
from tensorflow.contrib.cudnn_rnn.python.ops import cudnn_rnn_ops as _cudnn  # noqa: E402

for _module in (_rnn_cell, _cudnn):
    for _name in dir(_module):
        if _name.endswith("Cell"):
            CLASSES[_name] = getattr(_module, _name)

M, N, B, T = 3, 4, 4, 5
LENGTHS = np.array([0, 1, T, 3], np.int32)


def spec(cls: str, *args: Any, **kwargs: Any) -> Dict[str, Any]:
    return {"class": cls, "args": list(args), "kwargs": kwargs}


def make(s: Any, dtype: Any) -> Any:
    """A TF cell from its JSON spec."""
    kwargs = {}
    for key, value in s["kwargs"].items():
        if key in ("activation", "y_activation"):
            value = ACTIVATIONS[value]
        kwargs[key] = value
    args = [_inner(a, dtype) for a in s["args"]]
    return CLASSES[s["class"]](*args, **kwargs)


def _inner(value: Any, dtype: Any) -> Any:
    if isinstance(value, dict) and "class" in value:
        return make(value, dtype)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [make(v, dtype) for v in value]
    return value


def inputs_of(case: Dict[str, Any], time: Optional[int]) -> List[Tuple[Any, ...]]:
    """Shapes of the input's leaves for one step or for a sequence [B, T, …]."""
    lead = (B,) if time is None else (B, time)
    return [lead + tuple(f) for f in case.get("features", [[M]])]


def values_of(case: Dict[str, Any], time: Optional[int], dtype: Any) -> List[np.ndarray]:
    found = []
    for k, shape in enumerate(inputs_of(case, time)):
        if case.get("kind") == "ids":
            ids = draw(case["name"], shape, np.float64, 1.0, "x", k)
            found.append((np.abs(ids * 1000).astype(np.int64) % 7).astype(np.int32))
        elif case.get("kind") == "phased" and k == 0:
            steps = np.abs(draw(case["name"], shape, np.float64, 40.0, "t"))
            clock = np.cumsum(steps, axis=1) if time is not None else steps
            found.append(clock.astype(np.float32).astype(dtype))
        else:
            found.append(draw(case["name"], shape, dtype, case.get("scale", 1.0), "x", k))
    return found


def run(case: Dict[str, Any], mode: str, dtype: Any) -> Dict[str, np.ndarray]:
    """The arrays of one case in one mode ("step" or "dynamic")."""
    with tf.Graph().as_default(), tf.Session() as session:
        cell = make(case["spec"], dtype)
        time = None if mode == "step" else T
        values = values_of(case, time, dtype)
        time_major = mode == "dynamic" and case["time_major"]
        fed = [v.swapaxes(0, 1) if time_major else v for v in values]
        xs = [tf.constant(v) for v in fed]
        sizes = nest.flatten(cell.state_size)
        given = _states(case, sizes, dtype)
        leaves = [tf.constant(v) for v in given]
        state = nest.pack_sequence_as(cell.state_size, leaves)
        if case.get("zero_state"):
            zeros = cell.zero_state(B, tf.as_dtype(dtype))
            state = nest.map_structure(tf.convert_to_tensor, zeros)
            leaves, given = [], []
        x = xs[0] if len(xs) == 1 else tuple(xs)
        with tf.variable_scope("s"):
            if mode == "step":
                y, new = cell(x, state)
            else:
                y, new = tf.nn.dynamic_rnn(
                    cell,
                    x,
                    sequence_length=LENGTHS if case["lengths"] else None,
                    initial_state=state,
                    dtype=tf.as_dtype(dtype),
                    time_major=time_major,
                    scope=tf.get_variable_scope(),
                )
        outputs = nest.flatten(y) + nest.flatten(new)
        weights = _assign(case, session)
        cots = {
            k: draw(case["name"], o.shape.as_list(), dtype, 1.0, "d", k)
            for k, o in enumerate(outputs)
            if o.dtype.is_floating
        }
        loss = tf.add_n([tf.reduce_sum(outputs[k] * c) for k, c in cots.items()])
        wanted = [v for v in tf.global_variables()] + [t for t in xs + leaves if t.dtype.is_floating]
        names = ["var/" + v.op.name for v in tf.global_variables()]
        names += ["x%d" % k for k, t in enumerate(xs) if t.dtype.is_floating]
        names += ["s%d" % k for k, t in enumerate(leaves) if t.dtype.is_floating]
        grads = tf.gradients(loss, wanted)
        pairs = [(n, tf.convert_to_tensor(g)) for n, g in zip(names, grads) if g is not None]
        results, found = session.run([outputs, [g for _, g in pairs]])
        arrays = {"var/" + name: value for name, value in weights.items()}
        arrays.update({"x%d" % k: v for k, v in enumerate(fed)})
        arrays.update({"s%d" % k: v for k, v in enumerate(given)})
        arrays.update({"y%d" % k: v for k, v in enumerate(results)})
        arrays.update({"d%d" % k: v for k, v in cots.items()})
        arrays.update({"g/" + n: g for (n, _), g in zip(pairs, found)})
        return arrays


def _states(case: Dict[str, Any], sizes: List[Any], dtype: Any) -> List[np.ndarray]:
    if "state_columns" in case:
        # TimeFreqLSTMCell reads more columns than its state_size says.
        return [draw(case["name"], [B, case["state_columns"]], dtype, 0.7, "s", 0)]
    return [
        draw(case["name"], [B] + tf.TensorShape(s).as_list(), dtype, 0.7, "s", k)
        for k, s in enumerate(sizes)
    ]


def _assign(case: Dict[str, Any], session: tf.Session) -> Dict[str, np.ndarray]:
    """Random values for every variable, biases too; TF's own scale for none of them."""
    weights = {}
    for v in tf.global_variables():
        name, shape = v.op.name, v.shape.as_list()
        dtype = v.dtype.base_dtype.as_numpy_dtype
        scale = 0.5 if len(shape) > 1 else 0.8
        value = draw(case["name"], shape, dtype, scale, "w", name)
        if name.endswith("gamma") or "norm_" in name.rsplit("/", 1)[-1]:
            value = (1.0 + 0.4 * value).astype(dtype)
        if name.endswith("period"):
            value = (5.0 + 20.0 * np.abs(value)).astype(dtype)
        if name.endswith("ratio_on"):
            value = (0.2 + 0.3 * np.abs(value)).astype(dtype)
        weights[name] = value
        v.load(value, session)
    return weights

"""The other converters, run by a Python that has them: ``python -m benchmarks.table.others (tf2onnx|keras) IN OUT``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

OPSET = 18


def existing(source: str, target: str) -> None:
    """tf2onnx, as its command line runs it: TensorFlow's own graph optimiser first."""
    import tensorflow
    import tf2onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx

    patch_tf2onnx()  # it does not know NumPy 2 by itself
    graph = tensorflow.compat.v1.GraphDef()
    graph.ParseFromString(Path(source).read_bytes())
    names = [node.name for node in graph.node]
    inputs = [f"{name}:0" for name in ("x", "lengths") if name in names]
    tf2onnx.convert.from_graph_def(
        graph, input_names=inputs, output_names=["y:0"], opset=OPSET, output_path=target
    )


def keras_model(kind: str, features: int, units: int, steps: int, ragged: bool) -> Any:
    """The same network of Keras' own layers; None where Keras has none."""
    import keras
    from keras import layers, ops

    if kind not in ("lstm", "static", "bidirectional", "two_layers", "gru", "rnn"):
        return None
    x = keras.Input((steps if kind == "static" else None, features), name="x")
    inputs, mask = [x], None
    if ragged:
        lengths = keras.Input((), dtype="int32", name="lengths")
        inputs.append(lengths)
        mask = ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=1) <= lengths[:, None]
    settings = {"return_sequences": True, "zero_output_for_mask": True}
    made = {"gru": layers.GRU, "rnn": layers.SimpleRNN}.get(kind, layers.LSTM)
    extra = {"reset_after": False} if kind == "gru" else {}
    y = x
    for _ in range(2 if kind == "two_layers" else 1):
        layer = made(units, **settings, **extra)
        y = (layers.Bidirectional(layer) if kind == "bidirectional" else layer)(y, mask=mask)
    return keras.Model(inputs, y)


def exported(kind: str, numbers: list[str], target: str) -> None:
    """Keras' own export."""
    import keras

    keras.utils.set_random_seed(1)
    features, units, steps, ragged = map(int, numbers)
    model = keras_model(kind, features, units, steps, bool(ragged))
    if model is None:
        sys.exit("Keras has no such layer")
    feeds = [np.zeros((1, steps, features), np.float32), np.ones(1, np.int32)]
    model(feeds if ragged else feeds[0])  # the export wants a model that was called
    model.export(target, format="onnx", opset_version=OPSET, verbose=False)


def main() -> None:
    """See the module."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    which, target, *rest = sys.argv[1:]
    part = target + ".part"
    if which == "tf2onnx":
        existing(rest[0], part)
    else:
        exported(rest[0], rest[1:], part)
    os.replace(part, target)


if __name__ == "__main__":
    main()

"""Loads TF 1.15.5's weights into the rewritten models and prints how far each is from the recording."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from running import batch

from porting.rewrite import weights

goldens = Path(sys.argv[1])
import shapes  # noqa: E402 - the rewritten file, on the path

recorded = np.load(goldens / "programs_keras.npz")
reader = tf.train.load_checkpoint(str(goldens / "programs_keras.ckpt"))
lengths = np.array([0, 5, 1, 3], np.int32)
errors = {}
for name in ("lstm_model", "stacked", "stacked_loop", "both", "static"):
    function = getattr(shapes, name)
    inputs = [keras.Input((5, 3))]
    data = [batch(4, 5, 3)]
    if name in ("stacked", "both"):
        inputs.append(keras.Input((), dtype="int32"))
        data.append(lengths)
    model = keras.Model(inputs, function(*inputs))
    own = {
        k: reader.get_tensor(k)
        for k in reader.get_variable_to_shape_map()
        if k.startswith(f"program_{name}/")
    }
    layers = {layer.name for layer in model.layers}
    entries = {k: v for k, v in shapes.RNNPORT_WEIGHTS.items() if k in layers}
    assert entries, name
    weights.assign(model, own, entries)
    found = np.asarray(model(data if len(data) > 1 else data[0]))
    errors[name] = float(np.abs(found - recorded[f"program_{name}|fetch:y"]).max())
print(json.dumps(errors))

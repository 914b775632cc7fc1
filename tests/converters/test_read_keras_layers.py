"""The layers and operations around the recurrent ones, against Keras itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.read_keras import read_keras
from tests.converters.read_keras_running import check, keras, onnx_session, randomise

L, ops = keras.layers, keras.ops
RNG = np.random.default_rng(8)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


SEQUENCE: dict[str, Callable[[Any], Any]] = {
    "dense": lambda x: L.Dense(3, activation="tanh")(x),
    "dense_plain": lambda x: L.Dense(3, use_bias=False, activation="softmax")(x),
    "gelu": lambda x: L.Dense(3, activation="gelu")(x),
    "silu": lambda x: L.Dense(3, activation=keras.activations.silu)(x),
    "hard_sigmoid": lambda x: L.Activation("hard_sigmoid")(x),
    "mish": lambda x: L.Activation("mish")(x),
    "elu": lambda x: L.ELU(0.7)(x),
    "relu": lambda x: L.ReLU(max_value=1.5, negative_slope=0.1, threshold=0.2)(x),
    "leaky": lambda x: L.LeakyReLU(0.2)(x),
    "prelu": lambda x: L.PReLU(shared_axes=[1])(x),
    "softmax": lambda x: L.Softmax(axis=1)(x),
    "batch_norm": lambda x: L.BatchNormalization(epsilon=0.01)(x),
    "batch_norm_axis": lambda x: L.BatchNormalization(axis=1, scale=False)(x),
    "layer_norm": lambda x: L.LayerNormalization()(x),
    "layer_norm_axes": lambda x: L.LayerNormalization(axis=[1, 2], center=False)(x),
    "rms_norm": lambda x: L.RMSNormalization()(x),
    "unit_norm": lambda x: L.UnitNormalization()(x),
    "conv": lambda x: L.Conv1D(3, 2, activation="relu")(x),
    "conv_same": lambda x: L.Conv1D(4, 3, strides=2, padding="same")(x),
    "conv_causal": lambda x: L.Conv1D(4, 2, dilation_rate=2, padding="causal", groups=2)(x),
    "depthwise": lambda x: L.DepthwiseConv1D(2, depth_multiplier=2)(x),
    "separable": lambda x: L.SeparableConv1D(3, 2, padding="same")(x),
    "max_pool": lambda x: L.MaxPooling1D(2, padding="same")(x),
    "mean_pool": lambda x: L.AveragePooling1D(3, strides=2, padding="same")(x),
    "global_mean": lambda x: L.GlobalAveragePooling1D()(x),
    "global_max": lambda x: L.GlobalMaxPooling1D(keepdims=True)(x),
    "flatten": lambda x: L.Dense(2)(L.Flatten()(x)),
    "reshape": lambda x: L.Reshape((2, -1))(x),
    "permute": lambda x: L.Permute((2, 1))(x),
    "repeat": lambda x: L.RepeatVector(3)(x[:, 0]),
    "padding": lambda x: L.ZeroPadding1D((1, 2))(x),
    "cropping": lambda x: L.Cropping1D((1, 0))(x),
    "upsampling": lambda x: L.UpSampling1D(3)(x),
    "dropout": lambda x: L.SpatialDropout1D(0.5)(L.GaussianNoise(0.3)(x)),
    "add": lambda x: L.Add()([x, L.Dense(4)(x)]),
    "average": lambda x: L.Average()([x, L.Dense(4)(x), x]),
    "subtract": lambda x: L.Subtract()([x, L.Dense(4)(x)]),
    "multiply": lambda x: L.Multiply()([x, x[:, 0]]),
    "dot": lambda x: L.Dot(axes=2)([x, L.Dense(4)(x)]),
    "attention": lambda x: L.Attention(use_scale=True)([x, L.Dense(4)(x)]),
    "additive": lambda x: L.AdditiveAttention()([x, L.Dense(4)(x)]),
    "einsum_dense": lambda x: L.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d")(x),
    "rescaling": lambda x: L.Rescaling(0.3, -1.0)(x),
    "time_distributed": lambda x: L.TimeDistributed(L.Dense(3, activation="relu"))(x),
    "nested": lambda x: keras.Sequential([keras.Input((6, 4)), L.Dense(5), L.LSTM(3)])(x),
}


@pytest.mark.parametrize("name", SEQUENCE)
def test_layers(name: str, tmp_path: Path) -> None:
    x = keras.Input((6, 4), name="x")
    check(keras.Model(x, SEQUENCE[name](x)), tmp_path, {"x": draw(3, 6, 4)})


OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "mean": lambda x: ops.mean(x, axis=1),
    "reshape": lambda x: ops.reshape(x, (-1, 24)),
    "transpose": lambda x: ops.transpose(x, (0, 2, 1)),
    "squeeze": lambda x: ops.squeeze(ops.expand_dims(x, 1), 1),
    "softmax": lambda x: ops.softmax(x, axis=1),
    "where": lambda x: ops.where(x > 0, x, 0.5),
    "cast": lambda x: ops.cast(x * 3, "int32"),
    "clip": lambda x: ops.clip(x, 0, 1),
    "stack": lambda x: ops.stack([x, -x], axis=1),
    "split": lambda x: ops.split(x, 2, axis=-1)[1],
    "split_at": lambda x: ops.split(x, [1, 3], axis=1)[1],
    "flip": lambda x: ops.flip(x, axis=1),
    "einsum": lambda x: ops.einsum("btd,bsd->bts", x, x),
    "one_hot": lambda x: ops.one_hot(ops.cast(x, "int32"), 3),
    "argmax": lambda x: ops.argmax(x, axis=-1),
    "take": lambda x: ops.take(x, [0, -1], axis=1),
    "repeat": lambda x: ops.repeat(x, 2, axis=1),
    "tile": lambda x: ops.tile(x, [1, 2, 1]),
    "pad": lambda x: ops.pad(x, [[0, 0], [1, 0], [0, 2]]),
    "sum": lambda x: ops.sum(x, axis=[1, 2], keepdims=True),
    "cumsum": lambda x: ops.cumsum(x, axis=1),
    "not": lambda x: ops.logical_not(x > 0),
    "zeros": lambda x: ops.zeros_like(x) + ops.ones_like(x),
    "leaky": lambda x: ops.leaky_relu(x, 0.1),
    "matmul": lambda x: ops.matmul(x, np.arange(8, dtype="float32").reshape(4, 2)),
    "arithmetic": lambda x: (1 - x) * 2 / (ops.abs(x) + 3) ** 2,
    "swapaxes": lambda x: ops.swapaxes(x, 1, 2),
    "moveaxis": lambda x: ops.moveaxis(x, 1, 2),
    "log_softmax": lambda x: ops.log_softmax(x),
    "gelu": lambda x: ops.gelu(x),
    "std": lambda x: ops.std(x, axis=1),
    "logsumexp": lambda x: ops.logsumexp(x, axis=1),
    "any": lambda x: ops.any(x > 1, axis=-1),
    "top_k": lambda x: ops.top_k(x, 2)[0],
    "unstack": lambda x: ops.unstack(x, axis=1)[2],
    "slices": lambda x: x[..., 1:3][:, ::2],
    "last": lambda x: x[:, -1],
    "divide_ints": lambda x: ops.cast(x * 9, "int32") / 2,
    "mod": lambda x: ops.mod(x, 2) + ops.floor_divide(x, 2),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str, tmp_path: Path) -> None:
    x = keras.Input((6, 4), name="x")
    check(keras.Model(x, OPERATIONS[name](x)), tmp_path, {"x": draw(3, 6, 4)})


IMAGES: dict[str, Callable[[Any], Any]] = {
    "conv": lambda x: L.Conv2D(3, (2, 3), strides=(1, 2), padding="same", activation="relu")(x),
    "depthwise": lambda x: L.DepthwiseConv2D(3, padding="same")(x),
    "separable": lambda x: L.SeparableConv2D(3, 2, strides=2)(x),
    "pool": lambda x: L.AveragePooling2D(2, padding="same")(L.MaxPooling2D(2)(x)),
    "global": lambda x: L.GlobalAveragePooling2D()(x),
    "padding": lambda x: L.Cropping2D(((0, 1), (1, 0)))(L.ZeroPadding2D(((1, 0), (2, 1)))(x)),
    "upsampling": lambda x: L.UpSampling2D((2, 1))(x),
    "time_distributed": lambda x: L.TimeDistributed(L.Conv1D(2, 2, padding="same"))(x),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images(name: str, tmp_path: Path) -> None:
    x = keras.Input((6, 7, 2), name="x")
    check(keras.Model(x, IMAGES[name](x)), tmp_path, {"x": draw(2, 6, 7, 2)})


MASKED: dict[str, Callable[[Any], Any]] = {
    "dense": lambda y: L.GRU(3)(L.Dense(4)(y)),
    "norm": lambda y: L.GRU(3)(L.LayerNormalization()(y)),
    "lost": lambda y: L.GRU(3)(L.Conv1D(4, 2, padding="same")(y)),
    "operation": lambda y: L.GRU(3)(y * 2.0),
    "mean": lambda y: L.GlobalAveragePooling1D()(y),
    "add": lambda y: L.GRU(3)(L.Add()([y, L.Dense(5)(y)])),
    "add_unmasked": lambda y: L.GRU(3)(L.Add()([y, y * 3.0])),
    "concatenate": lambda y: L.GRU(3)(L.Concatenate()([y, L.LSTM(2, return_sequences=True)(y)])),
    "concatenate_unmasked": lambda y: L.GRU(3)(L.Concatenate()([y, y * 3.0])),
    "concatenate_time": lambda y: L.GRU(3)(L.Concatenate(axis=1)([y, L.Dense(5)(y)])),
    "attention": lambda y: L.Attention()([y, L.Dense(5)(y)]),
    "time_distributed": lambda y: L.GRU(3)(L.TimeDistributed(L.Dense(4))(y)),
    "nested": lambda y: keras.Sequential(
        [keras.Input((6, 5)), L.LSTM(4, return_sequences=True), L.GRU(3)]
    )(y),
    "state_unmasks": lambda y: L.LSTM(3)(
        y, initial_state=[L.Dense(3)(y[:, 0]), L.Dense(3)(y[:, 1])]
    ),
}


@pytest.mark.parametrize("name", MASKED)
def test_masks_flow_as_in_keras(name: str, tmp_path: Path) -> None:
    ids = keras.Input((6,), name="ids", dtype="int32")
    y = L.Embedding(7, 5, mask_zero=True)(ids)
    values = RNG.integers(0, 3, (6, 6)).astype(np.int32)
    values[0], values[1], values[2, 3:] = 1, 0, 0
    values[2, 0] = 4
    if name == "mean":
        values[:, 0] = 1  # over no step at all it is 0 / 0
    check(keras.Model(ids, MASKED[name](y)), tmp_path, {"ids": values})


def test_sequential_with_an_embedding(tmp_path: Path) -> None:
    layers = [
        L.Embedding(9, 4, mask_zero=True),
        L.Bidirectional(L.LSTM(3, return_sequences=True)),
        L.GRU(2),
        L.Dense(1),
    ]
    model = keras.Sequential([keras.Input((None,), dtype="int32", name="ids"), *layers])
    values = RNG.integers(0, 3, (5, 6)).astype(np.int32)
    randomise(model)
    model.save(tmp_path / "s.keras")
    program = read_keras(tmp_path / "s.keras")
    [name] = program.inputs
    [found] = onnx_session(program).run(None, {name: values})
    np.testing.assert_allclose(
        found, model(values), atol=2e-6, rtol=0
    )  # values of order 1, float32


def test_outputs_are_named_by_key_or_layer(tmp_path: Path) -> None:
    x = keras.Input((4, 3), name="x")
    y, h = L.GRU(2, return_sequences=True, return_state=True, name="g")(x)
    keras.Model(x, {"all": y, "parts": [h, x]}).save(tmp_path / "a.keras")
    assert read_keras(tmp_path / "a.keras").outputs == ("all", "parts/0", "parts/1")
    keras.Model(x, [y, h, L.Dense(1, name="d")(h)]).save(tmp_path / "b.keras")
    assert read_keras(tmp_path / "b.keras").outputs == ("g", "g_1", "d")
    keras.Model(x, x).save(tmp_path / "c.keras")
    assert read_keras(tmp_path / "c.keras").outputs == ("x_1",)


def test_nested_models_called_twice(tmp_path: Path) -> None:
    a, c = keras.Input((4,), name="a"), keras.Input((4,), name="c")
    inner = keras.Model(
        [a, c], [L.Dense(3)(L.Add()([a, c])), L.Dense(2, activation="relu")(c)], name="inner"
    )
    x = keras.Input((4,), name="x")
    first, other = inner([x, x * 2.0])
    second, _ = inner([L.Dense(4)(first), x])
    check(keras.Model(x, {"p": second, "q": other}), tmp_path, {"x": draw(3, 4)})

"""Dense layers, embeddings, masking, activations, normalisation, and what does nothing at inference."""

from __future__ import annotations

from typing import Any

import numpy as np

from converters.read_keras import activations
from converters.read_keras.layers import Call, layer, run
from converters.read_keras.values import Nest, Value


@layer(
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianDropout", "GaussianNoise",
    "AlphaDropout", "ActivityRegularization", mask="keep",
)  # fmt: skip
def identity_at_inference(call: Call) -> Nest:
    """What acts in training only."""
    call.read |= {"l1", "l2", "data_format"}
    return call.x


@layer("Identity", mask="keep")
def identity(call: Call) -> Nest:
    return call.x


def biased(call: Call, x: Value, index: int) -> Value:
    """x plus the layer's variable ``index`` per last axis, where it has a bias, and its activation."""
    if call.config("use_bias", True):
        x = call.build("AddV2", x, call.weight(index))
    return activations.apply(call.build, call.config("activation"), x, call.layer.name)


@layer("Dense", mask="keep")
def dense(call: Call) -> Nest:
    """x K + b over the last axis."""
    b, x = call.build, call.x
    if call.config("quantization_config") is not None or call.config("lora_rank"):
        msg = "quantised and LoRA layers are not read"
        raise call.refused(msg)
    call.weights((None, None), *[(None,)] * bool(call.config("use_bias", True)))
    kernel = call.weight(0)
    product = b("MatMul", x, kernel) if x.rank == 2 else b("BatchMatMulV2", x, kernel)
    return biased(call, product, 1)


@layer("EinsumDense", mask="drop")
def einsum_dense(call: Call) -> Nest:
    """An Einstein sum with a kernel; the bias broadcasts from the right."""
    call.read |= {"output_shape", "bias_axes"}
    if call.config("quantization_config") is not None or call.config("lora_rank"):
        msg = "quantised and LoRA layers are not read"
        raise call.refused(msg)
    equation = str(call.config("equation")).replace(" ", "")
    if "." in equation:
        msg = f"the equation {equation!r} has an ellipsis"
        raise call.refused(msg)
    y = call.build("Einsum", call.x, call.weight(0), equation=equation.encode())
    if call.layer.config.get("bias_axes") is not None:
        y = call.build("AddV2", y, call.weight(1))
    return activations.apply(call.build, call.config("activation"), y, call.layer.name)


@layer("Embedding", mask="drop")
def embedding(call: Call) -> Nest:
    """Rows of a table; with ``mask_zero`` the steps of id 0 are masked."""
    b, ids = call.build, call.x
    if call.config("quantization_config") is not None or call.config("lora_rank"):
        msg = "quantised and LoRA layers are not read"
        raise call.refused(msg)
    call.weights((None, None))
    places = ids if ids.dtype in ("int32", "int64") else b.cast(ids, "int32")
    rows = b("GatherV2", call.weight(0), places, np.array(0, np.int32))
    if not call.config("mask_zero", False):
        return rows
    return rows.masked(b("NotEqual", ids.masked(None), b.like(ids, 0)))


@layer("Masking", mask="drop")
def masking(call: Call) -> Nest:
    """Steps whose features all equal the value are masked, and set to 0."""
    b, x = call.build, call.x
    kept = b.reduce("Any", b("NotEqual", x, b.like(x, call.config("mask_value", 0.0))), -1, True)
    shown = b("SelectV2", kept, x, b.like(x, 0))
    return shown.masked(b.squeeze(kept, x.rank - 1))


@layer("Activation", mask="keep")
def activation(call: Call) -> Nest:
    return activations.apply(call.build, call.config("activation"), call.x, call.layer.name)


@layer("ReLU", mask="keep")
def relu(call: Call) -> Nest:
    """With a slope below the threshold and a largest value."""
    b, x = call.build, call.x
    slope, top, edge = (call.config(k) for k in ("negative_slope", "max_value", "threshold"))
    slope, edge = float(slope or 0.0), float(edge or 0.0)
    if edge:
        low = activations.scaled(b, x, slope, -slope * edge) if slope else b.like(x, 0)
        y = b("SelectV2", b("GreaterEqual", x, b.like(x, edge)), x, low)
    else:
        y = activations.leaky_relu(b, x, slope) if slope else b("Relu", x)
    return y if top is None else b("Minimum", y, b.like(x, float(top)))


@layer("LeakyReLU", mask="keep")
def leaky(call: Call) -> Nest:
    return activations.leaky_relu(call.build, call.x, call.config("negative_slope", 0.3))


@layer("ELU", mask="keep")
def elu(call: Call) -> Nest:
    return activations.elu(call.build, call.x, call.config("alpha", 1.0))


@layer("PReLU", mask="keep")
def prelu(call: Call) -> Nest:
    """The slope below 0 is a weight."""
    b, x = call.build, call.x
    call.read.add("shared_axes")
    call.weights(None)
    low = b("Mul", call.weight(0), b("Minimum", x, b.like(x, 0)))
    return b("AddV2", b("Relu", x), low)


@layer("Softmax", mask="keep")
def softmax(call: Call) -> Nest:
    """Over one axis, masked or not."""
    b, x = call.build, call.x
    axis = call.config("axis", -1)
    if isinstance(axis, list):
        if len(axis) != 1:
            msg = "a softmax over several axes is not described"
            raise call.refused(msg)
        [axis] = axis
    mask = call.argument("mask", 1) or x.mask
    if mask is None:
        return activations.softmax(b, x, axis)
    low = b.like(x, -3e4 if x.dtype == "float16" else -1e9)
    y = activations.softmax(b, b("SelectV2", b.cast(mask, "bool"), x, low), axis)
    return b("SelectV2", b.cast(mask, "bool"), y, b.like(y, 0))


@layer("BatchNormalization", mask="keep")
def batch_norm(call: Call) -> Nest:
    """x * s + t with s and t from the moving statistics, worked out here in the weights' dtype."""
    b, x = call.build, call.x
    scale, center = call.config("scale", True), call.config("center", True)
    names = [*["gamma"] * bool(scale), *["beta"] * bool(center), "mean", "variance"]
    found = dict(zip(names, call.weights(*[(None,)] * len(names)), strict=True))
    epsilon = np.asarray(call.config("epsilon", 1e-3), found["mean"].dtype)
    factor = 1 / np.sqrt(found["variance"] + epsilon) * found.get("gamma", 1)
    offset = found.get("beta", 0) - found["mean"] * factor
    axis = call.config("axis", -1)
    axis = (axis[0] if isinstance(axis, list) else axis) % x.rank
    shape = [1] * x.rank
    shape[axis] = len(factor)
    line = [np.asarray(v, found["mean"].dtype).reshape(shape) for v in (factor, offset)]
    line = [v.reshape(-1) if axis == x.rank - 1 else v for v in line]
    return b("AddV2", b("Mul", x, line[0]), line[1])


@layer("LayerNormalization", mask="keep")
def layer_norm(call: Call) -> Nest:
    """(x - mean) / sqrt(variance + epsilon), scaled and shifted."""
    b, x = call.build, call.x
    if call.config("rms_scaling", False):
        msg = "rms_scaling is not described"
        raise call.refused(msg)
    axes = _axes(call, x)
    mean = b.reduce("Mean", x, axes, True)
    shifted = b("Sub", x, mean)
    variance = b.reduce("Mean", b("Square", shifted), axes, True)
    factor = b("Rsqrt", b("AddV2", variance, b.like(x, call.config("epsilon", 1e-3))))
    y, index = b("Mul", shifted, factor), 0
    for key, op in (("scale", "Mul"), ("center", "AddV2")):
        if call.config(key, True):
            y = b(op, y, _along(call, x, axes, index))
            index += 1
    return y


@layer("RMSNormalization", mask="drop")
def rms_norm(call: Call) -> Nest:
    """x / sqrt(mean(x^2) + epsilon), scaled."""
    b, x = call.build, call.x
    axes = _axes(call, x)
    square = b.reduce("Mean", b("Square", x), axes, True)
    y = b("Mul", x, b("Rsqrt", b("AddV2", square, b.like(x, call.config("epsilon", 1e-6)))))
    return b("Mul", y, _along(call, x, axes, 0))


@layer("UnitNormalization", mask="keep")
def unit_norm(call: Call) -> Nest:
    """x / its L2 norm."""
    b, x = call.build, call.x
    total = b.reduce("Sum", b("Square", x), _axes(call, x), True)
    return b("Mul", x, b("Rsqrt", b("Maximum", total, b.like(x, 1e-12))))


def _axes(call: Call, x: Value) -> list[int]:
    axis = call.config("axis", -1)
    return sorted(a % x.rank for a in (axis if isinstance(axis, list) else [axis]))


def _along(call: Call, x: Value, axes: list[int], index: int) -> Value:
    """A variable over ``axes``, shaped to broadcast with x."""
    weight = call.weight(index)
    if axes == list(range(x.rank - len(axes), x.rank)):
        return weight
    array = call.layer.weights[index]
    shape = [1] * x.rank
    for axis, size in zip(axes, array.shape, strict=True):
        shape[axis] = size
    return call.build.constant(array.reshape(shape))


@layer("Rescaling", mask="keep")
def rescaling(call: Call) -> Nest:
    """x * scale + offset."""
    b = call.build
    x = b.cast(call.x, "float32")
    parts = [np.asarray(call.config(k, d), x.dtype) for k, d in (("scale", 1.0), ("offset", 0.0))]
    return b("AddV2", b("Mul", x, parts[0]), parts[1])


@layer("TimeDistributed", mask="keep")
def time_distributed(call: Call) -> Nest:
    """A layer on every step: on all rows and steps at once, which no layer with a time axis of its own may be asked for twice."""
    b, x = call.build, call.x
    call.read.add("layer")
    inner = call.layer.inner("layer", "layer")
    masks: Any = call.mask
    if inner.kind in ("Dense", "Dropout", "Activation") and x.rank >= 3:
        return run(b, inner, [x.masked(None)], {})
    if inner.kind in ("BatchNormalization", "Functional", "Sequential", "TimeDistributed"):
        msg = f"TimeDistributed around a {inner.kind} is not described"
        raise call.refused(msg)
    sizes = [b.size(x, axis) for axis in range(x.rank)]
    rows = b.reshape(x, [-1, *sizes[2:]])
    kwargs = {}
    if isinstance(masks, Value) and masks.rank >= 3:
        kwargs["mask"] = b.reshape(
            masks, [-1, *(b.size(masks, axis) for axis in range(2, masks.rank))]
        )
    elif masks is not None and inner.kind in (
        "LSTM",
        "GRU",
        "SimpleRNN",
        "RNN",
        "Bidirectional",
        "Softmax",
        "GlobalAveragePooling1D",
    ):
        msg = f"a mask [batch, time] handed to a {inner.kind} on every step is not described"
        raise call.refused(msg)
    y = run(b, inner, [rows], kwargs)
    if not isinstance(y, Value):
        msg = "the layer inside gives several outputs"
        raise call.refused(msg)
    return b.reshape(y, [*sizes[:2], *(b.size(y, axis) for axis in range(1, y.rank))])

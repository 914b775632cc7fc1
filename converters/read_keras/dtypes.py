"""Keras' dtype policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from converters.read_keras.builder import Builder, refused
from converters.read_keras.values import Nest, Value

if TYPE_CHECKING:
    from converters.read_keras.layers import Layer


def compute_dtype(layer: Layer, /) -> str:
    """Of the layer's dtype policy.

    Raises:
        NotConvertibleError: mixed precision or quantised.
    """
    policy = layer.config.get("dtype", "float32")
    if isinstance(policy, dict):
        policy = (policy.get("config") or {}).get("name", policy.get("class_name"))
    if policy is None:
        return "float32"
    if policy not in ("float32", "float64", "float16", "int32", "int64", "bool", "string", "uint8"):
        raise refused(
            layer.name,
            f"its dtype policy {str(policy)[:40]!r} is not read: save the model in float32",
        )
    return str(policy)


def autocast(build: Builder, nest: Nest, dtype: str) -> Nest:
    """Keras' autocast: floats take the layer's dtype."""
    if isinstance(nest, list | tuple):
        return [autocast(build, item, dtype) for item in nest]
    if isinstance(nest, dict):
        return {key: autocast(build, item, dtype) for key, item in nest.items()}
    if isinstance(nest, Value) and nest.dtype.startswith("float") and dtype.startswith("float"):
        return build.cast(nest, dtype)
    return nest

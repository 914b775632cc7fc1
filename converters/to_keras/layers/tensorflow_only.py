"""Ops that only TensorFlow has, by its own kernels; on other backends they are refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.graph import Node
from converters.to_keras.backend import keras
from converters.to_keras.ops import Value, known, raw
from converters.to_keras.ops.values import dtype_name


def is_tensorflows(node: Node, operands: Sequence[Any], /) -> bool:
    """Whether the op is run here: a beam search over CTC's paths, a table with strings in it."""
    if keras.backend.backend() != "tensorflow":
        return False
    if node.op == "CTCBeamSearchDecoder":
        return True
    if node.op not in ("LookupTableFind", "LookupTableFindV2") or len(operands) != 4:
        return False
    given = [known(item) for item in operands[:2]]
    strings = any(dtype_name(item) == "string" for item in operands[:2])
    return all(given) and strings and not known(operands[2])


def run(node: Node, operands: Sequence[Value], made: dict[str, Any], /) -> list[Value]:
    """The op's outputs; ``made`` keeps what is made once (a table)."""
    if node.op == "CTCBeamSearchDecoder":
        return _beam(node, operands)
    return _find(operands, made)


def _beam(node: Node, operands: Sequence[Value]) -> list[Value]:
    import tensorflow as tf

    found = tf.raw_ops.CTCBeamSearchDecoder(
        inputs=raw(operands[0]),
        sequence_length=raw(operands[1]),
        beam_width=int(node.attr("beam_width")),
        top_paths=int(node.attr("top_paths")),
        merge_repeated=bool(node.attr("merge_repeated", True)),
    )
    *parts, score = found
    return [Value(item) for part in parts for item in part] + [Value(score)]


def _find(operands: Sequence[Value], made: dict[str, Any]) -> list[Value]:
    """The value of each key; places first, so that keys and values may be of any dtype."""
    import tensorflow as tf

    keys, values, asked, default = map(raw, operands)
    if "table" not in made:
        with tf.init_scope():
            places = np.arange(np.size(keys), dtype=np.int64)
            start = tf.lookup.KeyValueTensorInitializer(_tensor(keys), places)
            made["table"] = tf.lookup.StaticHashTable(start, np.int64(np.size(keys)))
    rows = tf.concat([_tensor(values), tf.reshape(_tensor(default), [1])], 0)
    return [Value(tf.gather(rows, made["table"].lookup(asked)))]


def _tensor(value: Any) -> Any:
    import tensorflow as tf

    if isinstance(value, np.ndarray) and value.dtype.kind in "OSU":
        return tf.constant(value.tolist(), tf.string)
    return tf.convert_to_tensor(value)

"""Strings: only where their values are known, which under NumPy is always."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import Array, known, refusal, tf_op
from reference.errors import SemanticsError


def bytes_of(ops: Any, node: Node, x: Array) -> np.ndarray:
    """The strings as an object array of bytes."""
    value = known(ops, node, x, "text")
    flat = [v if isinstance(v, bytes) else str(v).encode() for v in value.reshape(-1).tolist()]
    return packed(flat, value.shape)


def packed(values: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Values as an object array."""
    out = np.empty(len(values), object)
    out[:] = values
    return out.reshape(shape)


def mapped(ops: Any, node: Node, x: Array, function: Callable[[bytes], Any]) -> np.ndarray:
    """``function`` of each string."""
    value = bytes_of(ops, node, x)
    return packed([function(v) for v in value.reshape(-1)], value.shape)


@tf_op("StringLower", "StringUpper", "StringStrip")
def simple(ops: Any, node: Node, x: Array) -> Array:
    """ASCII case, or white space cut off."""
    if node.text("encoding", ""):
        raise refusal(node, "its UTF-8 form is not described")
    name = node.op.removeprefix("String").lower()
    return ops.constant(mapped(ops, node, x, lambda v: getattr(v, name)()))


@tf_op("StringLength")
def length(ops: Any, node: Node, x: Array) -> Array:
    """Bytes, or UTF-8 characters; int32."""
    wide = node.text("unit", "BYTE") == "UTF8_CHAR"
    count = mapped(ops, node, x, lambda v: len(v.decode() if wide else v))
    return ops.constant(count.astype(np.int32))


@tf_op("StringJoin")
def join(ops: Any, node: Node, *xs: Array) -> Array:
    """Item by item, with a separator."""
    parts = np.broadcast_arrays(*(bytes_of(ops, node, x) for x in xs))
    between = node.text("separator", "").encode()
    rows = zip(*(p.reshape(-1) for p in parts), strict=True)
    return ops.constant(packed([between.join(row) for row in rows], parts[0].shape))


@tf_op("ReduceJoin")
def reduce_join(ops: Any, node: Node, x: Array, axes: Array) -> Array:
    """Strings joined along the axes, the first of them first."""
    value = bytes_of(ops, node, x)
    between = node.text("separator", "").encode()
    chosen = [int(a) % value.ndim for a in known(ops, node, axes, "axes").reshape(-1)]
    rest = [a for a in range(value.ndim) if a not in chosen]
    shape = tuple(value.shape[a] for a in rest)
    rows = value.transpose(*rest, *reversed(chosen)).reshape(int(np.prod(shape)), -1)
    out = packed([between.join(row) for row in rows], shape)
    if node.attr("keep_dims", False):
        out = out.reshape([1 if a in chosen else n for a, n in enumerate(value.shape)])
    return ops.constant(out)


@tf_op("AsString")
def as_string(ops: Any, node: Node, x: Array) -> Array:
    """printf of one value (core/kernels/as_string_op.cc, v1.15.5)."""
    value = known(ops, node, x, "value")
    if value.dtype == bool:
        return ops.constant(packed([b"true" if v else b"false" for v in value.flat], value.shape))
    width, fill = int(node.attr("width", -1)), node.text("fill", "")
    head = "%" + fill + (str(width) if width > -1 else "")
    if value.dtype.kind in "iu":
        form = head + "d"
    else:
        digits = int(node.attr("precision", -1))
        kind = (
            "e" if node.attr("scientific", False) else "g" if node.attr("shortest", False) else "f"
        )
        form = head + (f".{digits}" if digits > -1 else "") + kind
    return ops.constant(packed([(form % v).encode() for v in value.ravel().tolist()], value.shape))


@tf_op("StringToNumber")
def to_number(ops: Any, node: Node, x: Array) -> Array:
    """The number each string spells."""
    dtype = str(node.attr("out_type", "float32"))
    try:
        numbers = mapped(ops, node, x, int if dtype.startswith("int") else float)
    except ValueError as error:
        msg = f"node {node.name!r}: {error}"
        raise SemanticsError(msg) from None
    return ops.constant(numbers.astype(dtype))


@tf_op("Substr")
def substr(ops: Any, node: Node, x: Array, start: Array, count: Array) -> Array:
    """``count`` bytes from ``start``; a negative start counts from the end."""
    if node.text("unit", "BYTE") != "BYTE":
        raise refusal(node, "only its BYTE form is described")
    value = bytes_of(ops, node, x)
    numbers = [known(ops, node, v, "position") for v in (start, count)]
    texts, starts, counts = np.broadcast_arrays(value, *numbers)
    out = []
    for text, first, number in zip(texts.flat, starts.flat, counts.flat, strict=True):
        if not -len(text) <= first <= len(text):
            msg = f"node {node.name!r}: position {first} of a string of {len(text)} bytes"
            raise SemanticsError(msg)
        begin = first + len(text) if first < 0 else first
        out.append(text[begin : begin + max(number, 0)])
    return ops.constant(packed(out, texts.shape))


@tf_op("StringSplit")
def split(ops: Any, node: Node, x: Array, delimiter: Array) -> tuple[Array, ...]:
    """Sparse pieces of [N] strings; each byte of the delimiter splits, empty means every byte."""
    marks = bytes_of(ops, node, delimiter).reshape(-1)[0]
    skip = bool(node.attr("skip_empty", True))
    rows = []
    for text in bytes_of(ops, node, x).reshape(-1):
        single = [text[i : i + 1] for i in range(len(text))]
        parts = re.split(b"[" + re.escape(marks) + b"]", text) if marks else single
        rows.append([p for p in parts if p or not skip])
    return sparse(ops, rows)


@tf_op("StringSplitV2")
def split_v2(ops: Any, node: Node, x: Array, separator: Array) -> tuple[Array, ...]:
    """As Python's split: an empty separator means white space, and repeats count as one."""
    mark, most = bytes_of(ops, node, separator).reshape(-1)[0], int(node.attr("maxsplit", -1))
    texts = bytes_of(ops, node, x).reshape(-1)
    return sparse(ops, [text.split(mark or None, most) for text in texts])


def sparse(ops: Any, rows: list[list[bytes]]) -> tuple[Array, ...]:
    """Indices [n, 2], values [n] and shape [2]."""
    places = [(r, c) for r, row in enumerate(rows) for c in range(len(row))]
    widest = max((len(row) for row in rows), default=0)
    values = packed([piece for row in rows for piece in row], (len(places),))
    indices = np.array(places, np.int64).reshape(-1, 2)
    shape = np.array([len(rows), widest], np.int64)
    return ops.constant(indices), ops.constant(values), ops.constant(shape)


@tf_op("RegexReplace", "StaticRegexReplace")
def regex_replace(ops: Any, node: Node, x: Array, *given: Array) -> Array:
    """Python's re stands in for RE2; patterns RE2 lacks cannot be in a graph TF ran."""
    if node.op.startswith("Static"):
        pattern, put = node.text("pattern").encode(), node.text("rewrite").encode()
    else:
        pattern, put = (bytes_of(ops, node, v).reshape(-1)[0] for v in given)
    count = 0 if node.attr("replace_global", True) else 1
    put = re.sub(rb"\\(\d)", rb"\\g<\1>", put)
    return ops.constant(mapped(ops, node, x, lambda v: re.sub(pattern, put, v, count=count)))


@tf_op("RegexFullMatch", "StaticRegexFullMatch")
def regex_match(ops: Any, node: Node, x: Array, *given: Array) -> Array:
    """Whether the whole string matches; Python's re stands in for RE2."""
    if node.op.startswith("Static"):
        pattern = node.text("pattern").encode()
    else:
        pattern = bytes_of(ops, node, given[0]).reshape(-1)[0]
    found = mapped(ops, node, x, lambda v: re.fullmatch(pattern, v) is not None)
    return ops.constant(found.astype(bool))

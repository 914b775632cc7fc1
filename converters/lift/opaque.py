"""Facts of ops that the Program keeps whole: fused recurrences, decoders, table lookups.

``converters.tf_ops`` computes them where sizes are known; here are dtype and shape alone, for sizes that are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from converters.graph import Node
from converters.tf_ops.splits import MAX_PARTS
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, as_dim, floor_divide

Rule = Callable[..., tuple[Fact, ...] | None]


def always(ops: Any, node: Node, inputs: Sequence[Fact]) -> tuple[Fact, ...] | None:
    """For ops that tf_ops would unroll or cannot describe; None for other ops."""
    rule = _ALWAYS.get(node.op)
    return None if rule is None else rule(ops, node, *inputs)


def fallback(ops: Any, node: Node, inputs: Sequence[Fact]) -> tuple[Fact, ...] | None:
    """For ops that tf_ops describes, except at sizes unknown before the model runs."""
    rule = _FALLBACK.get(node.op)
    return None if rule is None else rule(ops, node, *inputs)


def _block_lstm(ops: Any, node: Node, steps: Fact, x: Fact, c: Fact, *_: Fact) -> tuple[Fact, ...]:
    shape = None
    if x.shape is not None and c.shape is not None:
        shape = (x.shape[0], x.shape[1], c.shape[-1])
    return (Fact(x.dtype, shape),) * 7


def _cudnn(ops: Any, node: Node, x: Fact, h: Fact, c: Fact, *_: Fact) -> tuple[Fact, ...]:
    output = None
    if x.shape is not None and h.shape is not None:
        both = node.text("direction", "unidirectional") == "bidirectional"
        output = (x.shape[0], x.shape[1], h.shape[-1] * (2 if both else 1))
    cell = c if node.text("rnn_mode", "lstm") == "lstm" else Fact(c.dtype, (0,))
    results = (Fact(x.dtype, output), Fact(h.dtype, h.shape), Fact(cell.dtype, cell.shape))
    empty = Fact(x.dtype, (0,)), Fact("int8", (0,))
    return results + (empty[:1] if node.op == "CudnnRNN" else empty)


def _gather_tree(ops: Any, node: Node, ids: Fact, *_: Fact) -> tuple[Fact, ...]:
    return (Fact(ids.dtype, ids.shape),)


def _ctc(ops: Any, node: Node, logits: Fact, lengths: Fact) -> tuple[Fact, ...]:
    paths = int(node.attr("top_paths", 1))
    counts: list[Dim] = [ops.fresh() for _ in range(paths)]
    batch = ops.fresh() if logits.shape is None else logits.shape[1]
    return (
        *(Fact("int64", (n, 2)) for n in counts),
        *(Fact("int64", (n,)) for n in counts),
        *(Fact("int64", (2,)) for _ in counts),
        Fact(logits.dtype, (batch, 1 if node.op == "CTCGreedyDecoder" else paths)),
    )


def _lookup(ops: Any, node: Node, *inputs: Fact) -> tuple[Fact, ...] | None:
    if len(inputs) != 4:  # contents unknown: see converters.lift.tables
        return None
    keys, values, asked, default = (fact.dtype for fact in inputs)
    if (keys != asked and asked != "unknown") or (values != default and default != "unknown"):
        msg = f"its table holds {values} by {keys}; it is asked for {asked}, {default} where there is none"
        raise ValueError(msg)
    return (Fact(inputs[3].dtype, inputs[2].shape),)


def _split(ops: Any, node: Node, axis: Fact, x: Fact) -> tuple[Fact, ...] | None:
    if axis.value is None or x.shape is None:
        return None
    place, parts = int(axis.value.reshape(())) % len(x.shape), int(node.attr("num_split"))
    if not 0 < parts <= MAX_PARTS:
        return None
    shape = list(x.shape)
    shape[place] = floor_divide(shape[place], parts)
    return (Fact(x.dtype, tuple(shape)),) * parts


def _one_hot(
    ops: Any, node: Node, indices: Fact, depth: Fact, on: Fact, off: Fact
) -> tuple[Fact, ...]:
    if indices.shape is None:
        return (Fact(on.dtype),)
    size = ops.fresh() if depth.value is None else as_dim(depth.value.ravel()[0])
    axis = int(node.attr("axis", -1))
    place = len(indices.shape) if axis == -1 else axis
    return (Fact(on.dtype, (*indices.shape[:place], size, *indices.shape[place:])),)


_ALWAYS: dict[str, Rule] = {
    "BlockLSTM": _block_lstm,
    "BlockLSTMV2": _block_lstm,
    "CudnnRNN": _cudnn,
    "CudnnRNNV2": _cudnn,
    "CudnnRNNV3": _cudnn,
    "GatherTree": _gather_tree,
    "CTCGreedyDecoder": _ctc,
    "CTCBeamSearchDecoder": _ctc,
    "LookupTableFind": _lookup,
    "LookupTableFindV2": _lookup,
}
_FALLBACK: dict[str, Rule] = {"Split": _split, "OneHot": _one_hot}

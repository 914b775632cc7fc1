"""Products, convolutions, fused recurrent ops: the weights tell rank and number of features."""

from __future__ import annotations

from converters.graph import Node
from converters.lift.ranks.shapes import Shapes
from converters.lift.ranks.table import out, rule


@rule("MatMul", "SparseMatMul")
def matmul(s: Shapes, node: Node) -> None:
    a, b = node.inputs
    if not s.all_of_rank(2, a, b, out(node)):
        return
    ta, tb = bool(node.attr("transpose_a", False)), bool(node.attr("transpose_b", False))
    s.same_dim((a, 0 if ta else 1), (b, 1 if tb else 0))
    s.same_dim((a, 1 if ta else 0), (out(node), 0))
    s.same_dim((b, 0 if tb else 1), (out(node), 1))


@rule("BatchMatMul", "BatchMatMulV2")
def batch_matmul(s: Shapes, node: Node) -> None:
    a, b = node.inputs
    if node.op == "BatchMatMul":
        s.same_rank(a, b, out(node))
    else:
        one, other, whole = s.rank(a), s.rank(b), s.rank(out(node))
        if one is not None and other is not None:
            s.tell_rank(out(node), max(one, other))
        elif whole is not None and (one or other or whole) < whole:
            s.tell_rank(a if one is None else b, whole)
    ta, tb = bool(node.attr("adj_x", False)), bool(node.attr("adj_y", False))
    s.same_dim((a, -2 if ta else -1), (b, -1 if tb else -2))
    s.same_dim((a, -1 if ta else -2), (out(node), -2))
    s.same_dim((b, -2 if tb else -1), (out(node), -1))


@rule("Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput")
def conv(s: Shapes, node: Node) -> None:
    """Batch, two or three places, channels; channels stand where ``data_format`` has its C."""
    back = node.op == "Conv2DBackpropInput"
    value, kernel = node.inputs[2 if back else 0], node.inputs[1]
    rank = 5 if node.op == "Conv3D" else 4
    if not s.all_of_rank(rank, value, kernel, out(node)):
        return
    channel = _channel(node, rank)
    into, outof = (-1, -2) if back else (-2, -1)
    s.same_dim((kernel, into), (value, channel))
    if node.op != "DepthwiseConv2dNative":
        s.same_dim((kernel, outof), (out(node), channel))


@rule("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D")
def pool(s: Shapes, node: Node) -> None:
    rank = 5 if node.op.endswith("3D") else 4
    if not s.all_of_rank(rank, node.inputs[0], out(node)):
        return
    channel = _channel(node, rank)
    s.same_dim((node.inputs[0], channel), (out(node), channel))


@rule("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def batch_norm(s: Shapes, node: Node) -> None:
    if not s.all_of_rank(4, node.inputs[0], out(node)):
        return
    s.same(node.inputs[0], out(node))
    s.same_dim((node.inputs[1], 0), (node.inputs[0], _channel(node, 4)))


@rule("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic")
def resize(s: Shapes, node: Node) -> None:
    if not s.all_of_rank(4, node.inputs[0], out(node)):
        return
    s.same_dim((node.inputs[0], 3), (out(node), 3))


def _channel(node: Node, rank: int) -> int:
    place = node.attrs.get("data_format", b"")
    text = place.decode("ascii", "replace") if isinstance(place, bytes) else str(place)
    return text.index("C") if "C" in text and len(text) == rank else rank - 1


# ---- fused recurrent ops ---------------------------------------------------------------------------------------


def _fused_width(s: Shapes, value: str, kernel: str, gates: int) -> None:
    """The kernel has a row for each feature and each unit, and ``gates`` columns for each unit."""
    rows, columns = s.dim(kernel, 0), s.dim(kernel, 1)
    if rows is not None and columns is not None and s.rank(value) in (2, 3):
        s.tell_dim(value, -1, rows - columns // gates)


@rule("BlockLSTM", "BlockLSTMV2")
def block_lstm(s: Shapes, node: Node) -> None:
    s.tell_rank(node.inputs[0], 0)
    s.tell_rank(node.inputs[1], 3)
    units = s.dim(node.inputs[4], 1)
    for name in node.inputs[2:4]:
        s.tell_rank(name, 2)
        s.tell_dim(name, 1, None if units is None else units // 4)
    for k in range(7):
        s.tell(out(node, k), (None, None, None if units is None else units // 4))
        s.same_dim((node.inputs[1], 0), (out(node, k), 0))
    _fused_width(s, node.inputs[1], node.inputs[4], 4)


@rule("LSTMBlockCell")
def lstm_block_cell(s: Shapes, node: Node) -> None:
    _block_cell(s, node, states=2, gates=4, results=7)


@rule("GRUBlockCell")
def gru_block_cell(s: Shapes, node: Node) -> None:
    _block_cell(s, node, states=1, gates=2, results=4)


def _block_cell(s: Shapes, node: Node, *, states: int, gates: int, results: int) -> None:
    """x, the states, then a kernel with so many gates; all results are [B, units]."""
    kernel = node.inputs[1 + states]
    columns = s.dim(kernel, 1)
    units = None if columns is None else columns // gates
    s.tell_rank(node.inputs[0], 2)
    for name in (*node.inputs[1 : 1 + states], *(out(node, k) for k in range(results))):
        s.tell(name, (None, units))
    _fused_width(s, node.inputs[0], kernel, gates)


@rule("CudnnRNN", "CudnnRNNV2", "CudnnRNNV3")
def cudnn(s: Shapes, node: Node) -> None:
    if not s.all_of_rank(3, *node.inputs[:2], out(node, 0), out(node, 1)):
        return
    s.same_dim((node.inputs[0], 0), (out(node), 0))
    s.same(node.inputs[1], out(node, 1))


# ---- losses and decoders ---------------------------------------------------------------------------------------


@rule("CTCGreedyDecoder", "CTCBeamSearchDecoder")
def ctc_decoder(s: Shapes, node: Node) -> None:
    if not s.all_of_rank(3, node.inputs[0]) or not s.all_of_rank(1, node.inputs[1]):
        return
    s.same_dim((node.inputs[0], 1), (node.inputs[1], 0))


@rule("CTCLoss")
def ctc_loss(s: Shapes, node: Node) -> None:
    for name, rank in zip(node.inputs, (3, 2, 1, 1), strict=True):
        s.tell_rank(name, rank)


@rule("SparseSoftmaxCrossEntropyWithLogits")
def sparse_cross_entropy(s: Shapes, node: Node) -> None:
    if not s.all_of_rank(2, node.inputs[0]) or not s.all_of_rank(1, node.inputs[1], out(node)):
        return
    s.same_dim((node.inputs[0], 0), (node.inputs[1], 0), (out(node), 0))


@rule("SoftmaxCrossEntropyWithLogits")
def cross_entropy(s: Shapes, node: Node) -> None:
    s.tell_rank(out(node), 1)
    for name in node.inputs:
        s.tell_rank(name, 2)


@rule("InTopK", "InTopKV2")
def in_top_k(s: Shapes, node: Node) -> None:
    s.tell_rank(node.inputs[0], 2)
    s.tell_rank(node.inputs[1], 1)
    s.tell_rank(out(node), 1)

"""Products, convolutions, normalisation, losses, block cells, decoders."""

import numpy as np

from tests.goldens.tf_ops.spec import case, f32, i32, k, n, r, u


def products():
    """Products and biases."""
    found = [case("BiasAdd", r(2, 3), r(3)), case("BiasAdd", r(2, 2, 2, 3), r(3)), case("BiasAdd", r(2, 3, 2, 2), r(3), data_format="NCHW"), case("BiasAddV1", r(2, 3), r(3))]
    for a in (False, True):
        for t in (False, True):
            found.append(case("MatMul", r(*((4, 3) if a else (3, 4))), r(*((5, 4) if t else (4, 5))), transpose_a=a, transpose_b=t))
            found.append(case("BatchMatMul", r(2, *((4, 3) if a else (3, 4))), r(2, *((5, 4) if t else (4, 5))), adj_x=a, adj_y=t))
    found += [case("MatMul", r(0, 3), r(3, 2)), case("MatMul", r(2, 0), r(0, 3)), case("MatMul", n(2, 3), n(3, 2)), case("BatchMatMulV2", r(2, 1, 3, 4), r(5, 4, 2)),
              case("MatMul", r(2, 3, dtype="float64"), r(3, 2, dtype="float64")), case("SparseMatMul", r(2, 3), r(3, 2))]
    found += [case("Softmax", r(3, 5, scale=4)), case("Softmax", f32(1000, 1001, -1000)), case("LogSoftmax", r(3, 5, scale=4)), case("Softmax", r(0, 3)), case("Softmax", r(2, 3, 4))]
    return found


def losses():
    """Cross entropies."""
    labels = f32([0.2, 0.8, 0.0], [0.0, 0.0, 1.0])
    return [case("SoftmaxCrossEntropyWithLogits", r(2, 3), labels, loose=2), case("SparseSoftmaxCrossEntropyWithLogits", r(4, 3), i32(0, 2, 1, 1), loose=2),
            case("SparseSoftmaxCrossEntropyWithLogits", r(2, 3), np.array([0, 2]), loose=2), case("SparseSoftmaxCrossEntropyWithLogits", r(2, 3), i32(0, 3), fails=True)]


def convolutions():
    """Convolutions and pooling."""
    found = []
    for padding in ("SAME", "VALID"):
        for stride in (1, 2, 3):
            found += [case("Conv2D", r(2, 7, 6, 3), r(3, 2, 3, 4), strides=[1, stride, stride, 1], padding=padding, loose=2),
                      case("DepthwiseConv2dNative", r(1, 6, 6, 2), r(3, 3, 2, 2), strides=[1, stride, stride, 1], padding=padding, loose=2)]
            for op in ("MaxPool", "AvgPool"):
                found.append(case(op, r(2, 7, 5, 2), ksize=[1, 3, 2, 1], strides=[1, stride, stride, 1], padding=padding))
        found += [case("Conv2D", r(1, 9, 8, 2), r(3, 2, 2, 3), strides=[1, 1, 1, 1], dilations=[1, 2, 3, 1], padding=padding, loose=2),
                  case("Conv3D", r(1, 4, 5, 4, 2), r(2, 3, 2, 2, 3), strides=[1, 1, 2, 1, 1], padding=padding, loose=2),
                  case("MaxPool3D", r(1, 4, 5, 4, 2), ksize=[1, 2, 3, 2, 1], strides=[1, 2, 1, 2, 1], padding=padding),
                  case("AvgPool3D", r(1, 4, 5, 4, 2), ksize=[1, 2, 3, 2, 1], strides=[1, 2, 1, 2, 1], padding=padding)]
        size = (2, 4) if padding == "SAME" else (2, 3)
        found.append(case("Conv2DBackpropInput", i32(2, 4, 7, 3), r(2, 3, 3, 5), r(2, size[0], size[1] if padding == "VALID" else 4, 5), static=(0,), strides=[1, 2, 2, 1], padding=padding, loose=2))
        found.append(case("MaxPoolV2", r(1, 5, 5, 1), i32(1, 2, 2, 1), i32(1, 2, 2, 1), static=(1, 2), padding=padding))
    found += [case("Conv2D", r(1, 5, 5, 2), r(3, 3, 2, 2), strides=[1, 1, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0], loose=2), case("Conv2D", r(0, 5, 5, 2), r(3, 3, 2, 2), strides=[1, 1, 1, 1], padding="SAME"),
              case("Conv3DBackpropInputV2", i32(1, 4, 4, 4, 2), r(2, 2, 2, 2, 3), r(1, 2, 2, 2, 3), static=(0,), strides=[1, 2, 2, 2, 1], padding="VALID", loose=2)]
    found += [case("ResizeNearestNeighbor", r(1, 3, 4, 2), i32(6, 2), static=(1,)), case("ResizeNearestNeighbor", r(1, 3, 4, 2), i32(5, 7), static=(1,), align_corners=True)]
    return found


def normalisation():
    """Batch normalisation and LRN."""
    found = []
    for op in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
        rest = (1, 2, 3, 4, 5)[: 5 if op.endswith("V3") else 4]
        found += [case(op, r(2, 3, 3, 4), u(4), r(4), r(4), u(4), is_training=False, epsilon=1e-3, ignore=rest), case(op, r(2, 3, 3, 4), u(4), r(4), f32(), f32(), is_training=True, ignore=rest[2:], loose=4)]
    found += [case("LRN", r(1, 2, 2, 7)), case("LRN", r(1, 2, 2, 9), depth_radius=2, bias=1.5, alpha=0.3, beta=0.75), case("BatchNormWithGlobalNormalization", r(1, 2, 2, 3), r(3), u(3), r(3), u(3), variance_epsilon=0.01, producer=8, scale_after_normalization=True)]
    return found


def cells():
    """Block cells: D = 4, n = 3, B = 2."""
    weights = (r(7, 12, scale=0.6), r(3), r(3), r(3), r(12, scale=0.5))
    found = []
    for attrs in ({}, {"forget_bias": 0.3, "cell_clip": -1.0}, {"use_peephole": True}, {"use_peephole": True, "cell_clip": 0.4}):
        found.append(case("LSTMBlockCell", r(2, 4), r(2, 3), r(2, 3), *weights, loose=4, **attrs))
        for limit in (5, 3, 0):
            undefined = () if limit == 5 else (0, 2, 3, 4, 5)
            found.append(case("BlockLSTM", k(limit, "int64"), r(5, 2, 4), r(2, 3), r(2, 3), *weights, loose=8, ignore=undefined, **attrs))
    for attrs in ({}, {"use_peephole": True, "cell_clip": 0.4}):
        found.append(case("BlockLSTMV2", k(5, "int64"), r(5, 2, 4), r(2, 3), r(2, 3), *weights, loose=8, **attrs))
    found.append(case("GRUBlockCell", r(2, 4), r(2, 3), r(7, 6, scale=0.6), r(7, 3, scale=0.6), r(6), r(3), loose=4))
    return found


def decoders():
    """Beams and CTC."""
    tree = [n(4, 2, 3, low=0, high=5), n(4, 2, 3, low=0, high=3), i32(4, 2), k(4)]
    found = [case("GatherTree", *tree), case("GatherTree", n(3, 1, 2, low=0, high=9), n(3, 1, 2, low=0, high=2), i32(3), k(100))]
    found += [case("CTCGreedyDecoder", r(7, 3, 4, scale=2), i32(7, 3, 0), merge_repeated=merge) for merge in (False, True)]
    found += [case("CTCGreedyDecoder", r(1, 2, 3), i32(1, 1))]
    for merge in (False, True):
        for beam, paths in ((4, 2), (1, 1), (10, 3)):
            found.append(case("CTCBeamSearchDecoder", r(6, 2, 4, scale=1.5), i32(6, 4), beam_width=beam, top_paths=paths, merge_repeated=merge, loose=4))
    return found


def specs():
    """All of them."""
    return products() + losses() + convolutions() + normalisation() + cells() + decoders()

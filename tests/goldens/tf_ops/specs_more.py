"""Segments, sparse tensors, images, and what is left."""

import numpy as np

from tests.goldens.tf_ops.spec import b, case, f32, i32, k, n, r, s, u


def segments():
    """Extremes and products of segments; told numbers of segments."""
    ids, found = i32(0, 0, 2, 2, 3), []
    for op in ("SegmentMax", "SegmentMin", "SegmentProd"):
        found += [case(op, r(5, 2), ids), case(op, n(5), ids), case(op, r(3, 2, 2), np.array([0, 1, 1]))]
    for op in ("UnsortedSegmentMax", "UnsortedSegmentMin", "UnsortedSegmentProd"):
        found += [case(op, r(5, 2), i32(2, 0, 2, -1, 4), k(6)), case(op, n(4), i32(1, 1, 0, 3), k(4)), case(op, r(2, 2, 3), i32([1, 0], [1, 1]), k(3)),
                  case(op, n(3, dtype="int64"), np.array([0, 2, 2]), k(3))]
    for kind in ("Sum", "Mean", "SqrtN"):
        found.append(case("SparseSegment{}WithNumSegments".format(kind), r(6, 2), i32(5, 0, 0, 3), i32(0, 0, 1, 3), k(5)))
    return found


def sparse():
    """Sparse tensors reshaped, ordered, filled, added."""
    places = np.array([[0, 1], [0, 3], [2, 0], [3, 3]])
    shape = np.array([4, 4])
    found = [case("SparseReshape", places, shape, np.array(new), static=(2,)) for new in ([2, 8], [-1], [2, -1, 2], [16, 1])]
    found += [case("SparseReshape", np.zeros((0, 2), np.int64), shape, np.array([8, -1]), static=(2,)), case("SparseReshape", places, shape, np.array([3, -1]), static=(2,), fails=True)]
    mixed = np.array([[2, 0], [0, 3], [3, 3], [0, 1]])
    found += [case("SparseReorder", mixed, r(4), shape), case("SparseReorder", mixed, s("a", "b", "c", "d"), shape)]
    found += [case("SparseFillEmptyRows", places, r(4), shape, k(9.0, "float32")), case("SparseFillEmptyRows", mixed, n(4), np.array([6, 4]), k(-1)),
              case("SparseFillEmptyRows", np.array([[2, 1]]), s("x"), np.array([3, 2]), np.array(b"none", object))]
    found += [case("SparseTensorDenseAdd", places, r(4), shape, r(4, 4)), case("SparseReduceSum", places, r(4), shape, i32(1), static=(3,)), case("SparseReduceSum", places, n(4), shape, i32(0), static=(3,), keep_dims=True),
              case("SparseReduceSum", places, r(4), shape, i32(), static=(3,))]
    found += [case("ListDiff", i32(3, 1, 2, 2, 5), i32(2, 9)), case("ListDiff", f32(1, 2), f32(), out_idx="int64"), case("UniqueV2", i32(3, 1, 3, 2), i32(0), static=(1,)), case("UniqueWithCountsV2", i32(3, 1, 3, 2), i32(0), static=(1,), out_idx="int64")]
    found += [case("Bincount", i32(1, 0, 1, 7, 3), k(5), i32(), static=(2,)), case("Bincount", i32(1, 0, 1, 3), k(4), r(4)), case("Bincount", i32([1, 0], [2, 2]), k(3), f32(), static=(2,))]
    return found


def images():
    """Images resized, patches, transposed convolutions with holes."""
    found = []
    for size in ((6, 2), (5, 7), (3, 4), (1, 1)):
        for corners, half in ((False, False), (True, False), (False, True)):
            attrs = {"align_corners": corners, "half_pixel_centers": half}
            found += [case("ResizeBilinear", r(2, 3, 4, 2), i32(*size), static=(1,), loose=2, **attrs), case("ResizeNearestNeighbor", r(1, 3, 4, 2), i32(*size), static=(1,), **attrs)]
    found += [case("ResizeBilinear", n(1, 4, 4, 1), i32(7, 3), static=(1,), loose=2), case("ResizeNearestNeighbor", n(1, 4, 4, 1), i32(7, 3), static=(1,))]
    for padding in ("SAME", "VALID"):
        found += [case("ExtractImagePatches", r(2, 6, 5, 2), ksizes=[1, 3, 2, 1], strides=[1, 2, 1, 1], rates=[1, 1, 2, 1], padding=padding),
                  case("ExtractImagePatches", n(1, 4, 4, 1), ksizes=[1, 2, 2, 1], strides=[1, 2, 2, 1], rates=[1, 1, 1, 1], padding=padding)]
    found += [case("SpaceToBatch", r(1, 4, 4, 2), i32([0, 0], [0, 0]), static=(1,), block_size=2), case("SpaceToBatch", r(2, 3, 4, 1), i32([1, 0], [2, 0]), static=(1,), block_size=2),
              case("BatchToSpace", r(4, 2, 2, 3), i32([0, 1], [1, 0]), static=(1,), block_size=2)]
    return found


def rest():
    """All the others."""
    found = [case("Roll", r(3, 4), i32(1, -2), i32(0, 1), static=(1, 2)), case("Roll", n(5), k(7), k(0), static=(1, 2)), case("Roll", r(2, 3), k(-1), k(-1), static=(1, 2)), case("Roll", r(0, 2), k(1), k(0), static=(1, 2))]
    found += [case("ParallelConcat", [r(1, 2), r(1, 2)], shape=[2, 2]), case("DataFormatVecPermute", i32(1, 2, 3, 4)), case("DataFormatVecPermute", i32(1, 2, 3, 4), src_format="NCHW", dst_format="NHWC"),
              case("DataFormatDimMap", i32(0, 3, -1, -3)), case("Empty", i32(2, 3), static=(0,), dtype="float32", init=True), case("ConjugateTranspose", r(2, 3, 4), i32(2, 0, 1), static=(1,))]
    found += [case("OneHot", i32(0, 3, -1, 9), k(4), k(2.0, "float32"), k(-1.0, "float32")), case("OneHot", n(2, 3, low=0, high=3), k(3), k(1), k(0), axis=1), case("OneHot", n(2, dtype="int64", low=0, high=3), k(3), k(True, "bool"), k(False, "bool"), axis=0)]
    found += [case("InplaceUpdate", r(4, 2), i32(3, 1), r(2, 2)), case("InplaceAdd", r(4, 2), i32(0), r(1, 2)), case("InplaceSub", n(4), i32(2, 1), n(2))]
    for attrs in ({}, {"num_bits": 4, "min": -0.3, "max": 1.7}, {"narrow_range": True, "min": 0.5, "max": 2.0}):
        found.append(case("FakeQuantWithMinMaxArgs", r(3, 5, scale=3), **attrs))
    for mode in ("MIN_COMBINED", "MIN_FIRST", "SCALED"):
        for kind, dtype in (("quint8", "u1"), ("qint8", "i1"), ("qint32", "i4")):
            if (mode, kind) == ("SCALED", "qint32"):
                continue  # refused
            ends = np.iinfo(dtype)
            values = np.array([ends.min, ends.min + 1, 0, 1, 77, ends.max - 1, ends.max], dtype)
            found.append(case("Dequantize", values, k(-1.37, "float32"), k(0.91, "float32"), static=(0, 1, 2), T=kind, mode=mode))
    found += [case("FakeQuantWithMinMaxVars", r(3, 5), k(-1.1, "float32"), k(0.9, "float32"), static=(1, 2)), case("FakeQuantWithMinMaxVarsPerChannel", r(4, 2), f32(-1, -0.2), f32(0.5, 3), static=(1, 2), num_bits=5)]
    found += [case("RegexFullMatch", s("ab", "abc", ""), np.array(b"a[b-c]+", object), static=(0, 1)), case("StaticRegexFullMatch", s("12", "x"), static=(0,), pattern=r"\d+")]
    found += [case("Round", f32(0.5, 1.5, -0.5, -2.5, 2.4999998)), case("Rint", f32(0.5, 1.5, -0.5, -2.5)), case("Round", n(3))]
    return found


def specs():
    """All of them."""
    assert b and u
    return segments() + sparse() + images() + rest()

"""Shapes, joins, cuts, indices, sparse pieces, strings."""

import numpy as np

from tests.goldens.tf_ops.spec import b, case, f32, i32, k, n, r, s, u

BOOL = np.array([[True, False, True], [False, True, True]])


def shapes():
    """Shapes, joins and fills."""
    i64 = "int64"
    found = [case("Shape", r(2, 0, 3)), case("Shape", r(), out_type=i64), case("ShapeN", [r(2), r(3, 1)]), case("Size", r(2, 3)),
             case("Size", r(), out_type=i64), case("Rank", r(2, 3))]
    found += [case("Reshape", r(2, 6), i32(3, -1), static=(1,)), case("Reshape", r(0, 3), i32(-1, 3), static=(1,)), case("Reshape", r(1), i32(), static=(1,)),
              case("Reshape", r(4), np.array([2, 2]), static=(1,)), case("Reshape", r(4), i32(3), static=(1,), fails=True)]
    found += [case("Squeeze", r(1, 2, 1)), case("Squeeze", r(1, 2, 1), squeeze_dims=[-1]), case("ExpandDims", r(2, 3), k(-1), static=(1,)),
              case("ExpandDims", r(2, 3), k(1), static=(1,)), case("ExpandDims", r(), i32(0), static=(1,)), case("ExpandDims", r(2), k(-2), static=(1,))]
    found += [case("Transpose", r(2, 3, 4), i32(2, 0, 1), static=(1,)), case("Transpose", r(), i32(), static=(1,))]
    found += [case("ConcatV2", [r(2, 3), r(2, 1)], k(-1), static=(2,)), case("ConcatV2", [r(2), r(0), r(3)], k(0), static=(3,)), case("ConcatV2", [s("a"), s("bc")], k(0), static=(2,)),
              case("Concat", k(1), [r(2, 3), r(2, 1)], static=(0,)), case("ConcatOffset", k(1), [i32(2, 3), i32(2, 5)], static=(0, 1, 2))]
    found += [case("Pack", [r(2), r(2)]), case("Pack", [r(2, 3), r(2, 3)], axis=-1), case("Pack", [k(1), k(2), k(3)]),
              case("Unpack", r(3, 2), num=3), case("Unpack", r(3, 2), num=2, axis=-1), case("Unpack", r(0, 2), num=0)]
    found += [case("Split", k(1), r(2, 6), static=(0,), num_split=3), case("Split", k(-1), r(4), static=(0,), num_split=2), case("Split", k(0), r(3), static=(0,), num_split=1),
              case("SplitV", r(5, 2), i32(1, -1, 2), k(0), static=(1, 2), num_split=3), case("SplitV", r(2, 5), np.array([2, 3]), k(1), static=(1, 2), num_split=2)]
    found += [case("Tile", r(2, 3), i32(2, 1), static=(1,)), case("Tile", n(3), i32(0), static=(1,)), case("Fill", i32(2, 3), r(), static=(0,)), case("Fill", i32(), k(7), static=(0,)),
              case("Fill", i32(2), np.array(b"x", object), static=(0,)), case("Fill", i32(0, 4), k(True, "bool"), static=(0,))]
    found += [case(op, x) for op in ("ZerosLike", "OnesLike") for x in (f32(np.nan, 1), n(2, 3), b(3), r(0, 2))]
    found += [case("BroadcastTo", r(3, 1), i32(2, 3, 4), static=(1,)), case("BroadcastArgs", i32(2, 1, 3), i32(4, 1), static=(0, 1))]
    found += [case("Range", k(0), k(5), k(1)), case("Range", k(5), k(0), k(-2)), case("Range", k(0.0, "float32"), k(1.0, "float32"), k(0.3, "float32")), case("Range", k(3), k(3), k(1)),
              case("Range", k(3), k(0), k(1), fails=True), case("Range", k(0), k(3), k(0), fails=True), case("Range", k(0, i64), k(4, i64), k(3, i64)),
              case("LinSpace", k(-1.0, "float32"), k(2.0, "float32"), k(7), static=(2,)), case("LinSpace", k(1.0, "float32"), k(2.0, "float32"), k(1), static=(2,))]
    pads = i32([1, 2], [0, 1])
    found += [case("Pad", r(2, 3), pads, static=(1,)), case("Pad", n(2), i32([1, 0]), static=(1,)), case("PadV2", r(2, 3), pads, k(-7.0, "float32"), static=(1, 2)),
              case("PadV2", n(2), i32([0, 2]), k(-1), static=(1, 2)), case("MirrorPad", r(3, 4), i32([1, 2], [2, 0]), static=(1,), mode="REFLECT"),
              case("MirrorPad", r(2, 3), i32([2, 1], [0, 3]), static=(1,), mode="SYMMETRIC"), case("MirrorPad", r(2, 3), i32([2, 0], [0, 0]), static=(1,), fails=True, mode="REFLECT")]
    found += [case("ReverseV2", r(2, 3), i32(-1), static=(1,)), case("ReverseV2", r(2, 3), i32(0, 1), static=(1,)), case("ReverseV2", r(2), i32(), static=(1,)),
              case("Reverse", r(2, 3), np.array([True, False]), static=(1,))]
    found += [case("ReverseSequence", r(3, 4, 2), i32(4, 0, 2), seq_dim=1), case("ReverseSequence", r(4, 3, 2), np.array([1, 3, 4]), seq_dim=0, batch_dim=1),
              case("ReverseSequence", r(2, 3), i32(4, 1), seq_dim=1, fails=True), case("ReverseSequence", r(2, 3, 4), i32(4, 2), seq_dim=2, batch_dim=0)]
    blocks, crops = i32(2, 2), i32([0, 1], [2, 0])
    found += [case("SpaceToBatchND", r(1, 3, 2, 2), blocks, crops, static=(1, 2)), case("SpaceToBatchND", r(2, 4, 3), i32(2), i32([0, 0]), static=(1, 2)),
              case("BatchToSpaceND", r(4, 2, 2, 3), blocks, crops, static=(1, 2)), case("BatchToSpaceND", r(4, 2, 3), i32(2), i32([0, 0]), static=(1, 2))]
    found += [case("SpaceToDepth", r(2, 4, 2, 3), block_size=2), case("DepthToSpace", r(2, 2, 1, 8), block_size=2)]
    return found


def slices():
    """Slice and StridedSlice."""
    found = [case("Slice", r(4, 5), i32(1, 0), i32(2, -1), static=(1, 2)), case("Slice", r(4), i32(4), i32(-1), static=(1, 2)), case("Slice", r(4), i32(2), i32(3), static=(1, 2), fails=True),
             case("Slice", n(3, 2), np.array([0, 1]), np.array([3, 1]), static=(1, 2))]

    def strided(x, first, last, steps, fails=False, **masks):
        attrs = {key + "_mask": value for key, value in masks.items()}
        return case("StridedSlice", x, i32(*first), i32(*last), i32(*steps), static=(1, 2, 3), fails=fails, **attrs)

    found += [
        strided(r(5, 6), (1, 0), (4, 6), (2, 3)), strided(r(5), (4,), (0,), (-1,)), strided(r(5), (0,), (0,), (-1,), begin=1, end=1),
        strided(r(5), (-3,), (-1,), (1,)), strided(r(5), (-9,), (9,), (1,)), strided(r(5), (9,), (-9,), (-2,)), strided(r(5), (3,), (1,), (1,)),
        strided(r(5, 6), (-1,), (0,), (1,), shrink_axis=1), strided(r(5, 6), (0, 2), (0, 3), (1, 1), begin=1, end=1, shrink_axis=2),
        strided(r(2, 3, 4), (0, 1), (0, 2), (1, 1), ellipsis=1, shrink_axis=2), strided(r(2, 3, 4), (0, 0, 1), (0, 0, 3), (1, 1, 1), ellipsis=2, begin=1, end=1),
        strided(r(2, 3), (0, 0), (0, 0), (1, 1), new_axis=1, begin=2, end=2), strided(r(2, 3), (0, 0, 1), (0, 0, 2), (1, 1, 1), new_axis=2, begin=1, end=1, shrink_axis=4),
        strided(r(2, 3, 4), (0, 0, 0), (0, 0, 0), (1, 1, 1), ellipsis=2, new_axis=5), strided(r(3), (0,), (0,), (1,), ellipsis=1), strided(r(3), (3,), (4,), (1,), shrink_axis=1, fails=True),
        strided(r(4, 5, 6), (0, 1, 5), (0, -1, 0), (1, 2, -2), ellipsis=1), strided(r(2, 3), (0, 0), (0, 0), (1, 1), new_axis=2, shrink_axis=3),
        strided(r(0, 3), (0,), (2,), (1,)), strided(r(6, 2), (0, 0), (-1, 1), (1, 1)), strided(i32(3, 4, 5), (2,), (3,), (1,), shrink_axis=1), strided(r(4, 3), (2, 1), (3, 2), (1, 1), begin=1, shrink_axis=1),
    ]
    return found


def indices():
    """Gathers, scatters, one-hot, top-k."""
    found = [case("Gather", r(5, 2), i32(4, 0, 0)), case("Gather", r(5, 2), np.array([[1, 2]])), case("Gather", r(3), i32(3), fails=True), case("Gather", r(3), i32(-1), fails=True),
             case("Gather", s("a", "b"), i32(1, 0)), case("Gather", r(3, 2), k(1))]
    found += [case("GatherV2", r(2, 5, 3), i32(4, 1), k(1), static=(2,)), case("GatherV2", r(2, 5), n(2, 2, low=0, high=5), k(-1), static=(2,)),
              case("GatherV2", r(2, 5, 3), n(2, 4, low=0, high=5), k(1), static=(2,), batch_dims=1), case("GatherV2", r(2, 3, 5), n(2, 4, low=0, high=5), k(2), static=(2,), batch_dims=1),
              case("GatherV2", r(2, 3, 5), n(2, 3, 1, low=0, high=5), k(2), static=(2,), batch_dims=2), case("GatherV2", r(4, 0), i32(1), k(0), static=(2,))]
    found += [case("GatherNd", r(3, 4), i32([0, 1], [2, 3])), case("GatherNd", r(3, 4), i32([2], [0])), case("GatherNd", r(3, 4), i32([[1, 1]], [[0, 0]])), case("GatherNd", r(3, 4), i32([3, 0]), fails=True)]
    found += [case("ScatterNd", i32([4], [1], [4]), r(3, 2), i32(6, 2), static=(2,)), case("ScatterNd", i32([0, 1], [1, 0]), n(2), i32(2, 2), static=(2,)), case("ScatterNd", i32([7]), r(1), i32(3), static=(2,), fails=True)]
    found += [case("TensorScatter" + op, r(4, 2), i32([3], [0]), r(2, 2)) for op in ("Add", "Sub", "Update")]
    found += [case("OneHot", i32(0, 3, -1, 9), k(4), k(2.0, "float32"), k(-1.0, "float32"), static=(1,)), case("OneHot", n(2, 3, low=0, high=3), k(3), k(1), k(0), static=(1,), axis=0),
              case("OneHot", n(2, 3, low=0, high=3, dtype="int64"), k(3), k(True, "bool"), k(False, "bool"), static=(1,), axis=1), case("OneHot", k(1), k(3), k(1.0, "float32"), k(0.0, "float32"), static=(1,))]
    found += [case(op, x, k(-1), static=(1,)) for op in ("ArgMax", "ArgMin") for x in (r(3, 4), f32(2, 5, 5, 1, 1), n(2, 6, low=0, high=3))]
    found += [case("ArgMax", r(3, 4), k(0), static=(1,), output_type="int32"), case("ArgMax", r(3, 0), k(1), static=(1,), fails=True)]
    found += [case("TopKV2", r(2, 6), k(3), static=(1,)), case("TopKV2", i32(1, 4, 4, 2, 4), k(4), static=(1,)), case("TopKV2", n(3, 5, low=0, high=3), k(1), static=(1,)), case("TopKV2", r(2), k(3), static=(1,), fails=True),
              case("TopKV2", r(2, 3), k(0), static=(1,)), case("TopK", r(4), k=2, producer=6)]
    found += [case("InTopK", f32([1, 3, 2], [5, 5, 1], [0, np.inf, 2], [1, 2, 3]), i32(2, 1, 2, 7), k=2), case("InTopKV2", r(5, 6), n(5, low=0, high=6), k(3), static=(2,))]
    found += [case("Where", BOOL), case("Where", f32([0, 2], [3, 0])), case("Where", np.zeros((2, 2), bool))]
    found += [case("Unique", i32(4, 1, 4, 9, 1)), case("Unique", s("b", "a", "b"), out_idx="int64"), case("UniqueWithCounts", i32(4, 1, 4, 9, 1)), case("Unique", i32())]
    found += [case("SparseToDense", i32([0, 1], [1, 2]), i32(2, 3), f32(5, 6), k(-1.0, "float32"), static=(1,)), case("SparseToDense", i32(1, 3), i32(5), k(2), k(0), static=(1,)), case("SparseToDense", k(2), i32(4), k(9), k(1), static=(1,)),
              case("SparseToDense", np.array([[0, 0], [1, 1]]), np.array([2, 2]), s("x", "yz"), np.array(b"-", object), static=(1,)), case("SparseToDense", np.zeros((0, 2), np.int64), np.array([2, 2]), i32(), k(3), static=(1,))]
    places = np.array([[0, 1], [2, 0]])
    found += [case("SparseTensorDenseMatMul", places, f32(2, 3), np.array([3, 2]), r(2, 4), static=(2,)), case("SparseTensorDenseMatMul", places, f32(2, 3), np.array([3, 2]), r(3, 4), static=(2,), adjoint_a=True)]
    found += [case("DynamicPartition", r(5, 2), i32(1, 0, 2, 1, 1), num_partitions=4), case("DynamicPartition", r(2, 2, 3), i32([0, 1], [1, 0]), num_partitions=2), case("DynamicPartition", r(2), i32(0, 5), num_partitions=2, fails=True)]
    found += [case("DynamicStitch", [i32(0, 2), i32(3, 1)], [r(2, 3), r(2, 3)]), case("DynamicStitch", [k(1), i32([0, 2], [1, 3])], [r(2), r(2, 2, 2)]), case("DynamicStitch", [i32(0, 1), i32(0)], [r(2), r(1)])]
    return found


def matrices():
    """Bands and diagonals."""
    found = [case("MatrixBandPart", r(2, 4, 5), k(lower), k(upper), static=(1, 2)) for lower, upper in ((-1, 0), (0, -1), (1, 2), (-1, -1), (0, 0))]
    found += [case("MatrixDiag", r(2, 3)), case("MatrixDiagPart", r(2, 3, 4)), case("MatrixDiagPart", r(4, 2)), case("MatrixSetDiag", r(2, 3, 4), r(2, 3)), case("MatrixSetDiag", r(4, 2), r(2)),
              case("Diag", r(3)), case("Diag", n(2, 2)), case("DiagPart", r(3, 3)), case("DiagPart", r(2, 3, 2, 3))]
    return found


def strings():
    """Strings."""
    found = [case("AsString", i32(-3, 40)), case("AsString", f32(1.5, -2), precision=3), case("AsString", b(3)), case("AsString", i32(7), width=4, fill="0"), case("AsString", f32(0.1), shortest=True), case("AsString", f32(1234.5), scientific=True)]
    found += [case("StringJoin", [s("a", "b"), s("c", "d")], separator="-"), case("StringJoin", [s("a", "b"), np.array(b"z", object)]), case("StringToNumber", s("1.5", "-3e2")), case("StringToNumber", s("12"), out_type="int32"), case("StringToNumber", s("x"), fails=True)]
    found += [case("StringStrip", s(" a b\n", "c")), case("StringLower", s("AbC")), case("StringUpper", s("AbC")), case("StringLength", s("abc", "\u00e9")), case("StringLength", s("\u00e9"), unit="UTF8_CHAR")]
    grid = s("a", "b", "c", "d").reshape(2, 2)
    found += [case("ReduceJoin", grid, i32(1), static=(1,), separator="+"), case("ReduceJoin", grid, i32(1, 0), static=(1,), keep_dims=True), case("ReduceJoin", grid, k(-2), static=(1,))]
    found += [case("Substr", s("hello", "worlds"), k(1), k(3)), case("Substr", s("hello"), i32(-3), i32(9)), case("Substr", s("a"), k(5), k(1), fails=True)]
    found += [case("StringSplit", s("a b  c", "", "d"), np.array(b" ", object)), case("StringSplit", s("a,b;,c"), np.array(b",;", object), skip_empty=False), case("StringSplit", s("xyz"), np.array(b"", object)),
              case("StringSplitV2", s(" a  b c ", "d"), np.array(b"", object)), case("StringSplitV2", s("a,b,,c"), np.array(b",", object), maxsplit=2)]
    found += [case("RegexReplace", s("abcabc", "b1"), np.array(b"([a-b])+", object), np.array(b"<\\1>", object)), case("RegexReplace", s("aaa"), np.array(b"a", object), np.array(b"b", object), replace_global=False), case("StaticRegexReplace", s("a.b"), pattern=r"\.", rewrite="_")]
    return found


def specs():
    """All of them."""
    return shapes() + slices() + indices() + matrices() + strings()

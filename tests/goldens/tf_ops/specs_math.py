"""Elementwise ops, comparisons, casts, selections, reductions."""

import numpy as np

from tests.goldens.tf_ops.spec import b, case, f32, i32, k, n, r, s, u

ODD = f32(np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 88.0, -88.0, 100.0, -100.0, 0.5, 1.5, 2.5, -0.5, -1.5)
REAL = ("Neg Abs Sign Exp Expm1 Round Rint Square Floor Ceil Sin Cos Atan Sinh Cosh Asinh Tanh Sigmoid Erf "
        "IsNan IsInf IsFinite Softplus Softsign Relu Relu6 Elu Selu Erfc").split()
POSITIVE = "Log Log1p Sqrt Rsqrt Inv Reciprocal".split()
NARROW = "Asin Acos Atanh".split()
NUMBERS = "Add AddV2 Sub Mul Div FloorDiv FloorMod Maximum Minimum SquaredDifference".split()
ORDER = "Less LessEqual Greater GreaterEqual Equal NotEqual".split()


def unary():
    """Ops of one operand."""
    found = []
    for op in REAL:
        found += [case(op, r(3, 4, scale=2), loose=4), case(op, r(dtype="float64"), loose=4)]
        # Rounding of infinities and NaN in polynomial kernels is not what these cases are about.
        if op in "Neg Abs IsNan IsInf IsFinite Relu Relu6 Floor Ceil Round Rint Sigmoid Tanh Softsign".split():
            found.append(case(op, ODD[1:] if op in ("Relu", "Relu6") else ODD, loose=4))
    for op in "Softplus Elu Selu Sigmoid Exp".split():
        found.append(case(op, f32(-100, -88, -20, -1e-4, 0, 1e-4, 20, 80), loose=4))
    found += [case(op, u(2, 5), loose=8) for op in POSITIVE]
    found += [case(op, f32(0.0, np.inf, 1e-30, 1e30), loose=8) for op in POSITIVE]
    found += [case(op, u(7, low=-0.95, high=0.95), loose=8) for op in NARROW]
    found += [case("Acosh", u(5, low=1.1, high=5), loose=8), case("Tan", u(5, low=-1, high=1), loose=8)]
    found += [case(op, n(6)) for op in "Neg Abs Sign Square".split()]
    found += [case("Round", n(4)), case("LogicalNot", b(5)), case("Exp", r(0, 3)), case("Tanh", r(4, dtype="float16"), loose=8)]
    found += [case("LeakyRelu", r(3, 3)), case("LeakyRelu", r(6), alpha=0.01), case("LeakyRelu", r(6), alpha=1.5)]
    found += [case("InvertPermutation", i32(2, 0, 3, 1)), case("Bucketize", r(8), boundaries=[-1.0, 0.0, 0.7]),
              case("Bucketize", i32(1, 5, 10, 11), boundaries=[1.0, 10.0])]
    return found


def binary():
    """Ops of two operands."""
    found = []
    for op in NUMBERS:
        found += [case(op, r(3, 4), u(4)), case(op, n(3, 1), n(1, 4, low=1, high=5)), case(op, r(0, 2), r(1, 2))]
    for op in ("FloorDiv", "FloorMod", "Div", "TruncateDiv", "TruncateMod", "Mod"):
        found += [case(op, i32(7, -7, 7, -7, 0, 6), i32(2, 2, -2, -2, 3, -3))]
        found += [case(op, i32(1, 2), i32(1, 0), fails=True)]
    for op in ("FloorDiv", "FloorMod", "Mod", "RealDiv", "Div", "TruncateDiv"):
        found.append(case(op, f32(7, -7, 7, -7, 0, 5.5), f32(2, 2, -2, -2, 3, -0.5)))
    found += [case("TruncateMod", f32(7, -7, 5.5), f32(2, 2, -1.5)), case("RealDiv", f32(1, -1, 0), f32(0, 0, 0))]
    found += [case(op, i32(1, 2, 3), i32(3, 2, 1)) for op in ORDER]
    found += [case(op, r(3, 1), r(1, 4)) for op in ORDER]
    found += [case(op, f32(np.nan, np.inf, -0.0), f32(np.nan, np.inf, 0.0)) for op in ORDER]
    found += [case("Equal", s("a", "b"), s("a", "c")), case("NotEqual", s("a", "b"), s("a", "c")), case("Equal", b(4), b(4))]
    found += [case("Equal", r(2, 3), r(4), incompatible_shape_error=False), case("NotEqual", r(2, 3), r(4), incompatible_shape_error=False)]
    found += [case("Pow", u(5), r(5), loose=8), case("Pow", i32(2, 3, -2), i32(3, 0, 3)), case("Pow", i32(2), i32(-1), fails=True),
              case("Pow", f32(0, -2, -2, 0), f32(0, 2, 3, 2)), case("Atan2", r(6), r(6), loose=4)]
    found += [case("DivNoNan", f32(1, 0, 3), f32(0, 0, 2)), case("MulNoNan", f32(np.nan, np.inf, 3), f32(0, 0, 2)),
              case("Xdivy", f32(0, 1), f32(0, 2)), case("Xlogy", f32(0, 2), f32(0, 3))]
    found += [case("AddN", [r(2, 3), r(2, 3), r(2, 3)]), case("AddN", [r(2)]), case("AccumulateNV2", [r(2), r(2)], shape=[2])]
    found += [case(op, b(3, 1), b(4)) for op in ("LogicalAnd", "LogicalOr")]
    found += [case("ApproximateEqual", f32(1, 1), f32(1.001, 1.5), tolerance=0.01), case("ClipByValue", r(6), k(-0.5, "float32"), k(0.5, "float32"))]
    found += [case("Maximum", i32(-3, 2**31 - 1), i32(0, 1)), case("Add", i32(2**31 - 1), i32(1)), case("Mul", n(3, dtype="int64"), n(3, dtype="int64"))]
    found += [case("Add", s("a", "b"), s("c", "d"))]
    return found


def others():
    """Casts, selections, and ops that pass things through."""
    found = [case("Cast", f32(1.9, -1.9, 0.0, 2.5, -0.3), DstT=t) for t in ("int32", "int64", "bool", "float64", "float16")]
    found += [case("Cast", i32(-1, 0, 7), DstT=t) for t in ("float32", "bool", "int64", "uint8", "int8")]
    found += [case("Cast", np.array([True, False]), DstT=t) for t in ("float32", "int32")]
    found += [case("Select", np.array([True, False, True]), r(3, 2, 2), r(3, 2, 2)), case("Select", k(True, "bool"), r(2, 3), r(2, 3)),
              case("Select", b(2, 3), r(2, 3), r(2, 3)), case("Select", b(2), r(2), r(2)), case("Select", k(False, "bool"), k(1.0, "float32"), k(2.0, "float32")),
              case("Select", np.array([True, False]), f32(np.nan, np.nan), f32(1, 1)), case("Select", b(3), n(3), n(3))]
    found += [case("SelectV2", b(3, 1), r(4), r(3, 4)), case("SelectV2", b(), r(4), r(1))]
    found += [case(op, r(2, 2)) for op in ("Identity", "StopGradient", "PreventGradient", "Snapshot", "DeepCopy", "GuaranteeConst")]
    found += [case("CheckNumerics", r(3), message="m"), case("IdentityN", [r(2), n(3)]), case("EnsureShape", r(2, 3), shape=[None, 3])]
    return found


def reductions():
    """Reductions, running sums, segments."""
    found = []
    for op in ("Sum", "Mean", "Max", "Min", "Prod"):
        for axes, keep in ((i32(0), False), (i32(1, -1), True), (k(-2), False), (i32(0, 1, 2), False), (i32(), False), (i32(2), True)):
            found.append(case(op, r(3, 4, 2), axes, static=(1,), keep_dims=keep))
        found += [case(op, n(3, 4), i32(1), static=(1,)), case(op, r(0, 3), i32(0), static=(1,)), case(op, n(5, dtype="int64"), k(0), static=(1,))]
    found += [case("Sum", r(2000, scale=30), k(0), static=(1,), loose=8), case("Mean", i32(-7, 2, 2), k(0), static=(1,)), case("Mean", r(3, 0), i32(0, 1), static=(1,))]
    found += [case(op, b(3, 4), i32(1), static=(1,)) for op in ("Any", "All")]
    found += [case(op, np.zeros((0, 2), bool), i32(0), static=(1,), keep_dims=True) for op in ("Any", "All")]
    found += [case("EuclideanNorm", r(3, 4), i32(1), static=(1,)), case("L2Loss", r(3, 4))]
    for op in ("Cumsum", "Cumprod"):
        for exclusive in (False, True):
            for reverse in (False, True):
                found.append(case(op, r(3, 4), k(-1 if reverse else 0), static=(1,), exclusive=exclusive, reverse=reverse))
        found += [case(op, n(5), k(0), static=(1,)), case(op, r(0, 2), k(0), static=(1,), exclusive=True)]
    ids = i32(0, 0, 1, 3)
    found += [case(op, r(4, 3), ids) for op in ("SegmentSum", "SegmentMean")]
    found += [case("SegmentSum", n(4), np.array([0, 0, 1, 1]))]
    found += [case("UnsortedSegmentSum", r(4, 2), i32(2, -1, 0, 2), k(4), static=(2,)), case("UnsortedSegmentSum", r(2, 2, 3), i32([0, 1], [1, 3]), k(5), static=(2,))]
    found += [case(op, r(5, 3), i32(4, 0, 0, 2), i32(0, 0, 1, 3)) for op in ("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN")]
    return found


def specs():
    """All of them."""
    return unary() + binary() + others() + reductions()

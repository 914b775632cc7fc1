"""Ops that keep the shape of what they read, and ops that broadcast."""

from __future__ import annotations

from collections.abc import Callable

from converters.graph import Node
from converters.lift.ranks.shapes import Dims, Shapes
from converters.lift.ranks.table import out, rule

_SAME = """
Identity StopGradient PreventGradient CheckNumerics Snapshot RefIdentity GuaranteeConst DeepCopy ReadVariableOp Enter RefEnter NextIteration
RefNextIteration LoopCond PlaceholderWithDefault PlaceholderWithDefaultV2 Print EnsureShape Exit RefExit Cast Bitcast Abs Neg Sign Square Sqrt Rsqrt
Exp Expm1 Log Log1p Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Sigmoid Relu Relu6 LeakyRelu Elu Selu Softplus Softsign Softmax LogSoftmax Round Rint
Floor Ceil Erf Erfc Lgamma Digamma Inv Reciprocal Invert LogicalNot IsNan IsInf IsFinite ZerosLike OnesLike Cumsum Cumprod Reverse ReverseV2
MatrixBandPart ClipByValue LRN AsString StringToNumber Real Imag Conj FakeQuantWithMinMaxVars Roll FFT IFFT
""".split()
_BROADCAST = """
Add AddV2 Sub Mul Div RealDiv FloorDiv TruncateDiv DivNoNan Mod FloorMod TruncateMod Maximum Minimum Pow SquaredDifference Less LessEqual Greater
GreaterEqual Equal NotEqual LogicalAnd LogicalOr Atan2 BitwiseAnd BitwiseOr BitwiseXor LeftShift RightShift Xdivy Xlogy
""".split()


@rule(*_SAME)
def same(s: Shapes, node: Node) -> None:
    s.same(node.inputs[0], out(node))
    s.tell_value(out(node), s.value(node.inputs[0]))


@rule("IdentityN")
def identity_n(s: Shapes, node: Node) -> None:
    for k, name in enumerate(node.inputs):
        s.same(name, out(node, k))


@rule("Switch", "RefSwitch")
def switch(s: Shapes, node: Node) -> None:
    s.same(node.inputs[0], out(node, 0), out(node, 1))
    for k in (0, 1):
        s.tell_value(out(node, k), s.value(node.inputs[0]))


@rule("AddN", "SigmoidGrad", "TanhGrad", "ReluGrad")
def alike(s: Shapes, node: Node) -> None:
    s.same(*node.inputs, out(node))


@rule("Merge", "RefMerge")
def merge(s: Shapes, node: Node) -> None:
    """What reads the merged value needs each of the values so; forwards, a size holds where all have it."""
    s.same_rank(*node.inputs, out(node))
    for name in node.inputs:
        s.tell(name, s.dims(out(node)))
    joined(s, node.inputs, out(node))


def joined(s: Shapes, sources: tuple[str, ...], target: str) -> None:
    """Sizes that every source has, told to the target."""
    found = [s.dims(name) for name in sources]
    plain = [dims for dims in found if dims is not None]
    if len(plain) == len(found) and len({len(dims) for dims in plain}) == 1:
        sizes = zip(*plain, strict=True)
        s.tell(target, [size[0] if len(set(size)) == 1 else None for size in sizes])


@rule(*_BROADCAST)
def broadcast(s: Shapes, node: Node) -> None:
    a, b = node.inputs[:2]
    s.tell(out(node), broadcast_dims(s.dims(a), s.dims(b)))
    _operand(s, a, b, out(node))
    _operand(s, b, a, out(node))
    _computed(s, node)


def broadcast_dims(a: Dims | None, b: Dims | None) -> list[int | None] | None:
    """The result's sizes; a size not known may be 1, so only another than 1 beside it tells."""
    if a is None or b is None:
        return None
    rank = max(len(a), len(b))
    sides = [(1,) * (rank - len(x)) + x for x in (a, b)]
    return [_one(x, y) for x, y in zip(*sides, strict=True)]


def _one(x: int | None, y: int | None) -> int | None:
    if x == 1:
        return y
    if y == 1:
        return x
    return y if x is None else x


def _operand(s: Shapes, known: str, other: str, result: str) -> None:
    """What one operand must be, given the other and the result."""
    dims, whole = s.dims(known), s.dims(result)
    if dims is None or whole is None:
        return
    if len(dims) < len(whole):
        s.tell_rank(other, len(whole))
    found = s.dims(other)
    if found is None:
        return
    for back in range(1, len(found) + 1):
        size = whole[-back] if back <= len(whole) else None
        beside = dims[-back] if back <= len(dims) else 1
        if size == 1 or (size is not None and beside == 1):
            s.tell_dim(other, -back, size)


def _computed(s: Shapes, node: Node) -> None:
    """Arithmetic with sizes."""
    a, b = (s.value(name) for name in node.inputs[:2])
    if a is None or b is None or node.op not in _ARITHMETIC or not a or not b:
        return
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        return
    count = max(len(a), len(b))
    pairs = zip(a * (count // len(a)), b * (count // len(b)), strict=True)
    function = _ARITHMETIC[node.op]
    s.tell_value(out(node), [None if x is None or y is None else function(x, y) for x, y in pairs])


def _quotient(x: int, y: int) -> int | None:
    return x // y if y else None


_ARITHMETIC: dict[str, Callable[[int, int], int | None]] = {
    "Add": lambda x, y: x + y, "AddV2": lambda x, y: x + y, "Sub": lambda x, y: x - y, "Mul": lambda x, y: x * y,
    "FloorDiv": _quotient, "Maximum": max, "Minimum": min,
}  # fmt: skip


@rule("Select", "SelectV2")
def select(s: Shapes, node: Node) -> None:
    """``Select`` has both sides of one shape; its condition may be a vector of rows."""
    if node.op == "Select":
        s.same(node.inputs[1], node.inputs[2], out(node))
        if (s.rank(node.inputs[0]) or 0) > 1:
            s.same(node.inputs[0], out(node))


@rule("BiasAdd", "BiasAddV1")
def bias_add(s: Shapes, node: Node) -> None:
    value, bias = node.inputs
    s.same(value, out(node))
    s.tell_rank(bias, 1)
    first = node.attrs.get("data_format") == b"NCHW"
    s.same_dim((bias, 0), (value, 1 if first else -1))

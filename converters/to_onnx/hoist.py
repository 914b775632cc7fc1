"""Out of the loop: what depends on a sequence's items alone is computed for all steps at once.

Inside the body of a ``Scan`` an item ``x`` of a sequence holds its whole sequence (:attr:`Value.rows`, one more axis in front). An operation whose
operands are such items and values from outside is applied to the sequences, where a rule here says how the arguments change;
the result is again an item. Products over a concat of items and states are split, ``[x, h] K = x Kx + h Kh``, and what
is added to such a sum goes to the hoisted half: the recurrent product alone stays in the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from converters.to_onnx.values import Value
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim
from reference.vocabulary.protocol import BINARY, REDUCTIONS, UNARY
from reference.vocabulary.signatures import call

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps

Call = tuple[tuple[Any, ...], dict[str, Any]]
Rule = Callable[["OnnxOps", tuple[Any, ...], Mapping[str, Any], Fact], Call | None]


def hoisted(
    ops: OnnxOps,
    op: str,
    args: tuple[Any, ...],
    params: Mapping[str, Any],
    facts: tuple[Fact, ...],
) -> tuple[Value, ...] | None:
    """The results as items of whole sequences, or as split sums; None where ``op`` must stay in the loop."""
    if not ops.steps or ops.scope is not ops.steps[-1].scope:
        return None
    if op == "concat":
        return _joined(ops, args, params, facts)
    if op == "matmul" and args[0].joined is not None:
        return _split_product(ops, args, params, facts)
    if op == "add":
        moved = _move_term(ops, args, facts[0])
        if moved is not None:
            return moved
    return _whole(ops, op, args, params, facts)


def _whole(
    ops: OnnxOps, op: str, args: Any, params: Mapping[str, Any], facts: tuple[Fact, ...]
) -> tuple[Value, ...] | None:
    arrays = list(_arrays(args))
    if not any(_is_item(ops, x) for x in arrays) or not all(_outside(ops, x) for x in arrays):
        return None
    rule = _RULES.get(op)
    changed = rule(ops, args, params, facts[0]) if rule is not None else None
    if changed is None:
        return None
    with ops.one_level_out():
        result = call(ops, op, *changed)
    results = result if isinstance(result, tuple) else (result,)
    return tuple(item_of(ops, rows, fact) for rows, fact in zip(results, facts, strict=True))


def item_of(ops: OnnxOps, rows: Value, fact: Fact | None = None, /) -> Value:
    """One step's item of a sequence, inside the present loop."""
    assert rows.fact.shape is not None
    item = Value(ops, fact or Fact(rows.fact.dtype, rows.fact.shape[1:]))
    item.rows = rows
    item.frame = ops.steps[-1]
    return item


def _arrays(args: Any) -> Any:
    for arg in args:
        if isinstance(arg, Value):
            yield arg
        elif isinstance(arg, tuple):
            yield from _arrays(arg)


def _is_item(ops: OnnxOps, x: Value) -> bool:
    return x.rows is not None and x.frame is ops.steps[-1]


def _outside(ops: OnnxOps, x: Value) -> bool:
    return _is_item(ops, x) or ops.depth(x) < ops.steps[-1].scope.depth


def _rows(ops: OnnxOps, x: Any, rank: int | None = None) -> Any:
    """The whole sequence of an item, its own axes ``rank`` in number where that is given; others as they are."""
    if not isinstance(x, Value) or not _is_item(ops, x):
        return x
    assert x.rows is not None
    rows = x.rows
    missing = 0 if rank is None else rank - len(x.shape)
    for _ in range(missing):
        rows = ops.expand_dims(rows, 1)
    return rows


def _elementwise(ops: OnnxOps, args: Any, params: Mapping[str, Any], out: Fact) -> Call | None:
    rank = out.rank
    if rank is None:
        return None
    return tuple(_rows(ops, x, rank) for x in args), dict(params)


def _plus(axis: int) -> int:
    return axis + 1 if axis >= 0 else axis


def _axis(key: str) -> Rule:
    def rule(ops: OnnxOps, args: Any, params: Mapping[str, Any], out: Fact) -> Call | None:
        value = params[key]
        if value is None:  # the time steps would be squeezed, too, were there one
            return None
        moved = tuple(_plus(a) for a in value) if isinstance(value, tuple) else _plus(value)
        return tuple(_rows(ops, x) for x in args), {**params, key: moved}

    return rule


def _reduction(ops: OnnxOps, args: Any, params: Mapping[str, Any], out: Fact) -> Call | None:
    axes = params["axes"]
    if axes is None:
        axes = tuple(range(len(args[0].shape)))
    moved = tuple(_plus(axis) for axis in axes)
    return (_rows(ops, args[0]),), {**params, "axes": moved}


def _joined_rows(ops: OnnxOps, args: Any, params: Mapping[str, Any], out: Fact) -> Call | None:
    xs = args[0]
    if not all(_is_item(ops, x) for x in xs):
        return None
    return (tuple(_rows(ops, x) for x in xs),), {**params, "axis": _plus(params["axis"])}


def _matmul(ops: OnnxOps, args: Any, params: Mapping[str, Any], out: Fact) -> Call | None:
    rank = out.rank
    a, b = args
    if rank is None or (_is_item(ops, b) and len(b.shape) < 2):
        return None
    return (_rows(ops, a, rank), _rows(ops, b, rank)), dict(params)


def _transpose(ops: OnnxOps, args: Any, params: Mapping[str, Any], out: Fact) -> Call | None:
    rank = len(args[0].shape)
    perm = (0, *(axis % rank + 1 for axis in params["perm"]))
    return (_rows(ops, args[0]),), {"perm": perm}


def _slice(ops: OnnxOps, args: Any, params: Mapping[str, Any], out: Fact) -> Call | None:
    x, begin, end = args
    if not isinstance(begin, tuple) or not isinstance(end, tuple) or not _is_item(ops, x):
        return None
    if any(isinstance(item, Value) and _is_item(ops, item) for item in (*begin, *end)):
        return None
    changed = (_rows(ops, x), (None, *begin), (None, *end))
    return changed, {"strides": (1, *params["strides"])}


def _reshape(ops: OnnxOps, args: Any, params: Mapping[str, Any], out: Fact) -> Call | None:
    x = args[0]
    if out.shape is None or not _is_item(ops, x):
        return None
    assert x.rows is not None
    dims: list[Dim] = [x.rows.shape[0], *out.shape]
    return (x.rows, tuple(ops.size(dim) for dim in dims)), {}


def _gather(ops: OnnxOps, args: Any, params: Mapping[str, Any], out: Fact) -> Call | None:
    x, indices = args
    if params["batch_dims"]:
        return None
    if _is_item(ops, x):
        if _is_item(ops, indices):
            return None
        return (_rows(ops, x), indices), {**params, "axis": _plus(params["axis"])}
    if params["axis"] != 0:
        return None
    return (x, _rows(ops, indices)), dict(params)


_RULES: dict[str, Rule] = {
    **dict.fromkeys((*UNARY, *BINARY, "where", "clip", "cast", "leaky_relu"), _elementwise),
    **dict.fromkeys(REDUCTIONS, _reduction),
    **dict.fromkeys(("softmax", "log_softmax", "split", "unstack", "expand_dims"), _axis("axis")),
    **dict.fromkeys(("argmax", "argmin"), _axis("axis")),
    "squeeze": _axis("axes"),
    "concat": _joined_rows,
    "matmul": _matmul,
    "transpose": _transpose,
    "strided_slice": _slice,
    "reshape": _reshape,
    "gather": _gather,
}


def _joined(
    ops: OnnxOps, args: Any, params: Mapping[str, Any], facts: tuple[Fact, ...]
) -> tuple[Value, ...] | None:
    """A concat; where it mixes items and states it is remembered, for a product to take apart."""
    whole = _whole(ops, "concat", args, params, facts)
    if whole is not None:
        return whole
    xs, axis = args[0], params["axis"] % len(args[0][0].shape)
    if not any(_outside(ops, x) for x in xs):
        return None
    value = ops.wrap(ops.node("Concat", *xs, axis=axis), facts[0])
    value.joined = (xs, axis)
    return (value,)


def _split_product(
    ops: OnnxOps, args: Any, params: Mapping[str, Any], facts: tuple[Fact, ...]
) -> tuple[Value, ...] | None:
    """``concat(x, h) @ K`` as ``x @ Kx + h @ Kh``, for K from outside the loop."""
    joined, kernel = args
    xs, axis = joined.joined
    sizes = [ops.dims_of(x)[axis] for x in xs]
    plain = not params["transpose_a"] and not params["transpose_b"]
    if not plain or axis != len(joined.shape) - 1 or len(kernel.shape) != 2 or None in sizes:
        return None
    if _is_item(ops, kernel) or not _outside(ops, kernel):
        return None
    blocks = ops.split(kernel, sizes, 0)
    pairs = list(zip(xs, blocks, strict=True))
    early = [(x, k) for x, k in pairs if _outside(ops, x)]
    late = [(x, k) for x, k in pairs if not _outside(ops, x)]
    if not late:
        return None
    first, second = _product(ops, early), _product(ops, late)
    total = ops.wrap(ops.node("Add", first, second), facts[0])
    total.parts = (first, second)
    return (total,)


def _product(ops: OnnxOps, pairs: list[tuple[Value, Value]]) -> Value:
    """One product of all the pairs: their concats."""
    if len(pairs) == 1:
        return ops.matmul(*pairs[0])  # type: ignore[no-any-return]
    xs, kernels = zip(*pairs, strict=True)
    if len({ops.depth(x) for x in xs}) > 1 or any(len(x.shape) != len(xs[0].shape) for x in xs):
        total = ops.matmul(*pairs[0])
        for x, kernel in pairs[1:]:
            total = total + ops.matmul(x, kernel)
        return total  # type: ignore[no-any-return]
    joined = ops.concat(xs, len(xs[0].shape) - 1)
    joined.joined = None
    return ops.matmul(joined, ops.concat(kernels, 0))  # type: ignore[no-any-return]


def _move_term(ops: OnnxOps, args: Any, fact: Fact) -> tuple[Value, ...] | None:
    """``(p + q) + v`` as ``(p + v) + q`` where p and v are known before the loop runs."""
    for total, term in (args, args[::-1]):
        if total.parts is None or not _outside(ops, term):
            continue
        first, second = total.parts
        if fact.shape != total.fact.shape:
            return None
        early = first + term
        moved = ops.wrap(ops.node("Add", early, second), fact)
        moved.parts = (early, second)
        return (moved,)
    return None

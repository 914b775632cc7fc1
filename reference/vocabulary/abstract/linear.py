"""Shape rules: products, convolutions, pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.rules import Shape, broadcast_shapes, rule, sizes, unify
from reference.vocabulary.abstract.sizes import Dim, floor_divide


@rule("matmul")
def matmul(ops: Any, a: Fact, b: Fact, transpose_a: bool, transpose_b: bool) -> Fact:
    if a.shape is None or b.shape is None:
        return Fact(a.dtype)
    if len(a.shape) < 2 or len(b.shape) < 2:
        msg = f"matmul of ranks {len(a.shape)} and {len(b.shape)}"
        raise NotConvertibleError(msg)
    rows, inner = a.shape[-2:][::-1] if transpose_a else a.shape[-2:]
    inner2, columns = b.shape[-2:][::-1] if transpose_b else b.shape[-2:]
    unify(inner, inner2)
    batch = broadcast_shapes(ops, a.shape[:-2], b.shape[:-2])
    return Fact(a.dtype, None if batch is None else (*batch, rows, columns))


@rule("einsum")
def einsum(ops: Any, operands: tuple[Fact, ...], equation: str) -> Fact:
    terms, _, result = equation.replace(" ", "").partition("->")
    if any(fact.shape is None for fact in operands):
        return Fact(operands[0].dtype)
    sizes_by_label: dict[str, Dim] = {}
    ellipsis: Shape | None = ()
    for term, fact in zip(terms.split(","), operands, strict=True):
        shape = fact.shape or ()
        named = len(term.replace("...", ""))
        head, dots, _tail = term.partition("...")
        middle = shape[len(head) : len(shape) - named + len(head)] if dots else ()
        labels = term.replace("...", "")
        rest = shape[: len(head)] + shape[len(head) + len(middle) :]
        for label, dim in zip(labels, rest, strict=True):
            sizes_by_label[label] = unify(sizes_by_label.get(label, dim), dim)
        ellipsis = broadcast_shapes(ops, ellipsis, middle)
    if "->" not in equation:
        letters = terms.replace(",", "").replace(".", "")
        result = "..." * ("..." in terms) + "".join(
            sorted(x for x in set(letters) if letters.count(x) == 1)
        )
    head, dots, tail = result.partition("...")
    dims = [sizes_by_label[x] for x in head]
    dims += list(ellipsis or ()) if dots else []
    return Fact(operands[0].dtype, (*dims, *(sizes_by_label[x] for x in tail)))


@rule("conv")
def conv(
    ops: Any,
    x: Fact,
    kernel: Fact,
    strides: Sequence[int],
    padding: Any,
    dilations: Sequence[int],
    groups: int,
) -> Fact:
    if x.shape is None or kernel.shape is None:
        return Fact(x.dtype)
    window = kernel.shape[:-2]
    spatial = _windows(x.shape[1:-1], window, strides, padding, dilations)
    return Fact(x.dtype, (x.shape[0], *spatial, kernel.shape[-1]))


@rule("conv_transpose")
def conv_transpose(
    ops: Any, x: Fact, kernel: Fact, output_shape: Any, strides: Sequence[int], padding: str
) -> Fact:
    return Fact(x.dtype, sizes(ops, output_shape))


@rule("pool")
def pool(
    ops: Any, x: Fact, kind: str, window: Sequence[int], strides: Sequence[int], padding: Any
) -> Fact:
    if x.shape is None:
        return Fact(x.dtype)
    spatial = _windows(x.shape[1:-1], tuple(window), strides, padding, (1,) * len(window))
    return Fact(x.dtype, (x.shape[0], *spatial, x.shape[-1]))


def _windows(
    dims: Shape, window: Shape, strides: Sequence[int], padding: Any, dilations: Sequence[int]
) -> Shape:
    """Sizes after sliding: SAME gives ceil(d / s), VALID ceil((d - (k - 1) dilation) / s)."""
    result: list[Dim] = []
    for axis, (dim, size, stride, dilation) in enumerate(
        zip(dims, window, strides, dilations, strict=True)
    ):
        if padding == "SAME":
            result.append(floor_divide(dim + (stride - 1), stride))
            continue
        around = 0 if padding == "VALID" else sum(padding[axis])
        reach: Dim = (size - 1) * dilation
        result.append(floor_divide(dim + around - reach + (stride - 1), stride))
    return tuple(result)

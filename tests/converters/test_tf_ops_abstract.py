"""The op functions use the vocabulary only: under AbstractOps they tell the dtype and shape TensorFlow answered with."""

from __future__ import annotations

import pytest

from converters import tf_ops
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.interpreter import AbstractOps
from tests.goldens.tf_ops.cases import OpCase, load_cases

NUMPY_ONLY = {"AsString", "CTCBeamSearchDecoder"}
"""Refused where the values are not known, which is every exporter's case."""

CASES = [
    case
    for case in load_cases()
    if case.outputs is not None
    and case.node.op not in NUMPY_ONLY
    and not any(x.dtype == object for x in case.inputs)
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_abstract_agrees_on_dtype_and_shape(case: OpCase) -> None:
    ops = AbstractOps("unknown")
    inputs = [
        ops.constant(x) if i in case.static else ops.input(Fact(x.dtype.name, x.shape))
        for i, x in enumerate(case.inputs)
    ]
    results = tf_ops.apply(ops, case.node, inputs)
    assert case.outputs is not None
    for index, wanted in enumerate(case.outputs):
        if wanted is None:
            continue
        fact = results[index].fact
        assert fact.dtype == wanted.dtype.name
        assert fact.rank == wanted.ndim
        known = [
            (a, b) for a, b in zip(fact.shape, wanted.shape, strict=True) if isinstance(a, int)
        ]
        assert all(a == b for a, b in known), (fact.shape, wanted.shape)

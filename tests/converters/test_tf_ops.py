"""Every op function, under NumPy, against what TensorFlow 1.15.5 answered for that op alone."""

from __future__ import annotations

import numpy as np
import pytest

from converters import tf_ops
from converters.graph import Node
from reference.errors import NotConvertibleError, SemanticsError, UnknownOpError
from reference.vocabulary.numpy_ops import NumpyOps
from tests.goldens.tf_ops.cases import OpCase, load_cases

RAN = [case for case in load_cases() if case.outputs is not None]
REFUSED = [case for case in load_cases() if case.outputs is None]


def name_of(case: OpCase) -> str:
    return case.name


@pytest.mark.parametrize("case", RAN, ids=name_of)
def test_numpy_agrees_with_tensorflow(case: OpCase) -> None:
    ops = NumpyOps()
    results = tf_ops.apply(ops, case.node, case.inputs)
    assert case.outputs is not None
    for index, wanted in enumerate(case.outputs):
        if wanted is not None:
            case.check(index, results[index])
            if wanted.dtype.kind not in "SUO":
                assert results[index].dtype == wanted.dtype


@pytest.mark.parametrize("case", RAN, ids=name_of)
def test_the_float64_twin_agrees_and_is_wide(case: OpCase) -> None:
    ops = NumpyOps(widen=True)
    results = tf_ops.apply(ops, case.node, [ops.array(x) for x in case.inputs])
    assert case.outputs is not None
    for index, wanted in enumerate(case.outputs):
        if wanted is None:
            continue
        assert results[index].dtype not in (np.float16, np.float32)
        if twin_may_differ(case):
            continue
        case.check(index, results[index])


def twin_may_differ(case: OpCase) -> bool:
    """Cases at which float32 itself breaks: values that overflow it, or lie on an edge of it."""
    return case.node.op in ("Bucketize", "Range", "AsString") or (
        any(x.dtype.kind == "f" and np.any(np.abs(x[np.isfinite(x)]) > 80) for x in case.inputs)
    )


@pytest.mark.parametrize("case", REFUSED, ids=name_of)
def test_what_tensorflow_refuses_is_refused(case: OpCase) -> None:
    with pytest.raises((SemanticsError, NotConvertibleError)):
        tf_ops.apply(NumpyOps(), case.node, case.inputs)


def test_every_op_of_the_table_has_a_golden() -> None:
    without = {
        # No CPU kernel: tested against other cells in test_tf_ops_cells.
        "CudnnRNN", "CudnnRNNV2", "CudnnRNNV3",
        # No outputs, or nothing to compute.
        "Const", "NoOp", "Assert", "ControlTrigger", "PrintV2", "Abort", "Print", "RefIdentity", "Bitcast",
        # Not runnable by TF 1.15.5 on CPU: aliases of tested ones, or newer than it.
        "BatchMatrixBandPart", "BatchMatrixDiag", "BatchMatrixDiagPart", "BatchMatrixSetDiag",
        "ParallelDynamicStitch", "Einsum",
        # Four inputs, as the lift leaves them: not TF's own form; tested in test_tf_ops_more.
        "LookupTableFind", "LookupTableFindV2",
    }  # fmt: skip
    recorded = {case.node.op for case in RAN}
    assert set(tf_ops.TABLE) - recorded - without == set()


def test_unknown_and_refused_ops_name_the_node() -> None:
    with pytest.raises(UnknownOpError, match=r"'some/node'.*Bogus"):
        tf_ops.apply(NumpyOps(), Node("some/node", "Bogus"), ())
    with pytest.raises(NotConvertibleError, match=r"'noise'.*random"):
        tf_ops.apply(NumpyOps(), Node("noise", "TruncatedNormal"), ())
    assert not tf_ops.is_known("Bogus")
    assert tf_ops.is_known("BlockLSTM")

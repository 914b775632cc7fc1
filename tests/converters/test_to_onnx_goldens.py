"""Every TF op recorded by TensorFlow 1.15.5, described in the vocabulary, in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from converters import tf_ops
from converters.to_onnx.builder import Port
from converters.to_onnx.finish import finish
from converters.to_onnx.onnx_ops import OnnxOps
from converters.to_onnx.ranks import ranked
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown
from tests.converters.to_onnx_running import as_bytes, as_text, session
from tests.goldens.tf_ops.cases import OpCase, load_cases

UNREAD = "is not known before the model runs"
"""Text that is made while the model runs, or a value that decides how much there is."""
UNSIZED = "the size of axis -?[0-9] of an input is not known before the model runs"
FLOAT32 = "ONNX Runtime computes [A-Z][a-z]+ in float32 only"
NO_KERNEL = "ONNX Runtime has no [A-Z][a-z]+ of string"
REFUSED = {
    **dict.fromkeys(("Add-4", "Equal-3", "NotEqual-3"), NO_KERNEL),
    **dict.fromkeys(("Atan-1", "Erf-1", "Erfc-1"), FLOAT32),
    "AsString": UNREAD,
    "CTCBeamSearchDecoder": "no operator keeps a beam of [0-9]+ prefixes of CTC",
    **dict.fromkeys(("ReduceJoin", "RegexReplace", "StaticRegexReplace", "Substr"), UNREAD),
    **dict.fromkeys(("StringJoin", "StringLength", "StringLower", "StringUpper"), UNREAD),
    **dict.fromkeys(("StringSplit", "StringSplitV2", "StringStrip", "StringToNumber"), UNREAD),
}
"""By op or case: why ONNX cannot hold it, sizes known or not."""
REFUSED_UNSIZED = {
    **dict.fromkeys(("BlockLSTM", "BlockLSTMV2", "GRUBlockCell", "LSTMBlockCell"), UNSIZED),
    **dict.fromkeys(("Conv2D", "Conv3D", "DepthwiseConv2dNative", "LRN"), UNSIZED),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth", "ExtractImagePatches"), UNSIZED),
    **dict.fromkeys(("CTCGreedyDecoder", "GatherTree", "InTopK", "InTopKV2"), UNSIZED),
    **dict.fromkeys(("SparseFillEmptyRows", "SparseReduceSum", "SparseReorder"), UNSIZED),
    **dict.fromkeys(("SparseReshape", "SparseSoftmaxCrossEntropyWithLogits"), UNSIZED),
    **dict.fromkeys(
        ("Conv2DBackpropInput", "Conv3DBackpropInputV2"),
        "a transposed convolution to a size not known at conversion",
    ),
    **dict.fromkeys(("AudioSpectrogram", "Mfcc"), UNSIZED),
    **dict.fromkeys(("FFT", "IFFT"), "the length of its rows is not known before the model runs"),
    **dict.fromkeys(("GatherNd", "Squeeze-0"), "nothing tells its number of axes"),
}
"""The same, where no size is known; none of these sizes is unknown in a model that TF can build variables for."""
CLASHING = ("Equal-5", "NotEqual-4")
"""``incompatible_shape_error=False`` on shapes that do not broadcast: known so only when their sizes are."""
CASES = [case for case in load_cases() if case.outputs]
"""Those that TF does not refuse, and that give something."""


def run_case(case: OpCase, *, dynamic: bool) -> list[np.ndarray]:
    """The op's outputs; inputs that need not be known are fed, with unknown sizes where ``dynamic``."""
    ops = OnnxOps(opset=17)
    ops.build.prefix = ops.abstract.hint = "op"
    feeds, inputs = {}, []
    for i, array in enumerate(case.inputs):
        if i in case.static:
            inputs.append(ops.constant(array))
            continue
        shape = [unknown(f"x{i}d{a}") if dynamic else n for a, n in enumerate(array.shape)]
        dtype = "string" if array.dtype == object else str(array.dtype)
        inputs.append(ops.input(f"x{i}", Fact(dtype, tuple(shape))))
        feeds[f"x{i}"] = as_text(array)
    found = tf_ops.apply(ops, case.node, inputs)
    ports = [
        (f"y{i}", Port(ops.ref(v), v.fact.dtype, v.fact.shape))
        for i, v in enumerate(found)
        if i < len(case.outputs or ()) and (case.outputs or ())[i] is not None
    ]
    for (name, _), value in zip(ports, found, strict=False):
        ranked(name, value.fact)
    model = finish(ops.build, ports, opset=17, domains={}, metadata={})
    results = iter(session(model).run(None, feeds))
    return [as_bytes(next(results)) if w is not None else np.zeros(0) for w in case.outputs or ()]


def check(case: OpCase, *, dynamic: bool) -> None:
    """Right, or refused for the reason that is listed: never approximated, never refused without need."""
    tables = (REFUSED, REFUSED_UNSIZED) if dynamic else (REFUSED,)
    reasons = [table[key] for table in tables for key in (case.name, case.node.op) if key in table]
    if reasons:
        with pytest.raises(NotConvertibleError, match=reasons[0]):
            run_case(case, dynamic=dynamic)
        return
    for index, array in enumerate(run_case(case, dynamic=dynamic)):
        case.check(index, array)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_static(case: OpCase) -> None:
    """All sizes known."""
    check(case, dynamic=False)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name not in CLASHING], ids=lambda case: case.name
)
def test_dynamic(case: OpCase) -> None:
    """No size known."""
    check(case, dynamic=True)


@pytest.mark.parametrize("name", CLASHING)
def test_shapes_that_clash_while_the_model_runs(name: str) -> None:
    """An error of the runtime, never a number."""
    [case] = [case for case in CASES if case.name == name]
    with pytest.raises(Exception, match="BroadcastIterator"):
        run_case(case, dynamic=True)

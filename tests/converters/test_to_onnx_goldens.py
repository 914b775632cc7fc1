"""Every TF op recorded by TensorFlow 1.15.5, described in the vocabulary, in ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from converters import tf_ops
from converters.to_onnx.builder import Port
from converters.to_onnx.finish import finish
from converters.to_onnx.onnx_ops import OnnxOps
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown
from tests.converters.to_onnx_running import as_bytes, as_text, session
from tests.goldens.tf_ops.cases import OpCase, load_cases

DYNAMIC_GAPS = {
    "Equal-5": "shapes that never match are known so only when their sizes are",
    "NotEqual-4": "shapes that never match are known so only when their sizes are",
    "DynamicStitch-1": "the op table adds equal indices up where they are not known",
    "DynamicStitch-2": "the op table adds equal indices up where they are not known",
    "MatrixSetDiag-0": "the op table needs the sizes of a matrix that is not square",
    "DiagPart-0": "the op table needs the sizes",
    "DiagPart-1": "the op table needs the sizes",
}
STATIC_GAPS = {name: DYNAMIC_GAPS[name] for name in ("DynamicStitch-1", "DynamicStitch-2")}
CASES = [case for case in load_cases() if case.outputs is not None]


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
    if not ports:
        pytest.skip("an op without outputs")
    if any(port.shape is None for _, port in ports):
        pytest.skip("an output of unknown rank")
    model = finish(ops.build, ports, opset=17, domains={}, metadata={})
    results = iter(session(model).run(None, feeds))
    return [as_bytes(next(results)) if w is not None else np.zeros(0) for w in case.outputs or ()]


def gap(request: pytest.FixtureRequest, gaps: dict[str, str], case: OpCase) -> None:
    """Expect the case to fail, where the reason is known."""
    if case.name in gaps:
        request.applymarker(pytest.mark.xfail(reason=gaps[case.name], strict=False))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_static(case: OpCase, request: pytest.FixtureRequest) -> None:
    """All sizes known. What ONNX cannot hold is refused by name, never approximated."""
    gap(request, STATIC_GAPS, case)
    try:
        found = run_case(case, dynamic=False)
    except NotConvertibleError as error:
        pytest.skip(str(error))
    for index, array in enumerate(found):
        case.check(index, array)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_dynamic(case: OpCase, request: pytest.FixtureRequest) -> None:
    """No size known."""
    gap(request, DYNAMIC_GAPS, case)
    try:
        found = run_case(case, dynamic=True)
    except NotConvertibleError as error:
        pytest.skip(str(error))
    for index, array in enumerate(found):
        case.check(index, array)

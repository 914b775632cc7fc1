"""Dropout with the noise TF drew, and the clips, against TensorFlow 1.15.5."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.drivers.dynamic import dynamic_rnn
from reference.drivers.stepping import default_ops
from reference.gradients.clipping import clip_by_global_norm, clip_by_norm, clip_by_value
from reference.states import LSTMStateTuple
from reference.wrappers.dropout import DropoutWrapper
from reference.wrappers.multi_rnn import MultiRNNCell
from tests.reference.build_cells import build
from tests.support.compare import assert_close_64
from tests.support.goldens import Golden, recorded

ALL = recorded("training")
DROPOUT = [pytest.param(g, id=g.id) for g in ALL if "keeps" in g.card]
CLIPS = [pytest.param(g, id=g.id) for g in ALL if "norm" in g.card]


def noise_of(golden: Golden) -> dict[str, Any]:
    """The recorded draws by the wrapper's fields, in the order TF1 makes them: input, state (c, h), output."""
    drawn = [v for k, v in golden.group("noise/").items() if "Initializer" not in k]
    keeps, found = golden.card["keeps"], {}
    if "input_keep_prob" in keeps:
        found["input_noise"] = drawn.pop(0)
    if golden.card["variational"]:
        found["state_noise"] = LSTMStateTuple(drawn.pop(0), drawn.pop(0))
        found["output_noise"] = drawn.pop(0)
    else:
        if "state_keep_prob" in keeps:
            found["state_noise"] = LSTMStateTuple(None, drawn.pop(0))
        if "output_keep_prob" in keeps:
            found["output_noise"] = drawn.pop(0)
    assert not drawn
    return found


@pytest.mark.parametrize("golden", DROPOUT)
def test_dropout(golden: Golden) -> None:
    inner = build({"class": "LSTMCell", "args": [4], "kwargs": {}}, golden.group("var/"))
    cell = DropoutWrapper(
        inner,
        variational_recurrent=golden.card["variational"],
        **golden.card["keeps"],
        **noise_of(golden),
    )
    x, state = golden.arrays["x"], LSTMStateTuple(*golden.row("s"))
    y, new = cell.step(default_ops(), x, state)
    for a, e in zip((y, new.c, new.h), golden.row("y"), strict=True):
        assert_close_64(a, e, rtol=1e-12, what=golden.id)
    plain, kept = inner.step(default_ops(), x, state)
    if "state_keep_prob" in golden.card["keeps"] and "input_keep_prob" not in golden.card["keeps"]:
        np.testing.assert_array_equal(new.c, kept.c)  # c is never dropped
        assert (new.h == 0).any()
        assert not np.array_equal(new.h, kept.h)
    assert not np.array_equal(y, plain) or "state_keep_prob" in golden.card["keeps"]


def test_fresh_noise_is_taken_step_by_step() -> None:
    """A sequence of noises [T, B, …] gives each step its own; inside a stack too."""
    golden = ALL[0]
    inner = build({"class": "LSTMCell", "args": [4], "kwargs": {}}, golden.group("var/"))
    rng = np.random.default_rng(1)
    noise, x = rng.random((5, 4, 4)), rng.standard_normal((5, 4, 3))
    cell = DropoutWrapper(inner, output_keep_prob=0.5, output_noise=noise)
    dropped, state = dynamic_rnn(cell, x, dtype="float64", time_major=True)
    plain, same = dynamic_rnn(inner, x, dtype="float64", time_major=True)
    assert_close_64(dropped, np.where(noise >= 0.5, 2 * plain, 0), rtol=1e-14)
    assert_close_64(state.h, same.h, rtol=1e-14)  # the output is dropped, the state is not
    stacked, _ = dynamic_rnn(MultiRNNCell((cell,)), x, dtype="float64", time_major=True)
    np.testing.assert_array_equal(stacked, dropped)


@pytest.mark.parametrize("golden", CLIPS)
def test_clips(golden: Golden) -> None:
    norm, t = golden.card["norm"], golden.row("t")
    clipped, total = clip_by_global_norm(t[:3], norm)
    assert float(total) == pytest.approx(float(golden.arrays["total"]), rel=1e-14)
    results = [(f"g{k}", v) for k, v in enumerate(clipped)]
    results += [(f"n{k}", clip_by_norm(v, norm)) for k, v in enumerate(t)]
    poisoned, _ = clip_by_global_norm([t[0], np.array([np.inf])], norm)
    results += [(f"b{k}", v) for k, v in enumerate(poisoned)]
    results += [("rows", clip_by_norm(t[0], norm, axes=[1]))]
    results += [("value", clip_by_value(t[0], -norm, 0.3)), ("odd", clip_by_value(t[0], 0.5, -0.5))]
    for key, value in results:
        assert_close_64(value, golden.arrays[key], rtol=1e-13, what=key)

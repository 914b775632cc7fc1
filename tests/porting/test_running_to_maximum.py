"""Outputs that are as long as a decoder can run: cut only where the port says so, and only what is one value."""

from __future__ import annotations

import json

import numpy as np
import pytest

from porting.verification.maximum import KEY, named, without_steps_not_run

TRUE = np.arange(6.0).reshape(2, 3)


def longer(fill: float) -> np.ndarray:
    return np.concatenate([TRUE, np.full((2, 2), fill)], axis=1)


@pytest.mark.parametrize("fill", [0.0, 9.0])
def test_steps_of_one_value_are_left_out(fill: float) -> None:
    got, cut = without_steps_not_run({"y:0": longer(fill)}, {"y:0": TRUE}, ("y:0",))
    np.testing.assert_array_equal(got["y:0"], TRUE)
    assert cut == ("y:0",)


UNLIKE = longer(0.0)
UNLIKE[1, 4] = 1.0
KEPT = {
    "not said by the port": (longer(0.0), ()),
    "of several values": (UNLIKE, ("y:0",)),
    "NaN is no one value": (longer(np.nan), ("y:0",)),
    "longer along two axes": (np.zeros((3, 4)), ("y:0",)),
    "shorter": (TRUE[:, :2], ("y:0",)),
    "of another rank": (np.zeros((2, 3, 1)), ("y:0",)),
    "as long": (TRUE, ("y:0",)),
}


@pytest.mark.parametrize("case", KEPT)
def test_anything_else_stays(case: str) -> None:
    port, said = KEPT[case]
    got, cut = without_steps_not_run({"y:0": port}, {"y:0": TRUE}, said)
    assert got["y:0"] is port
    assert cut == ()


@pytest.mark.parametrize("text", ["?", "3", '{"a": 1}'])
def test_nonsense_in_the_origin_names_nothing(text: str) -> None:
    assert named({KEY: text}) == ()


def test_the_origin_names_outputs() -> None:
    assert named({KEY: json.dumps(["a:0", "b:0"])}) == ("a:0", "b:0")
    assert named({}) == ()

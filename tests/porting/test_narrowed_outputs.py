"""Outputs of 32 bits for 64: compared by value only where the port says so of them."""

from __future__ import annotations

import numpy as np
import pytest

from porting.verification.narrowed import as_wide

WIDE = {"y:0": np.array([3, 4])}
KEPT = {
    "not said by the port": (np.array([3, 4], np.int32), ()),
    "of another dtype": (np.array([3, 4], np.int16), ("y:0",)),
    "floats": (np.array([3, 4], np.float32), ("y:0",)),
    "wide as it is": (np.array([3, 4]), ("y:0",)),
}


def test_what_the_port_names_is_compared_as_64_bits() -> None:
    got, names = as_wide({"y:0": np.array([3, 5], np.int32)}, WIDE, ("y:0", "no such"))
    assert (str(got["y:0"].dtype), got["y:0"].tolist(), names) == ("int64", [3, 5], ("y:0",))


@pytest.mark.parametrize("case", KEPT)
def test_anything_else_stays(case: str) -> None:
    port, said = KEPT[case]
    got, names = as_wide({"y:0": port}, WIDE, said)
    assert got["y:0"] is port
    assert names == ()

"""Vectors looked up among the artefact's weights: copies, sums, damaged copies, and what only lies near by chance."""

from __future__ import annotations

import time

import numpy as np
import pytest

from porting.verification.vectors import Vectors, is_copy

RANDOM = np.random.default_rng(5)


def drawn(size: int) -> np.ndarray:
    return RANDOM.normal(size=size).astype(np.float32)


WEIGHTS = [("kernel", drawn(240)), ("bias", drawn(24)), ("other", drawn(24)), ("gate", drawn(6))]
FOUND = Vectors(WEIGHTS, [1.0, 0.3])
BIAS, OTHER = WEIGHTS[1][1], WEIGHTS[2][1]


def test_slices_and_sums_are_found_with_their_owners() -> None:
    assert FOUND.equal(BIAS[8:16]) == "bias"
    assert FOUND.equal(BIAS[1:9]) == ""
    assert FOUND.summed(BIAS + OTHER) == ("bias", "other")
    assert FOUND.summed(BIAS[8:16] + np.float32(0.3)) == ("bias",)
    assert FOUND.summed(BIAS + np.float32(0.4)) == ()


def test_a_float16_copy_of_a_sum_is_rounded_once() -> None:
    assert FOUND.summed((BIAS + OTHER).astype(np.float16)) == ("bias", "other")
    assert FOUND.summed(BIAS.astype(np.float16) + OTHER.astype(np.float16)) == ()


@pytest.mark.parametrize("whole", [BIAS, BIAS + OTHER, BIAS + np.float32(1)])
def test_one_value_off_is_a_damaged_copy(whole: np.ndarray) -> None:
    damaged = whole.copy()
    damaged[3] *= np.float32(1 + 1e-5)
    found = FOUND.near(damaged)
    assert found is not None
    assert found[:2] == ("bias", 1)
    assert 0 < found[2] < 1e-4


def test_pairs_that_lie_near_by_chance_are_no_copies() -> None:
    """A folded norm has no original; among thousands of pairs every pair of it lies near one."""
    many = Vectors([(f"w{k}", drawn(128)) for k in range(300)], [1.0])
    _, rows = many.slices(2, np.dtype(np.float32))
    hits = 0
    for _ in range(50):
        part = drawn(2)
        hits += bool((np.abs(rows - part) <= 1e-2 * np.abs(part).max()).all(axis=1).any())
        assert many.near(part) is None
    assert hits > 5


def test_near_values_count_as_a_copy_where_chance_cannot_explain_them() -> None:
    part = drawn(12)
    assert is_copy(part * np.float32(1.001), part, 1000)
    assert not is_copy(part[:2] * np.float32(1.001), part[:2], 1000)
    assert is_copy(np.array([part[0], part[1] + 0.001], np.float32), part[:2], 1000)


def test_a_large_artefact_takes_no_time() -> None:
    many = Vectors([(f"w{k}", drawn(4096)) for k in range(40)], np.linspace(0, 1, 100).tolist())
    start = time.process_time()
    assert all(many.summed(drawn(64)) == () and many.near(drawn(64)) is None for _ in range(4))
    assert time.process_time() - start < 10

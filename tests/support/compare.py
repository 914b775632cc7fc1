"""The comparator of the whole test suite. Tolerances are mandatory; nothing here returns a bool.

float64 results are compared relative to a tensor's largest magnitude. float32 results are compared with a *noise floor*: what a change of every
weight and input in its last bit does to the float64 result. A fixed tolerance is too loose for one step and too strict for a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ROUNDING = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10}
"""The least floor, relative to the tensor's largest magnitude."""


def assert_close_64(actual: Any, expected: Any, *, rtol: float, what: str = "") -> None:
    """Equal shape and dtype float64, NaN and inf in the same places, and |a - e| <= rtol * max|e|."""
    a, e = np.asarray(actual), np.asarray(expected)
    _same_form(a, e, what)
    assert a.dtype == np.float64, f"{what}: dtype {a.dtype}, expected float64"
    _within(a, e, rtol * _scale(e), what)


def assert_within_floor(
    actual: Any,
    recorded: Any,
    twin: Any,
    perturbed: Sequence[Any],
    *,
    factor: float,
    what: str = "",
) -> None:
    """Both the recording and the actual result lie within ``factor`` floors of the float64 twin.

    Args:
        actual: our result, in the recording's dtype.
        recorded: what TensorFlow computed, or None.
        twin: the same equation in float64.
        perturbed: the twin with every weight and input moved by one part in 2^24, seeded signs.
        factor: how many floors (8, by VERDICT.md).
        what: the tensor's name, for the message.
    """
    a, t = np.asarray(actual), np.asarray(twin)
    bound = factor * noise_floor(t, perturbed, a.dtype.name)
    if recorded is not None:
        r = np.asarray(recorded)
        _same_form(a, r, what)
        assert a.dtype == r.dtype, f"{what}: dtype {a.dtype}, recorded {r.dtype}"
        _within(r.astype(np.float64), t, bound, f"{what} (the recording against the twin)")
    _within(a.astype(np.float64), t, bound, f"{what} (ours against the twin)")


def noise_floor(twin: Any, perturbed: Sequence[Any], dtype: str) -> float:
    """max(max|Tk - T|, rounding * max|T|) over the finite values."""
    t = np.asarray(twin, np.float64)
    spread = [_scale(np.asarray(p, np.float64) - t) for p in perturbed]
    return max([*spread, ROUNDING[dtype] * _scale(t)])


def perturb(value: Any, rng: np.random.Generator) -> Array:
    """float64, every item times (1 +- 2^-24); integers and booleans unchanged."""
    v = np.asarray(value)
    if v.dtype.kind != "f":
        return v
    signs = rng.integers(0, 2, v.shape) * 2 - 1
    return np.asarray(v.astype(np.float64) * (1.0 + signs * 2.0**-24))


def _same_form(a: Array, e: Array, what: str) -> None:
    assert a.shape == e.shape, f"{what}: shape {a.shape}, expected {e.shape}"


def _scale(x: Array) -> float:
    finite = np.abs(x[np.isfinite(x)])
    return float(finite.max(initial=0.0))


def _within(a: Array, e: Array, bound: float, what: str) -> None:
    _same_form(a, e, what)
    assert np.array_equal(np.isnan(a), np.isnan(e)), f"{what}: NaN in other places"
    infinite = np.isinf(e)
    assert np.array_equal(a[infinite], e[infinite]), f"{what}: infinities differ"
    rest = np.isfinite(e)
    assert np.isfinite(a[rest]).all(), f"{what}: not finite where the expected value is"
    gap = np.abs(a[rest] - e[rest])
    if not gap.size:
        return
    worst = int(gap.argmax())
    place = np.argwhere(rest)[worst].tolist()
    assert gap[worst] <= bound, (
        f"{what}: off by {gap[worst]:.3g} at {place}, bound {bound:.3g}:"
        f" {a[rest][worst]!r} for {e[rest][worst]!r}"
    )

"""The NumPy LSTM against its matrix products alone: batch 16, 100 steps, 256 units, 256 features, float32.

The bar is 1.3. Both are timed in turns, so that a busy machine slows both; the ratio of the medians and of the best is printed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from reference.cells.lstm import LSTMCell
from reference.drivers.dynamic import dynamic_rnn

BATCH, STEPS, UNITS, FEATURES = 16, 100, 256, 256
BAR = 1.3


def measure(rounds: int = 40) -> dict[str, float]:
    """Milliseconds of both, and their ratio."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return rng.standard_normal(shape, np.float32) * np.float32(0.05)

    kernel = draw(FEATURES + UNITS, 4 * UNITS)
    cell = LSTMCell(kernel, draw(4 * UNITS))
    x, h = draw(STEPS, BATCH, FEATURES), draw(BATCH, UNITS)
    upper, lower = (np.ascontiguousarray(w) for w in np.split(kernel, [FEATURES]))

    def products() -> None:
        """What cannot be avoided: the input's product at once, the recurrent one step by step."""
        x.reshape(STEPS * BATCH, FEATURES) @ upper
        for _ in range(STEPS):
            h @ lower

    def lstm() -> None:
        dynamic_rnn(cell, x, dtype="float32", time_major=True)

    took: dict[Callable[[], None], list[float]] = {products: [], lstm: []}
    for _ in range(rounds):
        for function, times in took.items():
            begin = time.perf_counter()
            function()
            times.append(time.perf_counter() - begin)
    alone, whole = took[products], took[lstm]
    return {
        "products_ms": 1e3 * min(alone),
        "lstm_ms": 1e3 * min(whole),
        "ratio_best": min(whole) / min(alone),
        "ratio_median": statistics.median(whole) / statistics.median(alone),
    }


def main() -> int:
    """Prints the numbers; status 1 above the bar."""
    found = measure()
    for name, value in found.items():
        print(f"reference_lstm {name} {value:.2f}")
    print(f"reference_lstm bar {BAR}")
    return int(found["ratio_best"] > BAR)


if __name__ == "__main__":
    sys.exit(main())

"""Records the goldens with TensorFlow 1.15.5: ``python tests/goldens/reference/generate [FAMILY…]``."""

from __future__ import annotations

import os
import sys
import zlib
from typing import Any, Dict

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.logging.set_verbosity(tf.logging.ERROR)

import configurations  # noqa: E402
from cells import run  # noqa: E402
from store import Family  # noqa: E402


def record_cells(name: str) -> None:
    """Each configuration in each mode and dtype that TF accepts; what it refuses is noted in the card."""
    family = Family(name)
    for number, case in enumerate(getattr(configurations, name)()):
        for mode in case.get("modes", ["step", "dynamic"]):
            for dtype in (np.float32, np.float64):
                # Alternate the options of the driver: pairs, not products.
                pick = zlib.crc32(case["name"].encode()) + number
                card: Dict[str, Any] = dict(case, time_major=bool(pick % 2), lengths=bool(pick % 3))
                card.update(mode=mode, dtype=np.dtype(dtype).name)
                try:
                    arrays = run(card, mode, dtype)
                except Exception as error:  # noqa: BLE001 - TF's own refusals, kept as facts
                    note = "{}: {}".format(type(error).__name__, str(error).strip().split("\n")[-1].strip()[:160])
                    family.add(dict(card, refused=note), {})
                    print("refused", card["name"], mode, card["dtype"], note, flush=True)
                    continue
                family.add(card, arrays)
    family.write()


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ["core", "contrib", "grids", "wrappers", "drivers", "training"]:
        if wanted in ("drivers", "training"):
            import drivers

            drivers.record() if wanted == "drivers" else drivers.record_training()
        else:
            record_cells(wanted)

"""Writes one family of goldens: all arrays of all cases in one compressed .npz (see FORMAT.md)."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

HERE = Path(__file__).resolve().parent.parent


class Family:
    """Collects cases; :meth:`write` makes ``<name>.npz``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cases: List[Dict[str, Any]] = []
        self._chunks: List[bytes] = []
        self._offset = 0

    def add(self, card: Dict[str, Any], arrays: Dict[str, np.ndarray]) -> None:
        """One case: ``card`` is JSON, with a unique "name"."""
        index = {}
        for key, value in arrays.items():
            value = np.asarray(value, order="C")
            raw = value.tobytes()
            index[key] = [value.dtype.name, list(value.shape), self._offset]
            self._chunks.append(raw)
            self._offset += len(raw)
        self.cases.append(dict(card, arrays=index))

    def write(self) -> None:
        """The file, and one line about it."""
        import tensorflow as tf

        meta = {
            "format": 1,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
            "cases": self.cases,
        }
        path = HERE / (self.name + ".npz")
        text = json.dumps(meta, separators=(",", ":"), sort_keys=True)
        data = np.frombuffer(b"".join(self._chunks), np.uint8)
        np.savez_compressed(str(path), meta=np.array(text), data=data)
        print(self.name, len(self.cases), "cases", path.stat().st_size, "bytes", flush=True)


def rng_of(*words: Any) -> np.random.RandomState:
    """A generator seeded by words, so that no case depends on another."""
    return np.random.RandomState(zlib.crc32("/".join(map(str, words)).encode()))


def draw(name: str, shape: Any, dtype: Any, scale: float = 1.0, *words: Any) -> np.ndarray:
    """Normal values, equal in float32 and float64 (both hold the float32 value)."""
    value = rng_of(name, *words).standard_normal(tuple(shape)) * scale
    return value.astype(np.float32).astype(dtype)

"""The recorded cases, for any interpreter: ``for case in load_cases(): …``. FORMAT.md describes the files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from converters.graph import DType, Node, Shape
from converters.tf_ops.complex_numbers import as_parts

HERE = Path(__file__).parent


@dataclass(frozen=True)
class OpCase:
    """One op, run once by TensorFlow 1.15.5."""

    name: str
    node: Node
    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray | None, ...] | None
    """None: TensorFlow refused it. An output that is None is undefined or for training only."""
    static: tuple[int, ...]
    """Inputs that must be known at build time."""
    loose: float
    """Factor on the float tolerance."""

    def check(self, index: int, actual: np.ndarray) -> None:
        """Fail unless ``actual`` is output ``index``.

        Floats within ``8 * loose`` units of 2^-23 (float16: 2^-10, float64: 2^-51) of the output's largest finite
        magnitude: kernels sum in other orders and approximate exp and tanh. All else is equal.
        """
        assert self.outputs is not None
        wanted = self.outputs[index]
        if wanted is None:
            return
        actual = np.asarray(actual)
        where = f"{self.name}, output {index}"
        assert actual.shape == wanted.shape, f"{where}: shape {actual.shape}, not {wanted.shape}"
        if wanted.dtype.kind not in "f":
            np.testing.assert_array_equal(actual, wanted, err_msg=where)
            return
        unit = {2: 2.0**-10, 4: 2.0**-23, 8: 2.0**-51}[wanted.dtype.itemsize]
        finite = np.abs(wanted[np.isfinite(wanted)].astype(np.float64))
        largest = float(finite.max()) if finite.size else 0.0
        np.testing.assert_allclose(
            actual, wanted, rtol=0, atol=8 * self.loose * unit * largest, err_msg=where
        )


def attribute(value: Any) -> Any:
    """JSON to the plain Python of :class:`converters.graph.Node`."""
    ((kind, content),) = value.items()
    if kind == "list":
        return tuple(attribute(item) for item in content)
    if kind == "s":
        return content.encode("latin-1")
    if kind == "type":
        return DType(content)
    if kind == "shape":
        return Shape(None if content is None else tuple(content))
    return content


def array(value: np.ndarray) -> np.ndarray:
    """Byte strings as object arrays, complex numbers as pairs."""
    value = as_parts(value)
    if value.dtype.kind != "S":
        return value
    out = np.empty(value.size, object)
    out[:] = value.reshape(-1).tolist()
    return out.reshape(value.shape)


@cache
def load_cases() -> tuple[OpCase, ...]:
    """Every case, in the order of the file."""
    cards = json.loads((HERE / "cases.json").read_text())
    with np.load(HERE / "cases.npz", allow_pickle=False) as store:
        arrays = {key: array(store[key]) for key in store.files}
    return tuple(load(card, arrays) for card in cards)


def load(card: dict[str, Any], arrays: dict[str, np.ndarray]) -> OpCase:
    """One case."""
    name, count = card["name"], card["outputs"]
    inputs = tuple(arrays[f"{name}/in{i}"] for i in range(card["inputs"]))
    outputs = None
    if count is not None:
        outputs = tuple(arrays.get(f"{name}/out{i}") for i in range(count))
    attrs = {key: attribute(value) for key, value in card["attrs"].items()}
    names = tuple(f"in{i}:0" for i in range(len(inputs)))
    node = Node(name, card["op"], names, (), attrs)
    return OpCase(name, node, inputs, outputs, tuple(card["static"]), float(card["loose"]))

"""TF1 programs under current TensorFlow, with the imports changed by the codemod, against TF 1.15.5's recordings."""

from __future__ import annotations

import os
import sys
import types
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

GOLDENS = Path(__file__).resolve().parents[2] / "goldens" / "tf1_programs"
FILES = sorted(path.stem for path in GOLDENS.glob("programs_*.npz"))

RELATIVE = 2e-5
"""Of the largest magnitude in a tensor: 170 roundings of float32. Another build of TensorFlow sums in another order; the worst that was seen over all programs
is 6e-6 (a gradient that nearly cancels), after training 3e-6. A wrong gate, bias or clip shows above 1e-3."""
LEAST = 1e-3
"""A tensor smaller than this is compared as if it were this large."""

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # TensorFlow warns of its own v1 API everywhere
]


@cache
def recordings(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    with np.load(GOLDENS / f"{name}.npz", allow_pickle=False) as arrays:
        for key in arrays.files:
            program, what = key.split("|")
            found.setdefault(program, {})[what] = arrays[key]
    return found


@cache
def programs(name: str) -> types.ModuleType:
    """The file as the codemod leaves it; nothing else is changed."""
    from porting.rewrite.engine import rewrite_source

    if str(GOLDENS) not in sys.path:
        sys.path.insert(0, str(GOLDENS))
    source = (GOLDENS / f"{name}.py").read_text()
    rewritten = rewrite_source(source)
    changed = [line for line in rewritten.splitlines() if line not in source.splitlines()]
    assert changed
    assert all("import" in line for line in changed), changed
    if "import keras_shapes" in source:
        sys.modules["keras_shapes"] = programs("keras_shapes")
    module = types.ModuleType(name)
    exec(compile(rewritten, f"{name}.py", "exec"), module.__dict__)
    return module


def run(name: str, program: str) -> dict[str, Any]:
    from porting import tf1

    module = programs(name)
    import running

    tf1.logging.set_verbosity(tf1.logging.ERROR)
    checkpoint = str(GOLDENS / f"{name}.ckpt")
    _, found = running.run(tf1, program, getattr(module, program), checkpoint, save=False)
    return dict(found)


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """What differs, by name; empty where everything agrees."""
    wrong = [f"{key}: only on one side" for key in found.keys() ^ wanted.keys()]
    for key in found.keys() & wanted.keys():
        a, b = np.asarray(found[key]), np.asarray(wanted[key])
        if a.shape != b.shape or a.dtype != b.dtype:
            wrong.append(f"{key}: {a.dtype}{a.shape}, recorded {b.dtype}{b.shape}")
        elif b.dtype.kind == "f":
            bound = RELATIVE * max(float(np.abs(b).max(initial=0.0)), LEAST)
            worst = float(np.abs(a.astype(np.float64) - b).max(initial=0.0))
            if not worst <= bound:
                wrong.append(f"{key}: off by {worst:.2e}, allowed {bound:.2e}")
        elif not np.array_equal(a, b):
            wrong.append(f"{key}: {a.tolist()}, recorded {b.tolist()}")
    return wrong


@pytest.mark.parametrize(
    ("name", "program"), [(name, program) for name in FILES for program in sorted(recordings(name))]
)
def test_program_gives_the_recorded_numbers(name: str, program: str) -> None:
    """Forward, gradients, and after 50 steps from the same checkpoint."""
    assert differences(run(name, program), recordings(name)[program]) == []


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("forget_bias", 0.0), ("kernel", "swap two gates"), ("state", "swap c and h")],
)
def test_a_wrong_equation_is_seen(
    attribute: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from porting.tf1 import core_cells
    from reference.cells.basic_lstm import BasicLSTMCell

    class Wrong(BasicLSTMCell):
        def step(self, ops: Any, x: Any, state: Any, /) -> Any:
            if attribute == "state":
                state = type(state)(state.h, state.c)
            return super().step(ops, x, state)

    def wrong(kernel: Any, bias: Any, forget_bias: Any, *rest: Any) -> Any:
        from porting import tf1 as tf

        if attribute == "forget_bias":
            forget_bias = value
        if attribute == "kernel":
            i, j, f, o = tf.split(tf.convert_to_tensor(kernel), 4, 1)
            kernel = tf.concat([j, i, f, o], 1)
        return Wrong(kernel, bias, forget_bias, *rest)

    monkeypatch.setattr(core_cells, "BasicLSTMEquation", wrong)
    assert differences(
        run("programs_core", "program_basic_lstm"),
        recordings("programs_core")["program_basic_lstm"],
    )

"""Odd inputs to zoo models, in ONNX Runtime and as TensorFlow 1.15.5 answered them: ``python -m tests.converters.to_onnx_edges [--prefer speed] [NAME…]``.

ONNX Runtime can end the whole process (an empty batch in its LSTM), so this is a program of its own: every case is named before it
runs, with the outcome behind it; the last line without an outcome is the one that ended it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from converters.lift import lift
from converters.read_graphdef import read
from converters.to_onnx import to_onnx
from reference.errors import NotConvertibleError
from tests.converters.to_onnx_running import as_bytes, as_text, session
from tests.zoo.catalogue import ZooModel, zoo
from tests.zoo.odd_inputs import Feeds, cases
from tests.zoo.odd_store import Outcome, unpack

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-4
"""Relative to the largest number of an output."""


def recorded(model: ZooModel) -> Mapping[str, Outcome]:
    """What TensorFlow 1.15.5 made of each case."""
    with np.load(model.folder / "odd.npz", allow_pickle=False) as archive:
        return unpack(archive)


def difference(found: np.ndarray, right: np.ndarray) -> str:
    """In words; empty where there is none."""
    if found.shape != right.shape:
        return f"shape {found.shape}, not {right.shape}"
    if right.dtype.kind in "SUO":
        return "" if found.ravel().tolist() == right.ravel().tolist() else "other text"
    if right.dtype.kind != "f":
        return "" if np.array_equal(found, right) else "other numbers"
    scale = max(float(np.abs(right[np.isfinite(right)]).max(initial=0)), 1e-3)
    unit = 4e-3 if right.dtype == np.float16 else TOLERANCE
    same = np.isclose(found, right, rtol=0, atol=unit * scale, equal_nan=True)
    return "" if same.all() else f"{np.count_nonzero(~same)} of {same.size} numbers"


_KERNEL = (
    "a native operator that reads NaN as a valid input: ONNX Runtime's kernels clamp it to a number"
)
_TIMES_0 = "TF multiplies the padding by 0, which leaves NaN; the port gives 0"
KNOWN = {
    "block_fused: NaN behind lengths:0 in x:0": _TIMES_0,
    "block_fused_bidirectional: NaN behind lengths:0 in x:0": _TIMES_0,
    "block_fused_clip: NaN behind lengths:0 in x:0": _TIMES_0,
    "cbhg_like: NaN behind lengths:0 in x:0": _KERNEL,
    "crf_only: NaN behind lengths:0 in x:0": "the largest of nothing but NaN is -inf in TF, NaN in ONNX Runtime",
    "encoder_decoder_states: NaN behind lengths:0 in y:0": _KERNEL,
    "nan_padding: 10 in lengths:0": _KERNEL,
    "nan_padding: only 10 in lengths:0": _KERNEL,
    "nested_loops: NaN behind lengths:0 in x:0": _KERNEL,
    "training_fed_maximum: NaN behind lengths:0 in x:0": _KERNEL,
    "training_unmasked: NaN behind lengths:0 in x:0": _KERNEL,
    "training_zeros_first: NaN behind lengths:0 in x:0": _KERNEL,
}  # fmt: skip
"""Cases that are otherwise than TF's, and why. All are NaN where TF itself gives NaN; each must still differ."""


def outcome(right: Outcome, running: Any, model: ZooModel, feeds: Feeds) -> str:
    """``right``, ``TF refuses``, or what is wrong."""
    taken = {port.name for port in running.get_inputs()}
    given = {name: as_text(array) for name, array in feeds.items() if name in taken}
    try:
        found = running.run(list(model.outputs), given)
    except Exception as error:
        said = " ".join(str(error).split())
        return "TF refuses" if isinstance(right, str) else f"WRONG: refused: {said}"
    if isinstance(right, str):
        return "TF refuses"
    pairs = zip(model.outputs, found, strict=True)
    wrong = [(n, difference(as_bytes(a), as_bytes(np.asarray(right[n])))) for n, a in pairs]
    return "; ".join(f"WRONG: {name}: {text}" for name, text in wrong if text) or "right"


def check(model: ZooModel, prefer: str) -> None:
    """One line a case."""
    frozen = {name: model.card["frozen"][name] for name in model.card["must_freeze"]}
    try:
        graph = read(model.graph).graph
        program = lift(graph, inputs=model.inputs, outputs=model.outputs, freeze=frozen)
        running = session(to_onnx(program, prefer=prefer).model)
    except NotConvertibleError as error:
        print(f"{model.name}: not convertible: {error}", flush=True)
        return
    known = recorded(model)
    for what, feeds in cases(model.card, [run.inputs for run in model.runs()]):
        print(f"{model.name}: {what}: ", end="", flush=True)
        found = outcome(known[what], running, model, feeds)
        if f"{model.name}: {what}" in KNOWN:
            found = "known" if "WRONG" in found else "WRONG: known no more: take it off the list"
        print(found, flush=True)


def run(names: Sequence[str], prefer: str) -> tuple[int, list[str]]:
    """These models in a process of their own: its exit status, and its lines."""
    module = "tests.converters.to_onnx_edges"
    command = [sys.executable, "-W", "ignore", "-m", module, "--prefer", prefer, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    lines = done.stdout.splitlines()
    return done.returncode, lines if lines or not done.returncode else [done.stderr[-500:]]


def isolated(names: list[str], prefer: str) -> None:
    """All models, with a new process behind each that ends one; then how many cases came out how."""
    lines: list[str] = []
    while names:
        status, found = run(names, prefer)
        last = found[-1].split(":")[0] if found else names[0]
        if status:
            found.append(f"{found.pop() if found else last}WRONG: it ended the process ({status})")
        lines += found
        print("\n".join(line for line in found if "WRONG" in line), flush=True)
        names = names[names.index(last) + 1 :] if status and last in names else []
    for word in (": right", ": TF refuses", "WRONG", ": known", "not convertible"):
        print(f"{sum(word in line for line in lines):5} {word}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--prefer", default="native")
    parser.add_argument(
        "--isolate", action="store_true", help="go on behind a model that ends the process"
    )
    options = parser.parse_args()
    onnxruntime.set_default_logger_severity(4)
    chosen = [m for m in zoo() if m.samples is not None and m.name in (options.names or [m.name])]
    if options.isolate:
        isolated([model.name for model in chosen], options.prefer)
        return
    for model in chosen:
        check(model, options.prefer)


if __name__ == "__main__":
    main()

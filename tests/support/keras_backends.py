"""The zoo's Keras ports on the backend of this process: ``KERAS_BACKEND=jax python -m tests.support.keras_backends [NAME… | --all] [--json FILE]``.

One line a model: ``same``, ``refused`` with the reason, or ``different``/``crash``, which fail the run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from converters.to_keras import runner, to_keras
from converters.to_keras.backend import keras
from converters.to_keras.dtypes import narrows
from reference.errors import RnnportError
from tests.support.lifting import lifted

ZOO = Path(__file__).parents[1] / "zoo" / "models"
SOME = (
    "a3c_lstm attention_cell_wrapper attentional_gru backward_only basic_lstm beam_decoder basic_lstm_state_concat basic_rnn_tanh "
    "bidirectional_lstm_lengths classifier_gather_nd drqn dynamic_time_major encoder_decoder_states gru gru_float64 keras_masking "
    "layer_norm_basic_lstm lengths_out_of_range lengths_int64 lstm_num_proj lstm_peepholes multi_mixed nan_padding nested_while "
    "ptb_block raw_rnn_lstm residual_lstm2 static_lstm tagger_chars training_unmasked translation_beam video_classifier zero_state_fed"
).split()
SCALE = {"float16": 3e-3, "float32": 2e-5, "float64": 1e-12}


def outcome(name: str) -> tuple[str, str]:
    """What became of a model, and why."""
    try:
        port = to_keras(lifted(name), name=name)
        run, samples = runner(port.model), np.load(ZOO / name / "samples.npz")
        runs = sorted({key.split(":")[0][2:] for key in samples.files if key.startswith("in")})
        for k in runs:
            got = run({there: samples[f"in{k}:{t}"] for t, there in port.inputs.items()})
            for tensor, there in port.outputs.items():
                wrong = differs(got[there], samples[f"out{k}:{tensor}"])
                if wrong:
                    return "different", f"{tensor}, run {k}: {wrong}"
    except RnnportError as error:
        return "refused", str(error)
    except Exception as error:
        return "crash", f"{type(error).__name__}: {error}"
    return "same", ""


def differs(got: np.ndarray, want: np.ndarray) -> str:
    """How an output is not the recorded one; "" where it is."""
    got = _cut(got, want)
    if narrows() and got.dtype == "int32" and want.dtype == "int64":
        got = got.astype(want.dtype)
    if (got.dtype, got.shape) != (want.dtype, want.shape):
        return f"{got.dtype}{got.shape}, not {want.dtype}{want.shape}"
    if want.dtype.kind != "f":
        return "" if np.array_equal(got, want) else "other values"
    size = np.abs(want[np.isfinite(want)]).max(initial=0.0)
    close = np.allclose(got, want, rtol=0, atol=SCALE[str(want.dtype)] * size, equal_nan=True)
    return "" if close else f"off by {np.abs(got.astype(float) - want).max():.2g}"


def _cut(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """A decoder's output without the steps that TensorFlow did not run, if all of them are one value (zeros, the end token)."""
    if keras.backend.backend() != "jax" or got.ndim != want.ndim or got.shape == want.shape:
        return got
    longer = [axis for axis, (a, b) in enumerate(zip(got.shape, want.shape, strict=True)) if a > b]
    if len(longer) != 1:
        return got
    rest = np.take(got, range(want.shape[longer[0]], got.shape[longer[0]]), longer[0])
    return np.take(got, range(want.shape[longer[0]]), longer[0]) if np.ptp(rest) == 0 else got


def main() -> None:
    """Some, those named, or all (``--all``); ``--json FILE`` keeps the outcomes for :mod:`tests.support.keras_table`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = options.names or list(SOME)
    if options.all:
        names = sorted(p.parent.name for p in ZOO.glob("*/samples.npz"))
    found: dict[str, tuple[str, str]] = {}
    for number, name in enumerate(names):
        kind, why = found[name] = outcome(name)
        print(f"{kind:10} {name:28} {' '.join(why.split())[:300]}", flush=True)
        if keras.backend.backend() == "jax" and number % 25 == 24:
            import jax

            jax.clear_caches()  # else gigabytes of compiled steps
    counts = Counter(kind for kind, _ in found.values())
    print(keras.backend.backend(), dict(counts))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    sys.exit(bool(counts["different"] or counts["crash"]))


if __name__ == "__main__":
    main()

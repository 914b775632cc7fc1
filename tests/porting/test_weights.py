"""Keras models written by hand, with weights of real TF 1.15.5 checkpoints: TF1's recorded numbers within the noise floor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the Keras models here run on TensorFlow")
keras = pytest.importorskip("keras", reason="what is tested makes Keras models")

import porting  # noqa: E402
from porting.verification.samples import load_samples  # noqa: E402
from reference.errors import UsageError  # noqa: E402
from tests.support.compare import assert_within_floor, perturb  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "goldens" / "weights"
NETS, OLD = FOLDER / "nets.ckpt", FOLDER / "old.ckpt"
kl = keras.layers


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    with np.load(FOLDER / "outputs.npz") as file:
        return dict(file)


def built(layer, *shape, dtype="float32"):
    """A functional model of one layer."""
    given = keras.Input(shape, dtype=dtype)
    return keras.Model(given, layer(given))


def judged(make, load, feeds, recorded, what, factor=8.0):
    """The float32 model against the recording, with floors of the float64 one."""
    model = make("float32")
    report = load(model)
    wide = make("float64")
    load(wide)
    feeds = [np.asarray(value) for value in feeds]
    actual = np.asarray(model(feeds if len(feeds) > 1 else feeds[0]))
    exact = run_wide(wide, feeds)
    weights = [np.asarray(w) for w in wide.weights]
    perturbed = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        wide.set_weights([perturb(w, rng) for w in weights])
        perturbed.append(run_wide(wide, [perturb(value, rng) for value in feeds]))
    assert_within_floor(actual, recorded, exact, perturbed, factor=factor, what=what)
    return report


def run_wide(model, feeds):
    wide = [v.astype(np.float64) if v.dtype.kind == "f" else v for v in feeds]
    return np.asarray(model(wide if len(wide) > 1 else wide[0]))


SEQUENCES = {"return_sequences": True}
SINGLES = {
    "gru": lambda d: kl.GRU(4, reset_after=False, dtype=d, **SEQUENCES),
    "reset_after": lambda d: kl.GRU(5, reset_after=True, dtype=d, **SEQUENCES),
    "simple": lambda d: kl.SimpleRNN(5, dtype=d, **SEQUENCES),
    "block": lambda d: kl.LSTM(5, dtype=d, **SEQUENCES),
    "fused": lambda d: kl.RNN(kl.LSTMCell(5, dtype=d), dtype=d, **SEQUENCES),
    "gru_block": lambda d: kl.GRU(5, reset_after=False, dtype=d, **SEQUENCES),
    "gru_block_v2": lambda d: kl.RNN(
        kl.GRUCell(5, reset_after=False, dtype=d), dtype=d, **SEQUENCES
    ),
    "sliced": lambda d: kl.LSTM(5, dtype=d, **SEQUENCES),
}


def single(name, dtype):
    return built(SINGLES[name](dtype), 6, 4, dtype=dtype)


@pytest.mark.parametrize("name", SINGLES)
def test_one_cell(name, golden):
    report = judged(
        lambda dtype: single(name, dtype), lambda m: porting.load_tf1_weights(m, NETS, name), [golden["in:x"]],
        golden[f"out:{name}"], name,
    )  # fmt: skip
    assert report.complete
    assert report.unused == ()
    assert all(tensor.startswith(f"{name}/") for tensor in report.matched[0].tensors)


def test_convolution_over_an_image(golden):
    def make(dtype):
        return built(kl.Conv2D(3, [2, 3], dtype=dtype), 6, 4, 1, dtype=dtype)

    image = golden["in:x"][..., None]
    report = judged(
        make, lambda m: porting.load_tf1_weights(m, NETS), [image], golden["out:image"], "image"
    )
    assert report.matched[0].tensors == ("image/conv2d/kernel", "image/conv2d/bias")


def tagger(dtype):
    """The whole net of ``generate.py``'s ``tagger``, as a person would write it."""
    ids = keras.Input((6,), dtype="int32")
    lengths = keras.Input((), dtype="int32")
    mask = keras.ops.cumsum(keras.ops.ones_like(ids), axis=1) <= keras.ops.expand_dims(lengths, 1)
    options = {"dtype": dtype, "return_sequences": True}
    x = kl.Embedding(11, 4, dtype=dtype)(ids)
    x = kl.Conv1D(5, 3, padding="same", activation="relu", dtype=dtype)(x)
    x = kl.BatchNormalization(dtype=dtype)(x)
    x = kl.Bidirectional(kl.LSTM(5, zero_output_for_mask=True, **options), dtype=dtype)(
        x, mask=mask
    )
    for name in ("lower", "upper"):
        x = kl.LSTM(6, zero_output_for_mask=True, name=name, **options)(x, mask=mask)
    return keras.Model([ids, lengths], kl.Dense(7, dtype=dtype)(x))


def load_tagger(model, **more):
    biases = {"lower": 0.7, "upper": 0.7} | more
    return porting.load_tf1_weights(model, NETS, "tagger", forget_bias=biases)


def test_a_whole_model(golden):
    feeds = [golden["in:ids"], golden["in:lengths"]]
    report = judged(tagger, load_tagger, feeds, golden["out:tagger"], "tagger")
    assert report.complete
    assert report.unused == ()
    assert len(report.matched) == 7
    assert "tagger/embedding" in str(report)


def cudnn(dtype):
    options = {"dtype": dtype, "return_sequences": True}
    return keras.Sequential(
        [
            keras.Input((6, 4), dtype=dtype),
            *(kl.Bidirectional(kl.LSTM(5, **options), dtype=dtype) for _ in "ab"),
        ]
    )


@pytest.mark.parametrize("scope", ["canonical", "packed"])
def test_cudnn(scope, golden):
    report = judged(
        cudnn,
        lambda m: porting.load_tf1_weights(m, NETS, scope),
        [golden["in:x"]],
        golden["out:canonical"],
        scope,
    )
    assert report.complete
    assert report.unused == ()
    assert {match.form for match in report.matched} == {
        "tf1" if scope == "canonical" else "cudnn opaque"
    }


def test_moving_averages_on_request_only(golden):
    report = judged(
        lambda dtype: single("simple", dtype),
        lambda m: porting.load_tf1_weights(m, NETS, "simple", averages=True), [golden["in:x"]],
        golden["out:simple_averages"], "averages",
    )  # fmt: skip
    assert all(name.endswith("ExponentialMovingAverage") for name in report.matched[0].tensors)
    assert not np.allclose(golden["out:simple"], golden["out:simple_averages"], atol=1e-2)
    with pytest.raises(UsageError, match="none of the variables that match has a moving average"):
        porting.load_tf1_weights(single("gru", "float32"), NETS, "gru", averages=True)


def test_old_names(golden):
    report = judged(
        lambda dtype: single("gru", dtype), lambda m: porting.load_tf1_weights(m, OLD), [golden["in:x"]],
        golden["out:gru"], "old gru",
    )  # fmt: skip
    assert report.matched[0].tensors[0] == "rnn/gru_cell/gates/weights"
    new, old = tagger("float32"), tagger("float32")
    load_tagger(new)
    old.set_weights(new.get_weights())
    stack = keras.Sequential(
        [*(old.get_layer(name) for name in ("lower", "upper")), old.layers[-1]]
    )
    for weight in stack.weights:
        weight.assign(np.zeros(weight.shape))
    report = porting.load_tf1_weights(stack, OLD, forget_bias=0.7)
    assert report.complete
    assert report.matched[2].tensors == ("softmax_w", "softmax_b")
    for a, b in zip(new.weights, old.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def zoo(name):
    folder = ROOT / "zoo" / "models" / name
    return folder / "model.ckpt", load_samples(folder / "samples.npz")


@pytest.mark.parametrize("run", [0, 1, 2])
def test_a_zoo_model_with_old_names(run):
    """Padding and states that are copied through included."""
    checkpoint, samples = zoo("old_names")
    feeds = samples.runs[run].inputs
    steps = feeds["x:0"].shape[1]

    def make(dtype):
        x, lengths = keras.Input((steps, 5), dtype=dtype), keras.Input((), dtype="int32")
        ones = keras.ops.ones_like(x[:, :, 0], dtype="int32")
        mask = keras.ops.cumsum(ones, axis=1) <= keras.ops.expand_dims(lengths, 1)
        cells = [kl.LSTMCell(6, dtype=dtype), kl.GRUCell(4, reset_after=False, dtype=dtype)]
        stack = kl.StackedRNNCells(cells, dtype=dtype)
        layer = kl.RNN(stack, return_sequences=True, zero_output_for_mask=True, dtype=dtype)
        return keras.Model([x, lengths], layer(x, mask=mask))

    report = judged(
        make, lambda m: porting.load_tf1_weights(m, checkpoint), [feeds["x:0"], feeds["lengths:0"]],
        samples.runs[run].outputs["rnn/transpose_1:0"], "old_names",
    )  # fmt: skip
    assert report.complete
    assert report.unused == ()


def test_a_zoo_model_with_hand_named_projection():
    checkpoint, samples = zoo("dynamic_no_lengths")
    x = samples.runs[0].inputs["x:0"]

    def make(dtype):
        given = keras.Input(x.shape[1:], dtype=dtype)
        return keras.Model(
            given, kl.Dense(3, "softmax", dtype=dtype)(kl.LSTM(6, dtype=dtype)(given))
        )

    report = judged(
        make,
        lambda m: porting.load_tf1_weights(m, checkpoint),
        [x],
        samples.runs[0].outputs["prediction:0"],
        "zoo",
    )
    assert report.matched[1].tensors == ("out_w", "out_b")


@pytest.mark.parametrize("run", [1, 2])
def test_the_shipped_tunes_model(run):
    """Two layers with fed states, lengths 0 and 1 among them, hand-named projection."""
    folder = ROOT.parent / "examples" / "irish_tunes"
    recorded = load_samples(folder / "samples.npz").runs[run]
    ids, lengths, state = (recorded.inputs[f"{n}:0"] for n in ("ids", "lengths", "initial_state"))

    def make(dtype):
        given = keras.Input(ids.shape[1:], dtype="int32"), keras.Input((), dtype="int32")
        states = [keras.Input((128,), dtype=dtype) for _ in range(4)]
        ones = keras.ops.cumsum(keras.ops.ones_like(given[0]), axis=1)
        mask = ones <= keras.ops.expand_dims(given[1], 1)
        x = kl.Embedding(68, 32, dtype=dtype)(given[0])
        for c, h in (states[:2], states[2:]):
            layer = kl.LSTM(128, return_sequences=True, zero_output_for_mask=True, dtype=dtype)
            x = layer(x, mask=mask, initial_state=[h, c])
        return keras.Model([*given, *states], kl.Dense(68, dtype=dtype)(x))

    checkpoint = folder / "model" / "checkpoint" / "tunes.ckpt"
    report = judged(
        make, lambda m: porting.load_tf1_weights(m, checkpoint),
        [ids, lengths, *state.reshape(4, -1, 128)], recorded.outputs["logits:0"], "tunes",
    )  # fmt: skip
    assert report.complete
    assert report.unused == ()

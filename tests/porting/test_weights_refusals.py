"""What must not be loaded, what must be told, and the way back; with the mistakes that a loader could make planted."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="the Keras models here run on TensorFlow")
keras = pytest.importorskip("keras", reason="what is tested makes Keras models")

import porting  # noqa: E402
from porting.weights.store import Store  # noqa: E402
from reference.errors import RnnportError, SemanticsError, UsageError  # noqa: E402
from tests.porting.test_weights import (  # noqa: E402
    FOLDER,
    NETS,
    SINGLES,
    built,
    cudnn,
    single,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
kl = keras.layers


class Dictionary:
    """A checkpoint in memory."""

    where = "memory"

    def __init__(self, arrays):
        self.arrays = arrays

    def names(self):
        return sorted(self.arrays)

    def shape(self, name):
        return self.arrays[name].shape

    def dtype(self, name):
        return str(self.arrays[name].dtype)

    def read(self, name):
        return self.arrays[name]

    def row_starts(self, name):
        return ()


@pytest.fixture
def in_memory(monkeypatch):
    """``load(model, arrays, …)``."""

    def load(model, arrays, *args, **options):
        monkeypatch.setattr("porting.weights.loading.open_checkpoint", lambda _: Dictionary(arrays))
        return porting.load_tf1_weights(model, "memory", *args, **options)

    return load


def random(layer, seed=0):
    """The layer with random weights, none zero."""
    rng = np.random.default_rng(seed)
    layer.set_weights(
        [rng.uniform(0.1, 0.9, w.shape) * rng.choice([-1, 1], w.shape) for w in layer.get_weights()]
    )
    return layer


def lstm(units=5, features=4, **options):
    layer = kl.LSTM(units, **options)
    layer.build((None, 6, features))
    return random(layer)


def test_an_ambiguous_match_is_refused_with_the_list():
    layer = lstm()
    before = layer.get_weights()
    with pytest.raises(
        UsageError, match=r"any of \d+ places.*block/rnn/lstm_cell; .*sliced/rnn/lstm_cell"
    ) as caught:
        porting.load_tf1_weights(layer, NETS)
    assert "scope={'lstm" in str(caught.value)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_peepholes_have_no_place():
    with pytest.raises(UsageError, match=r"more than Keras' has a place for: .*w_f_diag"):
        porting.load_tf1_weights(lstm(), NETS, "peephole")


def test_the_wrong_gru_is_told_from_the_right_one():
    with pytest.raises(UsageError, match="build the layer with reset_after=True"):
        porting.load_tf1_weights(built(kl.GRU(5, reset_after=False), 6, 4), NETS, "reset_after")
    with pytest.raises(UsageError, match="build the layer with reset_after=False"):
        porting.load_tf1_weights(built(kl.GRU(4, reset_after=True), 6, 4), NETS, "gru")


def test_a_dense_layer_is_no_plain_rnn(in_memory):
    arrays = {"head/kernel": np.ones((9, 5), "f4"), "head/bias": np.ones(5, "f4")}
    layer = kl.SimpleRNN(5)
    layer.build((None, 6, 4))
    with pytest.raises(UsageError, match="nothing in memory matches"):
        in_memory(layer, arrays)
    assert in_memory(layer, arrays, "head").complete  # the caller says so


def test_a_cell_is_no_dense_layer():
    dense = kl.Dense(5)
    dense.build((None, 9))
    with pytest.raises(UsageError, match="nothing in"):
        porting.load_tf1_weights(dense, NETS, "simple")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scope": "nowhere"}, "holds no variable in scope 'nowhere'"),
        ({"scope": {"other": "block"}}, "scope names other, but the layers are"),
        ({"scope": "gru", "forget_bias": 1.0}, "nothing in"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UsageError, match=message):
        porting.load_tf1_weights(lstm(), NETS, **arguments)


def test_a_forget_bias_that_does_nothing_is_refused():
    with pytest.raises(UsageError, match="no cell was matched that adds one"):
        porting.load_tf1_weights(single("gru", "float32"), NETS, "gru", forget_bias=1.0)
    with pytest.raises(UsageError, match="no cell was matched that adds one"):
        porting.load_tf1_weights(cudnn("float32"), NETS, "packed", forget_bias=1.0)


def test_things_that_are_no_built_layer():
    with pytest.raises(UsageError, match="build it"):
        porting.load_tf1_weights(kl.LSTM(5), NETS, "block")
    with pytest.raises(UsageError, match="give a Keras model or layer, not list"):
        porting.load_tf1_weights([], NETS)
    with pytest.raises(RnnportError, match="no checkpoint is at"):
        porting.load_tf1_weights(lstm(), FOLDER / "absent.ckpt")


def test_a_bias_that_the_layer_lacks():
    with pytest.raises(SemanticsError, match="use_bias=False"):
        porting.load_tf1_weights(lstm(use_bias=False), NETS, "block")


def test_float64_does_not_go_into_float32(in_memory):
    arrays = porting.tf1_names(lstm(dtype="float64"), "rnn")
    with pytest.raises(SemanticsError, match="build it with dtype='float64'"):
        in_memory(lstm(), arrays)


def test_what_is_missing_is_reported():
    model = keras.Sequential([keras.Input((6, 4)), kl.LSTM(5), kl.Dense(17, name="head")])
    report = porting.load_tf1_weights(model, NETS, "block")
    assert not report.complete
    assert [item.layer for item in report.missing] == ["head"]
    assert "head: NOT LOADED: no variables of the names and shapes of a dense layer" in str(report)
    assert report.as_json()["missing"][0]["layer"] == "head"


def test_slots_are_never_weights(in_memory):
    names = porting.tf1_names(lstm(), "rnn")
    slots = {
        f"train/{name}/{slot}": value + 1
        for name, value in names.items()
        for slot in ("Adam", "Adam_1", "odd")
    }
    layer = random(lstm(), 1)
    report = in_memory(layer, names | slots | {"global_step": np.int64(3)})
    assert set(report.ignored) == {*slots, "global_step"}
    assert set(report.matched[0].tensors) == set(names)


def test_a_shadow_alone_is_named():
    layer = kl.Dense(3)
    layer.build((None, 3))
    store = Store(Dictionary({"w/ExponentialMovingAverage": np.ones((3, 3), "f4")}))
    assert store.names() == []
    assert store.only_averaged == ("w",)
    with pytest.raises(UsageError, match="moving averages alone"):
        porting.load_tf1_weights(layer, FOLDER.parent / "readers" / "averages" / "ema", "")


def equal_layers(count=3):
    options = {"return_sequences": True}
    return keras.Sequential([keras.Input((6, 5)), *(kl.LSTM(5, **options) for _ in range(count))])


def equal_cells(count=3):
    rng = np.random.default_rng(3)
    scope = "rnn/multi_rnn_cell/cell_%d/lstm_cell/%s"
    found = {}
    for k in range(count):
        found[scope % (k, "kernel")] = rng.standard_normal((10, 20)).astype("f4")
        found[scope % (k, "bias")] = rng.standard_normal(20).astype("f4")
    return found


def test_numbered_cells_fill_a_chain_in_order(in_memory):
    report = in_memory(equal_layers(), equal_cells())
    assert [match.tensors[0].split("/")[2] for match in report.matched] == [
        "cell_0",
        "cell_1",
        "cell_2",
    ]


def test_two_layers_side_by_side_are_not_a_chain(in_memory):
    given = keras.Input((6, 5))
    model = keras.Model(given, [kl.LSTM(5, name="left")(given), kl.LSTM(5, name="right")(given)])
    cells = equal_cells(2)
    with pytest.raises(UsageError, match="'left' could be any of 2 places"):
        in_memory(model, cells)
    scopes = {"left": "rnn/multi_rnn_cell/cell_1", "right": "rnn/multi_rnn_cell/cell_0"}
    report = in_memory(model, cells, scopes)
    assert "cell_1" in report.matched[0].tensors[0]


def test_two_layers_for_one_place(in_memory):
    with pytest.raises(UsageError, match=r"both fit .*cell_0"):
        in_memory(equal_layers(2), equal_cells(1))


def test_a_chosen_name_decides_and_a_counted_one_does_not(in_memory):
    rng = np.random.default_rng(0)
    arrays = {
        f"{s}/kernel": rng.standard_normal((4, 4)).astype("f4")
        for s in ("query", "value", "dense_1")
    }
    arrays |= {
        f"{s}/bias": rng.standard_normal(4).astype("f4") for s in ("query", "value", "dense_1")
    }
    layer = kl.Dense(4, name="value")
    layer.build((None, 4))
    assert in_memory(layer, arrays).matched[0].tensors == ("value/kernel", "value/bias")
    counted = kl.Dense(4, name="dense_1")
    counted.build((None, 4))
    with pytest.raises(UsageError, match="any of 3 places"):
        in_memory(counted, arrays)


def everything():
    stacked = kl.RNN([kl.LSTMCell(4), kl.GRUCell(3, reset_after=False)], return_sequences=True)
    layers = (
        kl.Embedding(9, 5), kl.Conv1D(4, 3), kl.BatchNormalization(), kl.Bidirectional(kl.GRU(3, return_sequences=True)),
        stacked, kl.SimpleRNN(7), kl.Dense(2),
    )  # fmt: skip
    return random(keras.Sequential([keras.Input((8,), dtype="int32"), *layers]), 5)


def test_there_and_back(in_memory):
    """Only the forget bias may cost a rounding; of the two biases of a GRU's gates TF1 keeps the sum."""
    model, other = everything(), random(everything(), 6)
    names = porting.tf1_names(model, "net")
    assert any(n.endswith("multi_rnn_cell/cell_1/gru_cell/gates/kernel") for n in names)
    scopes = {
        a.name: f"net/{b.name}"
        for a, b in zip(other.layers, model.layers, strict=True)
        if a.weights
    }
    assert in_memory(other, names, scopes).complete
    again = porting.tf1_names(other, "net")
    for (_, old), (name, new) in zip(names.items(), again.items(), strict=True):
        np.testing.assert_allclose(new, old, rtol=0, atol=2e-7, err_msg=name)


@pytest.mark.parametrize("name", [n for n in SINGLES if n != "gru_block"])
def test_back_to_the_checkpoint(name):
    """Loaded from a real checkpoint and named again: the same names and values.

    GRUBlockCell names its variables in its own way; TF1's default is GRUCell's.
    """
    from converters.read_checkpoint import open_checkpoint

    model = single(name, "float32")
    porting.load_tf1_weights(model, NETS, name)
    checkpoint = open_checkpoint(NETS)
    cell = {"fused": "lstm_fused_cell"}.get(name)
    scope = name if name == "fused" else f"{name}/rnn"
    for tensor, value in porting.tf1_names(model.layers[-1], scope, cell=cell).items():
        np.testing.assert_allclose(
            value, checkpoint.read(tensor), rtol=0, atol=1.2e-7, err_msg=tensor
        )

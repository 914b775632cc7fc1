"""Names, signatures, scopes, reuse and errors of porting.tf1."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def tf() -> Any:
    from porting import tf1

    tf1.logging.set_verbosity(tf1.logging.ERROR)
    with tf1.Graph().as_default():
        yield tf1


def test_importing_costs_nothing() -> None:
    code = "import sys; from porting import tf1; import porting.tf1.contrib; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_missing_tensorflow_is_named() -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from porting import tf1\n"
        "from reference.errors import MissingExtraError\n"
        "try: tf1.Session\n"
        "except MissingExtraError as e: print(e.extra)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "tensorflow"


def test_every_catalogued_name_is_offered(tf: Any) -> None:
    from porting.scan.catalogue import OFFERED

    homes = {"tensorflow.nn.rnn_cell": "porting.tf1.rnn_cell"}
    for module, names in OFFERED.items():
        home = homes.get(module, module.replace("tensorflow", "porting.tf1"))
        loaded = importlib.import_module(home)
        assert [name for name in sorted(names) if not hasattr(loaded, name)] == [], home


def test_unscoped_cells_get_names_of_their_own(tf: Any) -> None:
    x = tf.zeros([2, 3])
    for _ in range(2):
        cell = tf.nn.rnn_cell.GRUCell(4)
        cell(x, cell.zero_state(2, tf.float32))
    names = [v.op.name for v in tf.trainable_variables()]
    assert names[0] == "gru_cell/gates/kernel"
    assert names[4] == "gru_cell_1/gates/kernel"


def test_a_cell_called_twice_makes_its_variables_once(tf: Any) -> None:
    x, cell = tf.zeros([2, 3]), tf.nn.rnn_cell.LSTMCell(4)
    _, state = cell(x, cell.zero_state(2, tf.float32))
    cell(x, state)
    assert len(tf.trainable_variables()) == 2
    assert [v.op.name for v in cell.trainable_weights] == ["lstm_cell/kernel", "lstm_cell/bias"]


def test_existing_variables_need_reuse(tf: Any) -> None:
    x = tf.zeros([2, 3])

    def call(**kwargs: Any) -> None:
        with tf.variable_scope("m"):
            cell = tf.nn.rnn_cell.BasicRNNCell(4, name="cell", **kwargs)
            tf.nn.static_rnn(cell, [x], dtype=tf.float32)

    call()
    with pytest.raises(ValueError, match="already exists"):
        call()
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        call()
    assert len(tf.trainable_variables()) == 2


def test_fresh_values_are_tf1s(tf: Any) -> None:
    x, cell = tf.zeros([2, 3]), tf.nn.rnn_cell.GRUCell(40, kernel_initializer="orthogonal")
    cell(x, cell.zero_state(2, tf.float32))
    lstm = tf.nn.rnn_cell.LSTMCell(40)
    lstm(x, lstm.zero_state(2, tf.float32))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = {v.op.name: session.run(v) for v in tf.trainable_variables()}
    assert (found["gru_cell/gates/bias"] == 1).all()
    assert (found["gru_cell/candidate/bias"] == 0).all()
    assert (found["lstm_cell/bias"] == 0).all()
    kernel = found["gru_cell/candidate/kernel"]
    assert np.allclose(kernel.T @ kernel, np.eye(40), atol=1e-5)  # orthogonal columns
    glorot = np.sqrt(6 / (43 + 160))
    assert 0.9 * glorot < np.abs(found["lstm_cell/kernel"]).max() <= glorot


def test_what_tf1_refuses(tf: Any) -> None:
    cells, x = tf.nn.rnn_cell, tf.zeros([2, 3])
    with pytest.raises(ValueError, match="at least one cell"):
        cells.MultiRNNCell([])
    with pytest.raises(ValueError, match="state_is_tuple"):
        cells.MultiRNNCell([cells.LSTMCell(3)], state_is_tuple=False)
    with pytest.raises(ValueError, match="between 0 and 1"):
        cells.DropoutWrapper(cells.LSTMCell(3), input_keep_prob=1.5)
    with pytest.raises(TypeError, match="not an RNNCell"):
        cells.ResidualWrapper(object())
    with pytest.raises(ValueError, match="ndim=2"):
        cells.BasicLSTMCell(3)(
            tf.zeros([2, 3, 4]), cells.BasicLSTMCell(3).zero_state(2, tf.float32)
        )
    with pytest.raises(ValueError, match="floating point"):
        cells.GRUCell(3, dtype=tf.int32)
    with pytest.raises(ValueError, match="Unknown activation"):
        cells.GRUCell(3, activation="nonsense")
    with pytest.raises(ValueError, match="Exactly one"):
        tf.contrib.rnn.GRUBlockCell()
    with pytest.raises(TypeError, match="not understood"):
        cells.LSTMCell(3, no_such_argument=1)
    cell = tf.contrib.rnn.IntersectionRNNCell(4)
    with pytest.raises(ValueError, match="input size == output size"):
        cell(x, cell.zero_state(2, tf.float32))


def test_a_new_cudnn_layer_starts_as_tf1s(tf: Any) -> None:
    layer = tf.contrib.cudnn_rnn.CudnnLSTM(1, 5)
    y, _ = layer(tf.zeros([4, 2, 3]))
    assert y.shape.as_list() == [4, 2, 5]
    assert len(layer.trainable_variables) == 2
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        kernel = session.run(layer.trainable_variables[0])
    # Glorot of each gate's own matrices: [5, 3] for the input, [5, 5] for the state.
    assert np.abs(kernel[:3]).max() <= np.sqrt(6 / 8)
    assert np.abs(kernel[3:]).max() <= np.sqrt(6 / 10)


def test_the_vocabulary_is_whole() -> None:
    from porting.tf1.vocabulary import OPS
    from reference.vocabulary.signatures import SIGNATURES

    assert [name for name in SIGNATURES if not hasattr(OPS, name)] == []

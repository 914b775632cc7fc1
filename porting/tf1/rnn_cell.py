"""``tf.nn.rnn_cell``."""

from porting.tf1.cell_base import (  # noqa: F401 - private, and imported by people's cells all the same
    LayerRNNCell,
    LSTMStateTuple,
    RNNCell,
    _linear,
    assert_like_rnncell,
)
from porting.tf1.core_cells import BasicLSTMCell, BasicRNNCell, GRUCell, LSTMCell, MultiRNNCell
from porting.tf1.wrappers import DeviceWrapper, DropoutWrapper, ResidualWrapper

__all__ = [
    "BasicLSTMCell", "BasicRNNCell", "DeviceWrapper", "DropoutWrapper", "GRUCell", "LSTMCell",
    "LSTMStateTuple", "LayerRNNCell", "MultiRNNCell", "RNNCell", "ResidualWrapper",
]  # fmt: skip

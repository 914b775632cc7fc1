"""``tf.contrib.rnn``."""

from porting.tf1.block_cells import (  # noqa: F401
    CudnnCompatibleGRUCell,
    CudnnCompatibleLSTMCell,
    GRUBlockCell,
    GRUBlockCellV2,
    LSTMBlockCell,
    LSTMBlockFusedCell,
    LSTMBlockWrapper,
)
from porting.tf1.cell_base import (  # noqa: F401 - _linear is private, and was used all the same
    LayerRNNCell,
    LSTMStateTuple,
    RNNCell,
    _linear,
)
from porting.tf1.contrib_conv import (
    Conv1DLSTMCell,
    Conv2DLSTMCell,
    Conv3DLSTMCell,
    ConvLSTMCell,
    NTMCell,
)
from porting.tf1.contrib_grid import BidirectionalGridLSTMCell, GridLSTMCell, TimeFreqLSTMCell
from porting.tf1.contrib_groups import GLSTMCell, NASCell, PhasedLSTMCell
from porting.tf1.contrib_lstm import (
    CoupledInputForgetGateLSTMCell,
    LayerNormBasicLSTMCell,
    LayerNormLSTMCell,
    WeightNormLSTMCell,
)
from porting.tf1.contrib_small import (
    CFNCell,
    IndRNNCell,
    IndyGRUCell,
    IndyLSTMCell,
    IntersectionRNNCell,
    MinimalRNNCell,
    SRUCell,
    UGRNNCell,
)
from porting.tf1.contrib_wrappers import (
    AttentionCellWrapper,
    CompiledWrapper,
    EmbeddingWrapper,
    HighwayWrapper,
    InputProjectionWrapper,
    OutputProjectionWrapper,
)
from porting.tf1.core_cells import BasicLSTMCell, BasicRNNCell, GRUCell, LSTMCell, MultiRNNCell
from porting.tf1.runtime import tf
from porting.tf1.sequences import (
    FusedRNNCell,
    FusedRNNCellAdaptor,
    TimeReversedFusedRNN,
    stack_bidirectional_dynamic_rnn,
    stack_bidirectional_rnn,
)
from porting.tf1.wrappers import DeviceWrapper, DropoutWrapper, ResidualWrapper
from reference.cells.ntm import NTMControllerState

static_rnn = tf.nn.static_rnn
static_bidirectional_rnn = tf.nn.static_bidirectional_rnn
static_state_saving_rnn = tf.nn.static_state_saving_rnn


def transpose_batch_time(x):  # type: ignore[no-untyped-def]
    """Axes 0 and 1 exchanged; ValueError below rank 2."""
    if x.shape.ndims is not None and x.shape.ndims < 2:
        msg = f"Expected input tensor {x} to have rank at least 2"
        raise ValueError(msg)
    rank = tf.rank(x) if x.shape.ndims is None else x.shape.ndims
    known = [d.value for d in x.shape.dims] if x.shape.ndims is not None else None
    turned = tf.transpose(x, tf.concat([[1, 0], tf.range(2, rank)], axis=0))
    if known is not None:
        turned.set_shape([known[1], known[0], *known[2:]])
    return turned


def best_effort_input_batch_size(flat_input):  # type: ignore[no-untyped-def]
    """The static batch size of time-major inputs where one of them has it, else a tensor."""
    for x in flat_input:
        if x.shape.ndims is not None and x.shape.ndims >= 2 and x.shape.dims[1].value is not None:
            return x.shape.dims[1].value
    return tf.shape(flat_input[0])[1]


__all__ = [
    "AttentionCellWrapper", "BasicLSTMCell", "BasicRNNCell", "BidirectionalGridLSTMCell", "CFNCell",
    "CompiledWrapper", "Conv1DLSTMCell", "Conv2DLSTMCell", "Conv3DLSTMCell", "ConvLSTMCell",
    "CoupledInputForgetGateLSTMCell", "DeviceWrapper", "DropoutWrapper", "EmbeddingWrapper",
    "FusedRNNCell", "FusedRNNCellAdaptor", "GLSTMCell", "GRUBlockCell", "GRUBlockCellV2", "GRUCell",
    "GridLSTMCell", "HighwayWrapper", "IndRNNCell", "IndyGRUCell", "IndyLSTMCell",
    "InputProjectionWrapper", "IntersectionRNNCell", "LSTMBlockCell", "LSTMBlockFusedCell",
    "LSTMBlockWrapper", "LSTMCell", "LSTMStateTuple", "LayerNormBasicLSTMCell", "LayerNormLSTMCell",
    "LayerRNNCell", "MinimalRNNCell", "MultiRNNCell", "NASCell", "NTMCell", "NTMControllerState",
    "OutputProjectionWrapper", "PhasedLSTMCell", "RNNCell", "ResidualWrapper", "SRUCell",
    "TimeFreqLSTMCell", "TimeReversedFusedRNN", "UGRNNCell", "WeightNormLSTMCell",
    "best_effort_input_batch_size", "stack_bidirectional_dynamic_rnn", "stack_bidirectional_rnn",
    "static_bidirectional_rnn", "static_rnn", "static_state_saving_rnn", "transpose_batch_time",
]  # fmt: skip

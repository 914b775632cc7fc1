"""``tf.contrib.cudnn_rnn``."""

from porting.tf1.block_cells import CudnnCompatibleGRUCell, CudnnCompatibleLSTMCell
from porting.tf1.cudnn_layers import CudnnGRU, CudnnLSTM, CudnnRNNRelu, CudnnRNNTanh

__all__ = [
    "CudnnCompatibleGRUCell", "CudnnCompatibleLSTMCell", "CudnnGRU", "CudnnLSTM", "CudnnRNNRelu",
    "CudnnRNNTanh",
]  # fmt: skip

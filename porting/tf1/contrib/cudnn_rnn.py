"""``tf.contrib.cudnn_rnn``."""

from porting.tf1.block_cells import CudnnCompatibleGRUCell, CudnnCompatibleLSTMCell

__all__ = ["CudnnCompatibleGRUCell", "CudnnCompatibleLSTMCell"]

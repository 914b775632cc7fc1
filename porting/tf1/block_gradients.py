"""The gradient of the LSTMBlockCell op, which TensorFlow kept, while its gradient went with contrib.

Source: TF 1.15.5 ``contrib/rnn/python/ops/lstm_ops.py:231-287``: the kernel gives the gates' gradients, the rest is one linear map.
"""

from __future__ import annotations

from typing import Any

from porting.tf1.cell_base import features
from porting.tf1.runtime import tf

LSTM_BLOCK = "RnnportLSTMBlockCell"


@tf.RegisterGradient(LSTM_BLOCK)
def lstm_block_cell(op: Any, *grads: Any) -> Any:
    """Gradients of x, c, h, w, wci, wcf, wco, b."""
    x, c, h, w, wci, wcf, wco, b = op.inputs
    i, new_c, f, o, ci, co, _ = op.outputs
    of = tf.raw_ops.LSTMBlockCellGrad(
        x=x, cs_prev=c, h_prev=h, w=w, wci=wci, wcf=wcf, wco=wco, b=b, i=i, cs=new_c, f=f, o=o, ci=ci,
        co=co, cs_grad=grads[1], h_grad=grads[6], use_peephole=op.get_attr("use_peephole"),
    )  # fmt: skip
    sizes = [features(x.shape), features(h.shape)]
    into_x, into_h = tf.split(tf.matmul(of.dicfo, w, transpose_b=True), sizes, 1)
    into_w = tf.matmul(tf.concat([x, h], 1), of.dicfo, transpose_a=True)
    into_b = tf.reduce_sum(of.dicfo, 0)
    peep = (of.wci_grad, of.wcf_grad, of.wco_grad)
    return into_x, of.cs_prev_grad, into_h, into_w, *peep, into_b

"""TensorFlow 1's recurrent API on current TensorFlow: ``from porting import tf1 as tf`` in place of ``import tensorflow as tf``.

Everything of ``tensorflow.compat.v1`` is here under its own name, with v2 behaviour off, and with what TensorFlow has dropped since:
``nn.rnn_cell``, ``contrib.rnn``, ``contrib.cudnn_rnn``, ``contrib.seq2seq``, ``contrib.legacy_seq2seq``, the few ``contrib.layers`` and ``layers``
that recurrent code uses. TensorFlow is imported at the first name that is asked for.
"""

from porting.tf1.namespace import lazy

__getattr__ = lazy(
    __name__,
    {
        "nn": "=porting.tf1.nn",
        "contrib": "=porting.tf1.contrib",
        "layers": "=porting.tf1.layers",
        "Session": "porting.tf1.sessions",
        "InteractiveSession": "porting.tf1.sessions",
    },
    "",
)

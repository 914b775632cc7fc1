"""``tf.nn``: TensorFlow's, with ``rnn_cell`` back."""

from porting.tf1.namespace import lazy

__getattr__ = lazy(__name__, {"rnn_cell": "=porting.tf1.rnn_cell"}, "nn")

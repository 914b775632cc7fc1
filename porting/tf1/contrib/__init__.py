"""``tf.contrib``: what recurrent code used of it."""

from porting.tf1.namespace import lazy

_PARTS = ("rnn", "cudnn_rnn", "seq2seq", "legacy_seq2seq", "layers")

__getattr__ = lazy(__name__, {part: f"=porting.tf1.contrib.{part}" for part in _PARTS})

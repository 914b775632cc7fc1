"""Sessions whose graph optimiser leaves the numbers alone.

Current TensorFlow's graph optimiser, with default options, gets some TF1 graphs wrong (a layer-norm LSTM by 2e-2): its remapper fuses what
TF1 did not. Here the remapper is off unless the caller's own config says something about it.
"""

from __future__ import annotations

from typing import Any

from porting.tf1.runtime import tf


def _careful(config: Any) -> Any:
    made = tf.ConfigProto()
    if config is not None:
        made.CopyFrom(config)
    options = made.graph_options.rewrite_options
    if options.remapping == options.DEFAULT:
        options.remapping = options.OFF
    return made


class Session(tf.Session):
    """``tf.Session``."""

    def __init__(self, target: str = "", graph: Any = None, config: Any = None) -> None:
        super().__init__(target, graph=graph, config=_careful(config))


class InteractiveSession(tf.InteractiveSession):
    """``tf.InteractiveSession``."""

    def __init__(self, target: str = "", graph: Any = None, config: Any = None) -> None:
        super().__init__(target, graph=graph, config=_careful(config))

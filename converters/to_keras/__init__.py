"""Programs as Keras 3 models. Importing this package imports Keras and registers the layers of the ports."""

from converters.to_keras.export import Exported, to_keras
from converters.to_keras.layers import block, cell, recurrent, tf_op
from converters.to_keras.running import runner
from converters.to_keras.save import save

__all__ = ["Exported", "block", "cell", "recurrent", "runner", "save", "tf_op", "to_keras"]

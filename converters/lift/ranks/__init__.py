"""Shapes that a graph does not state: what its ops need a tensor to be, found forwards and backwards.

A placeholder without a shape (``tf.placeholder(tf.float32)``, and every partly known shape up to TF 1.1, which wrote it as a scalar's) is still
fed with one rank and one number of features, because something multiplies, transposes or concatenates it. :func:`infer` finds that: each op
is a rule between the shapes around it, and rules are applied until nothing more is told.

Only what TensorFlow would refuse otherwise is concluded. What no op tells stays unknown.
"""

from converters.lift.ranks.graphs import infer, is_ambiguous, stated
from converters.lift.ranks.shapes import Dims

UNTOLD = (
    "nothing tells its number of axes, neither the graph nor the ops that read it: "
    "give --samples with recorded runs, which show it"
)
"""Said of an input."""

__all__ = ["UNTOLD", "Dims", "infer", "is_ambiguous", "stated"]

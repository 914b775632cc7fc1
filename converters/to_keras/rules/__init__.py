"""One rule a file; the first that fits a value builds it."""

from __future__ import annotations

from converters.to_keras.plan import Rule
from converters.to_keras.rules.batch_norm import batch_norm
from converters.to_keras.rules.bidirectional import bidirectional
from converters.to_keras.rules.control import control
from converters.to_keras.rules.conv import conv
from converters.to_keras.rules.dense import dense
from converters.to_keras.rules.elementwise import through_view
from converters.to_keras.rules.embedding import embedding
from converters.to_keras.rules.native import native_recurrence
from converters.to_keras.rules.operations import (
    known_value,
    operation,
    reshape,
    symbolic_sizes,
    unflattened_anyway,
)
from converters.to_keras.rules.reference import any_recurrence, keras_rnn
from converters.to_keras.rules.sizes import (
    like,
    open_fill,
    open_range,
    open_rows,
    scaled,
    unit_axes,
)
from converters.to_keras.rules.split import equal_split
from converters.to_keras.rules.views import (
    identity,
    recurrence_layout,
    swapped_anyway,
    transpose,
    unflatten,
)

RULES: tuple[Rule, ...] = (
    identity,
    known_value,
    bidirectional,
    native_recurrence,
    keras_rnn,
    any_recurrence,
    control,
    embedding,
    dense,
    conv,
    batch_norm,
    scaled,
    transpose,
    unflatten,
    recurrence_layout,
    through_view,
    symbolic_sizes,
    reshape,
    unit_axes,
    like,
    open_rows,
    open_range,
    open_fill,
    equal_split,
    operation,
    swapped_anyway,
    unflattened_anyway,
)
"""In the order they are tried."""

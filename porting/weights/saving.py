"""``save_tf1_weights``: Keras weights as a checkpoint that TensorFlow 1 restores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from converters.write_checkpoint import write_checkpoint
from porting.weights.naming import tf1_names
from reference.errors import UsageError


def save_tf1_weights(
    model_or_layer: Any,
    checkpoint: Path | str,
    scope: str = "",
    *,
    forget_bias: float = 1.0,
    cell: str | None = None,
    more: Mapping[str, np.ndarray] | None = None,
) -> tuple[str, ...]:
    """Write a V2 checkpoint with the names and the layout of TF 1.15.5, and give the names.

    ``tf.train.Saver().restore(session, checkpoint)`` reads it in the old program, whose variables must have these names.

    Args:
        model_or_layer: as :func:`porting.tf1_names` takes it, and ``scope``, ``forget_bias`` and ``cell`` too.
        checkpoint: the prefix; ``.index`` and ``.data-00000-of-00001`` are put behind it, and replaced where they are.
        more: variables that no layer holds, by name (``global_step``).

    Raises:
        UsageError: as :func:`porting.tf1_names`; a name of ``more`` is a layer's; the folder is missing.
        SemanticsError: a layer has no counterpart in TF1, or a dtype none in a checkpoint.
    """
    values = tf1_names(model_or_layer, scope, forget_bias=forget_bias, cell=cell)
    for name, value in (more or {}).items():
        if name in values:
            msg = f"{name!r} is the name of a layer's weight already"
            raise UsageError(msg)
        values[name] = np.asarray(value)
    if not Path(checkpoint).absolute().parent.is_dir():
        msg = f"the folder {Path(checkpoint).parent} does not exist"
        raise UsageError(msg)
    write_checkpoint(checkpoint, values)
    return tuple(values)

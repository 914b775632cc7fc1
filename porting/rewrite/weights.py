"""From a TF1 checkpoint into the Keras layers that step 2 wrote.

A rewritten file carries ``RNNPORT_WEIGHTS``: for each Keras layer the scope of its TF1 variables, and the forget bias that TF1 added at run time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reference.errors import UsageError

Array = np.ndarray[Any, Any]


def assign(model: Any, variables: Mapping[str, Array], entries: Mapping[str, Any], /) -> None:
    """Set the weights of every layer named in ``entries``.

    Args:
        model: a built ``keras.Model``.
        variables: TF1's variables by name, e.g. from ``tf.train.load_checkpoint``.
        entries: the file's ``RNNPORT_WEIGHTS``.

    Raises:
        UsageError: a variable is missing or is there twice.
    """
    for name, entry in entries.items():
        scopes = (
            entry["variables"] if isinstance(entry["variables"], list) else [entry["variables"]]
        )
        values: list[Array] = []
        for scope in scopes:
            values += layer_weights(variables, scope, entry["layer"], entry.get("forget_bias"))
        model.get_layer(name).set_weights(values)


def layer_weights(
    variables: Mapping[str, Array], scope: str, layer: str, forget_bias: float | None, /
) -> list[Array]:
    """[kernel, recurrent kernel, bias] in Keras' order of gates."""
    if layer == "GRU":
        gates, gate_bias = (find(variables, f"{scope}/gates/{part}") for part in ("kernel", "bias"))
        own, own_bias = (
            find(variables, f"{scope}/candidate/{part}") for part in ("kernel", "bias")
        )
        n = own.shape[1]
        # Keras: z (TF's u), r, h.
        kernel = np.concatenate([gates[:, n:], gates[:, :n], own], 1)
        bias = np.concatenate([gate_bias[n:], gate_bias[:n], own_bias])
        return [kernel[:-n], kernel[-n:], bias]
    kernel, bias = (find(variables, f"{scope}/{part}") for part in ("kernel", "bias"))
    if layer == "SimpleRNN":
        n = kernel.shape[1]
        return [kernel[:-n], kernel[-n:], bias]
    n = kernel.shape[1] // 4
    i, j, f, o = np.split(kernel, 4, 1)
    bi, bj, bf, bo = np.split(bias, 4)
    kernel = np.concatenate([i, f, j, o], 1)
    bias = np.concatenate([bi, bf + np.asarray(forget_bias or 0.0, bf.dtype), bj, bo])
    return [kernel[:-n], kernel[-n:], bias]


def find(variables: Mapping[str, Array], name: str, /) -> Array:
    """The variable of that name, or the only one that ends in it.

    Raises:
        UsageError: none, or several.
    """
    if name in variables:
        return np.asarray(variables[name])
    ending = [key for key in variables if key.endswith(f"/{name}")]
    if len(ending) != 1:
        msg = f"{len(ending)} variables end in {name!r}: give the variables of one model, or set its scope in RNNPORT_WEIGHTS"
        raise UsageError(msg)
    return np.asarray(variables[ending[0]])

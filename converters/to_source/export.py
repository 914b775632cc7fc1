"""The functional model written down, one line a layer, in the order of computation."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from converters.to_keras import Exported
from converters.to_keras.backend import keras
from converters.to_keras.idioms import idiom
from converters.to_keras.layers.cell import ReferenceCell
from converters.to_source.calls import Names, call, helper, layer, quoted
from converters.to_source.cells import cell_class
from converters.to_source.helpers import HELPERS
from converters.to_source.order import nodes_in_order, operands
from reference.errors import NotConvertibleError, Reason

HEAD = '''"""{title}

Made by rnnport from a TensorFlow 1 model; the weights are in {weights} beside this file.
{origin}"""

from pathlib import Path

import keras
from keras import {modules}


def build():
'''

TAIL = '''

def load(path=None):
    """The model with its trained weights."""
    model = build()
    model.load_weights(path or Path(__file__).with_name("{weights}"))
    return model


if __name__ == "__main__":
    load().summary()
'''

WEIGHTS = "model.weights.h5"


def to_source(exported: Exported, /) -> str:
    """The text of ``model.py``.

    Raises:
        NotConvertibleError: a layer is not Keras' own, by name.
    """
    _refuse_others(exported)
    model, names = exported.model, Names()
    lines = [f"{names.of(tensor)} = {given(tensor, name)}" for name, tensor in model.input.items()]
    helpers: set[str] = set()
    taken: set[str] = set()
    cells = _cells(model)
    classes = [cell_class(cell, features, taken) for cell, features in cells]
    for (cell, _), written in zip(cells, classes, strict=True):
        names.classes[id(cell)] = written.name
        helpers |= written.helpers
    order = list(nodes_in_order(list(model.output.values())))
    names.read = {id(t) for node, tensor in order for t in operands(node, tensor)}
    names.read |= {id(t) for t in model.output.values()}
    calls = Counter(id(node.operation) for node, _ in order)
    for node, tensor in order:
        found, one = idiom(tensor), node.operation
        if found is None:
            again = calls[id(one)] > 1 and isinstance(one, keras.layers.Layer)
            if again and id(one) not in names.layers:
                names.layers[id(one)] = names.of(one, f"{one.name}_layer")
                lines.append(f"{names.layers[id(one)]} = {layer(one, names)}")
            lines.append(call(node, names))
        else:
            helpers.add(found.function)
            lines.append(helper(tensor, found, names))
    inputs = ", ".join(f"{quoted(k)}: {names.of(t)}" for k, t in model.input.items())
    outputs = ", ".join(f"{quoted(k)}: {names.of(t)}" for k, t in model.output.items())
    lines += [
        f"inputs = {{{inputs}}}",
        f"outputs = {{{outputs}}}",
        f"return keras.Model(inputs, outputs, name={quoted(model.name)})",
    ]
    doc = '    """The model, weights not loaded yet."""\n'
    body = doc + "".join(f"    {line}\n" for line in lines)
    defined = "".join(HELPERS[name] for name in HELPERS if name in helpers)
    defined += "".join(written.text for written in classes)
    modules = [m for m in ("layers", "ops") if f"{m}." in body + defined]
    title = f"{model.name}: inputs {', '.join(model.input)}; outputs {', '.join(model.output)}."
    origin = "".join(f"{k}: {v}\n" for k, v in sorted(exported.metadata.items()))
    said = {"title": harmless(title), "origin": harmless(origin)}
    head = HEAD.format(**said, weights=WEIGHTS, modules=", ".join(modules))
    head = head.replace("\n\ndef build():", f"{defined}\n\ndef build():")
    return head + body + TAIL.format(weights=WEIGHTS)


def save_source(exported: Exported, folder: str | Path, /) -> None:
    """Write the source folder; an existing one is replaced only when the new one is complete."""
    target = Path(folder)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        (draft / "model.py").write_text(to_source(exported), encoding="utf-8")
        exported.model.save_weights(draft / WEIGHTS)
        draft.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        draft.replace(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def given(tensor: Any, name: str, /) -> str:
    """An input as a person writes it: the batch unsaid where it is open, and float32."""
    shape = tuple(tensor.shape)
    sizes = f"{shape[1:]}" if shape[:1] == (None,) else f"batch_shape={shape}"
    dtype = "" if tensor.dtype == "float32" else f', dtype="{tensor.dtype}"'
    return f"keras.Input({sizes}{dtype}, name={quoted(name)})"


def _cells(model: Any) -> list[tuple[Any, int]]:
    """The cells of the model's ``RNN`` layers that are not Keras' own, and how many features each reads."""
    layers = [layer for layer in model.layers if type(layer) is keras.layers.RNN]
    ours = [layer for layer in layers if isinstance(layer.cell, ReferenceCell)]
    return [(one.cell, one._inbound_nodes[0].arguments.args[0].shape[-1]) for one in ours]


def harmless(comment: str, /) -> str:
    """Text that cannot end the docstring it stands in."""
    return comment.replace("\\", "\\\\").replace('"' * 3, "'" * 3)


def _refuse_others(exported: Exported) -> None:
    written = {id(cell) for cell, _ in _cells(exported.model)}
    reasons = tuple(
        Reason(layer.name, f"{type(layer).__name__} is a layer of rnnport, not of Keras")
        for layer in exported.model._flatten_layers()
        if type(layer).__module__.startswith("converters.") and id(layer) not in written
    )
    if reasons:
        msg = f"the model cannot be plain Keras source: {'; '.join(map(str, reasons[:3]))}"
        raise NotConvertibleError(msg, reasons)

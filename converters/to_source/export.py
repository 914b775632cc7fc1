"""The functional model written down, one line a layer, in the order of computation."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converters.to_keras import Exported
from converters.to_keras.backend import keras
from converters.to_keras.layers.cell import ReferenceCell
from converters.to_keras.layers.recurrent import Recurrent
from converters.to_keras.layers.tf_op import TFOp
from converters.to_source.blocks.classes import own_class
from converters.to_source.blocks.own import OwnLayer
from converters.to_source.cells import cell_class
from converters.to_source.class_text import CellClass
from converters.to_source.helpers import HELPERS, LIBRARY, NEEDS, ONLY_IMPORTED
from converters.to_source.lines import Writer
from converters.to_source.literals import quoted
from converters.to_source.names import Names, is_noise
from converters.to_source.plain import TAKEN, opened
from converters.to_source.variable import Variable
from reference.errors import NotConvertibleError, Reason, RnnportError

HEAD = '''"""{title}

Made by rnnport from a TensorFlow 1 model; the weights are in {weights} beside this file.
{origin}"""

from pathlib import Path

import keras
from keras import {modules}
{imports}

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

WIDTH = 96
"""Of a line of the origin."""


def to_source(exported: Exported, /) -> str:
    """The text of ``model.py``.

    Raises:
        NotConvertibleError: a layer is not Keras' own, by name; or an op needs to know sizes before the model runs.
    """
    return source_of(plain(exported), exported)


def plain(exported: Exported, /) -> Any:
    """The model of layers that source can hold.

    Raises:
        NotConvertibleError: it has others.
    """
    _refuse_others(exported)
    return opened(exported)


def source_of(model: Any, exported: Exported, /) -> str:
    """The text of ``model.py`` for a :func:`plain` model."""
    names = Names()
    lines = [f"{names.of(tensor)} = {given(tensor, name)}" for name, tensor in model.input.items()]
    classes = _classes(model, names)
    writer = Writer(names, list(model.output.values()), _output_names(model))
    lines += writer.write()
    inputs = ", ".join(f"{quoted(k)}: {names.of(t)}" for k, t in model.input.items())
    outputs = ", ".join(f"{quoted(k)}: {names.of(t)}" for k, t in model.output.items())
    lines += [
        f"inputs = {{{inputs}}}",
        f"outputs = {{{outputs}}}",
        f"return keras.Model(inputs, outputs, name={quoted(model.name)})",
    ]
    doc = '    """The model, weights not loaded yet."""\n'
    body = doc + "".join(f"    {line}\n" for line in lines)
    used = writer.helpers.union(*(one.helpers for one in classes))
    imported = sorted(used & set(LIBRARY)) if used & ONLY_IMPORTED else []
    defined = _helpers(model, used - set(imported))
    defined += "".join(one.text for one in classes)
    modules = [m for m in ("layers", "ops") if f"{m}." in body + defined]
    title = f"{model.name}: inputs {', '.join(model.input)}; outputs {', '.join(model.output)}."
    origin = _origin(exported.metadata)
    said = {"title": harmless(title), "origin": harmless(origin)}
    imports = (
        f"\nfrom converters.to_keras.decoding import {', '.join(imported)}\n" if imported else ""
    )
    head = HEAD.format(**said, weights=WEIGHTS, modules=", ".join(modules), imports=imports)
    head = head.replace("\n\ndef build():", f"{defined}\n\ndef build():")
    return head + body + TAIL.format(weights=WEIGHTS)


def _origin(metadata: Mapping[str, str]) -> str:
    """What is said of the port's origin, short entries on one line; nothing of what is empty."""
    lines: list[str] = []
    for key, value in sorted(metadata.items()):
        entry = f"{key}: {value}"
        if value in ("{}", "[]", "null"):
            continue
        if lines and len(lines[-1]) + len(entry) < WIDTH:
            lines[-1] += f"; {entry}"
        else:
            lines.append(entry)
    return "".join(f"{line}\n" for line in lines)


def _classes(model: Any, names: Names) -> list[CellClass]:
    """The cells that Keras lacks; ``names`` learns their classes."""
    own = [layer for layer in model.layers if isinstance(layer, OwnLayer)]
    taken = {*TAKEN, *(type(layer).__name__ for layer in own)}
    classes = [own_class(layer) for layer in own]
    alike: dict[tuple[str, str], str] = {}
    for layer in _ours(model):
        try:
            written = cell_class(layer, taken)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, RnnportError):
                raise
            text = f"its cell cannot be computed with its weights ({' '.join(str(error).split())[:300]})"
            msg = f"layer {layer.name!r}: {text}"
            raise NotConvertibleError(msg, (Reason(layer.name, text),)) from error
        names.classes[id(layer.cell)] = alike.setdefault(written.key, written.name)
        if names.classes[id(layer.cell)] == written.name:
            classes.append(written)
        else:
            taken.remove(written.name)
    return classes


def _helpers(model: Any, found: set[str]) -> str:
    """The functions and layers that the source defines."""
    found = found | {type(x).__name__ for x in model.layers if isinstance(x, Variable | Recurrent)}
    found |= {name for one in found for name in NEEDS.get(one, ())}
    return "".join(HELPERS[name] for name in HELPERS if name in found)


def _output_names(model: Any) -> dict[int, str]:
    """By identity of an output: its key, unless TF1 made that up or a layer is called so."""
    return {
        id(tensor): key
        for key, tensor in model.output.items()
        if not is_noise(key) and not isinstance(tensor._keras_history[0], keras.layers.Layer)
    }


def save_source(exported: Exported, folder: str | Path, /) -> None:
    """Write the source folder; an existing one is replaced only when the new one is complete."""
    target = Path(folder)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        model = plain(exported)
        (draft / "model.py").write_text(source_of(model, exported), encoding="utf-8")
        model.save_weights(draft / WEIGHTS)
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


def _ours(model: Any) -> list[Any]:
    """The layers whose cell is not Keras' own."""
    kinds = (keras.layers.RNN, Recurrent)
    layers = [layer for layer in model.layers if type(layer) in kinds]
    return [layer for layer in layers if isinstance(layer.cell, ReferenceCell)]


def harmless(comment: str, /) -> str:
    """Text that cannot end the docstring it stands in."""
    return comment.replace("\\", "\\\\").replace('"' * 3, "'" * 3)


def _refuse_others(exported: Exported) -> None:
    reasons = tuple(
        Reason(*_why_not(layer))
        for layer in exported.model._flatten_layers()
        if type(layer).__module__.startswith("converters.") and not _is_written(layer)
    )
    if reasons:
        msg = f"the model cannot be plain Keras source: {'; '.join(map(str, reasons[:3]))}"
        raise NotConvertibleError(msg, reasons)


def _is_written(layer: Any) -> bool:
    return isinstance(layer, ReferenceCell | Recurrent | TFOp)


def _why_not(layer: Any) -> tuple[str, str]:
    """The node, and what is in the way."""
    return layer.name, f"{type(layer).__name__} is a layer of rnnport, not of Keras"

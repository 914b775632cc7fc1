"""Keras 3 models, read without Keras: :func:`read_keras` makes a Program of a ``.keras`` file.

Nothing in the file is executed. Functional and Sequential models of Keras' own layers and of ``keras.ops`` are read; a class of the model's
own, a Lambda, or a setting that is not known here is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from converters.program import Program
from converters.read_keras import (  # noqa: F401  (importing fills the table)
    attention,
    core,
    merging,
    operations_shapes,
    operations_sums,
    spatial,
)
from converters.read_keras import bidirectional as _bidirectional  # noqa: F401
from converters.read_keras import recurrent as _recurrent  # noqa: F401
from converters.read_keras.archive import open_archive
from converters.read_keras.builder import Builder
from converters.read_keras.masks import Masks
from converters.read_keras.network import Network
from converters.read_keras.values import Value, flatten
from reference.errors import ArtefactError, NotConvertibleError, RnnportError
from reference.vocabulary.abstract import Fact, unknown


@dataclass(frozen=True)
class KerasModel:
    """A ``.keras`` file, read."""

    path: Path
    program: Program
    sha256: str
    version: str
    """Of the Keras that saved it."""


def read_keras(path: Path | str, /, *, max_tensor: int | None = None) -> Program:
    """The model as a Program: inputs by the names of its InputLayers, outputs by key or layer name.

    Args:
        max_tensor: bytes one weight may have at most.

    Raises:
        ArtefactError: the file is damaged, hostile or no .keras file.
        NotConvertibleError: a layer, operation or setting that is not known here; it is named.
        MissingExtraError: h5py is not installed.
    """
    return open_keras(path, max_tensor=max_tensor).program


def open_keras(path: Path | str, /, *, max_tensor: int | None = None) -> KerasModel:
    """As :func:`read_keras`, with the file's digest and the version of Keras that wrote it."""
    archive = open_archive(path, max_tensor=max_tensor)
    try:
        network = Network(archive.config, "", archive.weights)
        program = _program(network)
    except RnnportError:
        raise
    except (
        LookupError, TypeError, ValueError, AttributeError, RecursionError, ArithmeticError, AssertionError, MemoryError
    ) as error:  # fmt: skip
        msg = f"{archive.path.name}: the model's configuration is damaged ({type(error).__name__}: {str(error)[:120]})"
        raise ArtefactError(msg) from error
    finally:
        archive.weights.close()
    return KerasModel(
        archive.path, program, archive.sha256, str(archive.metadata.get("keras_version", ""))
    )


def _program(network: Network) -> Program:
    build = Builder()
    build.masks = Masks(build)
    inputs = []
    for slot in network.slots():
        # The rows of all inputs are one batch, as in Keras.
        dims = [
            n if n is not None else unknown("batch" if axis == 0 else f"{slot.name}.{axis}")
            for axis, n in enumerate(slot.shape)
        ]
        inputs.append(build.input(slot.name, Fact(slot.dtype, tuple(dims))))
    found: list[Value] = flatten(network(build, inputs))
    names = list(network.output_names())
    if network.sequential:
        names = [names[0] if not i else f"{names[0]}_{i}" for i in range(len(found))]
    outputs: dict[str, Value] = {}
    for name, value in zip(names, found, strict=True):
        label, count = name, 1
        while label in build.inputs or label in outputs:
            label, count = f"{name}_{count}", count + 1
        outputs[label] = value
    return build.program(outputs)


__all__ = ["KerasModel", "NotConvertibleError", "open_keras", "read_keras"]

"""What a layer is to its function, and the table of them.

A function ``f(call)`` reads its configuration with :meth:`Call.config`, which counts: whatever of the configuration a function neither reads
nor declares to be of training only is an argument ignored, and the layer is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from converters.read_keras.builder import Builder, refused
from converters.read_keras.dtypes import autocast, compute_dtype
from converters.read_keras.values import Nest, Value, flatten, mask_of
from reference.errors import ArtefactError

if TYPE_CHECKING:
    from converters.read_keras.archive import Weights

Function = Callable[["Call"], Nest]

TABLE: Final[dict[str, tuple[Function, str]]] = {}
"""By class name: the function, and what becomes of a mask: "keep" or "drop"."""

REFUSED: Final[dict[str, str]] = {
    "Lambda": "it holds Python code, which is never run; write it with keras.ops or as a layer of Keras' own",
    "ConvLSTM1D": "convolutional recurrences are not read yet",
    "ConvLSTM2D": "convolutional recurrences are not read yet",
    "ConvLSTM3D": "convolutional recurrences are not read yet",
}

_TRAINING = frozenset(
    [
        "name",
        "trainable",
        "dtype",
        "seed",
        "rate",
        "stddev",
        "noise_shape",
        "momentum",
        "synchronized",
        "renorm",
        "renorm_clipping",
        "renorm_momentum",
        "unit_forget_bias",
        "dropout",
        "recurrent_dropout",
        "batch_input_shape",
        "batch_shape",
        "sparse",
        "ragged",
        "input_dim",
        "output_dim",
        "input_shape",
        "units",
        "filters",
        "kernel_size",
        "depth_multiplier",
        "implementation",
    ]
)
"""Keys that change nothing at inference, or that the weights' shapes tell."""
_TRAINING_ENDS = ("_initializer", "_regularizer", "_constraint", "_quantizer")


def layer(*names: str, mask: str = "drop") -> Callable[[Function], Function]:
    """Registers a function under class names."""

    def register(function: Function) -> Function:
        for name in names:
            TABLE[name] = (function, mask)
        return function

    return register


@dataclass(eq=False)
class Layer:
    """One layer of the file; shared layers are one object."""

    name: str
    kind: str
    config: dict[str, Any]
    path: str
    """Of its weights in model.weights.h5."""
    store: Weights
    named: bool = True
    """Whether the file knows the layer's variables by the layer's name."""
    _weights: list[np.ndarray] | None = field(default=None, repr=False)

    @property
    def weights(self) -> list[np.ndarray]:
        if self._weights is None:
            self._weights = self.store.layer(self.path, self.name if self.named else "")
        return self._weights

    def inner(self, key: str, attribute: str, /) -> Layer:
        """The layer that a wrapper or an RNN holds under ``key`` of its configuration."""
        found = self.config.get(key)
        if not isinstance(found, dict):
            msg = f"layer {self.name!r} ({self.kind}) lacks its {key}"
            raise ArtefactError(msg)
        return make_layer(found, f"{self.path}/{attribute}", self.store)


def make_layer(data: Any, path: str, store: Weights, /) -> Layer:
    """From a serialised object of Keras.

    Raises:
        ArtefactError: it is none.
        NotConvertibleError: it is a class of the user's own.
    """
    if not isinstance(data, dict) or not isinstance(data.get("config"), dict):
        msg = f"the model's configuration holds something that is no layer: {str(data)[:80]!r}"
        raise ArtefactError(msg)
    config = data["config"]
    kind = str(data.get("class_name"))
    name = str(data.get("name") or config.get("name") or kind)
    module, registered = data.get("module"), data.get("registered_name")
    own = not isinstance(module, str) or module.split(".")[0] not in ("keras", "builtins")
    if own or (isinstance(registered, str) and (">" in registered or registered != kind)):
        shown = registered if isinstance(registered, str) else kind
        raise refused(name, f"{shown} is a class of the model's own, whose code is not in the file")
    return Layer(name, kind, config, path, store)


@dataclass(eq=False)
class Call:
    """One call of a layer."""

    build: Builder
    layer: Layer
    args: list[Any]
    kwargs: dict[str, Any]
    read: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)

    @property
    def x(self) -> Value:
        """The first argument, one tensor."""
        found = self.first
        if isinstance(found, list | tuple) and len(found) == 1:
            [found] = found
        if not isinstance(found, Value):
            msg = "it is called on something that is not one tensor"
            raise self.refused(msg)
        return found

    @property
    def first(self) -> Nest:
        if not self.args:
            for key in ("inputs", "sequences", "x"):
                if key in self.kwargs:
                    self.taken.add(key)
                    self.args = [self.kwargs[key]]
        if not self.args:
            msg = "it is called on nothing"
            raise self.refused(msg)
        return self.args[0]

    @property
    def xs(self) -> list[Value]:
        """The first argument, several tensors."""
        found = [leaf for leaf in flatten(self.first) if isinstance(leaf, Value)]
        if len(found) != len(flatten(self.first)):
            msg = "it is called on something that is no tensor"
            raise self.refused(msg)
        return found

    @property
    def mask(self) -> Nest:
        """The mask the layer gets: that of the call, else that of its one tensor argument.

        Beside a second tensor argument (``initial_state``) Keras hands on no mask that is not written in the call (``layer.py``, 3.15,
        step 6), and so the layer does not mask.
        """
        given = self.argument("mask")
        others = [
            v for k, v in self.kwargs.items() if k not in ("mask", "inputs", "sequences", "x")
        ]
        alone = not any(isinstance(leaf, Value) for leaf in flatten([self.args[1:], others]))
        return mask_of(self.first) if given is None and alone else given

    @property
    def previous_mask(self) -> Nest:
        """The mask that is handed on: that of the call, else that of the first argument."""
        given = self.argument("mask")
        return mask_of(self.first) if given is None else given

    def argument(self, key: str, place: int | None = None, /) -> Any:
        """An argument of the call by keyword (or place); None where it is absent."""
        self.taken.add(key)
        if place is not None and len(self.args) > place:
            self.taken.add(f"#{place}")
            return self.args[place]
        return self.kwargs.get(key)

    def config(self, key: str, default: Any = None, /) -> Any:
        """A value of the layer's configuration, which counts as read."""
        self.read.add(key)
        return self.layer.config.get(key, default)

    def weights(self, *shapes: tuple[int | None, ...] | None) -> list[np.ndarray]:
        """The layer's variables, as many as there are shapes, of those shapes (None: of any)."""
        found = self.layer.weights
        if len(found) != len(shapes):
            msg = f"layer {self.layer.name!r}: {len(found)} weights are stored, {len(shapes)} are needed"
            raise ArtefactError(msg)
        for array, shape in zip(found, shapes, strict=True):
            check_shape(self.layer.name, array, shape)
        return found

    def weight(self, index: int) -> Value:
        """A variable as a value of the Program."""
        return self.build.weight(self.layer.weights[index], f"{self.layer.path}/vars/{index}")

    def refused(self, text: str) -> Exception:
        return refused(self.layer.name, f"{self.layer.kind}: {text}")

    def check_read(self) -> None:
        """Refuse the layer where something of it was ignored.

        Raises:
            NotConvertibleError: a key of the configuration or an argument of the call was not read.
        """
        for key, value in self.layer.config.items():
            harmless = key in _TRAINING or key.endswith(_TRAINING_ENDS) or value in (None, False)
            if key not in self.read and not harmless:
                msg = f"its setting {key!r} is not known here"
                raise self.refused(msg)
        for key, value in self.kwargs.items():
            if key not in self.taken and key not in ("mask", "training") and value is not None:
                msg = f"its argument {key!r} is not known here"
                raise self.refused(msg)
        if self.kwargs.get("training"):
            msg = "it is called with training=True"
            raise self.refused(msg)
        for place, value in enumerate(self.args[1:], 1):
            if f"#{place}" not in self.taken and value is not None:
                msg = f"its argument {place} is not known here"
                raise self.refused(msg)


def check_shape(name: str, array: np.ndarray, shape: tuple[int | None, ...] | None, /) -> None:
    """An ArtefactError where a stored weight has not the shape its layer needs."""
    if shape is None:
        return
    fits = array.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = tuple("any" if n is None else n for n in shape)
        msg = f"layer {name!r}: a weight has shape {array.shape}, not {wanted}"
        raise ArtefactError(msg)


def run(build: Builder, layer: Layer, args: list[Any], kwargs: dict[str, Any], /) -> Nest:
    """One call: inputs cast to the layer's dtype, its function, and what becomes of the mask.

    Raises:
        NotConvertibleError: no function describes the layer, or it has a setting nobody reads.
    """
    if layer.kind in REFUSED or layer.kind not in TABLE:
        why = REFUSED.get(layer.kind, "this class of layer is not known here")
        raise refused(layer.name, f"{layer.kind}: {why}")
    function, fate = TABLE[layer.kind]
    build.prefix = layer.name
    dtype = compute_dtype(layer)
    call = Call(build, layer, [autocast(build, arg, dtype) for arg in args], kwargs)
    result = function(call)
    call.check_read()
    if fate == "keep":
        mask = call.previous_mask
        if isinstance(result, Value) and result.mask is None and isinstance(mask, Value):
            result = result.masked(mask)
    return result

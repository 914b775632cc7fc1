"""What the results are called in the source: after TF1's scopes where these say something, else after what they are."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from converters.to_source.helpers import HELPERS

ATOM, PRODUCT, SUM, COMPARISON = range(4)
"""How loosely an expression binds."""

_DEFAULTS = (
    "strided_slice slice concat concatv2 concatenate reshape transpose expand_dims expanddims squeeze split splitv stack unstack pack unpack add "
    "addv2 add_n mul multiply sub subtract truediv realdiv divide div floordiv floor_divide neg negative sum prod mean max min maximum minimum "
    "cast tocast toint32 toint64 tofloat todouble to_int32 to_float greater greaterequal greater_equal less lessequal less_equal equal notequal "
    "not_equal logicaland logical_and logicalor logical_or logicalnot logical_not select selectv2 where sigmoid tanh relu relu6 elu softplus "
    "softmax log_softmax logsoftmax matmul batchmatmul tensordot biasadd tile range fill zeros ones zeros_like ones_like zeroslike oneslike gather "
    "gatherv2 gathernd gather_nd take embedding_lookup argmax argmin square sqrt rsqrt exp log log1p pow power abs sign clip_by_value identity "
    "const exit rows getitem get_item one_hot onehot reversesequence reversev2 reverse flip shape broadcast_to broadcastto copy einsum rsub"
).split()
_NOISE = re.compile(rf"(?:^|_)(?:{'|'.join(_DEFAULTS)})(?:_\d+)?$")
_WEIGHT = re.compile(r"(?:^|_)(?:w|weights?|kernel|matrix)$", re.IGNORECASE)


def counted(name: str, /) -> str:
    """A name without the number that keeps it apart from its like.

    Example:
        >>> counted("chars__2")
        'chars'
    """
    return re.sub(r"__\d+$", "", name)


def is_noise(name: str, /) -> bool:
    """Whether TF1 gave the name by itself: the op's type, perhaps counted.

    Example:
        >>> is_noise("decoder_strided_slice_3"), is_noise("attention_weights")
        (True, False)
    """
    return bool(_NOISE.search(counted(name).lower()))


def scope(name: str, /) -> str:
    """What stands before the noise.

    Example:
        >>> scope("decoder_attention_add_1")
        'decoder_attention'
    """
    name = counted(name)
    while _NOISE.search(name.lower()):
        name = _NOISE.sub("", name.lower())
    return name


def is_weight(name: str, /) -> bool:
    """Whether a layer is named after its matrix.

    Example:
        >>> is_weight("softmax_w"), is_weight("dense")
        (True, False)
    """
    return bool(_WEIGHT.search(counted(name)))


def own(tensor: Any, /) -> str:
    """The name of what made a tensor: Keras numbers the tensors themselves."""
    return str(tensor._keras_history[0].name) if hasattr(tensor, "_keras_history") else tensor.name


class Names:
    """Python names of tensors, and the expressions that stand for those without one."""

    def __init__(self) -> None:
        self.read: set[int] = set()
        """The tensors that something reads, by identity; others need no name."""
        self.layers: dict[int, str] = {}
        """The variables of layers that are called several times, by identity."""
        self.eager = False
        """Whether the code runs on tensors of known sizes: the body of a cell."""
        self.classes: dict[int, str] = {}
        """Classes of the source by the cells they stand for, by identity."""
        self._by_tensor: dict[int, str] = {}
        self._levels: dict[int, int] = {}
        self._taken: set[str] = {
            "keras",
            "layers",
            "ops",
            "inputs",
            "outputs",
            "Path",
            "beam_search",
            "step",
            *HELPERS,
        }

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Inside of a function: its names are free again afterwards."""
        before = dict(self._by_tensor), dict(self._levels), set(self._taken), self.read
        yield
        self._by_tensor, self._levels, self._taken, self.read = before

    def named(self) -> set[int]:
        """The tensors that have a name or an expression, by identity."""
        return set(self._by_tensor)

    def known(self, tensor: Any, /) -> bool:
        """Whether it has a name or an expression already."""
        return id(tensor) in self._by_tensor

    def of(self, tensor: Any, /, wanted: str = "") -> str:
        """The tensor's variable, made from ``wanted`` (or its own name) when first asked for."""
        if id(tensor) not in self._by_tensor:
            self._by_tensor[id(tensor)] = self.claim(wanted or own(tensor))
        return self._by_tensor[id(tensor)]

    def claim(self, wanted: str, /) -> str:
        """A variable of that name, numbered where it is taken."""
        base = re.sub(r"\W+", "_", counted(wanted), flags=re.ASCII).lower()
        if base[:1].isdigit() or keyword.iskeyword(base) or not base:
            base = f"x_{base}"
        base += "_" if hasattr(builtins, base) else ""
        name, count = base, 1
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name

    def free(self, tensor: Any, /) -> None:
        """Its variable may be given to another: nothing reads it any more."""
        self._taken.discard(self._by_tensor.get(id(tensor), ""))

    def call_it(self, tensor: Any, expression: str, level: int = ATOM, /) -> None:
        """Stand for the tensor by an expression that is no variable."""
        self._by_tensor[id(tensor)] = expression
        self._levels[id(tensor)] = level

    def level(self, tensor: Any, /) -> int:
        """How loosely what stands for the tensor binds."""
        return self._levels.get(id(tensor), ATOM)

"""TensorFlow names in Keras: ``a/x:0`` is ``a_x``, ``a/x:1`` is ``a_x_1``, and names that collide get ``__2``, ``__3``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from converters.graph import split_tensor


def tensor_name(tensor: str, /) -> str:
    """The Keras name of one tensor, before collisions are resolved.

    Example:
        >>> tensor_name("a/x:0"), tensor_name("a/x:1")
        ('a_x', 'a_x_1')
    """
    node, index = split_tensor(tensor)
    name = node.replace("/", "_")
    return f"{name}_{index}" if index else name


def tensor_names(tensors: Iterable[str], /) -> dict[str, str]:
    """Distinct Keras names by tensor name, in order.

    Example:
        >>> tensor_names(["a/x:0", "a_x:0"])
        {'a/x:0': 'a_x', 'a_x:0': 'a_x__2'}
    """
    taken = Names()
    return {tensor: taken.claim(tensor_name(tensor)) for tensor in dict.fromkeys(tensors)}


class Names:
    """Hands out names, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def claim(self, wanted: str, /) -> str:
        """``wanted``, or ``wanted__2``, ``wanted__3``, … where it is taken."""
        name, count = wanted, 1
        # Keras looks layers up without regard to case on some file systems; be strict.
        while name.lower() in self._taken:
            count += 1
            name = f"{wanted}__{count}"
        self._taken.add(name.lower())
        return name


def layer_name(scope: str, /) -> str:
    """A TF scope as a Keras layer name that is also a Python identifier.

    Example:
        >>> layer_name("rnn/while/basic_lstm_cell")
        'rnn_basic_lstm_cell'
    """
    # The loop's own scope says nothing: rnn/while/basic_lstm_cell is rnn/basic_lstm_cell to the reader of the model.
    scope = re.sub(r"(?<=/)while(_\d+)?(/|$)", "", split_tensor(scope)[0])
    name = re.sub(r"\W+", "_", scope, flags=re.ASCII).strip("_")
    return f"layer_{name}" if not name or name[0].isdigit() else name

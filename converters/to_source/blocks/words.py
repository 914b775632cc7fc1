"""What the values of a block are called: after TF1's scopes, as far as these say something."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from converters.to_keras.backend import keras
from converters.to_source.blocks.controls import TracedLoop
from converters.to_source.blocks.growing import Grown, is_counter
from converters.to_source.blocks.trace import Trace
from converters.to_source.names import is_noise
from reference.vocabulary.tracer import CONSTANT, INPUT, Expr

SAYS_NOTHING = re.compile(
    r"^(output|rnn|decoder|while|cond(_\d+)?|merge(_\d+)?|exit(_\d+)?|switch(_\d+)?|enter(_\d+)?|next_?iteration(_\d+)?|placeholder(_\d+)?|"
    r"tensor_gather_helper(_\d+)?|.*decoder_step|.*zero_state|tensordot|tensor_array.*|body|loop|identity(_\d+)?|strided_?slice\d*)$"
)
"""Parts of a name that a reader can do without."""


def short(value: str, /) -> str:
    """The last part of a TF name that says something, with the noise behind it.

    Example:
        >>> short("decoder/while/BasicDecoderStep/decoder/lstm_cell/mul_2:0")
        'lstm_cell_mul_2'
        >>> short("decoder/while/BeamSearchDecoderStep/next_beam_word_ids:0")
        'next_beam_word_ids'
    """
    parts = [snake(part) for part in value.split(":")[0].split("|")[0].split("/")]
    last = parts[-1]
    if not is_noise(last) and not SAYS_NOTHING.match(last):
        return last
    told = [p for p in parts[:-1] if not is_noise(p) and not SAYS_NOTHING.match(p)]
    if not is_noise(last):
        return told[-1] if told else "value"
    return f"{told[-1]}_{last}" if told else last


def snake(part: str, /) -> str:
    """A part of a name in small letters.

    Example:
        >>> snake("BahdanauAttention")
        'bahdanau_attention'
    """
    found = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).lower()
    found = (
        found.replace("bias_add", "biasadd")
        .replace("mat_mul", "matmul")
        .replace("arg_max", "argmax")
    )
    return re.sub(r"\W+", "_", found, flags=re.ASCII).strip("_")


class Words:
    """Names for the tensors of one trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._named: dict[int, Any] = {}

    def name(self, expr: Expr, tensor: Any, /) -> None:
        """Name the operation that made a tensor, where it has only its number."""
        value = self._trace.names.get(expr)
        if not keras.utils.is_keras_tensor(tensor) or not hasattr(tensor, "_keras_history"):
            return
        operation = tensor._keras_history[0]
        if id(operation) in self._named or isinstance(operation, keras.layers.Layer):
            return
        self._named[id(operation)] = operation
        if value is not None and not getattr(operation, "called", ()):
            operation.name = short(value)

    def carried(
        self, loop: TracedLoop, places: Sequence[int], lists: Mapping[int, Grown]
    ) -> list[str]:
        """What the values that a loop carries are called."""
        return [self._carried(loop, k, lists) for k in places]

    def _carried(self, loop: TracedLoop, place: int, lists: Mapping[int, Grown]) -> str:
        if is_counter(loop, place):
            return "time"
        new = lists[place].item if place in lists else loop.new[place]
        if new.op in ("ListSet", "ListPush"):
            new = new.args[-1]
        name = self._told(loop, place, new) or self._of(new)
        plural = place in lists and not name.endswith("s")
        return f"{name}s" if plural else name

    def _told(self, loop: TracedLoop, place: int, new: Expr) -> str:
        """A name by what a value is, where TF1 gave it none."""
        name = short(self._trace.names.get(new, "add"))
        if not is_noise(name) and not SAYS_NOTHING.match(name) and name != "value":
            return ""
        while new.op == "cast":
            (new,) = new.args
        if new.op == "argmax":
            return "token"
        if new.fact.dtype == "bool":
            return "finished"
        if (
            new.op == "where"
            and new.args[2] is loop.inputs[place]
            and new.fact.dtype.startswith("int")
        ):
            return "lengths"
        return "x" if new.op == "gather" else ""

    def of(self, expr: Expr, /) -> str:
        """What a value is called."""
        return self._of(expr)

    def _of(self, expr: Expr) -> str:
        """After what was computed, else after what it was computed from."""
        seen = 0
        while seen < 6:
            seen += 1
            if expr.op == "lstm":
                return self.lstm(expr)[expr.index]
            name = short(self._trace.names.get(expr, "add"))
            if not is_noise(name) and not SAYS_NOTHING.match(name) and name != "value":
                return re.sub(r"^next_", "", name)
            told = re.sub(r"(_[a-z]+)?(_\d+)?$", "", name) if is_noise(name) else ""
            if told and expr.op not in ("reshape", "take_beams", "where", "expand_dims"):
                return told
            operands = [e for e in expr.operands if e.op not in (CONSTANT, INPUT)]
            if expr.op == "where" and len(expr.operands) == 3:
                operands = [e for e in expr.operands[1:] if e.op not in (CONSTANT, INPUT)]
            if not operands:
                break
            expr = operands[0]
        return "state"

    def lstm(self, expr: Expr, /) -> tuple[str, str]:
        """The new parts of an LSTM's state, numbered as its cell is."""
        parts = self._trace.names.get(expr, "").split("/")
        found = [p.rpartition("_")[2] for p in parts if re.fullmatch(r"cell_\d+", p)]
        more = f"_{found[-1]}" if found else ""
        return f"c{more}", f"h{more}"

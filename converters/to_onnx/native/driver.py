"""A recurrence (or a forward and a backward one on the same input) as one native operator, with TF1's semantics of lengths.

What ONNX Runtime does otherwise than TF1, and what is done about it:

* a length above T is refused, so lengths are clamped to 0..T;
* a row of length 0 ends with zeros, not with its initial state: selected after;
* a batch of 0 rows aborts the process (LSTM, GRU), so do 0 steps (GRU): padded to one and cut, where the sizes are not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.program import Recurrence
from converters.to_onnx import sizes
from converters.to_onnx.native.form import NativeForm
from converters.to_onnx.native.parts import Start, finals, is_zero, starts
from converters.to_onnx.values import Value
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, Size

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps

Env = dict[str, Any]


@dataclass(frozen=True)
class Side:
    """One direction: a recurrence and the native form of its cell."""

    recurrence: Recurrence
    form: NativeForm


def emit_native(ops: OnnxOps, sides: tuple[Side, ...], env: Env, /) -> None:
    """Write the operator; the recurrences' outputs and final states go to ``env``."""
    x = env[sides[0].recurrence.sequences[0]]
    lengths = _lengths(ops, x, sides[0].recurrence.lengths, env)
    begun = [
        starts(ops, side.form, [env[name] for name in side.recurrence.initial_state])
        for side in sides
    ]
    results = run(ops, sides, x, lengths, begun)
    for side, (sequence, last) in zip(sides, results, strict=True):
        env[side.recurrence.outputs[0]] = sequence
        env.update(zip(side.recurrence.final_state, finals(ops, side.form, last), strict=True))


def run(
    ops: OnnxOps,
    sides: tuple[Side, ...],
    x: Value,
    lengths: Value | None,
    begun: list[Start],
    /,
    *,
    filled: bool = False,
) -> list[tuple[Value, Start]]:
    """The operator on x ``[T, B, features]`` and clamped lengths: per side the sequence and the final state parts.

    ``filled``: there are a row and a step for certain, states are ``[1, B, units]`` in and out, and what a row without a step ends with is not
    looked at.
    """
    call = _Call(ops, sides, x, lengths, begun, filled)
    letters = "ch" if sides[0].form.op == "LSTM" else "h"
    return [
        (call.sequence(i), {letter: call.last(i, letter) for letter in letters})
        for i in range(len(sides))
    ]


def _lengths(ops: OnnxOps, x: Value, name: str | None, env: Env) -> Value | None:
    """int32, clamped to 0..T."""
    if name is None:
        return None
    given = env[name]
    limit = ops.cast(ops.amount(x.shape[0]), given.fact.dtype)
    found: Value = ops.cast(ops.clip(given, 0, limit), "int32")
    return found


class _Call:
    """The one node, and what stands around it."""

    def __init__(
        self,
        ops: OnnxOps,
        sides: tuple[Side, ...],
        x: Value,
        lengths: Value | None,
        starts: list[Start],
        filled: bool,
    ) -> None:
        self.ops, self.sides, self.lengths, self.starts = ops, sides, lengths, starts
        self.filled = filled
        self.form = sides[0].form
        self.dtype = x.fact.dtype
        self.time, self.batch = x.shape[0], x.shape[1]
        self.pad_time = self.form.op == "GRU" and not filled and not _positive(self.time)
        self.pad_batch = self.form.op != "RNN" and not filled and not _positive(self.batch)
        self.results = self._node(x)

    # -- inputs ----------------------------------------------------------------------------------

    def _node(self, x: Value) -> list[str]:
        ops, form = self.ops, self.form
        lengths = None if self.lengths is None else self._padded(self.lengths, {0: self.pad_batch})
        inputs = [
            self._padded(x, {0: self.pad_time, 1: self.pad_batch}),
            *self._matrices(),
            self._stacked("b"),
            lengths,
            self._start("h"),
        ]
        if form.op == "LSTM":
            inputs.append(self._start("c"))
            if form.peepholes is not None:
                inputs.append(self._stacked("peepholes"))
        if self.quantised:
            inputs += [None] * (8 - len(inputs))
            return ops.nodes(
                "DynamicQuantizeLSTM",
                3,
                *inputs,
                *self._scales(),
                **self._attributes(),
                domain="com.microsoft",
            )
        outputs = 3 if form.op == "LSTM" else 2
        return ops.nodes(form.op, outputs, *inputs, **self._attributes())

    @property
    def quantised(self) -> bool:
        return self.ops.quantise and self.form.op == "LSTM"

    def _stacked(self, part: str) -> str:
        """One array per direction, as a constant."""
        arrays = [np.asarray(getattr(side.form, part)) for side in self.sides]
        return self.ops.array(np.stack(arrays).astype(self.dtype))

    def _matrices(self) -> list[str]:
        """W and R; as int8 with rows and columns swapped where they are quantised."""
        if not self.quantised:
            return [self._stacked(k) for k in "wr"]
        self.ops.quantised.append(self.sides[0].recurrence.name)
        packed = [[quantise(getattr(s.form, k))[0] for s in self.sides] for k in "wr"]
        return [self.ops.array(np.stack(items)) for items in packed]

    def _scales(self) -> list[str]:
        """Scale and zero point per gate row of W, then of R."""
        found = []
        for key in "wr":
            scales = np.stack([quantise(getattr(s.form, key))[1] for s in self.sides])
            found += [self.ops.array(scales), self.ops.array(np.zeros(scales.shape, np.int8))]
        return found

    def _attributes(self) -> dict[str, Any]:
        form = self.form
        found = [item for side in self.sides for item in side.form.activations]
        alpha = [a for _, a, _ in found if a is not None]
        beta = [b for _, _, b in found if b is not None]
        backward = self.sides[0].recurrence.direction == "backward"
        direction = "bidirectional" if len(self.sides) > 1 else "reverse" if backward else "forward"
        default = all(name in ("Sigmoid", "Tanh") for name, _, _ in found)
        usual = [("Sigmoid", "Tanh", "Tanh"), ("Sigmoid", "Tanh"), ("Tanh",)]
        default = default and tuple(n for n, _, _ in form.activations) in usual
        return {
            "hidden_size": form.units,
            "direction": direction,
            "activations": None if default else [name for name, _, _ in found],
            "activation_alpha": alpha or None,
            "activation_beta": beta or None,
            "linear_before_reset": 1 if form.linear_before_reset else None,
            "input_forget": 1 if form.input_forget else None,
        }

    def _start(self, letter: str) -> str | None:
        """[directions, B, units]; None where it is zero in every direction, which is ONNX's default."""
        ops = self.ops
        parts = [starts[letter] for starts in self.starts]
        if all(is_zero(ops, part) for part in parts):
            return None
        if self.filled:
            return ops.ref(parts[0])
        names = [ops.node("Unsqueeze", self._rows(part), ops.axes([0])) for part in parts]
        name = names[0] if len(names) == 1 else ops.node("Concat", *names, axis=0)
        return self._padded(name, {1: self.pad_batch})

    def _rows(self, part: Value) -> str:
        """An initial state, of the batch's size even where it was given with one row only."""
        rows = part.fact.shape[0] if part.fact.shape else None
        if rows == 1 and self.batch != 1:
            units = part.fact.shape[1] if part.fact.shape else 0
            return self.ops.ref(self.ops.broadcast_to(part, [self.ops.size(self.batch), units]))
        return self.ops.ref(part)

    def _padded(self, x: Value | str, axes: dict[int, bool]) -> str:
        """``x`` with a zero item appended to each of these axes that is empty."""
        ops = self.ops
        name = ops.ref(x)
        chosen = [axis for axis, wanted in axes.items() if wanted]
        if not chosen:
            return name
        if axes.get(1) and name in ops.uncut:
            # The row that an empty batch needs is still there; time may lack a step.
            name = ops.uncut[name]
            chosen.remove(1)
            if not chosen:
                return name
        rank = 1 if len(axes) == 1 and 0 in axes else 3
        after: list[Any] = [ops.axes([0])] * rank
        for axis in chosen:
            after[axis] = _missing(ops, self.time if axis == 0 and rank == 3 else self.batch)
        widths = ops.node("Concat", *[ops.axes([0] * rank), *after], axis=0)
        return ops.node("Pad", name, widths)

    # -- results ---------------------------------------------------------------------------------

    def sequence(self, index: int) -> Value:
        """[T, B, units] of one direction."""
        ops, y = self.ops, self.results[0]
        if len(self.sides) > 1:
            taken = ops.node("Gather", y, ops.scalar(index, "int64"), axis=1)
        else:
            taken = ops.node("Squeeze", y, ops.axes([1]))
        cut = self._cut(taken, {0: self.pad_time, 1: self.pad_batch})
        if cut != taken and self.pad_batch and not self.pad_time:
            ops.uncut[cut] = taken
        if len(self.sides) > 1:
            whole = self._cut(y, {0: self.pad_time, 2: self.pad_batch})
            if cut in ops.uncut:
                ops.uncut[whole] = y
            ops.sides[cut] = (whole, index, len(self.sides))
        return ops.wrap(cut, Fact(self.dtype, (self.time, self.batch, self.form.units)))

    def last(self, index: int, letter: str) -> Value:
        """A final state part ``[B, units]`` of one direction."""
        ops = self.ops
        last = self.results["hc".index(letter) + 1]
        if self.filled:
            return ops.wrap(last, Fact(self.dtype, (1, self.batch, self.form.units)))
        if len(self.sides) > 1:
            last = ops.node("Gather", last, ops.scalar(index, "int64"), axis=0)
        else:
            last = ops.node("Squeeze", last, ops.axes([0]))
        last = self._cut(last, {0: self.pad_batch})
        value = ops.wrap(last, Fact(self.dtype, (self.batch, self.form.units)))
        start = self.starts[index][letter]
        empty = not _positive(self.time) and not self.sides[index].recurrence.never_empty
        if self.lengths is not None and not is_zero(ops, start):
            ran = ops.expand_dims(ops.greater(self.lengths, 0), 1)
        elif empty:
            # Without a step the operator leaves its final state as the memory was; a padded one makes a step of zeros.
            ran = ops.greater(ops.amount(self.time), 0)
        else:
            return value
        return ops.where(ran, value, start)  # type: ignore[no-any-return]

    def _cut(self, name: str, axes: dict[int, bool]) -> str:
        ops = self.ops
        chosen = [axis for axis, wanted in axes.items() if wanted]
        if not chosen:
            return name
        dims: list[Dim] = [
            self.time if axis == 0 and len(axes) > 1 else self.batch for axis in chosen
        ]
        return ops.node(
            "Slice", name, ops.axes([0] * len(dims)), sizes.vector(ops, dims), ops.axes(chosen)
        )


def quantise(matrix: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]:
    """``[rows, n]`` as int8 ``[n, rows]`` with one scale per row: (int8, float32 [rows])."""
    top = np.abs(matrix).max(axis=1)
    scale = np.where(top > 0, top / 127, 1).astype(np.float32)
    return np.ascontiguousarray(np.rint(matrix / scale[:, None]).astype(np.int8).T), scale


def _positive(dim: Dim) -> bool:
    return not isinstance(dim, Size) and dim > 0


def _missing(ops: OnnxOps, dim: Dim) -> str:
    """1 where the size is 0, else 0, as an int64 vector of one."""
    size = sizes.size(ops, dim)
    return ops.node("Sub", ops.axes([1]), ops.node("Min", size, ops.axes([1])))

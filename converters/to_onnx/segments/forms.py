"""One segment of a recurrence, as ONNX's operator or as ``Scan``.

Past a row's end a segment may hold anything, for nobody sees it. So a forward recurrence whose final states nobody reads needs no lengths at
all: a row that goes on in the next segment has no padding in this one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from converters.program import Recurrence
from converters.to_onnx.native.driver import Side, run
from converters.to_onnx.native.form import NativeForm
from converters.to_onnx.native.parts import finals, starts
from converters.to_onnx.scan import emit_scan
from converters.to_onnx.values import Value

if TYPE_CHECKING:
    from converters.to_onnx.onnx_ops import OnnxOps


class Steps(Protocol):
    """A form that runs a segment. ``axis``: that of the rows in its states."""

    axis: int

    def opened(self, initial: list[Value], /) -> list[Value]:
        """The initial states ``[B, …]`` as the form takes them, but for the axes before the rows."""

    def run(
        self, xs: list[Value], lengths: Value | None, begun: list[Value], /
    ) -> tuple[list[Value | None], list[Value]]:
        """The outputs ``[steps, rows, …]``, None where nobody reads them, and the states left."""

    def closed(self, last: list[Value], /) -> list[Value]:
        """The final states ``[B, …]`` as the recurrence gives them."""


class NativeSteps:
    """ONNX's operator, its states ``[1, rows, units]`` handed on as they are."""

    axis = 1

    def __init__(self, ops: OnnxOps, recurrence: Recurrence, form: NativeForm, last: bool) -> None:
        self.ops, self.side = ops, Side(recurrence, form)
        self.lengths = last or recurrence.direction == "backward"

    def opened(self, initial: list[Value], /) -> list[Value]:
        found = starts(self.ops, self.side.form, initial)
        return [found[letter] for letter in self.letters]

    @property
    def letters(self) -> str:
        return "ch" if self.side.form.op == "LSTM" else "h"

    def run(
        self, xs: list[Value], lengths: Value | None, begun: list[Value], /
    ) -> tuple[list[Value | None], list[Value]]:
        given = dict(zip(self.letters, begun, strict=True))
        known = lengths if self.lengths else None
        [(sequence, last)] = run(self.ops, (self.side,), xs[0], known, [given], filled=True)
        return [sequence], [last[letter] for letter in self.letters]

    def closed(self, last: list[Value], /) -> list[Value]:
        return finals(self.ops, self.side.form, dict(zip(self.letters, last, strict=True)))


class ScanSteps:
    """The cell's equation as a Scan."""

    axis = 0

    def __init__(
        self, ops: OnnxOps, recurrence: Recurrence, read: Collection[str], last: bool
    ) -> None:
        self.ops, self.read = ops, read
        masked = recurrence.lengths is not None and (last or recurrence.direction == "backward")
        head = recurrence.name
        self.part = replace(
            recurrence,
            sequences=tuple(f"{head}|x{i}" for i in range(len(recurrence.sequences))),
            initial_state=tuple(f"{head}|s{i}" for i in range(len(recurrence.initial_state))),
            lengths=f"{head}|lengths" if masked else None,
            never_empty=True,
        )

    def opened(self, initial: list[Value], /) -> list[Value]:
        return initial

    def run(
        self, xs: list[Value], lengths: Value | None, begun: list[Value], /
    ) -> tuple[list[Value | None], list[Value]]:
        part = self.part
        env: dict[str, Any] = dict(zip(part.sequences, xs, strict=True))
        env |= zip(part.initial_state, begun, strict=True)
        if part.lengths is not None and lengths is not None:
            env[part.lengths] = lengths
        emit_scan(self.ops, part, env, self.read, hidden=True)
        return [env.get(name) for name in part.outputs], [env[name] for name in part.final_state]

    def closed(self, last: list[Value], /) -> list[Value]:
        return last


def steps_of(
    ops: OnnxOps,
    recurrence: Recurrence,
    form: NativeForm | None,
    read: Collection[str],
    last: bool,
) -> Steps:
    """The operator where there is a ``form``, else a Scan; ``last``: whether somebody reads the final states."""
    if form is None:
        return ScanSteps(ops, recurrence, read, last)
    return NativeSteps(ops, recurrence, form, last)

"""Masked sequences: which steps count, found so that one native recurrence is exact for every mask.

Keras carries the state through a masked step. Running the steps that count, moved together to the front, with their number as length,
gives the same states; each output is then put back to its step. That holds for any mask, also with holes, and costs one gather before
and one after. Where the mask is seen to be ``0, 1, … < lengths`` the steps already stand in front and nothing is moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from converters.graph import DType
from converters.read_keras.builder import Builder
from converters.read_keras.values import Value


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of one mask."""

    valid: Value
    """bool [B, T]."""
    lengths: Value
    """int32 [B], any values: beyond T counts as T, negative as 0."""
    packed: bool
    """Whether the valid steps must be moved to the front."""


class Masks:
    """What is known of masks: ramps 0, 1, 2, …, comparisons with them, and sequences already moved together."""

    def __init__(self, build: Builder) -> None:
        self.build = build
        self.ones: set[str] = set()
        """Names of integer arrays that are 1 everywhere."""
        self.ramps: dict[str, int] = {}
        """By the name of an array whose item at place t of the last axis is t + offset: the offset."""
        self.lengths: dict[str, Value] = {}
        """By the name of a right-padded mask: its lengths."""
        self.moved: dict[tuple[str, str], Value] = {}
        """By (sequence, mask): the sequence as a recurrence takes it, [T, B, …]."""
        self._steps: dict[str, Steps] = {}

    def steps(self, mask: Value, /) -> Steps:
        """Of a mask [B, T]."""
        b = self.build
        if mask.dtype != "bool":
            mask = b.cast(mask, "bool")
        if mask.name not in self._steps:
            found = self.lengths.get(mask.name)
            if found is not None:
                self._steps[mask.name] = Steps(mask, found, packed=False)
            else:
                counted = b.reduce("Sum", b.cast(mask, "int32"), 1)
                self._steps[mask.name] = Steps(mask, counted, packed=True)
        return self._steps[mask.name]

    # -- in and out of the order of a recurrence -------------------------------------------------

    def sequence(self, x: Value, steps: Steps | None, /) -> Value:
        """x [B, T, …] as [T, B, …], the valid steps in front."""
        b = self.build
        key = (x.name, "" if steps is None else steps.valid.name)
        if key not in self.moved:
            if steps is None or not steps.packed:
                self.moved[key] = b.transpose(x, [1, 0, *range(2, x.rank)])
            else:
                self.moved[key] = b("GatherNd", x, self._places(steps))
        return self.moved[key]

    def _places(self, steps: Steps) -> Value:
        """[T, B, 2]: (row, step) of each row's valid steps, then of its other ones."""
        b = self.build
        valid = b.cast(steps.valid, "int32")
        order = b.call("TopKV2", valid, self._count(steps.valid, 1), outputs=2, sorted=True)[1]
        order = b.cast(b.transpose(order, [1, 0]), "int64")
        return b("Pack", self._rows(order, 1), order, axis=2)

    def _count(self, x: Value, axis: int) -> Value:
        size = self.build.size(x, axis)
        return size if isinstance(size, Value) else self.build.constant(size, "int32")

    def _rows(self, like: Value, axis: int) -> Value:
        """The place along ``axis`` at every item of ``like`` [n, m], int64."""
        b = self.build
        ramp = b(
            "Range",
            *(
                b.constant(0, "int64"),
                b.cast(self._count(like, axis), "int64"),
                b.constant(1, "int64"),
            ),
        )
        return b("AddV2", b.expand(ramp, 1 - axis), b("ZerosLike", like))

    def restored(
        self, y: Value, steps: Steps | None, /, *, zeros: bool, last: Value | None, backward: bool
    ) -> Value:
        """The outputs y [T, B, units] of a recurrence as Keras gives them, [B, T, units], in the order of the input.

        Args:
            zeros: masked steps give 0, else they repeat the output before (of the step after, where it runs backward).
            last: [B, units], the output of the last step run; None where nothing is to be repeated.
        """
        b = self.build
        if steps is None:
            return b.transpose(y, [1, 0, 2])
        if not steps.packed:
            # The recurrence gives 0 there. Backward, the masked steps come before any output: 0 too.
            plain = b.transpose(y, [1, 0, 2])
            if zeros or backward or last is None:
                return plain
            some = b("Greater", steps.lengths, b.like(steps.lengths, 0))
            shown = b("SelectV2", b.expand(some, 1), last, b.like(last, 0))
            return b("SelectV2", b.expand(steps.valid, 2), plain, b.expand(shown, 1))
        running = b(
            "Cumsum",
            b.cast(steps.valid, "int32"),
            np.array(1, np.int32),
            exclusive=backward,
            reverse=False,
        )
        if backward:
            found = b("Less", running, b.expand(steps.lengths, 1))
            place = b("Minimum", running, b("Sub", b.expand(steps.lengths, 1), b.like(running, 1)))
        else:
            found = b("Greater", running, b.like(running, 0))
            place = b("Sub", running, b.like(running, 1))
        place = b.cast(b("Maximum", place, b.like(place, 0)), "int64")
        places = b("Pack", place, self._rows(place, 0), axis=2)
        shown = b("GatherNd", y, places)
        return b("SelectV2", b.expand(steps.valid if zeros else found, 2), shown, b.like(shown, 0))

    # -- proofs ----------------------------------------------------------------------------------

    def note_ones(self, x: Value, /) -> None:
        """x is 1 everywhere."""
        self.ones.add(x.name)

    def note_cumsum(self, x: Value, total: Value, axis: int, /) -> None:
        """Of ones along the last axis: 1, 2, 3, …"""
        if x.name in self.ones and axis % x.rank == x.rank - 1:
            self.ramps[total.name] = 1

    def note_same(self, x: Value, other: Value, /) -> None:
        """``other`` holds the items of x in x's last axis (a cast, new axes in front)."""
        if self.ramp(x) is not None and other.dtype in ("int32", "int64"):
            self.ramps[other.name] = self.ramps[x.name]
        if x.name in self.ones and other.dtype in ("int32", "int64"):
            self.ones.add(other.name)

    def ramp(self, x: Value, /) -> int | None:
        """The offset of a ramp, known or recorded; None where x is none."""
        if x.name not in self.ramps and x.rank >= 1 and x.dtype in ("int32", "int64"):
            known = self.build.known(x)
            if known is not None and known.size:
                first = int(known.reshape(-1)[0])
                line = np.arange(known.shape[-1]) + first
                if (known == line).all():
                    self.ramps[x.name] = first
        return self.ramps.get(x.name)

    def note_compared(self, op: str, x: Value, y: Value, result: Value, /) -> None:
        """``ramp < lengths[:, None]`` and its like are right-padded masks."""
        flipped = {"Greater": "Less", "GreaterEqual": "LessEqual"}
        if op in flipped:
            op, x, y = flipped[op], y, x
        offset = self.ramp(x) if op in ("Less", "LessEqual") else None
        wanted = result.rank == 2 and y.rank == 2 and y.dtype in ("int32", "int64")
        if offset is None or not wanted or y.shape[1] != 1 or result.shape[0] != y.shape[0]:
            return
        if x.shape[-1] != result.shape[-1]:
            return
        b = self.build
        bound = b.squeeze(y, 1)
        shift = (1 if op == "LessEqual" else 0) - offset
        lengths = bound
        if shift:
            # int64, so that a bound near the dtype's end does not wrap.
            wide = b("AddV2", b("Cast", bound, DstT=DType("int64")), b.constant(shift, "int64"))
            top = b.constant(np.iinfo(np.int32).max, "int64")
            lengths = b(
                "Cast", b("ClipByValue", wide, b.constant(0, "int64"), top), DstT=DType("int32")
            )
        self.lengths[result.name] = lengths

    def note_both(self, x: Value, y: Value, result: Value, /) -> None:
        """Two right-padded masks: the shorter of each row."""
        pair = [self.lengths.get(v.name) for v in (x, y)]
        if pair[0] is not None and pair[1] is not None and x.shape == y.shape:
            both = [self.build.cast(p, "int64") for p in pair if p is not None]
            self.lengths[result.name] = self.build("Minimum", *both)

"""Gathers what every run shows; ``ruling`` makes a verdict of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from porting.verification import along, discrete, floors
from porting.verification.along import Turned
from porting.verification.discrete import Counts
from porting.verification.floors import Region
from porting.verification.original import Original, Truth
from porting.verification.places import Layout, place

Arrays = Mapping[str, np.ndarray]


class Judge:
    """Running maxima of all outputs."""

    def __init__(self, original: Original, /, *, oracle: str, dtype: str, threads: int) -> None:
        self.original, self.oracle, self.threads = original, oracle, threads
        self.approximate = dtype == "int8"
        self.narrow = dtype if dtype == "float16" else None
        self.regions: dict[tuple[str, str], Region] = {}
        self.counts: dict[str, Counts] = {}
        self.problems: list[tuple[str, dict[str, Any]]] = []
        """What is wrong whatever the floors are: (sentence, place)."""
        self.reader: list[str] = []
        """Why the graph itself was read wrongly."""
        self.unproven: list[str] = []
        self.notes: list[str] = []
        self.audit: dict[str, Any] | None = None
        self.cases = 0
        self.excluded = 0
        """Rows of float outputs that were left out, and"""
        self.followed = 0
        """those that were compared with the run that chose as the port did."""

    # -- one run -------------------------------------------------------------------------------------------

    def failed(self, number: int, text: str) -> None:
        """The port gave no answer."""
        self.cases += 1
        self.problems.append((f"run {number}: the port fails: {text}", {"run": number}))

    def ran_to_maximum(self, names: Sequence[str]) -> None:
        """Say once of each output that the steps TensorFlow did not run were left out."""
        self._note_each(
            names, "is as long as its decoder can run: the steps that TensorFlow did not run, all one value, were left out"
        )  # fmt: skip

    def gave_int32(self, names: Sequence[str]) -> None:
        """Say once of each output that it was compared by value."""
        self._note_each(names, "is int32 here and int64 in TensorFlow: compared by value")

    def _note_each(self, names: Sequence[str], text: str) -> None:
        notes = [f"{name} {text}" for name in names]
        self.notes.extend(note for note in notes if note not in self.notes)

    def take(self, number: int, truth: Truth, recorded: Arrays, answered: Arrays) -> None:
        """Compare one run."""
        with np.errstate(invalid="ignore"):  # infinities are compared by kind, and masked elsewhere
            self._take(number, truth, recorded, answered)

    def _take(self, number: int, truth: Truth, recorded: Arrays, answered: Arrays) -> None:
        self.cases += 1
        unsettled: dict[str, np.ndarray] = {}
        names = self.original.outputs
        floating = {name for name in names if truth.exact[name].dtype.kind == "f"}
        for name in (n for n in names if n not in floating):
            values = self._values(number, name, truth, recorded, answered)
            if values is not None:
                unsettled[name] = self._discrete(number, name, truth, *values)
        axes = {name: self.layout(name).batch or 0 for name in names}
        turned = along.turned(axes, truth, answered, unsettled, floating)
        for name in (n for n in names if n in floating):
            values = self._values(number, name, truth, recorded, answered)
            if values is not None:
                self._floats(number, name, truth, *values, turned)

    def _values(
        self, number: int, name: str, truth: Truth, recorded: Arrays, answered: Arrays
    ) -> tuple[np.ndarray | None, np.ndarray] | None:
        """(recording, port) in the right shape and dtype; None where there is nothing to compare."""
        exact, recording, port = truth.exact[name], recorded.get(name), answered.get(name)
        where = {"tensor": name, "run": number}
        if name in self.original.inside and (port is None or port.shape != exact.shape):
            return None  # the port has it in another form: nothing can be said of it
        if recording is not None and recording.shape != exact.shape:
            self.reader.append(
                f"{name}, run {number}: recorded shape {recording.shape}, read as {exact.shape}"
            )
            recording = None
        if port is None:
            self.problems.append((f"the port has no output {name}", where))
            return None
        if port.shape != exact.shape:
            self.problems.append(
                (f"{name}, run {number}: shape {port.shape} instead of {exact.shape}", where)
            )
            return None
        dtype = self._dtype(name, exact, recording)
        if not self.approximate and _name(port) != dtype:
            self.problems.append((f"{name}: dtype {_name(port)} instead of {dtype}", where))
            return None
        return recording, port

    def _dtype(self, name: str, exact: np.ndarray, recording: np.ndarray | None) -> str:
        if recording is not None:
            return _name(recording)
        layout = self.original.layouts.get(name)
        if layout is not None and layout.dtype is not None:
            return layout.dtype
        return "float32" if exact.dtype.kind == "f" else _name(exact)

    def _discrete(
        self, number: int, name: str, truth: Truth, recording: np.ndarray | None, port: np.ndarray
    ) -> np.ndarray:
        counts = self.counts.setdefault(name, Counts(_name(port)))
        others = tuple(run[name] for run in along.runs_of(truth)[1:])
        exact = truth.exact[name]
        if any(other.shape != exact.shape for other in others):
            self.unproven.append(f"{name}, run {number}: its shape depends on rounding")
            return np.ones(1, bool)
        first, rows = discrete.add(counts, self.layout(name), exact, others, recording, port)
        if first is not None and not counts.worst:
            counts.worst = {"tensor": name, "run": number, "index": list(first)} | place(
                self.layout(name), first
            )
            counts.worst |= {"port": str(port[first]), "original": str(exact[first])}
        return rows

    def _floats(
        self,
        number: int,
        name: str,
        truth: Truth,
        recording: np.ndarray | None,
        port: np.ndarray,
        turned: Turned | None,
    ) -> None:
        layout = self.layout(name)
        dtype = _name(port) if recording is None else _name(recording)
        exact = floors.as_stored(truth.exact[name], dtype)
        others = tuple(floors.as_stored(run[name], dtype) for run in truth.perturbed)
        if self.narrow:
            others = tuple(floors.coarser(exact, other, self.narrow) for other in others)
        if any(other.shape != exact.shape for other in others):
            self.unproven.append(f"{name}, run {number}: its shape depends on rounding")
            return
        wide = port.astype(np.float64)
        told = None if recording is None else recording.astype(np.float64)
        self._same_kind(number, name, exact, others, wide)
        padded = layout.padded(exact.shape, truth.watched.get(layout.lengths or ""))
        kept = np.ones(exact.shape, bool)
        if turned is not None:
            runs = [floors.as_stored(run[name], dtype) for run in along.runs_of(truth)]
            found = turned.apply(layout.batch or 0, runs, others, told)
            exact, others, told, kept = found.exact, found.others, found.told, found.kept
            self.excluded, self.followed = self.excluded + found.out, self.followed + found.followed
        valid = kept if padded is None else kept & ~padded
        self._region(number, name, "valid", valid, exact, others, told, wide)
        if padded is not None:
            self._zeros(number, name, padded & kept, exact, others, wide)
            self._region(number, name, "padded", padded & kept, exact, others, told, wide)

    def _region(
        self,
        number: int,
        name: str,
        label: str,
        mask: np.ndarray,
        exact: np.ndarray,
        others: tuple[np.ndarray, ...],
        told: np.ndarray | None,
        port: np.ndarray,
    ) -> None:
        layout = self.layout(name)
        kept = layout.dtype or "float32"
        region = self.regions.setdefault((name, label), Region(self.narrow or kept, kept))
        index = floors.add(region, mask, exact, others, told, port)
        if index is not None:
            region.worst = {"tensor": name, "run": number, "index": list(index), "region": label}
            region.worst |= place(layout, index)
        if layout.time is not None and layout.time < exact.ndim:
            floors.add_steps(region, layout.time, mask, exact, others, port)

    def _same_kind(
        self,
        number: int,
        name: str,
        exact: np.ndarray,
        others: tuple[np.ndarray, ...],
        port: np.ndarray,
    ) -> None:
        """NaN and infinities in the same places, except where the perturbed runs disagree on them."""
        wrong = _kind(port) != _kind(exact)
        for other in others:
            wrong &= _kind(other) == _kind(exact)
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            where = {"tensor": name, "run": number, "index": list(index)} | place(
                self.layout(name), index
            )
            self.problems.append(
                (
                    f"{name}, run {number}: {port[index]} instead of {exact[index]} at {list(index)}",
                    where,
                )
            )

    def _zeros(
        self,
        number: int,
        name: str,
        padded: np.ndarray,
        exact: np.ndarray,
        others: tuple[np.ndarray, ...],
        port: np.ndarray,
    ) -> None:
        zero = padded & (exact == 0)
        for other in others:
            zero &= other == 0
        wrong = zero & (port != 0)
        if wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            where = {"tensor": name, "run": number, "index": list(index), "region": "padded"}
            where |= place(self.layout(name), index)
            self.problems.append(
                (f"{name}, run {number}: {port[index]} in the padding, where it is 0", where)
            )

    def layout(self, name: str) -> Layout:
        return self.original.layouts.get(name, Layout())


def _name(array: np.ndarray) -> str:
    return "string" if array.dtype.kind in "OSU" else str(array.dtype)


def _kind(values: np.ndarray) -> np.ndarray:
    """0 finite, 1 NaN, 2 and 3 the infinities."""
    return np.asarray(np.isnan(values) * 1 + np.isposinf(values) * 2 + np.isneginf(values) * 3)

"""Gathers what every run shows, and reaches the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from porting.verification import discrete, floors
from porting.verification.discrete import Counts
from porting.verification.floors import Region
from porting.verification.original import Original, Truth
from porting.verification.places import Layout, place
from porting.verification.verdict import (
    APPROXIMATE,
    DIFFERENT,
    EQUIVALENT,
    UNVERIFIED,
    Row,
    Verdict,
)

FEW_RUNS, FEW_VALUES = 3, 64
Arrays = Mapping[str, np.ndarray]


class Judge:
    """Running maxima of all outputs."""

    def __init__(
        self, original: Original, /, *, oracle: str, approximate: bool, threads: int
    ) -> None:
        self.original, self.oracle, self.approximate, self.threads = (
            original,
            oracle,
            approximate,
            threads,
        )
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

    # -- one run -------------------------------------------------------------------------------------------

    def failed(self, number: int, text: str) -> None:
        """The port gave no answer."""
        self.cases += 1
        self.problems.append((f"run {number}: the port fails: {text}", {"run": number}))

    def take(self, number: int, truth: Truth, recorded: Arrays, answered: Arrays) -> None:
        """Compare one run."""
        self.cases += 1
        unsettled: dict[str, np.ndarray] = {}
        names = self.original.outputs
        floating = {name for name in names if truth.exact[name].dtype.kind == "f"}
        for name in (n for n in names if n not in floating):
            values = self._values(number, name, truth, recorded, answered)
            if values is not None:
                unsettled[name] = self._discrete(number, name, truth, *values)
        for name in (n for n in names if n in floating):
            values = self._values(number, name, truth, recorded, answered)
            if values is not None:
                self._floats(number, name, truth, *values, list(unsettled.values()))

    def _values(
        self, number: int, name: str, truth: Truth, recorded: Arrays, answered: Arrays
    ) -> tuple[np.ndarray | None, np.ndarray] | None:
        """(recording, port) in the right shape and dtype; None where there is nothing to compare."""
        exact, recording, port = truth.exact[name], recorded.get(name), answered.get(name)
        where = {"tensor": name, "run": number}
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
        others = tuple(run[name] for run in truth.perturbed)
        exact = truth.exact[name]
        if any(other.shape != exact.shape for other in others):
            self.unproven.append(f"{name}, run {number}: its shape depends on rounding")
            return np.ones(1, bool)
        first, rows = discrete.add(counts, self._layout(name), exact, others, recording, port)
        if first is not None and not counts.worst:
            counts.worst = {"tensor": name, "run": number, "index": list(first)} | place(
                self._layout(name), first
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
        unsettled: list[np.ndarray],
    ) -> None:
        layout = self._layout(name)
        dtype = _name(port) if recording is None else _name(recording)
        exact = floors.as_stored(truth.exact[name], dtype)
        others = tuple(floors.as_stored(run[name], dtype) for run in truth.perturbed)
        if any(other.shape != exact.shape for other in others):
            self.unproven.append(f"{name}, run {number}: its shape depends on rounding")
            return
        wide = port.astype(np.float64)
        told = None if recording is None else recording.astype(np.float64)
        self._same_kind(number, name, exact, others, wide)
        padded = layout.padded(exact.shape, truth.watched.get(layout.lengths or ""))
        kept = self._kept(layout, exact, others, unsettled)
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
        layout = self._layout(name)
        dtype = layout.dtype or "float32"
        region = self.regions.setdefault((name, label), Region(dtype))
        index = floors.add(region, mask, exact, others, told, port)
        if index is not None:
            region.worst = {"tensor": name, "run": number, "index": list(index), "region": label}
            region.worst |= place(layout, index)
        if layout.time is not None and layout.time < exact.ndim:
            floors.add_steps(region, layout.time, mask, exact, others, port)

    def _kept(
        self,
        layout: Layout,
        exact: np.ndarray,
        others: tuple[np.ndarray, ...],
        unsettled: list[np.ndarray],
    ) -> np.ndarray:
        """All but the rows that hang on an unsettled choice: there the perturbed runs took another way."""
        kept = np.ones(exact.shape, bool)
        rows = [r for r in unsettled if exact.ndim and len(r) == exact.shape[layout.batch or 0]]
        if not rows or not np.any(rows):
            return kept
        axis = layout.batch or 0
        spread = np.max([np.abs(np.nan_to_num(other - exact)) for other in others], axis=0)
        axes = tuple(i for i in range(exact.ndim) if i != axis)
        apart = spread.max(axis=axes, initial=0.0) > floors.CHAOS * np.abs(
            np.nan_to_num(exact)
        ).max(initial=0.0)
        out = np.any(rows, axis=0) & apart
        self.excluded += int(out.sum())
        lines = np.asarray(out).reshape([-1 if i == axis else 1 for i in range(exact.ndim)])
        return np.asarray(kept & ~lines)

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
                self._layout(name), index
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
            where |= place(self._layout(name), index)
            self.problems.append(
                (f"{name}, run {number}: {port[index]} in the padding, where it is 0", where)
            )

    def _layout(self, name: str) -> Layout:
        return self.original.layouts.get(name, Layout())

    # -- the end -------------------------------------------------------------------------------------------

    def verdict(self) -> Verdict:
        """What all runs together say."""
        rows = tuple(
            self._row(key, region) for key, region in self.regions.items() if region.values
        )
        rows += tuple(self._counted(name, counts) for name, counts in self.counts.items())
        wrong = [text for text, _ in self.problems] + [
            f"{r.tensor} ({r.region}): {r.problem}" for r in rows if r.problem
        ]
        self._read_wrongly()
        unproven = self._unproven()
        bad = self.audit["wrong"] if self.audit else []
        wrong += [f"weight {item['weight']}: {item['text']}" for item in bad]
        verdict = EQUIVALENT
        if self.approximate:
            verdict = DIFFERENT if self.problems else APPROXIMATE
        elif self.reader or wrong:
            verdict = DIFFERENT
        elif unproven:
            verdict = UNVERIFIED
        values = sum(row.values for row in rows)
        return Verdict(
            verdict=verdict, oracle=self.oracle, cases=self.cases,
            few=self.cases < FEW_RUNS or values < FEW_VALUES, rows=rows, worst=self._worst(rows),
            reasons=tuple(dict.fromkeys([*self.reader, *wrong, *unproven])), notes=tuple(dict.fromkeys(self.notes)),
            audit=self.audit, threads=self.threads,
        )  # fmt: skip

    def _read_wrongly(self) -> None:
        for (name, label), region in self.regions.items():
            if region.over(region.recording):
                assert region.recording is not None
                ratio = region.recording / region.floor if region.floor else float("inf")
                self.reader.append(
                    f"{name} ({label}): the recording lies {ratio:.3g} noise floors from the graph as it was read"
                )
        for name, counts in self.counts.items():
            if counts.recording_wrong:
                self.reader.append(
                    f"{name}: {counts.recording_wrong} recorded values differ from the graph as it was read"
                )

    def _unproven(self) -> list[str]:
        found = list(self.unproven)
        for (name, label), region in self.regions.items():
            if region.values and region.chaotic:
                share = region.spread / region.largest
                found.append(
                    f"{name} ({label}): chaotic: one rounding of the weights moves it by {share:.1g} of its size, so that "
                    "comparing whole sequences proves nothing"
                )
        for name, counts in self.counts.items():
            if counts.unsettled_rows > discrete.UNSETTLED_ROWS * max(counts.rows, 1):
                found.append(
                    f"{name}: {counts.unsettled_rows} of {counts.rows} rows hang on a choice that rounding turns"
                )
        if self.excluded:
            self.notes.append(
                f"{self.excluded} rows of float outputs were left out: they follow a choice that rounding turns"
            )
        if self.audit and self.audit["derived"]:
            self.notes.append(
                f"{len(self.audit['derived'])} weights of the port are computed from the artefact's, not copied"
            )
        if not self.cases:
            found.append("no run could be compared")
        return found

    def _row(self, key: tuple[str, str], region: Region) -> Row:
        problem = ""
        if region.over(region.port):
            ratio = region.port / region.floor if region.floor else float("inf")
            problem = (
                f"differs by {ratio:.3g} noise floors, where {floors.TENSOR_LIMIT:g} are allowed"
            )
        column = region.columns.worst(region.dtype) if region.columns is not None else None
        if not problem and column is not None:
            problem = f"column {column[0]} differs by {column[1]:.3g} of its noise floors, where {floors.COLUMN_LIMIT:g} are allowed"
        if self.approximate:
            problem = ""
        steps = region.steps
        curve = (
            tuple(zip(steps["port"].tolist(), steps["floor"].tolist(), strict=True))
            if steps
            else ()
        )
        return Row(
            key[0], key[1], region.dtype, region.largest, region.port, region.floor, region.recording,
            region.total / max(region.values, 1), region.values, problem, curve,
        )  # fmt: skip

    def _counted(self, name: str, counts: Counts) -> Row:
        problem = (
            f"{counts.wrong} settled values differ" if counts.wrong and not self.approximate else ""
        )
        return Row(
            name,
            "valid",
            counts.dtype,
            0.0,
            float(counts.wrong > 0),
            0.0,
            None,
            0.0,
            counts.settled,
            problem,
        )

    def _worst(self, rows: tuple[Row, ...]) -> dict[str, Any]:
        if self.reader:
            return {"place": "reader"}
        if self.problems:
            return self.problems[0][1]
        wrong = [counts.worst for counts in self.counts.values() if counts.worst]
        if wrong:
            return wrong[0]
        floating = [row for row in rows if (row.tensor, row.region) in self.regions]
        worst = max(floating, key=lambda row: (bool(row.problem), row.ratio), default=None)
        if worst is None:
            return {}
        region = self.regions[worst.tensor, worst.region]
        recurrence = self._layout(worst.tensor).recurrence
        ratio = worst.ratio if np.isfinite(worst.ratio) else None
        return region.worst | {
            "recurrence": recurrence,
            "diff": worst.difference,
            "floor": worst.floor,
            "floors": ratio,
        }


def _name(array: np.ndarray) -> str:
    return "string" if array.dtype.kind in "OSU" else str(array.dtype)


def _kind(values: np.ndarray) -> np.ndarray:
    """0 finite, 1 NaN, 2 and 3 the infinities."""
    return np.asarray(np.isnan(values) * 1 + np.isposinf(values) * 2 + np.isneginf(values) * 3)

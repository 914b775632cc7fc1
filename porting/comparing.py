"""``verify``: a port, wherever it came from, against the original."""

from __future__ import annotations

import glob as globbing
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from porting.foreign import computed_in, named_as
from porting.model import Model, open_model
from porting.verification.candidates import Candidate, open_candidate
from porting.verification.samples import Samples, load_samples
from porting.verification.verdict import Verdict
from reference.errors import UsageError

Progress = Callable[[str, int, int], Any]


@dataclass(frozen=True)
class Comparison:
    """A verdict, and what it is about."""

    verdict: Verdict
    model: Model
    candidate: Candidate

    def sections(self) -> list[dict[str, Any]]:
        """For the report."""
        from porting.report import section

        return [section(self.candidate.kind, self.verdict, self.recurrences())]

    def recurrences(self) -> list[dict[str, Any]]:
        """Those of the original, as ``inspect`` describes them."""
        from converters.program import Recurrence, walk
        from porting.inspection import describe_recurrence

        target = self.candidate.kind if self.candidate.kind in ("onnx", "keras") else ""
        found = [s for s in walk(self.model.program.statements) if isinstance(s, Recurrence)]
        described = [describe_recurrence(self.model.program, item) for item in found]
        empty = {"form": "", "reason": None}
        return [item | dict(item.get(target, empty)) for item in described]


def compare(
    artefact: Path | str,
    candidate: Path | str | Candidate,
    /,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    freeze: Mapping[str, Any] | None = None,
    signature: str | None = None,
    tag: str | None = None,
    max_tensor: int | None = None,
    samples: Path | str | None = None,
    live: bool = False,
    cases: int = 8,
    seed: int = 0,
    threads: int = 1,
    trust: bool = False,
    progress: Progress = lambda *_: None,
) -> Comparison:
    """Compare; what a port of ours says of its inputs, outputs and frozen tensors is the default.

    Args:
        live: run what is drawn by TensorFlow too.
        candidate: a file, or a :class:`~porting.verification.candidates.Candidate` (a callable with its names).

    Raises:
        UsageError: a name is unknown, or the candidate's inputs and outputs are not the original's.
        ArtefactError, MissingExtraError: a file cannot be read.
    """
    from porting.verification.equivalence import check

    port, model = open_pair(
        artefact, candidate, inputs=inputs, outputs=outputs, freeze=freeze, signature=signature, tag=tag,
        max_tensor=max_tensor, live=live, threads=threads, trust=trust,
    )  # fmt: skip
    recorded = None if samples is None else _all(str(samples))
    if recorded is not None:
        model.check_samples(recorded)
    runs, oracle, notes = model.runs(recorded, cases, seed)
    notes = (*notes, *other_file(port, model))
    verdict = check(
        model.original, port, runs, oracle=oracle, dtype=dtype_of(port), notes=notes, doubts=model.doubts(runs),
        progress=lambda number: progress("verifying", number + 1, len(runs)),
    )  # fmt: skip
    return Comparison(verdict, model, port)


def open_pair(
    artefact: Path | str,
    candidate: Path | str | Candidate,
    /,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    freeze: Mapping[str, Any] | None = None,
    threads: int = 1,
    trust: bool = False,
    **reading: Any,
) -> tuple[Candidate, Model]:
    """The port and the original, with the names that both have.

    Raises:
        As :func:`compare`.
    """
    port = (
        candidate
        if isinstance(candidate, Candidate)
        else open_candidate(candidate, threads=threads, trust=trust)
    )
    if port.kind == "keras" and "names" not in port.origin and Path(artefact).suffix != ".keras":
        from converters.read_graphdef import read

        limit = {} if reading.get("max_tensor") is None else {"max_tensor": reading["max_tensor"]}
        graph = read(Path(artefact), tags=reading.get("tag"), **limit).graph
        port = named_as(graph, port)
    told = {} if freeze else _json(port, "frozen", {})
    model = open_model(
        artefact, inputs=inputs or _json(port, "inputs", list(port.inputs)) or None,
        outputs=outputs or _json(port, "outputs", list(port.outputs)) or None, freeze=freeze or told, ranks=port.ranks,
        **reading,
    )  # fmt: skip
    _fits(model, port)
    return port, model


def other_file(port: Candidate, model: Model, /) -> tuple[str, ...]:
    """A note where a port of ours was made from another artefact."""
    if port.origin.get("sha256") in (None, model.artefact.sha256):
        return ()
    return ("the port says that it was made from another file",)


def dtype_of(port: Candidate, /) -> str:
    """What the port computes in."""
    told = str(port.origin.get("options", ""))
    return next((name for name in ("int8", "float16") if f'"{name}"' in told), computed_in(port))


def _json(port: Candidate, key: str, default: Any) -> Any:
    """A value of a port's origin; the port may come from anywhere, so nonsense is ignored."""
    try:
        found = json.loads(str(port.origin[key])) if key in port.origin else default
    except ValueError:
        return default
    return found if isinstance(found, type(default)) else default


def _fits(model: Model, port: Candidate) -> None:
    """The port must give every output that is compared.

    Raises:
        UsageError: it does not.
    """
    lacking = [name for name in model.program.outputs if port.outputs and name not in port.outputs]
    if lacking:
        msg = f"the candidate has no output {', '.join(lacking)}: it has {', '.join(port.outputs)}"
        raise UsageError(msg)


def _all(pattern: str) -> Samples:
    """The runs of all files that a pattern names.

    Raises:
        UsageError: it names none.
    """
    if Path(pattern).is_file():
        return load_samples(pattern)
    paths = sorted(globbing.glob(pattern, recursive=True))
    if not paths:
        msg = f"no samples file matches {pattern!r}"
        raise UsageError(msg)
    parts = [load_samples(path) for path in paths]
    return replace(parts[0], runs=tuple(run for part in parts for run in part.runs))

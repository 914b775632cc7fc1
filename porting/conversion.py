"""``convert``: read, lift, export, verify, and only then put the file in its place."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from converters.program import Program
from porting.model import Model, open_model
from porting.placing import beside, put, writable
from porting.verification.samples import Run, load_samples
from porting.verification.verdict import DIFFERENT, STATUS, Verdict
from reference.errors import ArtefactError, NotConvertibleError, UsageError

TARGETS = ("onnx", "keras", "source")
Progress = Callable[[str, int, int], Any]
"""Told (what is being done, how much of it is done, of how much)."""


@dataclass(frozen=True)
class Options:
    """What shapes the port; the same options give the same bytes."""

    to: str = "onnx"
    opset: int | None = None
    dtype: str = "float32"
    prefer: str = "speed"
    batch: int = 16
    ragged: bool | None = None
    streaming: bool = False

    def __post_init__(self) -> None:
        if self.to not in TARGETS:
            msg = f"--to is {self.to!r}: choose one of {', '.join(TARGETS)}"
            raise UsageError(msg)
        if self.to != "onnx":
            changed = [
                n
                for n in ("opset", "dtype", "prefer", "batch", "ragged", "streaming")
                if self.differs(n)
            ]
            if changed:
                msg = f"--{changed[0]} is for --to onnx only"
                raise UsageError(msg)

    def differs(self, name: str) -> bool:
        """Whether an option is not at its default."""
        return bool(getattr(self, name) != type(self).__dataclass_fields__[name].default)


@dataclass(frozen=True)
class Conversion:
    """What became of it."""

    output: Path
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    names: Mapping[str, str]
    frozen: Mapping[str, Any]
    recurrences: tuple[Mapping[str, Any], ...]
    verification: Verdict | None
    notes: tuple[str, ...] = ()
    states: tuple[tuple[str, str], ...] = ()
    """Of a streaming model: (input, output) of each state part."""
    max_error: float | None = field(default=None, repr=False)

    @property
    def status(self) -> int:
        """The exit status."""
        return 0 if self.verification is None else self.verification.status(self.max_error)

    def as_json(self) -> dict[str, Any]:
        """CONTRACT's object."""
        return {
            "schema": 1, "output": str(self.output), "inputs": list(self.inputs), "outputs": list(self.outputs),
            "names": dict(self.names), "frozen": plain(self.frozen), "recurrences": [dict(r) for r in self.recurrences],
            "verification": self.verification.as_json() if self.verification else None, "notes": list(self.notes),
            "states": [list(pair) for pair in self.states],
        }  # fmt: skip


def convert(
    artefact: Path | str,
    /,
    *,
    to: str,
    out: Path | str,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    freeze: Mapping[str, Any] | None = None,
    signature: str | None = None,
    tag: str | None = None,
    samples: Path | str | None = None,
    live: bool = False,
    cases: int = 8,
    seed: int = 0,
    verify: bool = True,
    max_error: float | None = None,
    opset: int | None = None,
    dtype: str = "float32",
    prefer: str = "speed",
    batch: int = 16,
    ragged: bool | None = None,
    streaming: bool = False,
    threads: int = 1,
    max_tensor: int | None = None,
    progress: Progress = lambda *_: None,
) -> Conversion:
    """Convert the model at ``artefact`` and write it to ``out``, or to ``out`` + ``.different`` where it is not the same.

    Args:
        freeze: tensors to fix, with their values.
        live: run what is drawn by TensorFlow too, where it is installed.
        samples: a recording to verify against; else ``cases`` runs are drawn (by ``seed``) and the oracle is the graph itself.
        max_error: what an int8 port may be off by.

    Raises:
        UsageError, ArtefactError, MissingExtraError: nothing is written.
        NotConvertibleError: with every reason, and the outputs that would convert; nothing is written.
    """
    options = Options(to, opset, dtype, prefer, batch, ragged, streaming)
    if Path(artefact).suffix == ".keras" and to != "onnx":
        msg = f"{artefact} is a Keras model already: it is read for --to onnx only"
        raise UsageError(msg)
    if max_error is not None and dtype != "int8":
        msg = "--max-error is for --dtype int8: what else is equivalent, the noise floors decide"
        raise UsageError(msg)
    target = writable(Path(out), to)
    recorded = load_samples(samples) if samples is not None else None
    progress("reading", 0, 1)
    model = open_model(
        artefact,
        inputs=inputs,
        outputs=outputs,
        freeze=freeze,
        signature=signature,
        tag=tag,
        max_tensor=max_tensor,
        live=live,
    )
    if options.streaming or to == "source":
        model = replace(model, moving=False)
    if recorded is not None:
        model = model.as_fed(recorded)
        model.check_samples(recorded)
    program = _attempt(model, options)
    origin = _origin(model, options)
    from porting.exporting import Port, export

    port = _with_reasons(model, options, lambda: export(program, options, target.stem, origin))
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".rnnport-") as folder:
        verdict = None
        if verify:
            runs, oracle, notes = model.runs(recorded, cases, seed)
            ending = "" if to == "source" else target.suffix or ".onnx"
            draft = port.save(Path(folder) / f"draft{ending}")
            verdict = _verify(model, port, draft, runs, oracle, notes, threads, progress)
            origin |= {
                "oracle": verdict.oracle,
                "verdict": verdict.verdict,
                "cases": str(verdict.cases),
            }
        held = verdict is None or verdict.status(max_error) != STATUS[DIFFERENT]
        final = target if held else beside(target)
        port.with_origin(origin).save(Path(folder) / "final" / final.name)
        put(Path(folder) / "final", final)
    names = port.names
    assert isinstance(port, Port)
    return Conversion(
        final, tuple(program.inputs), program.outputs, names, plain(program.frozen), port.recurrences, verdict,
        (*model.artefact.notes, *port.notes), port.states, max_error,
    )  # fmt: skip


# ---- the parts ---------------------------------------------------------------------------------------------


def _attempt(model: Model, options: Options) -> Program:
    program: Program = _with_reasons(model, options, lambda: model.program)
    return program


def _with_reasons(model: Model, options: Options, function: Callable[[], Any]) -> Any:
    """``function()``; a refusal gets all its reasons, and the outputs that would convert."""
    try:
        return function()
    except NotConvertibleError as error:
        from porting.exporting import refusal

        raise refusal(model, options, error) from error


def _verify(
    model: Model,
    port: Any,
    draft: Path,
    runs: list[Run],
    oracle: str,
    notes: tuple[str, ...],
    threads: int,
    progress: Progress,
) -> Verdict:
    from porting.verification.equivalence import check

    try:
        candidate = port.candidate(draft, threads)
    except ArtefactError as error:
        what = str(error).replace(str(draft), "the port")
        msg = f"the port to {port.options.to} was written and cannot be opened again: {what}"
        raise NotConvertibleError(msg) from error
    if port.states:
        from porting.verification.streaming import streaming_candidate

        candidate = streaming_candidate(model.original, model.program, port.states, draft, threads)
    return check(
        model.original,
        candidate,
        runs,
        oracle=oracle,
        dtype=port.options.dtype,
        notes=notes,
        doubts=model.doubts(runs),
        progress=lambda number: progress("verifying", number + 1, len(runs)),
    )


def _origin(model: Model, options: Options) -> dict[str, str]:
    """What a port says of where it comes from: no dates and no paths, so that the same call gives the same bytes."""
    import json

    from porting.version import VERSION

    chosen = {
        name: getattr(options, name)
        for name in type(options).__dataclass_fields__
        if options.differs(name)
    }
    return {
        "version": VERSION,
        "artefact": model.artefact.path.name,
        "sha256": model.artefact.sha256,
        "options": json.dumps({"to": options.to} | chosen, sort_keys=True),
        "inputs": json.dumps(list(model.program.inputs)),
        "outputs": json.dumps(list(model.program.outputs)),
        "frozen": json.dumps(plain(model.program.frozen), sort_keys=True),
    }


def plain(values: Mapping[str, Any], /) -> dict[str, Any]:
    """Arrays as lists, bytes as text: what JSON holds."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return [_plain(item) for item in value] if isinstance(value, list) else value


__all__ = ["ArtefactError", "Conversion", "Options", "convert", "plain"]

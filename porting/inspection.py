"""``inspect``: what recurrences are in a model, and what each will become. Nothing is converted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.graph import Artefact
from converters.program import Conditional, Loop, Program, Recurrence, walk
from porting.conversion import plain
from porting.quiet import silenced
from porting.tree import Tree
from reference.cells.base import map_sizes
from reference.errors import MissingExtraError, NotConvertibleError, UsageError


@dataclass(frozen=True)
class Inspection:
    """What is in an artefact."""

    artefact: Artefact
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[str, ...]
    frozen: Mapping[str, Any]
    recurrences: tuple[Mapping[str, Any], ...]
    loops: tuple[Mapping[str, Any], ...]
    refused: tuple[str, ...]
    """Why the whole cannot be ported; "" where it can."""
    candidates: tuple[str, ...] = ()
    """Tensors to name as --outputs, where they must be named."""

    def as_json(self) -> dict[str, Any]:
        return {
            "artefact": str(self.artefact.path), "kind": self.artefact.kind, "sha256": self.artefact.sha256,
            "signatures": {k: {"inputs": dict(s.inputs), "outputs": dict(s.outputs)} for k, s in self.artefact.signatures.items()},
            "inputs": [dict(item) for item in self.inputs], "outputs": list(self.outputs), "frozen": plain(self.frozen),
            "recurrences": [dict(item) for item in self.recurrences], "loops": [dict(item) for item in self.loops],
            "refused": list(self.refused), "candidates": list(self.candidates), "notes": list(self.artefact.notes),
        }  # fmt: skip

    def tree(self) -> Tree:
        """For people."""
        root = Tree(
            f"{self.artefact.path} ({self.artefact.kind}, {len(self.artefact.graph.nodes)} nodes)"
        )
        if self.candidates:
            branch = root.add("outputs must be named; these look like results")
            for name in self.candidates:
                branch.add(name)
        _tensors(root, self)
        for item in self.recurrences:
            _recurrence(root, item)
        for loop in self.loops:
            root.add(f"loop {loop['name']}: no recurrence ({loop['reason']})")
        if self.refused:
            branch = root.add("cannot be ported")
            for text in self.refused:
                branch.add(text)
        for note in self.artefact.notes:
            root.add(f"note: {note}")
        return root


def _tensors(root: Tree, found: Inspection) -> None:
    branch = root.add("inputs")
    for item in found.inputs:
        branch.add(f"{item['name']} {item['dtype']} {item['shape']}")
    for name, value in found.frozen.items():
        branch.add(f"{name} is frozen to {value}")
    branch = root.add("outputs")
    for name in found.outputs:
        branch.add(name)


def _recurrence(root: Tree, item: Mapping[str, Any]) -> None:
    major = ", time-major" if item["time_major"] else ""
    branch = root.add(f"{item['cell']}({item['units']}) {item['name']}, {item['direction']}{major}")
    for target in ("onnx", "keras"):
        why, pieces = item[target]["reason"], item[target].get("segments")
        cut = f" in {pieces} segments of time" if pieces else ""
        branch.add(f"{target}: {item[target]['form'] or '?'}{cut}" + (f" ({why})" if why else ""))
    if item["lengths"]:
        branch.add(f"lengths: {item['lengths']}")
    for weight, variable in item["parameters"].items():
        branch.add(f"{weight}: {variable}")


def inspect(
    artefact: Path | str,
    /,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    freeze: Mapping[str, Any] | None = None,
    signature: str | None = None,
    tag: str | None = None,
    max_tensor: int | None = None,
) -> Inspection:
    """Read and lift; a checkpoint without ``outputs`` is looked at through its candidates.

    Raises:
        UsageError, ArtefactError: as for ``convert``.
    """
    from converters.lift import candidates, lift
    from converters.read_graphdef import read
    from porting.model import open_model

    names: tuple[str, ...] = ()
    if outputs is None and Path(artefact).suffix != ".keras":
        limits = {} if max_tensor is None else {"max_tensor": max_tensor}
        raw = read(Path(artefact), tags=tag, **limits)
        if raw.kind == "checkpoint" and not raw.signatures:
            outputs = names = candidates(raw.graph)
            if not names:
                msg = f"{artefact} has no tensor that looks like a result: name --outputs"
                raise UsageError(msg)
    model = open_model(
        artefact,
        inputs=inputs,
        outputs=outputs,
        freeze=freeze,
        signature=signature,
        tag=tag,
        max_tensor=max_tensor,
    )
    refused: tuple[str, ...] = ()
    try:
        program = model.program
    except NotConvertibleError as error:
        refused = tuple(str(reason) for reason in error.reasons) or (str(error),)
        program = lift(
            model.artefact,
            inputs=model.inputs,
            outputs=model.outputs,
            freeze=model.freeze,
            strict=False,
        )
    described = tuple(
        describe_recurrence(program, s)
        for s in walk(program.statements)
        if isinstance(s, Recurrence)
    )
    return Inspection(
        model.artefact, tuple(_input(name, fact) for name, fact in program.inputs.items()), program.outputs,
        program.frozen, described, tuple(_loops(program)), refused, names,
    )  # fmt: skip


def _input(name: str, fact: Any) -> dict[str, Any]:
    shape = None if fact.shape is None else [n if isinstance(n, int) else None for n in fact.shape]
    return {"name": name, "dtype": fact.dtype, "shape": shape}


def _loops(program: Program) -> list[dict[str, str]]:
    from converters.unrolled import unrolled_records

    found = [s for s in walk(program.statements) if isinstance(s, Loop | Conditional)]
    unrolled = [{"name": r.name, "reason": r.reason or ""} for r in unrolled_records(program)]
    return unrolled + [
        {
            "name": s.name,
            "reason": getattr(s, "reason", "") or "it branches on a value known only at run time",
        }
        for s in found
    ]


def describe_recurrence(program: Program, recurrence: Recurrence, /) -> dict[str, Any]:
    """CONTRACT's recurrence, with ``onnx`` and ``keras`` instead of one ``form`` and ``reason``."""
    from converters.to_onnx.convert import record

    found = record(recurrence, _planned(program, recurrence)).as_json()
    onnx = {key: found.pop(key) for key in ("form", "reason", "segments") if key in found}
    return found | {"onnx": onnx, "keras": _keras(recurrence)}


def _planned(program: Program, recurrence: Recurrence) -> Any:
    from dataclasses import dataclass as data

    from converters.to_onnx.plan import fed_names, plan
    from reference.vocabulary.abstract.fact import Fact

    @data(frozen=True)
    class Sequence:
        fact: Fact
        name: str | None = None

    unknown = Fact("float32")
    known: list[list[Any]] = [
        [Sequence(program.facts.get(n) or program.inputs.get(n) or unknown, n) for n in names]
        for names in (recurrence.sequences, recurrence.initial_state)
    ]
    options: Any = {"prefer": "speed", "batch": 16, "ragged": None, "fed": fed_names(program)}
    return plan(recurrence, *known, **options)


def _own_form(recurrence: Recurrence) -> str:
    """``keras.layers.RNN`` holds one sequence, one output and states of one feature axis; our own layer the rest."""
    sizes: list[Any] = []
    map_sizes(sizes.append, (recurrence.cell.state_size, recurrence.cell.output_size))
    one = len(recurrence.sequences) == 1 == len(recurrence.outputs) and not recurrence.invariants
    return "RNN" if one and all(isinstance(size, int) for size in sizes) else "Recurrent"


def _keras(recurrence: Recurrence) -> dict[str, Any]:
    """What Keras will hold it as."""
    try:
        with silenced():
            from converters.to_keras.native import native
    except (ImportError, MissingExtraError):
        return {"form": None, "reason": "Keras is not installed, so it was not asked"}
    found = native(recurrence.cell)
    if isinstance(found, str):
        return {"form": _own_form(recurrence), "reason": recurrence.reason or found}
    return {"form": found.layer, "reason": None}

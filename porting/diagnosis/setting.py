"""A chaotic model whose states are no inputs, with its states set from outside: in the raw graph by feeding them, in an ONNX port at its nodes.

Only ONNX's own LSTM, GRU and RNN of one direction have a place where a state can be set; other forms are left as they are, and stay unverified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.graph import split_tensor
from converters.program import Program, Recurrence, walk
from porting.verification.original import Original
from porting.verification.places import layouts
from reference import states
from reference.errors import RnnportError

if TYPE_CHECKING:
    from porting.verification.candidates import Candidate

Runs = list[tuple[int, Mapping[str, Any]]]
_NATIVE = ("LSTM", "GRU", "RNN")
_HIDDEN, _CELL = 5, 6
"""The inputs of ONNX's operators that hold the initial states."""


def settable(
    original: Original, candidate: Candidate, runs: Runs, /
) -> tuple[Original, Candidate, Runs]:
    """All three with the states among the inputs; as they are, where that cannot be."""
    as_is = original, candidate, runs
    program = original.program
    if program is None or candidate.kind != "onnx" or candidate.path is None:
        return as_is
    lacking = _lacking(program)
    graph = original.artefact.graph
    if not lacking or any(split_tensor(name)[0] not in graph.nodes for name in lacking):
        return as_is
    if not all(_only_a_state(program, name) for name in lacking):
        return as_is
    try:
        wide = _with_inputs(original, tuple(lacking))
        run = _opened(candidate, candidate.path, program, lacking)
        if wide is None or run is None:
            return as_is
        started: Runs = [(number, _started(original, inputs, lacking)) for number, inputs in runs]
        if not all(
            _same(original, candidate, wide, run, *pair) for pair in zip(runs, started, strict=True)
        ):
            return as_is
        return wide, run, started
    except RnnportError:
        return as_is


def _lacking(program: Program) -> dict[str, tuple[Recurrence, int]]:
    """The initial states that are no inputs: what part of which recurrence each is."""
    found = [s for s in program.statements if isinstance(s, Recurrence)]
    parts = {name: (r, k) for r in found for k, name in enumerate(r.initial_state)}
    return {name: part for name, part in parts.items() if name not in program.inputs}


def _only_a_state(program: Program, name: str) -> bool:
    """Whether a value is one state part of one recurrence and nothing else: another reader would see another value too."""
    uses = [s for s in walk(program.statements) if name in s.inputs]
    starts = [part for s in uses if isinstance(s, Recurrence) for part in s.initial_state]
    named = [program.names.get(output, output) for output in program.outputs]
    return len(uses) == 1 and starts.count(name) == 1 and name not in named


def _same(
    original: Original, candidate: Candidate, wide: Original, run: Candidate, before: tuple[int, Any], after: tuple[int, Any]
) -> bool:  # fmt: skip
    """Whether the port with its own states set from outside answers, bit for bit, as it did."""
    try:
        one = candidate.run(original.feeds(before[1]))
        other = run.run(wide.feeds(after[1]))
    except Exception:  # it cannot be run so, or not at all
        return False
    return all(_equal(one[name], other[name]) for name in original.outputs)


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))


def _with_inputs(original: Original, names: tuple[str, ...]) -> Original | None:
    """The original, lifted again with these tensors fed.

    Raises:
        RnnportError: it cannot be lifted so.
    """
    from converters.lift import lift

    frozen = {name: value for name, value in original.frozen.items() if name not in names}
    given = tuple(dict.fromkeys((*original.inputs, *names)))
    known = {} if original.program is None else original.program.inputs
    program = lift(
        original.artefact,
        inputs=given,
        outputs=original.outputs,
        ranks={name: len(fact.shape) for name, fact in known.items() if fact.shape is not None},
        freeze=frozen,
    )
    if any(name not in program.inputs for name in names):
        return None
    places = layouts(program, original.artefact.graph, program.outputs)
    return replace(
        original, inputs=tuple(program.inputs), frozen=frozen, layouts=places, program=program
    )


def _started(
    original: Original, inputs: Mapping[str, Any], lacking: Mapping[str, Any]
) -> dict[str, Any]:
    """The inputs of one run with the states that the raw graph starts from."""
    from converters import oracle

    found = oracle.run(original.artefact.graph, original.feeds(inputs), list(lacking))
    return dict(inputs) | {name: np.asarray(found[name]) for name in lacking}


def _opened(
    candidate: Candidate, path: Path, program: Program, lacking: Mapping[str, tuple[Recurrence, int]]
) -> Candidate | None:  # fmt: skip
    """The port with those states as further inputs."""
    import onnx
    import onnxruntime

    from porting.verification.onnx_session import answer

    model = onnx.load(str(path))
    for name, (r, part) in lacking.items():
        node = _node(model, r)
        place = _place(r, part)
        if node is None or place is None:
            return None
        node.input.extend([""] * (place + 1 - len(node.input)))
        node.input[place] = f"{name}|set"
        axes = f"{name}|axes"
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0], np.int64), axes))
        model.graph.node.insert(
            0, onnx.helper.make_node("Unsqueeze", [name, axes], [f"{name}|set"])
        )
        model.graph.input.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, None])
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # the port is built otherwise than it seems
        return None
    names = (*candidate.inputs, *lacking)
    return replace(
        candidate, call=lambda feeds: answer(session, feeds), inputs=names, path=None, peek=None
    )


def _node(model: Any, r: Recurrence) -> Any:
    """The one node of one direction that the recurrence became; None where it became another form."""
    nodes = [
        n for n in model.graph.node if n.name.startswith(f"{r.name}/") and n.op_type in _NATIVE
    ]
    if len(nodes) != 1:
        return None
    kinds = [a.s for a in nodes[0].attribute if a.name == "direction"]
    return None if b"bidirectional" in kinds else nodes[0]


def _place(r: Recurrence, part: int) -> int | None:
    paths = states.paths(r.cell.state_size)
    if len(paths) == 1:
        return _HIDDEN
    return {"c": _CELL, "h": _HIDDEN}.get(paths[part]) if len(paths) == 2 else None

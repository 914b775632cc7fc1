"""A ``.keras`` file as the original: read without Keras, and confirmed by Keras where that is installed.

There is no raw graph to interpret here. T is the Program as it was read, run by NumPy in float64; that it was read rightly, only a
recording or Keras itself can say, and without either nothing is called equivalent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from converters.graph import Artefact, Graph, Node, Shape, split_tensor
from converters.program import OpNode, Program, Recurrence, defined
from porting.model import Model
from porting.quiet import silenced
from porting.verification.original import Original
from porting.verification.places import layouts
from porting.verification.samples import Run, Samples
from reference.cells.base import map_weights, weights
from reference.errors import UsageError
from reference.vocabulary.abstract.fact import Fact

Arrays = Mapping[str, np.ndarray]
NUDGE = 2.0**-24
UNCONFIRMED = (
    "the port computes what was read of the .keras file; whether that was read rightly, only Keras itself or "
    "--samples can tell"
)


@dataclass(frozen=True)
class KerasOriginal(Original):
    """T and Tk of a Program."""

    program: Program = field(kw_only=True)

    def _oracle(
        self, inputs: Arrays, *, watch: Sequence[str] = (), **options: Any
    ) -> dict[str, np.ndarray]:
        from converters.lift.execute import execute

        seed, widen = options.get("perturb"), bool(options.get("widen"))
        asked = {name: inputs[name] for name in self.program.inputs}
        if seed is None:
            return execute(self.program, asked, widen=widen)
        random = np.random.default_rng(seed)
        program = _perturbed(self.program, random)
        return execute(
            program, {k: _nudged(v, random) for k, v in sorted(asked.items())}, widen=True
        )


@dataclass(frozen=True)
class KerasSource(Model):
    """A ``.keras`` file, read."""

    read: Program = field(kw_only=True)

    @cached_property
    def program(self) -> Program:
        """The model, as far as the outputs need it; every input stays."""
        from converters.lift.dead import keep_live

        names = self.read.names
        kept, _ = keep_live(self.read.statements, [names.get(name, name) for name in self.outputs])
        return replace(self.read, statements=kept, outputs=self.outputs)

    @cached_property
    def original(self) -> Original:
        places = {
            name: replace(layout, lengths=None)
            for name, layout in layouts(self.program, self.artefact.graph, self.outputs).items()
        }
        return KerasOriginal(
            self.artefact, self.inputs, self.outputs, {}, places, program=self.program
        )

    def alone(self, output: str) -> Model:
        return replace(self, outputs=(output,))

    def check_samples(self, samples: Samples) -> None:
        for number, run in enumerate(samples.runs):
            missing = [name for name in self.inputs if name not in run.inputs]
            if missing:
                msg = f"run {number} of the samples does not feed {', '.join(missing)}"
                raise UsageError(msg)

    def runs(
        self, samples: Samples | None, cases: int, seed: int
    ) -> tuple[list[Run], str, tuple[str, ...]]:
        if samples is not None:
            return super().runs(samples, cases, seed)
        drawn, oracle, notes = super().runs(None, cases, seed)
        live = _live(self.artefact.path)
        if isinstance(live, str):
            return drawn, oracle, (*notes, f"Keras could not be asked: {live}")
        call, who, backend = live
        answers = [
            Run(run.inputs, dict(zip(self.read.outputs, call(run.inputs), strict=True)))
            for run in drawn
        ]
        said = f"compared with the Keras model itself, run by {who}"
        return answers, "tensorflow" if backend == "tensorflow" else oracle, (*notes, said)

    def doubts(self, runs: Sequence[Run]) -> tuple[str, ...]:
        return () if any(run.outputs for run in runs) else (UNCONFIRMED,)


def open_keras_source(
    path: Path,
    /,
    *,
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
    max_tensor: int | None,
    **refused: Any,
) -> KerasSource:
    """The file at ``path``; names are those of the Keras model.

    Raises:
        UsageError: a name is unknown, an input is left out, or an option is for TF1's graphs only.
        ArtefactError, NotConvertibleError, MissingExtraError: as :func:`converters.read_keras.read_keras`.
    """
    from converters.read_keras import open_keras

    for name, value in refused.items():
        if value:
            msg = f"--{name} is for graphs of TensorFlow 1; {path.name} is a Keras model"
            raise UsageError(msg)
    found = open_keras(path, max_tensor=max_tensor)
    program = found.program
    if inputs is not None and set(inputs) != set(program.inputs):
        msg = f"the inputs of {path.name} are {', '.join(program.inputs)}; name all of them, or leave --inputs out"
        raise UsageError(msg)
    for name in outputs or ():
        if name not in program.outputs:
            msg = f"{path.name} has no output {name!r}: it has {', '.join(program.outputs)}"
            raise UsageError(msg)
    artefact = Artefact(path, "keras", _graph(program), found.sha256)
    wanted = program.outputs if outputs is None else tuple(dict.fromkeys(outputs))
    return KerasSource(artefact, tuple(program.inputs), wanted, {}, read=program)


def _graph(program: Program) -> Graph:
    """The Program's own ops as nodes: what decides about drawn inputs, and where the weights are found. Nothing is run from it."""
    nodes: dict[str, Node] = {}

    def put(tensor: str, op: str, inputs: tuple[str, ...] = (), **attrs: Any) -> str:
        name = split_tensor(tensor)[0]
        nodes[name] = Node(name, op, inputs, attrs=attrs)
        return tensor

    for name, fact in program.inputs.items():
        put(name, "Placeholder", dtype=fact.dtype, shape=Shape(_static(fact)))
    for name, value in program.constants.items():
        put(name, "Const", value=value)
    for statement in program.statements:
        if isinstance(statement, OpNode):
            for output in statement.outputs:
                put(output, statement.node.op, statement.node.inputs, **statement.node.attrs)
        elif isinstance(statement, Recurrence):
            held = [
                put(f"{statement.name}/{key}", "Const", value=np.asarray(value))
                for key, value in weights(statement.cell).items()
            ]
            for output in defined(statement):
                put(output, "Recurrence", (*statement.inputs, *held))
    for name, alias in program.names.items():
        if split_tensor(name)[0] not in nodes:
            put(name, "Identity", (alias,))
    return Graph(nodes)


def _static(fact: Fact) -> tuple[int | None, ...] | None:
    if fact.shape is None:
        return None
    return tuple(n if isinstance(n, int) else None for n in fact.shape)


def _nudged(value: Any, random: np.random.Generator) -> Any:
    array = np.asarray(value)
    if array.dtype.kind != "f" or array.ndim == 0:
        return value
    return array.astype(np.float64) * (1 + random.choice([-1.0, 1.0], array.shape) * NUDGE)


def _perturbed(program: Program, random: np.random.Generator) -> Program:
    statements = tuple(
        replace(s, cell=map_weights(lambda _, w: _nudged(w, random), s.cell))
        if isinstance(s, Recurrence)
        else s
        for s in program.statements
    )
    constants = {name: _nudged(value, random) for name, value in program.constants.items()}
    return replace(program, statements=statements, constants=constants)


def _live(path: Path) -> tuple[Any, str, str] | str:
    """(function from inputs to the list of outputs, who computes, the backend); a sentence where Keras is missing or refuses the file."""
    try:
        with silenced():
            from converters.to_keras.backend import keras

            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (
        Exception
    ) as error:  # not installed, no backend, another Keras: then there is no second opinion
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    flatten, pack = keras.tree.flatten, keras.tree.pack_sequence_as
    names = [str(tensor.name).split(":")[0] for tensor in flatten(model.input)]

    def call(feeds: Arrays) -> list[np.ndarray]:
        ordered = [feeds[name] for name in (names if set(names) == set(feeds) else feeds)]
        with silenced():
            found = model(pack(model.input, ordered), training=False)
            return [np.asarray(keras.ops.convert_to_numpy(value)) for value in flatten(found)]

    backend = str(keras.backend.backend())
    return call, f"Keras {keras.__version__} on {backend}", backend

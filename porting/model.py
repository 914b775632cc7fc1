"""A model opened for any of the commands: the artefact, its inputs and outputs, the lifted Program, the original to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from converters.graph import Artefact, split_tensor
from converters.program import Program
from porting.verification.original import Original
from porting.verification.places import layouts
from porting.verification.samples import Run, Samples
from reference.errors import UsageError


@dataclass(frozen=True)
class Model:
    """What was asked for, read."""

    artefact: Artefact
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    freeze: Mapping[str, Any]
    tag: str | None = None
    live: bool = False
    """Whether drawn runs are run by TensorFlow too."""
    ranks: Mapping[str, int] = field(default_factory=dict)
    """The number of axes of inputs as they were recorded: the graph may not state it."""
    moving: bool = True
    """Whether masked steps may be moved: not in a step model, and not in source, which has no plain line for it."""

    @cached_property
    def program(self) -> Program:
        """The lifted model.

        Raises:
            UsageError, ArtefactError, NotConvertibleError: as :func:`converters.lift.lift`.
        """
        from converters.lift import lift

        return lift(
            self.artefact,
            inputs=self.inputs,
            outputs=self.outputs,
            ranks=self.ranks,
            freeze=self.freeze,
            moving=self.moving,
        )

    @cached_property
    def original(self) -> Original:
        """The raw graph, to be interpreted."""
        program = self.program
        places = layouts(program, self.artefact.graph, program.outputs)
        return Original(
            self.artefact,
            tuple(program.inputs),
            program.outputs,
            dict(program.frozen),
            places,
            program,
        )

    def alone(self, output: str) -> Model:
        """The same model with one output."""
        return replace(self, outputs=(output,), inputs=_needed(self.artefact, self.inputs, output))

    def as_fed(self, samples: Samples | None) -> Model:
        """The same model with the numbers of axes that a recording shows, where all its runs agree."""
        from converters.lift import tensor_name

        seen: dict[str, set[int]] = {}
        for run in samples.runs if samples is not None else ():
            for name, value in run.inputs.items():
                tensor = tensor_name(self.artefact.graph, name)
                seen.setdefault(tensor, set()).add(np.ndim(value))
        found = {name: ranks.pop() for name, ranks in seen.items() if len(ranks) == 1}
        return replace(self, ranks={**self.ranks, **found})

    def check_samples(self, samples: Samples) -> None:
        """The recording must have been made with the values that are frozen here, and with all inputs.

        Raises:
            UsageError: it was not.
        """
        from converters.lift import tensor_name

        for number, run in enumerate(samples.runs):
            for name, value in run.inputs.items():
                tensor = tensor_name(self.artefact.graph, name)
                fixed = self.program.frozen.get(tensor)
                if fixed is not None and not np.array_equal(
                    np.asarray(value), np.asarray(fixed, np.asarray(value).dtype)
                ):
                    msg = f"run {number} of the samples fed {tensor} with {np.asarray(value).tolist()}, and it is frozen to {fixed}"
                    raise UsageError(msg)
            given = {**self.defaults(), **run.inputs}
            missing = [name for name in self.program.inputs if name not in given]
            if missing:
                msg = f"run {number} of the samples does not feed {', '.join(missing)}: record it, or fix it with --freeze"
                raise UsageError(msg)

    def runs(
        self, samples: Samples | None, cases: int, seed: int
    ) -> tuple[list[Run], str, tuple[str, ...]]:
        """(runs, oracle, notes): the recording's, or drawn ones.

        Raises:
            UsageError: the recording has none of the outputs, or nothing can be drawn; or TensorFlow cannot load the artefact.
        MissingExtraError: TensorFlow is asked for and not installed.
        """
        if samples is not None and self.live:
            msg = "give --samples or --live, not both: a recording is the better oracle"
            raise UsageError(msg)
        if samples is None:
            from porting.verification.drawing import draw_runs

            drawn, notes = draw_runs(self.original, self.program.inputs, cases, seed)
            if self.live:
                from porting.verification.live import answered

                drawn, said = answered(self.original, drawn, self.tag)
                return drawn, "tensorflow", (*notes, *said)
            return drawn, "reference", tuple(notes)
        known = set(samples.outputs) & set(self.program.outputs)
        if not known:
            msg = f"{samples.path} recorded none of the outputs {', '.join(self.program.outputs)}"
            raise UsageError(msg)
        about = self._about(samples)
        missing = [name for name in self.program.outputs if name not in known]
        if missing:
            about.append(f"not recorded, so compared with the graph itself: {', '.join(missing)}")
        defaults = self.defaults()
        runs = [replace(run, inputs={**defaults, **run.inputs}) for run in samples.runs]
        return runs, "recording", tuple(about)

    def defaults(self) -> dict[str, np.ndarray]:
        """The constant defaults of inputs that are a PlaceholderWithDefault: what a run that did not feed them got."""
        nodes = self.artefact.graph.nodes
        found: dict[str, np.ndarray] = {}
        for name in self.program.inputs:
            node = nodes.get(split_tensor(name)[0])
            if node is None or not node.op.startswith("PlaceholderWithDefault"):
                continue
            source = nodes.get(split_tensor(node.inputs[0])[0])
            if source is not None and source.op == "Const":
                found[name] = np.asarray(source.attr("value"))
        return found

    def doubts(self, runs: Sequence[Run]) -> tuple[str, ...]:
        """Why nothing can be proven with these runs, if so; the raw graph is an oracle by itself."""
        return ()

    def _about(self, samples: Samples) -> list[str]:
        found = samples.meta.get("sha256")
        if isinstance(found, str) and found != self.artefact.sha256:
            return ["the samples were recorded from another file (their SHA-256 differs)"]
        return []


def open_model(
    path: Path | str,
    /,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    freeze: Mapping[str, Any] | None = None,
    signature: str | None = None,
    tag: str | None = None,
    max_tensor: int | None = None,
    live: bool = False,
    ranks: Mapping[str, int] | None = None,
) -> Model:
    """Read an artefact and settle what goes in and out.

    Args:
        ranks: the number of axes of inputs, for those of which the graph does not state it.

    Raises:
        UsageError: a name is unknown, or inputs and outputs must be given.
        ArtefactError: the file is damaged.
    """
    from converters.lift import tensor_name
    from converters.lift.names import io_of
    from converters.read_graphdef import read

    if Path(path).suffix == ".keras" and not Path(path).is_dir():
        from porting.keras_source import open_keras_source

        return open_keras_source(
            Path(path), inputs=inputs, outputs=outputs, max_tensor=max_tensor,
            freeze=freeze, signature=signature, tag=tag, live=live,
        )  # fmt: skip
    limits = {} if max_tensor is None else {"max_tensor": max_tensor}
    artefact = read(Path(path), tags=tag, **limits)
    given, wanted = io_of(artefact, signature, inputs, outputs)
    fixed: dict[str, Any] = {}
    for name, value in (freeze or {}).items():
        if tensor_name(artefact.graph, name) in fixed:
            msg = f"--freeze names {tensor_name(artefact.graph, name)} twice"
            raise UsageError(msg)
        fixed[tensor_name(artefact.graph, name)] = value
    names = tuple(dict.fromkeys(tensor_name(artefact.graph, name) for name in given))
    results = tuple(dict.fromkeys(tensor_name(artefact.graph, name) for name in wanted))
    kept = tuple(name for name in names if name not in fixed or inputs is not None)
    return Model(artefact, kept, results, fixed, tag, live, dict(ranks or {}))


def parse_freeze(items: Sequence[str], /) -> dict[str, Any]:
    """``NAME=VALUE`` as a dict; a value is a number, a JSON list, true or false, or text.

    >>> parse_freeze(["keep:0=1.0", "train=false"])
    {'keep:0': 1.0, 'train': False}

    Raises:
        UsageError: there is no ``=``, or a name comes twice.
    """
    import json

    found: dict[str, Any] = {}
    for item in items:
        name, equals, text = item.partition("=")
        if not equals or not name or not text:
            msg = f"--freeze wants NAME=VALUE, not {item!r}"
            raise UsageError(msg)
        if name in found:
            msg = f"--freeze names {name} twice"
            raise UsageError(msg)
        try:
            found[name] = json.loads(text.lower() if text in ("True", "False") else text)
        except ValueError:
            found[name] = text
    return found


def _needed(artefact: Artefact, inputs: tuple[str, ...], output: str) -> tuple[str, ...]:
    from converters.lift.names import needed_by

    return tuple(needed_by(artefact.graph, inputs, [output]))

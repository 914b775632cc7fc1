"""One face for the three targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.program import Program
from porting.quiet import silenced
from porting.verification.candidates import (
    ORIGIN,
    Candidate,
    keras_candidate,
    onnx_candidate,
    source_candidate,
)
from porting.verification.maximum import KEY as TO_MAXIMUM
from porting.verification.narrowed import KEY as AS_INT32
from reference.errors import (
    MissingExtraError,
    NotConvertibleError,
    Reason,
    RnnportError,
)

if TYPE_CHECKING:
    from porting.conversion import Options
    from porting.model import Model


@dataclass(frozen=True)
class Port:
    """An exported model of one target."""

    exported: Any
    options: Options
    origin: Mapping[str, str]

    @property
    def names(self) -> dict[str, str]:
        """TF tensor to the port's name."""
        return dict(self.exported.names)

    @property
    def recurrences(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(self.exported.recurrences)

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    @property
    def states(self) -> tuple[tuple[str, str], ...]:
        return ()

    def with_origin(self, origin: Mapping[str, str]) -> Port:
        return replace(self, origin=origin)

    def save(self, path: Path) -> Path:
        raise NotImplementedError

    def candidate(self, path: Path, threads: int) -> Candidate:
        raise NotImplementedError


class OnnxPort(Port):
    """An ONNX model."""

    @property
    def names(self) -> dict[str, str]:
        graph = self.exported.model.graph
        return {item.name: item.name for item in (*graph.input, *graph.output)}

    @property
    def recurrences(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(record.as_json() for record in self.exported.recurrences)

    @property
    def states(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.exported.states)

    def save(self, path: Path) -> Path:
        from converters.to_onnx import save

        path.parent.mkdir(exist_ok=True)
        model = self.exported.model
        del model.metadata_props[:]
        for key, value in sorted(self.origin.items()):
            model.metadata_props.add(key=f"{ORIGIN}.{key}", value=value)
        save(self.exported, path)
        return path

    def candidate(self, path: Path, threads: int) -> Candidate:
        return onnx_candidate(path, threads=threads)


class KerasPort(Port):
    """A Keras model."""

    @property
    def notes(self) -> tuple[str, ...]:
        called = self.exported.called
        hint = (f"call the model instead of predict(): {called}",) if called else ()
        return (*self.exported.notes, *hint)

    def save(self, path: Path) -> Path:
        import json

        from converters.to_keras import save

        path.parent.mkdir(exist_ok=True)
        origin = dict(self.origin) | {"names": json.dumps(self.names, sort_keys=True)}
        if self.exported.longest:
            origin[TO_MAXIMUM] = json.dumps(self.exported.longest)
        if self.exported.narrowed:
            origin[AS_INT32] = json.dumps(self.exported.narrowed)
        # Keras insists on its own ending, so a model that is different gets its name afterwards.
        draft = path if path.suffix == ".keras" else path.with_name(path.name + ".keras")
        save(replace(self.exported, metadata=origin), draft)
        return draft if draft == path else draft.rename(path)

    def candidate(self, path: Path, threads: int) -> Candidate:
        return keras_candidate(path)


class SourcePort(KerasPort):
    """A folder with the model as source and its weights."""

    def save(self, path: Path) -> Path:
        from converters.to_source import save_source

        path.parent.mkdir(exist_ok=True)
        save_source(replace(self.exported, metadata=dict(self.origin)), path)
        return path

    def candidate(self, path: Path, threads: int) -> Candidate:
        return source_candidate(path, self.names)


def export(program: Program, options: Options, name: str, origin: Mapping[str, str], /) -> Port:
    """The port.

    Raises:
        NotConvertibleError: the target cannot hold the model.
        MissingExtraError: the target's package is not installed.
    """
    if options.to == "onnx":
        from converters.to_onnx import to_onnx

        chosen = {
            k: getattr(options, k) for k in ("prefer", "batch", "streaming", "ragged", "dtype")
        }
        if options.opset is not None:
            chosen["opset"] = options.opset
        return OnnxPort(to_onnx(program, **chosen), options, origin)
    try:
        with silenced():
            from converters.to_keras import to_keras
    except ImportError as error:
        package = "keras"
        raise MissingExtraError(package, "tensorflow", f"--to {options.to}") from error
    exported = to_keras(program, name=_identifier(name))
    if options.to == "keras":
        return KerasPort(exported, options, origin)
    from converters.to_source import to_source

    to_source(exported)  # refuses here what has no source
    return SourcePort(exported, options, origin)


def _identifier(text: str) -> str:
    import re

    return re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "port"


def refusal(model: Model, options: Options, error: NotConvertibleError, /) -> NotConvertibleError:
    """The same refusal with the reasons of every output, and the outputs that convert alone."""
    reasons = list(error.reasons)
    convertible = []
    if len(model.outputs) > 1:
        for output in model.outputs:
            alone = model.alone(output)
            try:
                export(alone.program, options, "trial", {})
            except NotConvertibleError as one:
                reasons.extend(one.reasons)
            except RnnportError as one:
                reasons.append(Reason(output, str(one)))
            else:
                convertible.append(output)
    return type(error)(str(error), tuple(dict.fromkeys(reasons)), tuple(convertible))

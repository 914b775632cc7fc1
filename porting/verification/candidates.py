"""What can be compared with an original: an ONNX model, a Keras model, a function."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from porting.quiet import silenced
from reference.errors import ArtefactError, MissingExtraError, UsageError

Arrays = Mapping[str, np.ndarray]
ORIGIN = "rnnport"
"""The key under which a port carries its origin."""


@dataclass(frozen=True)
class Candidate:
    """Something that maps input arrays to output arrays, both by TF tensor name."""

    call: Callable[[Arrays], Arrays]
    inputs: tuple[str, ...]
    """Those it takes; others are not handed to it."""
    outputs: tuple[str, ...]
    kind: str = "callable"
    origin: Mapping[str, Any] = field(default_factory=dict)
    """What a port of ours says of itself."""
    weights: Callable[[], Mapping[str, np.ndarray]] | None = None
    """Its weights by name, for the audit."""
    threads: int = 1
    path: Path | None = None
    """The file it came from."""
    peek: (
        Callable[[tuple[str, ...], tuple[str, ...], Arrays], Mapping[str, list[np.ndarray]]] | None
    ) = None
    """``(prefixes, kinds, feeds)``: what the nodes of these kinds and name prefixes give, where it can be looked into."""
    ranks: Mapping[str, int] = field(default_factory=dict)
    """The number of axes of its inputs, where the file says it: the original may not."""

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """The outputs for one run.

        Raises:
            UsageError: an input it takes is not among ``feeds``.
        """
        missing = [name for name in self.inputs if name not in feeds]
        if missing:
            msg = f"the candidate takes {', '.join(missing)}, which the samples do not have"
            raise UsageError(msg)
        return {
            k: np.asarray(v)
            for k, v in self.call({name: feeds[name] for name in self.inputs}).items()
        }


def open_candidate(path: Path | str, /, *, threads: int = 1, trust: bool = False) -> Candidate:
    """An ``.onnx``, a ``.keras`` or (with ``trust``) a ``.py`` file.

    Raises:
        UsageError: the file is not there, or of no such kind, or a ``.py`` without ``trust``.
        ArtefactError: it cannot be loaded.
        MissingExtraError: a Keras model, and no Keras.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"{path} is not there: give an .onnx or .keras file"
        raise UsageError(msg)
    if path.suffix == ".keras":
        return keras_candidate(path)
    if path.suffix == ".py":
        return python_candidate(path, trust)
    if path.suffix == ".onnx" or path.name.endswith(".onnx.different"):
        return onnx_candidate(path, threads=threads)
    msg = f"{path} is neither .onnx nor .keras nor .py: nothing else can be compared"
    raise UsageError(msg)


# ---- ONNX ------------------------------------------------------------------------------------------------


def onnx_candidate(path: Path, /, *, threads: int = 1) -> Candidate:
    """An ONNX model in ONNX Runtime; runs with an empty axis in a process of their own, which they may abort."""
    from porting.verification.onnx_session import answer, open_session, peek, stored_weights

    session, origin = open_session(path, threads)
    outputs = tuple(item.name for item in session.get_outputs())

    def call(feeds: Arrays) -> Arrays:
        if any(value.size == 0 for value in feeds.values()):
            return _apart(path, feeds, threads)
        return answer(session, feeds)

    inputs = tuple(item.name for item in session.get_inputs())
    return Candidate(
        call, inputs, outputs, "onnx", origin, lambda: stored_weights(path), threads,
        path,
        lambda prefixes, kinds, feeds: peek(path, prefixes, kinds, {n: feeds[n] for n in inputs}),
        # ONNX Runtime shows no axes where the file does not say how many there are, too.
        {item.name: len(item.shape) for item in session.get_inputs() if item.shape},
    )  # fmt: skip


def _apart(path: Path, feeds: Arrays, threads: int) -> Arrays:
    """The same run in another process.

    Raises:
        ArtefactError: it failed, or took the process with it.
    """
    from porting.verification.samples import Run, load_samples, save_samples

    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder) / "in.npz", Path(folder) / "out.npz"
        save_samples(asked, [Run(feeds)])
        command = [
            sys.executable,
            "-m",
            "porting.verification.onnx_session",
            str(path),
            str(asked),
            str(answered),
            str(threads),
        ]
        root = str(Path(__file__).resolve().parents[2])
        search = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": search},
        )
        if done.returncode != 0:
            why = done.stderr.strip().splitlines()[-1:] or [
                f"the process ended with status {done.returncode}"
            ]
            msg = f"ONNX Runtime fails on an empty batch: {why[0][:300]}"
            raise ArtefactError(msg)
        return load_samples(answered).runs[0].outputs


# ---- Keras -----------------------------------------------------------------------------------------------


def keras_candidate(path: Path, /) -> Candidate:
    """A ``.keras`` file, loaded in safe mode.

    Raises:
        MissingExtraError: Keras or its backend is not installed.
        ArtefactError: the file cannot be loaded.
    """
    try:
        with silenced():
            import converters.to_keras  # noqa: F401  (registers the layers of ports that are not all native)
            from converters.to_keras.backend import keras
    except ImportError as error:
        package = "keras"
        raise MissingExtraError(package, "tensorflow", f"running {path}") from error
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        msg = f"{path} cannot be loaded by Keras: {' '.join(str(error).split())[:300]}"
        raise ArtefactError(msg) from error
    return keras_model(model, _keras_origin(path))


def source_candidate(folder: Path, names: Mapping[str, str], /) -> Candidate:
    """The model that ``model.py`` in the folder loads: for source that we have just written, since it is run.

    Raises:
        ArtefactError: it cannot be run.
    """
    space: dict[str, Any] = {"__name__": "rnnport_source", "__file__": str(folder / "model.py")}
    try:
        code = compile((folder / "model.py").read_text(encoding="utf-8"), "model.py", "exec")
        exec(code, space)
        model = space["load"]()
    except Exception as error:
        msg = f"{folder} cannot be run: {' '.join(str(error).split())[:300]}"
        raise ArtefactError(msg) from error
    return keras_model(model, {"names": json.dumps(dict(names))})


def keras_model(model: Any, origin: Mapping[str, Any], /) -> Candidate:
    """A Keras model whose inputs and outputs are dicts; ``origin["names"]`` maps TF names to them."""
    from converters.to_keras.running import runner

    names = json.loads(origin["names"]) if "names" in origin else {}
    taken = {names_of: tensor for tensor, names_of in names.items()}
    back = {key: taken.get(key, key) for key in (*_keys(model.input), *_keys(model.output))}
    forward = {tensor: key for key, tensor in back.items()}
    run = runner(model)

    def call(feeds: Arrays) -> Arrays:
        found = run({forward[name]: value for name, value in feeds.items()})
        return {back[key]: value for key, value in found.items()}

    def weights() -> Mapping[str, np.ndarray]:
        layers = model._flatten_layers()
        folded = {k: v for layer in layers for k, v in getattr(layer, "folded", {}).items()}
        return folded | {
            item.path: np.asarray(item.numpy() if hasattr(item, "numpy") else item.value)
            for item in model.weights
        }

    inputs = tuple(back[key] for key in _keys(model.input))
    return Candidate(
        call, inputs, tuple(back[key] for key in _keys(model.output)), "keras", origin, weights,
        ranks={back[key]: len(tensor.shape) for key, tensor in model.input.items()},
    )  # fmt: skip


def _keys(nest: Any) -> tuple[str, ...]:
    """The names of a model's inputs or outputs.

    Raises:
        UsageError: they are not a dict.
    """
    if isinstance(nest, Mapping):
        return tuple(nest)
    msg = "the Keras model's inputs and outputs must be dicts by name to be compared"
    raise UsageError(msg)


def _keras_origin(path: Path) -> dict[str, Any]:
    import zipfile

    with zipfile.ZipFile(path) as archive:
        found = json.loads(archive.read("metadata.json")).get(ORIGIN, {})
    return found if isinstance(found, dict) else {}


# ---- functions -------------------------------------------------------------------------------------------


def python_candidate(path: Path, trust: bool, /) -> Candidate:
    """A file that defines ``run(feeds) -> outputs``, with ``INPUTS`` and ``OUTPUTS`` if it takes less than all.

    Raises:
        UsageError: ``trust`` is not given, or the file lacks ``run``.
    """
    if not trust:
        msg = f"{path} is code: it runs only with --trust"
        raise UsageError(msg)
    spec = importlib.util.spec_from_file_location("rnnport_candidate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, "run", None)):
        msg = f"{path} defines no function run(feeds)"
        raise UsageError(msg)
    return Candidate(
        module.run, tuple(getattr(module, "INPUTS", ())), tuple(getattr(module, "OUTPUTS", ()))
    )

"""Damaged and hostile .keras files: one sentence, nothing executed, nothing allocated beyond what the file holds."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from converters.read_keras import open_keras, read_keras
from reference.errors import ArtefactError, NotConvertibleError, RnnportError
from tests.converters.read_keras_running import keras, randomise

L = keras.layers


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x = keras.Input((None, 3), name="x")
    model = keras.Model(x, L.Dense(2, name="d")(L.LSTM(4, name="l")(L.Masking()(x))))
    randomise(model)
    path = tmp_path_factory.mktemp("keras") / "good.keras"
    model.save(path)
    return path


def rewritten(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target


def with_config(source: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    def edit(members: dict[str, bytes]) -> None:
        config = json.loads(members["config.json"])
        change(config)
        members["config.json"] = json.dumps(config).encode()

    return rewritten(source, target, edit)


def with_weights(source: Path, target: Path, change: Callable[[h5py.File], None]) -> Path:
    def edit(members: dict[str, bytes]) -> None:
        place = target.with_suffix(".h5")
        place.write_bytes(members["model.weights.h5"])
        with h5py.File(place, "r+") as file:
            change(file)
        members["model.weights.h5"] = place.read_bytes()

    return rewritten(source, target, edit)


def layer_of(config: dict[str, Any], name: str) -> dict[str, Any]:
    """The layer of this name; Keras counts its own names on in every process (``masking_3``)."""
    names = re.compile(rf"{re.escape(name)}(_\d+)?")
    return next(entry for entry in config["config"]["layers"] if names.fullmatch(entry["name"]))


def test_the_good_file(good: Path) -> None:
    model = open_keras(good)
    assert model.version.startswith("3.")
    assert len(model.sha256) == 64
    assert list(model.program.inputs) == ["x"]
    assert model.program.outputs == ("d",)


def test_keras_and_tensorflow_are_not_imported(good: Path) -> None:
    code = (
        f"import sys; from converters.read_keras import read_keras; read_keras({str(good)!r});"
        "print([m for m in ('keras', 'tensorflow', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_missing_members(good: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ArtefactError, match=name):
        read_keras(
            rewritten(good, tmp_path / "m.keras", lambda members: members.pop(name) and None)
        )


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_no_zip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.keras").write_bytes(content)
    with pytest.raises(ArtefactError, match=r"m\.keras"):
        read_keras(tmp_path / "m.keras")


def test_declared_sizes_are_checked(good: Path, tmp_path: Path) -> None:
    def bomb(file: h5py.File) -> None:
        group = file["layers/dense/vars"]
        del group["0"]
        group.create_dataset("0", shape=(1 << 20, 1 << 16), dtype="float32")

    with pytest.raises(ArtefactError, match=r"declares 274877906944 bytes"):
        read_keras(with_weights(good, tmp_path / "m.keras", bomb))


def test_a_zip_entry_larger_than_it_can_be(good: Path, tmp_path: Path) -> None:
    path = rewritten(good, tmp_path / "m.keras", lambda members: None)
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\x01\x02", 0, data.rfind(b"model.weights.h5"))
    data[place + 24 : place + 28] = (0xFFFFFF00).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(ArtefactError, match="declares 4294967040 bytes"):
        read_keras(path)


def test_links_and_external_storage(good: Path, tmp_path: Path) -> None:
    def soft(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/hostname", "/x")

    def external(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        file.create_dataset(
            "layers/dense/vars/0", (4, 2), "float32", external=[("/etc/hostname", 0, 32)]
        )

    for change in (soft, external):
        with pytest.raises(ArtefactError, match="not an array stored in this file"):
            read_keras(with_weights(good, tmp_path / "m.keras", change))


def test_max_tensor(good: Path) -> None:
    with pytest.raises(ArtefactError, match="max-tensor"):
        read_keras(good, max_tensor=64)


def test_weights_of_another_shape_or_layer(good: Path, tmp_path: Path) -> None:
    def wrong(file: h5py.File) -> None:
        del file["layers/lstm/cell/vars/1"]
        file["layers/lstm/cell/vars/1"] = np.ones((5, 16), "float32")

    def renamed(file: h5py.File) -> None:
        file["layers/dense/vars"].attrs["name"] = "other"

    with pytest.raises(ArtefactError, match=r"shape \(5, 16\)"):
        read_keras(with_weights(good, tmp_path / "a.keras", wrong))
    with pytest.raises(ArtefactError, match="'other'"):
        read_keras(with_weights(good, tmp_path / "b.keras", renamed))


def test_classes_of_the_models_own_are_named(good: Path, tmp_path: Path) -> None:
    def own(config: dict[str, Any]) -> None:
        entry = layer_of(config, "d")
        entry |= {"module": "mine", "class_name": "Gate", "registered_name": "Mine>Gate"}

    with pytest.raises(NotConvertibleError, match="Mine>Gate"):
        read_keras(with_config(good, tmp_path / "m.keras", own))


def test_functions_of_the_models_own_are_named(good: Path, tmp_path: Path) -> None:
    def own(config: dict[str, Any]) -> None:
        layer_of(config, "d")["config"]["activation"] = {
            "module": "os", "class_name": "function", "config": "system", "registered_name": "function",
        }  # fmt: skip

    with pytest.raises(NotConvertibleError, match="activation 'function'"):
        read_keras(with_config(good, tmp_path / "m.keras", own))


def test_a_lambda_is_refused_by_name(tmp_path: Path) -> None:
    x = keras.Input((3,), name="x")
    keras.Model(x, L.Lambda(lambda v: v * 2, name="mine")(x)).save(tmp_path / "m.keras")
    with pytest.raises(NotConvertibleError, match=r"'mine'.*never run"):
        read_keras(tmp_path / "m.keras")


def test_a_subclassed_model_is_refused(tmp_path: Path) -> None:
    class Mine(keras.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.d = L.Dense(2)

        def call(self, x: Any) -> Any:
            return self.d(x)

    model = Mine(name="mine")
    model(np.zeros((1, 3), "float32"))
    model.save(tmp_path / "m.keras")
    with pytest.raises(NotConvertibleError, match="'mine'"):
        read_keras(tmp_path / "m.keras")


@pytest.mark.parametrize(("name", "key", "value"), [("d", "sharpen", 3), ("l", "peephole", True)])
def test_settings_that_nobody_reads_are_refused(
    good: Path, tmp_path: Path, name: str, key: str, value: Any
) -> None:
    def change(config: dict[str, Any]) -> None:
        layer_of(config, name)["config"][key] = value

    with pytest.raises(NotConvertibleError, match=key):
        read_keras(with_config(good, tmp_path / "m.keras", change))


@pytest.mark.parametrize(
    "policy",
    [
        "mixed_float16",
        "bfloat16",
        {"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8"}},
    ],
)
def test_other_precisions_are_refused(good: Path, tmp_path: Path, policy: Any) -> None:
    path = with_config(
        good, tmp_path / "m.keras", lambda c: layer_of(c, "l")["config"].update(dtype=policy)
    )
    with pytest.raises(NotConvertibleError, match="dtype policy"):
        read_keras(path)


def test_cycles_and_loose_ends(good: Path, tmp_path: Path) -> None:
    def turn(config: dict[str, Any]) -> None:
        args = layer_of(config, "masking")["inbound_nodes"][0]["args"]
        args[0]["config"]["keras_history"] = ["d", 0, 0]

    def lost(config: dict[str, Any]) -> None:
        layer_of(config, "masking")["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = [
            "gone",
            0,
            0,
        ]

    def late(config: dict[str, Any]) -> None:
        config["config"]["output_layers"] = [["d", 7, 0]]

    for change, text in ((turn, "depend on themselves"), (lost, "'gone'"), (late, "call 7")):
        with pytest.raises(ArtefactError, match=text):
            read_keras(with_config(good, tmp_path / "m.keras", change))


def test_mutated_files_never_give_a_traceback(good: Path, tmp_path: Path) -> None:
    """Bytes of the configuration, and of the whole file, changed at random: read, or refused in a sentence."""
    rng = np.random.default_rng(0)
    whole = good.read_bytes()
    target = tmp_path / "m.keras"
    for round_ in range(300):
        if round_ % 2:
            data = bytearray(whole)
            for place in rng.integers(0, len(data), 4):
                data[place] = rng.integers(0, 256)
            target.write_bytes(bytes(data))
        else:
            rewritten(
                good,
                target,
                lambda members: members.update(
                    {"config.json": mutated(members["config.json"], rng)}
                ),
            )
        with contextlib.suppress(RnnportError):
            read_keras(target)


def mutated(config: bytes, rng: np.random.Generator) -> bytes:
    """One scalar of the JSON replaced."""
    tree = json.loads(config)
    places: list[tuple[Any, Any]] = []

    def visit(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, key))
            if isinstance(value, dict | list):
                visit(value)

    visit(tree)
    node, key = places[rng.integers(len(places))]
    choices = [None, -1, 2**70, "", "x", [], {}, 1.5, True, [[]], {"class_name": "a", "config": {}}]
    node[key] = choices[rng.integers(len(choices))]
    return json.dumps(tree).encode()

"""The source port: short, clean, and it computes the same without this package."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the source that is written here is run")

from converters.lift import lift
from converters.program import Program
from converters.read_graphdef import read
from converters.to_keras import runner, to_keras
from converters.to_source import save_source, to_source
from converters.to_source.literals import text
from porting.conversion import convert
from reference.errors import UsageError
from tests.converters.test_to_keras_cells import FULL, over
from tests.converters.test_to_keras_native import RNG, both, draw, feeds_for, gru, lstm, tunes
from tests.converters.to_keras_programs import B, Draft
from tests.support.tidy import has_ruff, tidied

SCRIPT = """
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
from model import load
got = load()(dict(np.load(sys.argv[2])))
np.savez(sys.argv[3], **{k: np.asarray(v) for k, v in got.items()})
"""


def run_source(folder: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    files = [str(folder.parent / "in.npz"), str(folder.parent / "out.npz")]
    np.savez(files[0], **feeds)
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if "from converters.to_keras.decoding import" in (folder / "model.py").read_text():
        env["PYTHONPATH"] = str(Path(__file__).parents[2])  # a beam search alone needs the package
    command = [sys.executable, "-c", SCRIPT, str(folder), *files]
    subprocess.run(command, check=True, env=env, cwd=folder.parent)
    with np.load(files[1]) as found:
        return dict(found)


def twice() -> Program:
    """One dense layer that reads its own output: unrolled steps of a network that is no recurrence."""
    d = Draft()
    kernel, bias = (d.constant(n, draw(*s), variable=True) for n, s in (("w", (4, 4)), ("b", (4,))))
    y = d.input("x", "float32", B, 4)
    for _ in range(2):
        y = d.op("Sigmoid", d.op("BiasAdd", d.op("MatMul", y, kernel), bias))
    return d.program(y)


PROGRAMS: dict[str, Any] = {
    "twice": twice,
    "tunes": tunes,
    "bidirectional": lambda: both(gru(3, 4), gru(3, 4), lengths=True, state=True),
    "unequal": lambda: both(lstm(3, 4), lstm(3, 5), lengths=True, state=False),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_source_computes_the_same(name: str, tmp_path: Path) -> None:
    program = PROGRAMS[name]()
    exported = to_keras(program, name=name, metadata={"sha256": "0" * 64})
    save_source(exported, tmp_path / "port")
    feeds = feeds_for(program, 3, 5, [0, 5, 2])
    if "ids:0" in feeds:
        feeds["ids:0"] = RNG.integers(0, 11, (3, 5)).astype(np.int32)
    named = {exported.inputs[k]: v for k, v in feeds.items()}
    here, there = runner(exported.model)(named), run_source(tmp_path / "port", named)
    assert sorted(here) == sorted(there)
    for key, value in here.items():
        # Compiled here and called eagerly there: the order of summation may differ.
        np.testing.assert_allclose(there[key], value, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_source_is_short_and_clean(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(to_source(to_keras(PROGRAMS[name](), name=name)))
    tidy(path)


ZOO = Path(__file__).parents[1] / "zoo" / "models"
TUNES = Path(__file__).parents[2] / "examples" / "irish_tunes"
MODELS = {
    "tunes": (TUNES / "model" / "frozen.pb", TUNES / "samples.npz"),
    **{
        name: (ZOO / name / "frozen.pb", ZOO / name / "samples.npz")
        for name in (
            "tagger_chars",
            "encoder_decoder_states",
            "classifier_gather_nd",
            "video_classifier",
            # Cells that Keras lacks become classes of the source.
            "block_fused_peephole",
            "layer_norm_basic_lstm",
            "lstm_num_proj",
            "zoneout_lstm",
            # A loop, and a beam search around a step of the model's own.
            "while_until_settled",
            "translation_beam",
        )
    },
}
LONG = {
    name: (ZOO / name / "frozen.pb", ZOO / name / "samples.npz")
    for name in ("conv1d_lstm", "while_gru_masked", "crf_only")
}
"""Recurrences that ``keras.layers.RNN`` cannot hold: the source defines the layer that steps them, or loops inside a branch (Viterbi)."""


@pytest.mark.parametrize("name", [*MODELS, *LONG])
def test_the_command_writes_source_that_is_equivalent_and_clean(name: str, tmp_path: Path) -> None:
    graph, samples = MODELS.get(name) or LONG[name]
    with np.load(samples) as found:
        inputs = [k[4:] for k in found.files if k.startswith("in0:")]
        outputs = [k[5:] for k in found.files if k.startswith("out0:")]
    done = convert(
        graph, to="source", out=tmp_path / "port", inputs=inputs, outputs=outputs, samples=samples
    )
    assert done.verification is not None
    assert done.verification.verdict == "equivalent"
    assert done.verification.oracle == "recording"
    assert sorted(p.name for p in (tmp_path / "port").iterdir()) == ["model.py", "model.weights.h5"]
    tidy(tmp_path / "port" / "model.py", 120 if name in MODELS else 160)
    feeds = {done.names[i]: first(samples, i) for i in inputs if i in done.names}
    there = run_source(tmp_path / "port", feeds)
    for output in outputs:
        want = first(samples, output, "out")
        # Ten times the noise of float32 seen; the verdict proper was given above.
        atol = 1e-5 * np.abs(want).max(initial=1.0)
        np.testing.assert_allclose(there[done.names[output]], want, rtol=0, atol=atol)


def first(samples: Path, tensor: str, kind: str = "in") -> np.ndarray:
    with np.load(samples) as found:
        return found[f"{kind}0:{tensor}"]


def tidy(path: Path, limit: int = 120) -> None:
    """So few lines as ruff formats them, and no complaint by its default rules."""
    if not has_ruff():
        pytest.skip("ruff is not installed")
    lines, complaints = tidied(path)
    assert not complaints
    assert lines < limit


def test_a_file_in_the_way_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("mine")
    with pytest.raises(UsageError, match="folder"):
        convert(MODELS["tunes"][0], to="source", out=tmp_path / "port")
    assert (tmp_path / "port").read_text() == "mine"


def test_an_older_folder_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "port").mkdir()
    (tmp_path / "port" / "old.txt").write_text("old")
    graph, _ = MODELS["encoder_decoder_states"]
    convert(graph, to="source", out=tmp_path / "port", verify=False)
    assert sorted(p.name for p in (tmp_path / "port").iterdir()) == ["model.py", "model.weights.h5"]


HOSTILE = 'm"""\nimport os\nos.abort()\n"""'


def test_names_and_origin_cannot_break_out_of_their_quotes() -> None:
    exported = to_keras(tunes(), name="m", metadata={"artefact": HOSTILE, "back": "\\"})
    exported.model.layers[1].name = 'x", evil="'
    tree = ast.parse(to_source(exported))
    kinds = [type(item).__name__ for item in tree.body]
    assert kinds.count("Import") == 1
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.keyword) and n.arg == "evil"]


def test_a_cell_that_keras_lacks_is_a_class_of_the_source(tmp_path: Path) -> None:
    program = over(FULL, lengths=True)
    exported = to_keras(program, name="m")
    save_source(exported, tmp_path / "port")
    text = (tmp_path / "port" / "model.py").read_text()
    tidy(tmp_path / "port" / "model.py")
    assert f"class {type(FULL).__name__}(layers.Layer):" in text
    assert "converters" not in text
    feeds = feeds_for(program, 3, 5, [0, 5, 2])
    named = {exported.inputs[k]: v for k, v in feeds.items()}
    here, there = runner(exported.model)(named), run_source(tmp_path / "port", named)
    for key, value in here.items():
        # Compiled here and called eagerly there: the order of summation may differ.
        np.testing.assert_allclose(there[key], value, rtol=0, atol=1e-6)


def test_a_loop_that_is_no_recurrence_is_a_class_with_a_step() -> None:
    graph = ZOO / "greedy_decoder" / "frozen.pb"
    text = to_source(to_keras(lift(read(graph)), name="m"))
    assert "class Decoder(layers.Layer):" in text
    assert "def step(time, finished, logits, tokens, gru_cell, x, lengths):" in text
    assert "ops.take(self.target_embedding, cast, axis=0)" in text  # and no branch around it
    assert "converters" not in text


def test_an_op_that_asks_for_sizes_is_a_class_too(tmp_path: Path) -> None:
    d = Draft()
    x, n = d.input("x", "float32", B, 4), d.input("n", "int32")
    shape = d.op("Pack", n, d.constant("four", np.int32(4)), name="shape", axis=0)
    zeros = d.op("Fill", shape, d.constant("zero", np.float32(0)), name="zeros")
    program = d.program(d.op("ConcatV2", x, zeros, d.constant("axis", np.int32(0))))
    exported = to_keras(program, name="m")
    save_source(exported, tmp_path / "port")
    text = (tmp_path / "port" / "model.py").read_text()
    assert "ops.zeros((n, 4))" in text
    tidy(tmp_path / "port" / "model.py")
    feeds = {"x": draw(3, 4), "n": np.int32(2)}
    there = run_source(tmp_path / "port", feeds)
    (value,) = there.values()
    np.testing.assert_array_equal(value, np.concatenate([feeds["x"], np.zeros((2, 4), np.float32)]))


def scored() -> Program:
    """A weight that is no layer's: the vector of an attention."""
    d = Draft()
    x = d.input("x", "float32", B, 3, 4)
    v = d.constant("attention/v", draw(3, 4), variable=True)
    axes = d.constant("axes", np.int32([2]))
    return d.program(d.op("Sum", d.op("Mul", d.op("Tanh", x), v), axes, keep_dims=False))


def test_a_weight_without_a_layer_is_a_variable(tmp_path: Path) -> None:
    program = scored()
    exported = to_keras(program, name="m")
    save_source(exported, tmp_path / "port")
    text = (tmp_path / "port" / "model.py").read_text()
    assert 'attention_v = Variable((3, 4), name="attention_v")(x)' in text
    named = {exported.inputs[k]: v for k, v in feeds_for(program, 3, 5, [0, 5, 2]).items()}
    here, there = runner(exported.model)(named), run_source(tmp_path / "port", named)
    for key, value in here.items():
        np.testing.assert_allclose(there[key], value, rtol=0, atol=1e-6)


def test_the_letters_are_those_of_the_reference_equation() -> None:
    text = to_source(to_keras(over(FULL, lengths=True), name="m"))
    assert "i, j, f, o = ops.split(z, " in text
    assert "z = ops.matmul(ops.concatenate([x, h], axis=1), self.kernel) + self.bias" in text
    assert "return h, [c, h]" in text


def test_gates_that_no_reference_cell_names_are_told_apart_by_what_they_do() -> None:
    graph = ZOO / "zoneout_lstm" / "frozen.pb"
    text = to_source(to_keras(lift(read(graph)), name="m"))
    assert "i, j, f, o = ops.split(" in text
    assert "ops.sigmoid(f + 1.0) * c + ops.sigmoid(i) * ops.tanh(j)" in text


def test_a_product_on_the_right_keeps_its_parentheses() -> None:
    """a * (b * c) is not a * b * c in floats, nor a - (b + c) a - b + c."""
    d = Draft()
    a, b, c = (d.input(name, "float32", B, 4) for name in "abc")
    y = d.op("Mul", a, d.op("Mul", b, c))
    z = d.op("Sub", a, d.op("Add", b, d.op("Mul", b, c)))
    text = to_source(to_keras(d.program(y, z), name="m"))
    assert "a * (b * c)" in text
    assert "a - (b + b * c)" in text


def test_the_same_model_gives_the_same_text() -> None:
    """No counter of the process enters it."""
    graph = read(ZOO / "layer_norm_basic_lstm" / "frozen.pb")
    texts = {to_source(to_keras(lift(graph), name="m")) for _ in range(2)}
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (np.float32(0.1), "0.1"),
        (np.float32(1e-12), "1e-12"),
        (0.1, "0.1"),
        (np.float64(np.float32(0.1)), "0.10000000149011612"),
        (float("nan"), 'float("nan")'),
        (np.arange(5), 'ops.arange(5, dtype="int64")'),
        (np.full((2, 2), np.float32(0.5)), 'ops.full((2, 2), 0.5, dtype="float32")'),
        (np.array([1.5, np.inf]), 'ops.array([1.5, float("inf")], dtype="float64")'),
    ],
)
def test_numbers_are_written_so_that_they_come_back(value: Any, wanted: str) -> None:
    assert text(value) == wanted
    space = {"ops": np}
    np.testing.assert_array_equal(np.asarray(eval(wanted, space), np.asarray(value).dtype), value)

"""The recorder's parts that need no TensorFlow: the file it writes, digests, drawn inputs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from converters.read_graphdef.digest import digest_files
from porting import record_tf1
from porting.record_tf1 import Spec


def spec(name: str, dims: tuple[int | None, ...] | None, role: str, **more: object) -> Spec:
    kinds = {"float": "float32", "mask": "float32", "bool": "bool", "text": "S"}
    facts = {"dtype": kinds.get(role, "int32"), "bound": None, "words": (), **more}
    return Spec(name=name, dims=dims, role=role, **facts)


def case(**changes: object) -> dict[str, object]:
    return {"number": 0, "seed": 5, "least": 0, "scale": 1.0, "lengths": "mixed", **changes}


# The samples file.


def test_samples_round_trip_without_pickle(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    arrays = {
        "in0:a/x:0": random.standard_normal((2, 3)).astype(np.float32),
        "in0:lengths:0": np.array([0, 3], np.int32),
        "in0:keep_prob:0": np.float32(1.0),
        "out0:words:0": np.array([[b"reel", "jíg"]], object),
        "out0:empty:0": np.zeros((0, 4), np.float64),
        "out0:flag:0": np.array(True),
    }
    path = tmp_path / "samples.npz"
    record_tf1.write_samples(str(path), arrays, {"format": 1, "notes": ["über"]})
    with np.load(path, allow_pickle=False) as file:
        assert set(file.files) == {*arrays, "meta"}
        assert json.loads(str(file["meta"])) == {"format": 1, "notes": ["über"]}
        for key in set(arrays) - {"out0:words:0"}:
            value = np.asarray(arrays[key])
            np.testing.assert_array_equal(file[key], value, strict=True)
        assert file["out0:words:0"].tolist() == [[b"reel", "jíg".encode()]]
    assert not list(tmp_path.glob("*.partial"))


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    arrays = {"in0:x:0": np.arange(5.0), "out0:y:0": np.arange(3)}
    for name in ("a.npz", "b.npz"):
        record_tf1.write_samples(str(tmp_path / name), arrays, {"seed": 1})
        arrays = dict(reversed(arrays.items()))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.array([b"a\0"], object), "zero byte"),
        (np.array([object()], object), "Python objects"),
        (np.zeros(1, "datetime64[s]"), "datetime64"),
    ],
)
def test_what_an_npz_cannot_hold_is_refused(value: np.ndarray, reason: str) -> None:
    with pytest.raises(record_tf1.RecorderError, match=reason):
        record_tf1.storable(value, "out0:y:0")


# Digests: the same rule as the reader's.


def test_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.pb"
    path.write_bytes(b"graph")
    assert record_tf1.digest(str(path)) == hashlib.sha256(b"graph").hexdigest()


def test_digest_of_a_saved_model(tmp_path: Path) -> None:
    names = ["saved_model.pb", "variables/variables.index", "assets/deep/words.txt"]
    for name in [*names, "notes.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode() * 3)
    expected = digest_files({name: tmp_path / name for name in names})
    assert record_tf1.digest(str(tmp_path)) == expected


def test_digest_of_a_checkpoint(tmp_path: Path) -> None:
    names = ["m.ckpt.meta", "m.ckpt.index", "m.ckpt.data-00000-of-00001", "m.ckpt-00000-of-00002"]
    for name in [*names, "m.ckpt-12.meta", "m.ckpt2.index", "checkpoint"]:
        (tmp_path / name).write_bytes(name.encode() * 3)
    expected = digest_files({name: tmp_path / name for name in names})
    assert record_tf1.digest(str(tmp_path / "m.ckpt")) == expected


# Drawn inputs.


def test_mixed_lengths_hold_0_1_and_t() -> None:
    random = np.random.RandomState(1)
    for _ in range(20):
        drawn = record_tf1.draw_lengths(random, (5,), 7, "mixed", 0)
        assert {0, 1, 7} <= set(drawn.tolist())
        assert drawn.min() >= 0
        assert drawn.max() <= 7


@pytest.mark.parametrize(("kind", "expected"), [("full", 7), ("one", 1), ("zero", 0)])
def test_uniform_lengths(kind: str, expected: int) -> None:
    drawn = record_tf1.draw_lengths(np.random.RandomState(1), (3,), 7, kind, 0)
    assert drawn.tolist() == [expected] * 3


def test_inputs_agree_on_batch_and_time() -> None:
    specs = [
        spec("ids:0", (None, None), "ids", bound=9),
        spec("lengths:0", (None,), "lengths"),
        spec("state:0", (2, 2, None, 4), "float"),
        spec("batch_size:0", (), "count"),
    ]
    reading = record_tf1.readings(specs)[0]
    drawn = record_tf1.draw_all(specs, reading, {"B": 4, "T": 11, "W": 5}, case())
    assert drawn["ids:0"].shape == (4, 11)
    assert drawn["ids:0"].max() < 9
    assert len(np.unique(drawn["ids:0"])) > 4
    assert drawn["lengths:0"].max() == 11
    assert drawn["state:0"].shape == (2, 2, 4, 4)
    assert np.count_nonzero(drawn["state:0"]) == 64
    assert drawn["batch_size:0"] == 4


def test_time_major_is_the_second_reading() -> None:
    specs = [spec("x:0", (None, None, 6), "float"), spec("h:0", (None, 5), "float")]
    found = record_tf1.readings(specs)
    assert found[0] == {"x:0": ("B", "T", 6), "h:0": ("B", 5)}
    assert {"x:0": ("T", "B", 6), "h:0": ("B", 5)} in found


def test_lengths_stay_within_a_known_time() -> None:
    specs = [spec("x:0", (None, 4, 6), "float"), spec("n:0", (None,), "lengths")]
    reading = record_tf1.readings(specs)[0]
    drawn = record_tf1.draw_all(specs, reading, {"B": 6, "T": 20, "W": 5}, case(lengths="full"))
    assert drawn["n:0"].tolist() == [4] * 6


def test_dropout_and_training_switches() -> None:
    for role, dtype, value in (
        ("keep", "float32", 1),
        ("rate", "float32", 0),
        ("training", "bool", 0),
    ):
        drawn = record_tf1.draw(spec("s:0", (), role, dtype=dtype), (), None, {}, 0, {})
        assert drawn.dtype == dtype
        assert drawn == value


def test_text_is_drawn_from_the_table() -> None:
    words = spec("w:0", (None, None), "text", words=(b"reel", b"jig"))
    drawn = record_tf1.draw_all([words], {"w:0": ("B", "T")}, {"B": 9, "T": 9, "W": 5}, case())
    assert {b"reel", b"jig", b""} <= set(drawn["w:0"].ravel().tolist())


def test_a_run_depends_on_seed_and_number_only() -> None:
    specs, sizes = [spec("x:0", (None, 3), "float")], {"B": 2, "T": 7, "W": 5}
    reading = {"x:0": ("B", 3)}
    first = record_tf1.draw_all(specs, reading, sizes, case())["x:0"]
    np.testing.assert_array_equal(first, record_tf1.draw_all(specs, reading, sizes, case())["x:0"])
    for other in (case(seed=6), case(number=1)):
        assert not np.array_equal(first, record_tf1.draw_all(specs, reading, sizes, other)["x:0"])


def test_the_plan_varies_what_verdicts_need() -> None:
    runs = record_tf1.plan(8, 0)
    assert {1, 3, 5} <= {run["B"] for run in runs}
    assert {1, 7, 20} == {run["T"] for run in runs}
    assert {0.1, 1.0, 10.0} == {run["scale"] for run in runs}
    assert {"mixed", "full", "one", "zero"} == {run["lengths"] for run in runs}
    assert [run["B"] for run in record_tf1.plan(3, 0, (2, 0))] == [2, 0, 2]


@pytest.mark.parametrize("dims", [None, (None, None, None, None)])
def test_an_unclear_shape_is_refused_by_name(dims: tuple[None, ...] | None) -> None:
    with pytest.raises(record_tf1.RecorderError, match=r"x:0.*--feed x:0=@file\.npy"):
        record_tf1.layouts(spec("x:0", dims, "float"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("k:0=1.0", 1.0), ("n=[1, 2]", [1, 2]), ("t:0=false", False), ("t:0=True", True)],
)
def test_feeds_are_parsed(text: str, expected: object) -> None:
    name, value = record_tf1._parse_feed(text)
    assert name == text.split("=")[0]
    assert value == expected
    assert type(value) is type(expected)


def test_a_feed_from_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(4))
    _, value = record_tf1._parse_feed(f"x:0=@{tmp_path / 'x.npy'}")
    np.testing.assert_array_equal(value, np.arange(4))


def test_a_feed_without_a_value_is_refused() -> None:
    with pytest.raises(record_tf1.RecorderError, match="NAME=VALUE"):
        record_tf1._parse_feed("keep_prob:0")

"""Checkpoints as TensorFlow 1.15.5 writes them: its own files, read and written again, byte for byte; and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.read_checkpoint import open_checkpoint
from converters.write_checkpoint import write_checkpoint
from converters.write_checkpoint.table import _BLOCK, table
from reference.errors import SemanticsError

GOLDENS = Path(__file__).parents[1] / "goldens"
WRITTEN = sorted(p.with_suffix("") for p in (GOLDENS / "tf1_programs").glob("*.ckpt.index"))


@pytest.mark.parametrize("prefix", WRITTEN, ids=lambda p: p.stem)
def test_what_tensorflow_wrote_is_written_the_same(prefix: Path, tmp_path: Path) -> None:
    found = open_checkpoint(prefix)
    by_place = sorted(found.names(), key=lambda n: found._protos[n.encode()].offset)
    write_checkpoint(tmp_path / prefix.name, {name: found.read(name) for name in by_place})
    for ending in (".index", ".data-00000-of-00001"):
        name = prefix.name + ending
        assert (tmp_path / name).read_bytes() == (prefix.parent / name).read_bytes()


def test_values_come_back_bit_for_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    values = {
        "rnn/kernel": rng.standard_normal((7, 12)).astype(np.float32),
        "global_step": np.int64(2**40),
        "empty": np.zeros((0, 3), np.float32),
        "half": rng.standard_normal(5).astype(np.float16),
        "flags": np.array([True, False]),
        "doubles": rng.standard_normal((2, 2))[:, ::-1],
    }
    write_checkpoint(tmp_path / "m.ckpt-3", values)
    found = open_checkpoint(tmp_path / "m.ckpt-3")
    assert sorted(found.names()) == sorted(values)
    for name, value in values.items():
        got = found.read(name)
        assert got.dtype == np.asarray(value).dtype
        np.testing.assert_array_equal(got, value)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "m.ckpt-3.data-00000-of-00001",
        "m.ckpt-3.index",
    ]


def test_many_variables_take_several_blocks(tmp_path: Path) -> None:
    values = {f"scope_{k:05d}/{'x' * 60}": np.full((2,), k, np.float32) for k in range(6000)}
    write_checkpoint(tmp_path / "big", values)
    assert (tmp_path / "big.index").stat().st_size > _BLOCK
    found = open_checkpoint(tmp_path / "big")
    assert len(found.names()) == 6000
    assert found.read(f"scope_04321/{'x' * 60}").tolist() == [4321, 4321]


def test_a_flipped_bit_is_seen(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "m", {"a": np.arange(6, dtype=np.float32)})
    path = tmp_path / "m.data-00000-of-00001"
    data = bytearray(path.read_bytes())
    data[5] ^= 4
    path.write_bytes(data)
    with pytest.raises(Exception, match="checksum"):
        open_checkpoint(tmp_path / "m").read("a")


def test_strings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SemanticsError, match="'names'"):
        write_checkpoint(tmp_path / "m", {"names": np.array(["a"])})
    assert not list(tmp_path.iterdir())


def test_keys_between_blocks_are_shortened_as_leveldb_does() -> None:
    big = b"v" * _BLOCK
    out = table([(b"abc", big), (b"abz", b"w")])
    assert b"\x00\x03" in out  # "abd", three bytes and none shared
    assert b"abd" in out

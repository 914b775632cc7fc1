"""Samples files, the honest and the hostile."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from porting.shards.streaming import stream_samples
from porting.verification.samples import Run, load_samples, save_samples
from reference.errors import ArtefactError, UsageError


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    """An .npy of that header and four bytes of data."""
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\0" * 4


def archive(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "s.npz"
    text = np.array([b"one", b"two words"], object)
    save_samples(
        path,
        [
            Run({"a/x:0": np.float32([[1, 2]])}, {"y:1": np.int64(3)}),
            Run({"t:0": text}, {"y:1": np.int64(4)}),
        ],
        {"sha256": "ab"},
    )
    found = load_samples(path)
    assert found.inputs == ("a/x:0", "t:0")
    assert found.outputs == ("y:1",)
    assert found.meta == {"format": 1, "sha256": "ab"}
    np.testing.assert_array_equal(found.runs[0].inputs["a/x:0"], np.float32([[1, 2]]))
    assert found.runs[1].inputs["t:0"].tolist() == text.tolist()
    assert found.runs[1].outputs["y:1"] == 4


def test_unknown_keys_are_ignored(tmp_path):
    path = tmp_path / "s.npz"
    np.savez(
        path,
        **{
            "in0:x:0": np.ones(2),
            "out0:y:0": np.ones(2),
            "mid0:z:0": np.ones(2),
            "extra": np.ones(2),
        },
    )
    assert load_samples(path).inputs == ("x:0",)


HOSTILE = {
    "huge": {"in0:x:0.npy": header((1 << 40,))},
    "overflowing": {"in0:x:0.npy": header((1 << 62, 1 << 62))},
    "negative": {"in0:x:0.npy": header((-4,))},
    "pickled": {"in0:x:0.npy": header((1,), "|O")},
    "dates": {"in0:x:0.npy": header((1,), "<M8[s]")},
    "no header": {"in0:x:0.npy": b"hello"},
    "nothing": {},
    "no run": {"meta.npy": header((1,))},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives_are_refused_in_one_sentence(tmp_path, kind):
    path = archive(tmp_path / "s.npz", HOSTILE[kind])
    with pytest.raises(ArtefactError, match=r"s\.npz") as caught:
        load_samples(path)
    assert "\n" not in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "s.npz"
    np.savez_compressed(path, **{"in0:x:0": np.zeros(1 << 20, np.float32)})
    with pytest.raises(ArtefactError, match="at most 1000000"):
        load_samples(path, max_bytes=1_000_000)


@pytest.mark.parametrize("data", [b"", b"text", b"PK\x03\x04 and then nothing"])
def test_what_is_no_archive_is_refused(tmp_path, data):
    (tmp_path / "s.npz").write_bytes(data)
    with pytest.raises(ArtefactError, match="is not a samples file"):
        load_samples(tmp_path / "s.npz")


def test_a_truncated_archive_is_refused(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, **{"in0:x:0": np.arange(1000)})
    (tmp_path / "s.npz").write_bytes(buffer.getvalue()[:3000])
    with pytest.raises(ArtefactError):
        load_samples(tmp_path / "s.npz")


def test_a_missing_file_is_a_wrong_call(tmp_path):
    with pytest.raises(UsageError, match="is not there"):
        load_samples(tmp_path / "s.npz")


@pytest.mark.parametrize("read", [load_samples, lambda path: list(stream_samples(path))])
def test_damaged_bytes_are_refused_in_one_sentence(tmp_path, read):
    """Anywhere: in the archive, the compressed data, or the header that NumPy parses as a Python literal."""
    rng = np.random.default_rng(0)
    whole = tmp_path / "s.npz"
    np.savez_compressed(whole, **{"in0:x:0": rng.random((40, 40)), "out0:y:0": rng.random(3)})
    honest, damaged = whole.read_bytes(), tmp_path / "damaged.npz"
    refused = 0
    for at in rng.integers(0, len(honest) - 4, 300):
        damaged.write_bytes(honest[:at] + rng.bytes(4) + honest[at + 4 :])
        try:
            read(damaged)
        except ArtefactError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 200

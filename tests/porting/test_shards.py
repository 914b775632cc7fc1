"""Many samples files: the same verdict as over one, whatever is interrupted, spread or damaged."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from porting import convert
from porting.comparing import compare
from porting.shards import verify_shards
from porting.shards.journal import Journal
from porting.shards.streaming import stream_samples
from porting.shards.tally import merge
from porting.shards.work import Task, compare_shard
from porting.verification.floors import Region
from porting.verification.judge import Judge
from porting.verification.samples import Run, load_samples, save_samples
from reference.errors import ArtefactError, MissingExtraError, UsageError

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests" / "zoo" / "models" / "old_names"
ARTEFACT = MODEL / "frozen.pb"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    samples = load_samples(MODEL / "samples.npz")
    out = tmp_path_factory.mktemp("port") / "port.onnx"
    convert(
        ARTEFACT,
        to="onnx",
        out=out,
        verify=False,
        inputs=list(samples.inputs),
        outputs=list(samples.outputs),
    )
    return out


@pytest.fixture
def candidate(port, tmp_path):
    """A copy, so that journals do not meet."""
    path = tmp_path / "port.onnx"
    path.write_bytes(port.read_bytes())
    return path


@pytest.fixture
def shards(tmp_path):
    """The recording's runs, two to a file."""
    samples = load_samples(MODEL / "samples.npz")
    folder = tmp_path / "shards"
    folder.mkdir()
    for start in range(0, len(samples.runs), 2):
        save_samples(folder / f"s{start:02d}.npz", samples.runs[start : start + 2], samples.meta)
    assert len(list(folder.iterdir())) >= 3
    return folder


def same(found, expected):
    """All that the rule asks, exactly; the mean to its last digits."""
    for told in (found, expected):
        for where in (told, *told["tensors"]):
            where["mean_abs_diff"] = float(f"{where['mean_abs_diff']:.10g}")
        for key in ("run", "shard"):
            told["worst"].pop(key, None)
        told.pop("shards", None)
    assert found == expected


def test_the_verdict_is_that_over_one_file(candidate, shards):
    one = compare(ARTEFACT, candidate, samples=MODEL / "samples.npz").verdict
    assert one.verdict == "equivalent"
    found = verify_shards(ARTEFACT, candidate, str(shards / "*.npz"))
    assert found.status() == 0
    same(found.as_json(), one.as_json())
    assert not found.journal.exists()


def test_two_processes_say_the_same(candidate, shards):
    one = verify_shards(ARTEFACT, candidate, str(shards / "*.npz"))
    two = verify_shards(ARTEFACT, candidate, str(shards / "*.npz"), jobs=2)
    same(two.as_json(), one.as_json())


def damaged(shards, value):
    """One recorded number of the second shard, moved."""
    path = sorted(shards.iterdir())[1]
    samples = load_samples(path)
    runs = list(samples.runs)
    name = samples.outputs[0]
    outputs = {name: runs[0].outputs[name] + np.float32(value)}
    runs[0] = Run(runs[0].inputs, dict(runs[0].outputs) | outputs)
    save_samples(path, runs, samples.meta)
    return path


def test_one_wrong_number_in_one_shard_is_found_and_placed(candidate, shards):
    path = damaged(shards, 1e-3)
    found = verify_shards(ARTEFACT, candidate, str(shards / "*.npz"))
    assert found.comparison.verdict.verdict == "different"
    assert found.comparison.verdict.worst["place"] == "reader"
    assert found.status() == 1
    assert path.exists()


def test_a_wrong_port_is_placed_in_its_shard(shards, tmp_path):
    """The port answers wrongly to the runs of one shard alone."""
    target = sorted(shards.iterdir())[1]
    samples = load_samples(MODEL / "samples.npz")
    code = (
        "import numpy as np\nfrom porting.verification.samples import load_samples\n"
        f"ALL, BAD = load_samples({str(MODEL / 'samples.npz')!r}).runs, load_samples({str(target)!r}).runs\n"
        f"INPUTS, OUTPUTS = {samples.inputs!r}, {samples.outputs!r}\n"
        "def same(a, b):\n    return all(np.array_equal(a[n], b.inputs[n]) for n in INPUTS)\n"
        "def run(feeds):\n    out = next(r.outputs for r in ALL if same(feeds, r))\n"
        "    bad = any(same(feeds, r) for r in BAD)\n"
        "    return {k: v + np.float32(0.01) if bad else v for k, v in out.items()}\n"
    )
    candidate = tmp_path / "port.py"
    candidate.write_text(code)
    found = verify_shards(ARTEFACT, candidate, str(shards / "*.npz"), trust=True)
    verdict = found.comparison.verdict
    assert verdict.verdict == "different"
    assert verdict.worst["shard"] == str(target)
    assert any(str(target) in reason for reason in verdict.reasons)


def test_merging_is_associative_and_counts_once(candidate, shards):
    task = Task(str(ARTEFACT), str(candidate))
    tallies = [compare_shard(task, str(path)).tally for path in sorted(shards.iterdir())]
    left = merge(merge(tallies[0], tallies[1]), tallies[2])
    right = merge(tallies[0], merge(tallies[1], tallies[2]))
    for one, two in zip(left["regions"], right["regions"], strict=True):
        assert abs(one[2].pop("total") - two[2].pop("total")) < 1e-9
    assert left == right
    assert left["cases"] == sum(tally["cases"] for tally in tallies[:3])
    assert json.loads(json.dumps(left)) == left


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "empty"])
def test_a_corrupt_shard_is_named_and_skipped(damage, candidate, shards, cli):
    path = sorted(shards.iterdir())[1]
    data = bytearray(path.read_bytes())
    if (
        damage == "flipped"
    ):  # in the values of the last run: the earlier ones of this file must not count either
        data[len(data) * 2 // 3] ^= 0xFF
    path.write_bytes(
        {"cut": bytes(data[: len(data) // 2]), "text": b"no samples", "empty": b""}.get(
            damage, bytes(data)
        )
    )
    done = cli("verify", ARTEFACT, candidate, "--samples", shards / "*.npz", "--json")
    assert done.status == 2
    assert [item["shard"] for item in done.json["shards"]["skipped"]] == [str(path)]
    assert done.json["verdict"] == "unverified"
    assert any(path.name in reason for reason in done.json["reasons"])
    good = [load_samples(other) for other in sorted(shards.iterdir()) if other != path]
    assert done.json["cases"] == sum(len(samples.runs) for samples in good)
    # mended, and resumed: nothing is counted twice
    whole = load_samples(MODEL / "samples.npz")
    save_samples(path, whole.runs[2:4], whole.meta)
    again = cli("verify", ARTEFACT, candidate, "--samples", shards / "*.npz", "--resume", "--json")
    assert again.status == 0
    assert again.json["cases"] == len(whole.runs)


def test_a_real_kill_loses_nothing_and_counts_nothing_twice(candidate, shards, cli):
    """SIGKILL between two shards and in the midst of them; then --resume."""
    one = compare(ARTEFACT, candidate, samples=MODEL / "samples.npz").verdict.as_json()
    slow = (
        "import sys, time\nfrom porting.shards import work, pools\nreal = work.compare_shard\n"
        "def slowly(task, shard):\n    found = real(task, shard)\n    time.sleep(0.4)\n    return found\n"
        "pools.compare_shard = slowly\nfrom porting.cli import run\nsys.exit(run(sys.argv[1:]))\n"
    )
    arguments = ["verify", str(ARTEFACT), str(candidate), "--samples", str(shards / "*.npz")]
    journal = candidate.with_name("port.onnx.journal")
    process = subprocess.Popen(
        [sys.executable, "-c", slow, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    done = []
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        done = list(json.loads(journal.read_text())["done"]) if journal.exists() else []
        if done:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    kept = json.loads(journal.read_text())
    assert 1 <= len(kept["done"]) < len(list(shards.iterdir()))
    found = cli(*arguments, "--resume", "--json")
    assert found.status == 0
    told = {key: value for key, value in found.json.items() if key != "schema"}
    assert told["cases"] == one["cases"]
    same(told, json.loads(json.dumps(one)))
    assert not journal.exists()


def test_a_journal_of_something_else_is_refused(candidate, shards, tmp_path):
    paths = sorted(str(path) for path in shards.iterdir())
    task = Task(str(ARTEFACT), str(candidate))
    journal = Journal(tmp_path / "j", "one")
    first = compare_shard(task, paths[0])
    journal.add(first.shard, first.mark, first.tally)
    with pytest.raises(UsageError, match="another comparison"):
        Journal(tmp_path / "j", "two").resume(paths)
    with pytest.raises(UsageError, match="is not among the samples"):
        Journal(tmp_path / "j", "one").resume(paths[1:])
    os.utime(paths[0], ns=(1, 1))
    with pytest.raises(UsageError, match="has changed since it was counted"):
        Journal(tmp_path / "j", "one").resume(paths)
    (tmp_path / "j").write_text("{")
    with pytest.raises(ArtefactError, match="no journal"):
        Journal(tmp_path / "j", "one").resume(paths)


def test_wrong_calls(candidate, shards, cli):
    pattern = str(shards / "*.npz")
    for options, message in (
        (("--resume",), "are for recordings"),
        (("--samples", str(shards / "none*.npz")), "no samples file matches"),
        (("--samples", pattern, "--jobs", "2", "--cluster", "tcp://here:1"), "give one"),
        (("--samples", pattern, "--live"), "give one"),
    ):
        done = cli("verify", ARTEFACT, candidate, *options)
        assert done.status == 2
        assert message in done.err


def test_without_dask_the_extra_is_named(candidate, shards, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"rnnport\[dask\]"):
        verify_shards(ARTEFACT, candidate, str(shards / "*.npz"), cluster="tcp://127.0.0.1:1")


@pytest.mark.filterwarnings("ignore")
def test_on_a_dask_cluster(candidate, shards):
    import distributed

    one = verify_shards(ARTEFACT, candidate, str(shards / "*.npz"))
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        found = verify_shards(
            ARTEFACT, candidate, str(shards / "*.npz"), cluster=cluster.scheduler_address
        )
    same(found.as_json(), one.as_json())


def test_nothing_that_a_judge_gathers_is_left_out(candidate, shards):
    """A new field of a region must be merged too, or a verdict over shards would lack it."""
    tally = compare_shard(
        Task(str(ARTEFACT), str(candidate)), str(sorted(shards.iterdir())[0])
    ).tally
    assert set(tally["regions"][0][2]) == {field.name for field in fields(Region)}
    judge = set(vars(Judge(None, oracle="recording", dtype="float32", threads=1)))
    fixed = {"original", "oracle", "threads", "approximate", "narrow", "audit"}
    assert judge - fixed == set(tally) - {"oracle"}


def test_one_run_at_a_time(shards):
    path = sorted(shards.iterdir())[0]
    streamed = [one.runs[0] for one in stream_samples(path)]
    whole = load_samples(path)
    assert len(streamed) == len(whole.runs)
    for one, two in zip(streamed, whole.runs, strict=True):
        for name in two.inputs:
            np.testing.assert_array_equal(one.inputs[name], two.inputs[name])
        for name in two.outputs:
            np.testing.assert_array_equal(one.outputs[name], two.outputs[name])

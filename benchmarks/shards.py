"""Peak memory of ``verify --samples 'shards/*.npz'`` over 100 MB and over 1 GB of shards that are generated here, in a process each.

``python -m benchmarks.shards [--small 100] [--large 1000] [--shard 10]`` (megabytes). The bar is 1.2. Exit status 1 where it is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from porting import convert
from porting.verification.samples import Run, load_samples, save_samples

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "tests" / "zoo" / "models" / "dynamic_no_lengths"
MEASURE = """
import json, resource, sys, time
from porting.shards import verify_shards
start = time.monotonic()
found = verify_shards(*sys.argv[1:4])
verdict = found.comparison.verdict
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"peak": peak * 1024, "seconds": time.monotonic() - start, "verdict": verdict.verdict, "cases": verdict.cases}))
"""


def write_shards(folder: Path, megabytes: int, shard: int, session: object) -> int:
    """Files of ``shard`` MB, two runs each, uncompressible; outputs as the port gives them. Bytes written."""
    names = [item.name for item in session.get_outputs()]  # type: ignore[attr-defined]
    steps, features, per_row = 7, 5, 4 * (7 * 5 + 7 * 6 + 6 + 6 + 3)
    rows = shard * 1_000_000 // (2 * per_row)
    rng = np.random.default_rng(0)
    for number in range(megabytes // shard):
        runs = []
        for _ in range(2):
            x = rng.standard_normal((rows, steps, features)).astype(np.float32)
            runs.append(
                Run({"x:0": x}, dict(zip(names, session.run(None, {"x:0": x}), strict=True)))
            )  # type: ignore[attr-defined]
        save_samples(folder / f"shard-{number:04d}.npz", runs)
    return sum(path.stat().st_size for path in folder.iterdir())


def measure(port: Path, megabytes: int, shard: int, session: object) -> dict[str, float]:
    """One verification in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        written = write_shards(Path(folder), megabytes, shard, session)
        command = [
            sys.executable,
            "-c",
            MEASURE,
            str(MODEL / "frozen.pb"),
            str(port),
            f"{folder}/*.npz",
        ]
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{written / 1e6:6.0f} MB in {megabytes // shard} shards, {found['cases']} runs: {found['verdict']}, "
        f"peak {found['peak'] / 1e6:.0f} MB, {time.monotonic() - start:.0f} s", flush=True,
    )  # fmt: skip
    return found


def main() -> int:
    """Both, and their ratio."""
    import onnxruntime

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=100)
    parser.add_argument("--large", type=int, default=1000)
    parser.add_argument("--shard", type=int, default=10)
    options = parser.parse_args()
    samples = load_samples(MODEL / "samples.npz")
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "port.onnx"
        convert(
            MODEL / "frozen.pb",
            to="onnx",
            out=port,
            verify=False,
            inputs=list(samples.inputs),
            outputs=list(samples.outputs),
        )
        session = onnxruntime.InferenceSession(str(port))
        peaks = [
            measure(port, size, options.shard, session)["peak"]
            for size in (options.small, options.large)
        ]
    ratio = peaks[1] / peaks[0]
    print(f"ratio {ratio:.3f}, at most 1.2 is allowed")
    return 0 if ratio <= 1.2 else 1


if __name__ == "__main__":
    status = main()
    if status:
        sys.exit(status)

"""Every benchmark of this folder, one after the other: ``python -m benchmarks [NAME…]``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run the modules named, or all."""
    names = sys.argv[1:] or sorted(
        path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_")
    )
    sys.argv[1:] = []
    for name in names:
        print(f"== {name} ==", flush=True)
        runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

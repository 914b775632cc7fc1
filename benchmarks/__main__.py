"""Every benchmark of this folder, one after the other: ``python -m benchmarks [NAME…] [OPTION…]``; options go to ``table``.

``python -m benchmarks --quick`` sees in a minute whether the table can be made.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run the modules named, or all; with options alone, the table."""
    given = sys.argv[1:]
    first = next((i for i, word in enumerate(given) if word.startswith("-")), len(given))
    names, options = given[:first], given[first:]
    found = [
        path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_")
    ]
    for name in names or (["table"] if options else [*sorted(found), "table"]):
        print(f"== {name} ==", flush=True)
        sys.argv[1:] = options if name == "table" else []
        runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

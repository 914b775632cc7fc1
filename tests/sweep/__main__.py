"""``RNNPORT_TF1=PYTHON python -m tests.sweep [NAME…]``: resumable; ``--table`` writes docs/sweep.md out of what is there."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import zlib
from pathlib import Path

from tests.sweep.live import VARIABLE, Live
from tests.sweep.one import sweep_model
from tests.sweep.table import write
from tests.zoo.catalogue import ZooModel, zoo

ROOT = Path(__file__).parents[2]
KEEP = ROOT / "build" / "sweep"


def main() -> None:
    """Sweep what is not yet swept, then write the table."""
    options = _arguments()
    interpreter = os.environ.get(VARIABLE)
    if not options.table and not interpreter and not options.without:
        sys.exit(f"{VARIABLE} must name a Python that has TensorFlow 1.15 (or give --without)")
    options.out.mkdir(parents=True, exist_ok=True)
    chosen = [
        m for m in zoo() if m.card["recorded"] and (not options.names or m.name in options.names)
    ]
    if not options.table:
        live = Live(interpreter) if interpreter and not options.without else None
        for number, model in enumerate(chosen):
            _one(model, live, options, f"[{number + 1}/{len(chosen)}]")
        if live is not None:
            live.close()
    if options.table or not options.names:
        write(sorted(options.out.glob("*.json")), ROOT, options.note)


def _one(model: ZooModel, live: Live | None, options: argparse.Namespace, count: str) -> None:
    place = options.out / f"{model.name}.json"
    graph = hashlib.sha256(model.graph.read_bytes()).hexdigest()
    key = {"graph": graph, "cases": options.cases, "seed": options.seed, "live": live is not None}
    if place.is_file() and not options.again and json.loads(place.read_text("utf-8"))["key"] == key:
        return
    seed = options.seed + zlib.crc32(model.name.encode()) % 100_000
    found = sweep_model(model, live, options.cases, seed, options.guesses) | {"key": key}
    draft = place.with_suffix(".draft")
    draft.write_text(json.dumps(found, indent=1, sort_keys=True, default=str), "utf-8")
    draft.replace(place)
    right = found.get("right", {})
    line = found.get("refused") or f"{right['whole']} {right['groups']} {right['floors']:.2g} F"
    missed = [
        f"{p['cause']} {p['groups']}" for p in found.get("plants", ()) if "missed" in p["groups"]
    ]
    print(
        f"{count} {found['seconds']:6.1f}s {model.name:28} {line} {'; '.join(missed)}", flush=True
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--guesses",
        type=int,
        default=2,
        help="how many planted causes of a model are also to be guessed",
    )
    parser.add_argument("--out", type=Path, default=KEEP)
    parser.add_argument("--again", action="store_true", help="do what is already there anew")
    parser.add_argument(
        "--without", action="store_true", help="no TensorFlow: the oracle is the graph as read"
    )
    parser.add_argument("--note", default="", help="what is to be known of this run, for the page")
    parser.add_argument("--table", action="store_true", help="only write the table")
    return parser.parse_args()


if __name__ == "__main__":
    main()

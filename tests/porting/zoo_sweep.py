"""Convert and verify every model of the zoo, and tell what fails by cause: ``python -m tests.porting.zoo_sweep [--to keras] [NAME…]``.

Of ``--to source`` also the number of lines, as ruff formats them at 100 columns, and what its default rules say.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
import traceback
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from porting.conversion import convert
from reference.errors import RnnportError
from tests.support.tidy import tidied
from tests.zoo.catalogue import ZooModel, zoo


@dataclass(frozen=True)
class Result:
    """One model's fate."""

    name: str
    outcome: str
    """The verdict, ``refused``, ``usage`` or ``crash``."""
    cause: str
    seconds: float
    forms: tuple[str, ...] = ()
    unexpected: str = ""
    """How the forms differ from the card; of source, what ruff says."""
    lines: int = 0
    """Of source."""


def sweep_one(model: ZooModel, to: str, recorded: bool, prefer: str = "native") -> Result:
    """Convert one model in a scratch folder."""
    card: dict[str, Any] = model.card
    freeze = {name: card["frozen"][name] for name in card["must_freeze"]}
    options: dict[str, Any] = {"prefer": prefer} if to == "onnx" else {}
    started = time.perf_counter()
    forms: tuple[str, ...] = ()
    lines, complaints = 0, ""
    try:
        with tempfile.TemporaryDirectory() as folder:
            done = convert(
                model.graph, to=to, out=Path(folder) / f"port.{to}",
                inputs=[item["name"] for item in card["inputs"]], outputs=[item["name"] for item in card["outputs"]],
                freeze=freeze, samples=model.samples if recorded else None, cases=3, **options,
            )  # fmt: skip
            if to == "source":
                lines, complaints = tidied(done.output / "model.py")
        assert done.verification is not None
        outcome, cause = done.verification.verdict, "; ".join(done.verification.reasons)
        forms = tuple(str(item["form"]) for item in done.recurrences)
    except RnnportError as error:
        reasons = getattr(error, "reasons", ())
        outcome = "refused" if error.status == 3 else "usage"
        cause = f"{type(error).__name__}: {error}" + "".join(f" | {r}" for r in reasons[:2])
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome = "crash"
        cause = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {error}"
    return Result(
        model.name,
        outcome,
        " ".join(cause.split())[:400],
        time.perf_counter() - started,
        forms,
        unexpected(model, forms) if to == "onnx" else complaints,
        lines,
    )


def unexpected(model: ZooModel, forms: tuple[str, ...]) -> str:
    """How the forms found differ from those the card allows; order does not count."""
    wanted = [(item["form"], *item["also"]) for item in model.card["recurrences"]]
    left = list(forms)
    missing = []
    for allowed in sorted(wanted, key=len):
        match = next((form for form in allowed if form in left), None)
        if match is None:
            missing.append("/".join(allowed))
        else:
            left.remove(match)
    return f"card wants {missing}, found {left}" if (missing or left) and forms else ""


def general(cause: str) -> str:
    """A cause without the names and numbers of one model."""
    text = re.sub(r"'[^']*'|\b[\w./-]+:\d+\b", "…", cause)
    return re.sub(r"-?\d[\d.e+-]*", "#", text)[:110]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--to", default="onnx")
    parser.add_argument("--prefer", default="native")
    parser.add_argument(
        "--drawn", action="store_true", help="draw inputs instead of using the recordings"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    models = [
        m
        for m in zoo()
        if (m.card["recorded"] or options.drawn) and (not options.names or m.name in options.names)
    ]
    results = []
    for model in models:
        result = sweep_one(model, options.to, not options.drawn, options.prefer)
        results.append(result)
        print(
            f"{result.seconds:6.1f}s {result.outcome:12} {result.name:28} {result.lines or ''} {','.join(result.forms)} {result.cause[:300]} {result.unexpected}",
            flush=True,
        )
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for result in results:
        groups[
            result.outcome, general(result.cause) if result.outcome != "equivalent" else ""
        ].append(result.name)
    print("\n== by cause ==")
    for (outcome, cause), names in sorted(groups.items(), key=lambda item: -len(item[1])):
        print(
            f"{len(names):4} {outcome:12} {cause}\n       {', '.join(names[:12])}{' …' if len(names) > 12 else ''}"
        )
    if options.json:
        options.json.write_text(json.dumps([r.__dict__ for r in results], indent=1))


if __name__ == "__main__":
    main()

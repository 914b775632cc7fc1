"""``python -m tests.zoo.generate [NAME|FAMILY ...] [--list] [--check]``, from the repository root."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import itertools
import os
import pkgutil
import random
import sys
import traceback
import uuid
from pathlib import Path
from typing import Dict, List

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ.get("PYTHONHASHSEED") != "0":  # sets of names decide the order of some nodes
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-m", "tests.zoo.generate"] + sys.argv[1:])

import warnings  # noqa: E402

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.python.ops import control_flow_util, control_flow_util_v2  # noqa: E402

from tests.zoo import generate, record_odd  # noqa: E402
from tests.zoo.generate import extras, freeze  # noqa: E402
from tests.zoo.generate.model import Model  # noqa: E402
from tests.zoo.generate.registry import REGISTRY, Entry  # noqa: E402

MODELS = Path(__file__).resolve().parent.parent / "models"


def load_families() -> None:
    """Import each module of this package, which registers its models."""
    for module in sorted(pkgutil.iter_modules(generate.__path__), key=lambda found: found.name):
        if module.name != "__main__":
            importlib.import_module(f"tests.zoo.generate.{module.name}")


def build(entry: Entry) -> None:
    """Build one model in its own graph and session, and write its folder."""
    tf.keras.backend.clear_session()
    tf.reset_default_graph()
    tf.set_random_seed(1)
    np.random.seed(1)
    random.seed(1)
    uuid.uuid4 = seeded_uuid  # TensorFlow names tables and temporary files by it
    numbers = itertools.count(1)  # and function bodies by a counter of the whole process
    control_flow_util_v2.unique_fn_name = lambda scope, name: (
        f"{scope}{name}_{next(numbers)}".replace("/", "_")
    )
    control_flow_util.ENABLE_CONTROL_FLOW_V2 = entry.control_flow_v2
    model = Model(entry.name)
    with tf.Graph().as_default(), tf.Session(config=freeze.session_config()) as session:
        tf.set_random_seed(1)
        tf.keras.backend.set_session(session)
        entry.build(model)
        freeze.load_weights(model, session)
        folder = MODELS / entry.name
        freeze.write(entry, model, session, folder)
        for extra in entry.extras:
            extras.WRITERS[extra](model, session, folder)
    if entry.recorded:
        record_odd.record(entry.name)


def seeded_uuid() -> uuid.UUID:
    """A UUID from the seeded generator."""
    return uuid.UUID(int=random.getrandbits(128), version=4)


def digests(name: str) -> Dict[str, str]:
    """SHA-256 of each file of a model."""
    files = sorted(path for path in (MODELS / name).rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main(arguments: List[str]) -> int:
    """Build what is asked for (all by default); with ``--check`` say which files changed."""
    parser = argparse.ArgumentParser(prog="tests.zoo.generate")
    parser.add_argument("names", nargs="*", help="models or families; all when left out")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true", help="fail when a file changes")
    parser.add_argument("--missing", action="store_true", help="only models without a card")
    options = parser.parse_args(arguments)
    tf.logging.set_verbosity(tf.logging.ERROR)
    load_families()
    chosen = [
        entry
        for entry in REGISTRY.values()
        if (not options.names or {entry.name, entry.family} & set(options.names))
        and not (options.missing and (MODELS / entry.name / "card.json").exists())
    ]
    if options.list:
        print("\n".join(f"{entry.family:16} {entry.name}" for entry in chosen))
        return 0
    failed = [entry.name for entry in chosen if not build_one(entry, options.check)]
    print(
        f"{len(chosen) - len(failed)} of {len(chosen)} models"
        + (f"; failed: {failed}" if failed else "")
    )
    return 1 if failed else 0


def build_one(entry: Entry, check: bool) -> bool:
    """Build and say what happened; a failure is printed and the others go on."""
    before = digests(entry.name)
    try:
        build(entry)
    except Exception:  # noqa: BLE001 - one broken model must not hide the others
        traceback.print_exc(limit=-6)
        print(f"FAIL {entry.name}")
        return False
    same = digests(entry.name) == before
    print(f"{'same' if same else 'wrote'} {entry.name}", flush=True)
    return same or not check


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

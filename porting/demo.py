"""The whole story on the shipped example: inspect, convert twice, verify twice, compose, time, report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from porting.benching import Time, interleaved
from porting.conversion import Conversion, convert
from porting.inspection import Inspection, inspect
from porting.verification.candidates import open_candidate
from porting.verification.samples import load_samples
from porting.verification.verdict import EQUIVALENT
from reference.errors import RnnportError, UsageError

EXAMPLE = Path("examples") / "irish_tunes"
OUTPUTS = ["logits:0", "probs:0", "final_state:0"]
END = 1
"""The character that ends a tune."""
Say = Callable[[str], Any]


@dataclass(frozen=True)
class Story:
    """What came of it."""

    inspection: Inspection
    conversions: dict[str, Conversion]
    tune: str
    times: Sequence[Time]
    folder: Path


def find_example() -> Path:
    """The example's folder, beside the package or below the working directory.

    Raises:
        UsageError: it is in neither.
    """
    for root in (Path(__file__).resolve().parents[1], Path.cwd()):
        if (root / EXAMPLE / "model" / "frozen.pb").is_file():
            return root / EXAMPLE
    msg = f"{EXAMPLE} is not here: it comes with the repository, not with the package; run demo in a clone"
    raise UsageError(msg)


def demo(folder: Path, say: Say) -> Story:
    """Run all steps, writing to ``folder``.

    Args:
        say: told what happens, in lines.

    Raises:
        UsageError: the folder cannot be made.
        RnnportError: a step failed.
    """
    example = find_example()
    model, samples = example / "model" / "frozen.pb", example / "samples.npz"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"the folder {folder} cannot be made: {error.strerror or error}"
        raise UsageError(msg) from error
    say(f"1. What is in {model.name}, a frozen graph of TensorFlow 1.15?")
    found = inspect(model, outputs=OUTPUTS)
    say(str(found.tree()))
    conversions = {}
    for number, target in ((2, "onnx"), (3, "keras")):
        say(f"\n{number}. Convert to {target}, and compare with the recording of TensorFlow 1.15.5")
        conversions[target] = _converted(model, target, folder / f"tunes.{target}", samples, say)
    say("\n4. Compose with ONNX Runtime, a character at a time, the state handed on")
    step = _streaming(model, folder / "tunes_step.onnx", samples, say)
    tune = compose(step, example)
    if tune != (example / "greedy_tune.txt").read_text("utf-8"):
        msg = "the tune that ONNX Runtime composed is not the one that TensorFlow 1.15.5 did"
        raise RnnportError(msg)
    (folder / "tune.abc").write_text(tune, "utf-8")
    say(tune.rstrip("\n"))
    say(f"   {len(tune)} characters, each the same as TensorFlow 1.15.5 chose")
    say("\n5. Time one call on the longest recorded tune, side by side")
    times = _times(conversions, example)
    for item in times:
        say(f"   {item.name:6} {item.median * 1e3:8.2f} ms   {item.ratio:.2f} of the first")
    _report(folder, conversions, tune, times)
    say(f"\nwritten to {folder}: tunes.onnx, tunes.keras, tunes_step.onnx, tune.abc, report.html")
    return Story(found, conversions, tune, times, folder)


def _converted(
    model: Path, target: str, out: Path, samples: Path, say: Say, **options: Any
) -> Conversion:
    """Convert and insist on equivalence.

    Raises:
        RnnportError: the port is not equivalent.
    """
    done = convert(model, to=target, out=out, outputs=OUTPUTS, samples=samples, **options)
    assert done.verification is not None
    for item in done.recurrences:
        say(f"   {item['cell']}({item['units']}) {item['name']} -> {item['form']}")
    say(f"   {done.verification.sentence()}")
    if done.verification.verdict != EQUIVALENT:
        msg = f"the {target} port is {done.verification.verdict}: {'; '.join(done.verification.reasons)}"
        raise RnnportError(msg)
    return done


def _streaming(model: Path, out: Path, samples: Path, say: Say) -> Conversion:
    return _converted(model, "onnx", out, samples, say, streaming=True)


def compose(step: Conversion, example: Path, /, most: int = 1000) -> str:
    """The greedy tune after the recorded prime, by a model that takes its states and gives them back.

    Raises:
        RnnportError: it does not end.
    """
    from porting.verification.onnx_session import answer, open_session

    vocabulary = json.loads((example / "vocabulary.json").read_text("utf-8"))
    characters = {number: text for text, number in vocabulary.items()}
    with np.load(example / "greedy_tune.npz", allow_pickle=False) as recorded:
        prime = [int(number) for number in recorded["prime"]]
    session, _ = open_session(step.output)
    shapes = {item.name: item.shape for item in session.get_inputs()}
    state = {
        name: np.zeros([n if isinstance(n, int) else 1 for n in shapes[name]], np.float32)
        for name, _ in step.states
    }
    given, written = prime, list(prime)
    while len(written) < most:
        feeds = {
            "ids:0": np.array([given], np.int32),
            "lengths:0": np.array([len(given)], np.int32),
        } | state
        found = answer(session, feeds)
        state = {name: found[result] for name, result in step.states}
        chosen = int(np.argmax(found["probs:0"][0, -1]))
        if chosen == END:
            return "".join(characters[number] for number in written)
        written.append(chosen)
        given = [chosen]
    msg = f"the tune did not end within {most} characters"
    raise RnnportError(msg)


def _times(conversions: dict[str, Conversion], example: Path) -> list[Time]:
    run = load_samples(example / "greedy_tune.npz").runs[0]
    feeds = {name: value for name, value in run.inputs.items() if name != "keep_prob:0"}
    ports = {target: open_candidate(done.output) for target, done in conversions.items()}
    calls = [(target, lambda port=port: port.run(feeds)) for target, port in ports.items()]
    return interleaved(calls, 10)


def _report(
    folder: Path, conversions: dict[str, Conversion], tune: str, times: Sequence[Time]
) -> None:
    from porting.report import section, write_report

    sections = [
        section(target, done.verification, done.recurrences)
        for target, done in conversions.items()
        if done.verification is not None
    ]
    timing = "\n".join(f"{item.name:6} {item.median * 1e3:8.2f} ms" for item in times)
    blocks = [
        {"title": "One call on the longest tune, median of 10 rounds", "text": timing},
        {
            "title": "The tune ONNX Runtime composed, character for character that of TensorFlow 1.15.5",
            "text": tune,
        },
    ]
    write_report(
        folder / "report.html",
        sections,
        title="Irish tunes: from TensorFlow 1 to ONNX and Keras",
        blocks=blocks,
    )

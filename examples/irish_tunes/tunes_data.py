"""The tunes as training text: read, transposed, coded. NumPy alone, Python 3.5 and later."""

import json
import re

import numpy as np

PAD, END = 0, 1
SPECIAL = ("<pad>", "<end>")
STEPS = "CDEFGAB"
# The tonics a tune may be moved to; each mode keeps to keys of few sharps and flats.
TONICS = {"": "GDACF", "m": "EABD", "dor": "EADB", "mix": "DAGE"}


def read_tunes(path):
    """The tunes of an ABC file, each numbered X:1 so that a prime need not name one."""
    with open(path, encoding="ascii") as file:
        blocks = file.read().strip().split("\n\n")
    return [re.sub(r"^X:\d+", "X:1", block) + "\n" for block in blocks]


def _moved(note, steps):
    """One ABC note letter, moved by ``steps`` diatonic steps, with its octave marks."""
    letter, marks = note.group(1), note.group(2)
    octave = (1 if letter.islower() else 0) + marks.count("'") - marks.count(",")
    octave, index = divmod(octave * 7 + STEPS.index(letter.upper()) + steps, 7)
    if octave >= 1:
        return STEPS[index].lower() + "'" * (octave - 1)
    return STEPS[index] + "," * -octave


def transposed(tune):
    """The tune in each key of its mode; a tune with accidentals stays where it is.

    Within one mode a diatonic move keeps the melody, because the key signature moves with it.
    """
    header, key, body = re.match(r"(?s)(.*\nK:)([^\n]+)\n(.*)", tune).groups()
    tonic, mode = key[0], key[1:]
    if re.search(r"[\^_=]", body):
        return [tune]
    moved = []
    for target in TONICS[mode]:
        steps = (STEPS.index(target) - STEPS.index(tonic) + 3) % 7 - 3
        notes = re.sub(r"([A-Ga-g])([,']*)", lambda note, by=steps: _moved(note, by), body)
        moved.append(header + target + mode + "\n" + notes)
    return moved


def make_vocabulary(tunes):
    """Characters to ids; 0 pads and 1 ends a tune."""
    characters = sorted(set("".join(tunes)))
    return {text: code for code, text in enumerate(list(SPECIAL) + characters)}


def load_vocabulary(path):
    """The ``{character: id}`` of ``vocabulary.json``."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def encode(tune, vocabulary):
    """The ids of a tune with its end symbol, int32 ``[characters + 1]``."""
    return np.array([vocabulary[text] for text in tune] + [END], np.int32)


def windows(coded, rows, width, random):
    """Shuffled batches of ``rows`` tunes, cut into windows of ``width`` steps.

    Yields ``(first, ids, labels, lengths)``: ``first`` is true where the state starts at zero,
    ``ids`` and ``labels`` are int32 ``[rows, width]``, ``lengths`` int32 ``[rows]`` (0 once a
    row's tune is over; its state is then copied through).
    """
    order = random.permutation(len(coded))
    for start in range(0, len(order) - rows + 1, rows):
        batch = [coded[index] for index in order[start : start + rows]]
        longest = max(len(tune) for tune in batch) - 1
        steps = -(-longest // width) * width
        full = np.full((rows, steps + 1), PAD, np.int32)
        for row, tune in enumerate(batch):
            full[row, : len(tune)] = tune
        ends = np.array([len(tune) - 1 for tune in batch])
        for left in range(0, steps, width):
            lengths = np.clip(ends - left, 0, width).astype(np.int32)
            ids = full[:, left : left + width]
            yield left == 0, ids, full[:, left + 1 : left + width + 1], lengths

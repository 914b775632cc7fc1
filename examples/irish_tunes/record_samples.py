"""Record the shipped model with real TensorFlow 1: samples.npz, greedy_tune.npz, greedy_tune.txt.

Wants ``porting/record_tf1.py`` beside it or in its place in the repository.
"""

import argparse
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "porting")]

import record_tf1  # noqa: E402  (found by the line above)
from tunes_data import END, load_vocabulary  # noqa: E402

INPUTS = ["ids:0", "lengths:0", "initial_state:0", "keep_prob:0"]
OUTPUTS = ["logits:0", "probs:0", "final_state:0"]
KEEP = {"keep_prob:0": 1.0}
LAYERS, UNITS = 2, 128
# (lengths of the rows, time steps, scale of the initial state)
RUNS = [
    ([13], 13, 0.0),
    ([0, 1, 20], 20, 0.5),
    ([7, 0, 12, 1, 3], 12, 1.0),
    ([1, 1, 1], 1, 0.1),
    ([0], 5, 1.0),
    ([], 6, 1.0),
]
SMALLEST_MARGIN = 1e-3


def record_runs(loaded, artefact, vocabulary_size, seed, path):
    """The runs of ``RUNS``, ids and states drawn at random."""
    recorder = record_tf1.Recorder(loaded.session, INPUTS, OUTPUTS, KEEP, artefact, seed)
    random = np.random.RandomState(seed)
    for lengths, steps, scale in RUNS:
        rows = len(lengths)
        recorder.run({
            "ids:0": random.randint(0, vocabulary_size, (rows, steps)),
            "lengths:0": np.array(lengths, np.int32),
            "initial_state:0": scale * random.standard_normal((LAYERS, 2, rows, UNITS)),
        })  # fmt: skip
    recorder.save(path)


def decode(loaded, prime, most):
    """Greedy: (ids decoded, probabilities of each step, final state), END included if it comes."""
    state = np.zeros((LAYERS, 2, 1, UNITS), np.float32)
    given, decoded, rows = prime, [], []
    while len(decoded) < most and decoded[-1:] != [END]:
        feed = {
            "ids:0": [given],
            "lengths:0": [len(given)],
            "initial_state:0": state,
            "keep_prob:0": 1.0,
        }
        probs, state = loaded.session.run(["probs:0", "final_state:0"], feed)
        rows.append(probs[0, -1])
        decoded.append(int(np.argmax(rows[-1])))
        given = decoded[-1:]
    return decoded, np.stack(rows), state


def margins(probs):
    """How far the likeliest symbol lies above the next, float32 ``[steps]``."""
    ordered = np.sort(probs, axis=-1)
    return ordered[:, -1] - ordered[:, -2]


def record_greedy(loaded, artefact, vocabulary, prime_text, most):
    """One tune char by char, then fed at once as run 0; refuses a tune that rounding could turn."""
    prime = [vocabulary[text] for text in prime_text]
    tune, probs, state = decode(loaded, prime, most)
    smallest = float(margins(probs).min())
    if smallest <= SMALLEST_MARGIN:
        sys.exit(f"a step is decided by {smallest:.2g} only: choose another --prime")
    recorder = record_tf1.Recorder(loaded.session, INPUTS, OUTPUTS, KEEP, artefact)
    whole = np.array([prime + tune[:-1]], np.int32)
    recorder.run({
        "ids:0": whole,
        "lengths:0": [whole.shape[1]],
        "initial_state:0": np.zeros((LAYERS, 2, 1, UNITS)),
    })  # fmt: skip
    extra = {"prime": prime, "tune": tune, "step_probs": probs, "step_state": state}
    for key, value in extra.items():
        recorder.arrays[key] = np.asarray(value, np.int32 if key in ("prime", "tune") else None)
    recorder.arrays["margins"] = margins(probs)
    recorder.save(os.path.join(HERE, "greedy_tune.npz"))
    names = {code: text for text, code in vocabulary.items()}
    text = "".join(names[code] for code in prime + tune if code != END)
    with open(os.path.join(HERE, "greedy_tune.txt"), "w", encoding="ascii") as file:
        file.write(text)
    print(text)
    print(f"{len(tune)} symbols, smallest margin {smallest:.4f}, ended: {tune[-1] == END}")


def main():
    """Both recordings, from the frozen graph."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prime", default="X:1\nT:The M", help="first characters of the greedy tune")
    parser.add_argument("--most", type=int, default=400, help="symbols decoded at most")
    parser.add_argument("--seed", type=int, default=1903)
    options = parser.parse_args()
    artefact = os.path.join(HERE, "model", "frozen.pb")
    vocabulary = load_vocabulary(os.path.join(HERE, "vocabulary.json"))
    loaded = record_tf1.load(artefact)
    samples = os.path.join(HERE, "samples.npz")
    record_runs(loaded, artefact, len(vocabulary), options.seed, samples)
    prime = options.prime.replace("\\n", "\n")
    record_greedy(loaded, artefact, vocabulary, prime, options.most)


if __name__ == "__main__":
    main()

"""Go on training the shipped tunes model in Keras 3, from where TensorFlow 1 left it.

``python finetune_keras.py`` ports ``model/frozen.pb``, takes some steps of Adam with a GradientTape loop and writes the model to
``-o``. Wants ``rnnport[tensorflow]``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from rich.progress import Progress
from tunes_data import encode, load_vocabulary, read_tunes, windows

from porting.conversion import convert

HERE = Path(__file__).parent
LAYERS, UNITS = 2, 128


def port() -> keras.Model:
    """The shipped model as a Keras model that gives logits and its final state."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "tunes.keras"
        convert(
            HERE / "model" / "frozen.pb",
            to="keras",
            out=out,
            outputs=["logits:0", "final_state:0"],
            samples=HERE / "samples.npz",
        )
        return keras.saving.load_model(out)


def batches(rows: int, width: int, seed: int) -> Iterator[tuple[bool, dict[str, np.ndarray]]]:
    """Windows without end: whether the state starts at zero, then ids, labels, lengths."""
    vocabulary = load_vocabulary(HERE / "vocabulary.json")
    coded = [encode(tune, vocabulary) for tune in read_tunes(HERE / "tunes.abc")]
    random = np.random.RandomState(seed)
    while True:
        for first, ids, labels, lengths in windows(coded, rows, width, random):
            yield first, {"ids": ids, "labels": labels, "lengths": lengths}


@tf.function(reduce_retracing=True)
def gradients(
    model: keras.Model, batch: dict[str, tf.Tensor], state: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
    """Mean cross entropy of the valid steps, the final state, and the clipped gradients."""
    with tf.GradientTape() as tape:
        fed = {"ids": batch["ids"], "lengths": batch["lengths"], "initial_state": state}
        results = model(fed, training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=batch["labels"], logits=results["logits"]
        )
        valid = tf.sequence_mask(batch["lengths"], tf.shape(losses)[1], dtype=losses.dtype)
        loss = tf.reduce_sum(losses * valid) / tf.maximum(tf.reduce_sum(valid), 1.0)
    found = tape.gradient(loss, [w.value for w in model.trainable_weights])
    clipped, _ = tf.clip_by_global_norm(found, 5.0)
    return loss, results["final_state"], [tf.convert_to_tensor(g) for g in clipped]


def train(model: keras.Model, steps: int, *, rows: int, width: int, rate: float) -> list[float]:
    """The loss before each step."""
    optimizer = keras.optimizers.Adam(rate, epsilon=1e-8)  # TF1's epsilon
    optimizer.build(model.trainable_variables)
    stream, losses = batches(rows, width, seed=0), []
    state = tf.zeros((LAYERS, 2, rows, UNITS))
    with Progress() as progress:
        task = progress.add_task("fine-tuning", total=steps)
        for _ in range(steps):
            first, batch = next(stream)
            if first:
                state = tf.zeros_like(state)
            tensors = {name: tf.constant(value) for name, value in batch.items()}
            loss, state, found = gradients(model, tensors, state)
            optimizer.apply(found, model.trainable_variables)
            losses.append(float(loss))
            progress.update(task, advance=1, description=f"loss {losses[-1]:.4f}")
    return losses


def main() -> None:
    """Port, train, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("-o", "--output", type=Path, default=Path("tunes_finetuned.keras"))
    options = parser.parse_args()
    model = port()
    losses = train(
        model, options.steps, rows=options.rows, width=options.width, rate=options.rate
    )
    model.save(options.output)
    print(f"loss {losses[0]:.4f} -> {losses[-1]:.4f}; wrote {options.output}")


if __name__ == "__main__":
    main()

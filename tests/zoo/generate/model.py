"""A zoo model while it is being built: inputs with their generators, outputs, expected forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.python.util import nest


@dataclass(frozen=True)
class Case:
    """One run: sizes, how lengths are drawn, how large floats are, and whether TF must accept it."""

    batch: int
    time: int
    pattern: str = "mixed"
    scale: float = 1.0
    must: bool = True


Maker = Callable[[np.random.RandomState, Case], np.ndarray]


def lengths_of(case: Case, rng: np.random.RandomState) -> np.ndarray:
    """Lengths [batch] by pattern: ``edges`` cycles T, 0, 1; ``full`` is T; ``mixed`` is 1..T."""
    if case.pattern == "edges":
        return np.resize(np.array([case.time, 0, 1]), case.batch)
    if case.pattern == "full":
        return np.full(case.batch, case.time)
    return rng.randint(1, case.time + 1, size=case.batch)


class Model:
    """Collects what the driver needs to freeze, record and describe one model."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.inputs: List[tf.Tensor] = []
        self.makers: List[Maker] = []
        self.outputs: List[tf.Tensor] = []
        self.recurrences: List[Dict[str, Any]] = []
        self.frozen: Dict[str, Any] = {}
        self.must_freeze: List[str] = []
        self.init_nodes: List[str] = []
        self.weights: Dict[str, Callable[[np.random.RandomState, tuple], np.ndarray]] = {}
        self.batch: Optional[int] = None
        self.time: Optional[int] = None
        self.least_time = 1
        self.zero_batch = True
        self.runs_on_cpu = True
        self.notes: List[str] = []
        self.extra_card: Dict[str, Any] = {}
        self.custom_cases: List[Case] = []
        self.rewrite: Optional[Callable[[Any], None]] = None  # changes the frozen GraphDef in place

    # -- inputs ---------------------------------------------------------------------------------
    def feed(self, tensor: tf.Tensor, maker: Maker) -> tf.Tensor:
        """Declare any tensor of the graph an input, with the function that draws its values."""
        self.inputs.append(tensor)
        self.makers.append(maker)
        return tensor

    def sequence(
        self,
        features: Any,
        *,
        name: str = "x",
        time_major: bool = False,
        dtype: tf.DType = tf.float32,
        batch: Optional[int] = None,
        time: Optional[int] = None,
    ) -> tf.Tensor:
        """A float placeholder [batch, time, *features], or [time, batch, *features]."""
        self.batch, self.time = batch or self.batch, time or self.time
        axes = [time, batch] if time_major else [batch, time]
        sizes_after = features if isinstance(features, tuple) else (features,)
        tensor = tf.placeholder(dtype, axes + list(sizes_after), name=name)

        def draw(rng: np.random.RandomState, case: Case) -> np.ndarray:
            sizes = (case.time, case.batch) if time_major else (case.batch, case.time)
            return case.scale * rng.standard_normal(sizes + sizes_after)

        return self.feed(tensor, draw)

    def ids(
        self,
        vocabulary: int,
        *,
        name: str = "ids",
        dtype: tf.DType = tf.int32,
        batch: Optional[int] = None,
        time: Optional[int] = None,
        lowest: int = 0,
        padded: bool = False,
        time_major: bool = False,
    ) -> tf.Tensor:
        """An integer placeholder [batch, time]; ``padded``: 0 past a drawn length, else non-zero."""
        self.batch, self.time = batch or self.batch, time or self.time
        tensor = tf.placeholder(dtype, [time, batch] if time_major else [batch, time], name=name)

        def draw(rng: np.random.RandomState, case: Case) -> np.ndarray:
            least = max(lowest, 1) if padded else lowest
            values = rng.randint(least, vocabulary, size=(case.batch, case.time))
            if padded:
                past = np.arange(case.time)[None, :] >= lengths_of(case, rng)[:, None]
                values[past] = 0
            return values.T if time_major else values

        return self.feed(tensor, draw)

    def lengths(self, *, name: str = "lengths", dtype: tf.DType = tf.int32) -> tf.Tensor:
        """A placeholder [batch] of sequence lengths 0..T."""
        tensor = tf.placeholder(dtype, [self.batch], name=name)
        return self.feed(tensor, lambda rng, case: lengths_of(case, rng))

    def vector(self, size: Any, *, name: str, dtype: tf.DType = tf.float32) -> tf.Tensor:
        """A float placeholder [batch, *size]."""
        sizes = tuple(tf.TensorShape(size).as_list())
        tensor = tf.placeholder(dtype, (self.batch,) + sizes, name=name)
        return self.feed(tensor, state_maker(sizes))

    def states(self, state_size: Any, *, name: str = "state", dtype: tf.DType = tf.float32) -> Any:
        """Placeholders for a whole state, nested as ``state_size`` is; non-zero when fed."""
        leaves = [
            self.vector(size, name=f"{name}_{index}", dtype=dtype)
            for index, size in enumerate(nest.flatten(state_size))
        ]
        return nest.pack_sequence_as(state_size, leaves)

    def feed_states(self, state: Any) -> Any:
        """Declare existing state tensors (``zero_state``) inputs, as people feed them."""
        for leaf in nest.flatten(state):
            self.feed(leaf, state_maker(tuple(leaf.shape.as_list()[1:])))
        return state

    def freeze(self, tensor: tf.Tensor, value: Any, *, by_user: bool = False) -> tf.Tensor:
        """A placeholder fed one value in every run, and no input of the port.

        ``by_user``: it does more than set dropout, so that only ``--freeze`` can take it away.
        """
        self.frozen[tensor.name] = value
        if by_user:
            self.must_freeze.append(tensor.name)
        return tensor

    def no_empty_batch(self, why: str) -> None:
        """Leave the run with 0 rows out, and say why in the card."""
        self.zero_batch = False
        self.notes.append(f"No run with an empty batch: {why}.")

    def lively(self, gain: float = 2.0) -> None:
        """Larger weights than usual, so that inputs decide which symbol is chosen."""
        self.weights["logits/kernel"] = lambda rng, shape: 1.5 * rng.standard_normal(shape)
        self.weights["kernel"] = lambda rng, shape: gain * spread(rng, shape)
        self.weights["embedding"] = lambda rng, shape: 2.0 * rng.uniform(-1, 1, shape)

    # -- results --------------------------------------------------------------------------------
    def output(self, *results: Any) -> None:
        """Declare outputs; nests are flattened and duplicates dropped."""
        for leaf in nest.flatten(list(results)):
            if all(leaf is not known for known in self.outputs):
                self.outputs.append(leaf)

    def expect(
        self,
        form: str,
        cell: str,
        units: Any,
        *,
        reason: Optional[str] = None,
        also: Sequence[str] = (),
        direction: str = "forward",
        count: int = 1,
        **parameters: Any,
    ) -> None:
        """State, from semantics alone, what a recurrence becomes under ``--prefer native``."""
        if (form in ("LSTM", "GRU", "RNN")) != (reason is None):
            msg = f"{self.name}: a reason is needed exactly where the form is not native"
            raise ValueError(msg)
        entry = {"form": form, "also": list(also), "cell": cell, "units": units}
        entry.update(direction=direction, reason=reason, parameters=parameters)
        self.recurrences.extend([entry] * count)

    # -- runs -----------------------------------------------------------------------------------
    def cases(self) -> List[Case]:
        """The runs: T = 7 and 1, batch 3, 1 and (where TF accepts it) 0, every length pattern."""
        if self.custom_cases:
            return self.custom_cases
        time = self.time or 7
        wanted = [
            Case(3, time, "edges"),
            Case(1, time, "full"),
            Case(1, self.time or self.least_time, "full", 3.0),
            Case(3, self.time or 4, "mixed", 0.3),
        ]
        if self.batch is None and self.zero_batch:
            wanted.append(Case(0, time, "full", must=False))
        if self.batch is not None:
            return [Case(self.batch, case.time, case.pattern, case.scale) for case in wanted]
        return wanted


def spread(rng: np.random.RandomState, shape: tuple) -> np.ndarray:
    """Normal values of variance 1 over the number of inputs."""
    return rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))


def state_maker(sizes: tuple) -> Maker:
    """Draws a float state [batch, *sizes] well inside (-1, 1) and never all zero."""
    return lambda rng, case: rng.uniform(-0.8, 0.8, size=(case.batch,) + sizes)

"""Random weights, freezing, recording in a single-threaded session, and deterministic files."""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2

from tests.zoo.generate.model import Case, Model
from tests.zoo.generate.registry import Entry


def session_config() -> tf.ConfigProto:
    """One thread everywhere, no GPU: the same sums in the same order each time."""
    return tf.ConfigProto(
        intra_op_parallelism_threads=1,
        inter_op_parallelism_threads=1,
        device_count={"CPU": 1, "GPU": 0},
    )


def generator(*words: str) -> np.random.RandomState:
    """A generator whose seed is a checksum of its name."""
    return np.random.RandomState(zlib.crc32("/".join(words).encode()) & 0x7FFFFFFF)


def draw_weight(model: Model, variable: tf.Variable) -> Optional[np.ndarray]:
    """Random values for one variable, or None where it is no float (a counter, a flag)."""
    name = variable.op.name
    shape = tuple(variable.shape.as_list()) if variable.shape.dims is not None else ()
    rng = generator(model.name, name)
    for ending, draw in model.weights.items():
        if name.endswith(ending):
            return draw(rng, shape)
    if not variable.dtype.base_dtype.is_floating:
        return None
    if name.endswith("logits/kernel"):  # wide, so that the tokens and tags chosen vary
        return 3.0 * rng.standard_normal(shape) / np.sqrt(shape[0])
    if name.endswith("logits/bias"):
        return rng.uniform(0.05, 0.2, size=shape) * rng.choice([-1.0, 1.0], size=shape)
    if name.endswith("moving_variance"):
        return rng.uniform(0.5, 1.5, size=shape)
    if name.endswith("gamma") or name.endswith("scale"):
        return rng.uniform(0.6, 1.4, size=shape)
    if len(shape) < 2 or "bias" in name.rsplit("/", 1)[-1]:
        signs = np.where(rng.uniform(size=shape) < 0.5, -1.0, 1.0)
        return signs * rng.uniform(0.05, 0.6, size=shape)
    if "embedding" in name:
        return rng.uniform(-0.9, 0.9, size=shape)
    return rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))


def load_weights(model: Model, session: tf.Session) -> None:
    """Initialise everything, then overwrite each float variable; nothing where no CPU can."""
    if not model.runs_on_cpu:
        return
    session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    session.run(tf.tables_initializer())
    for variable in tf.global_variables():
        values = draw_weight(model, variable)
        if values is not None:
            variable.load(values.astype(variable.dtype.base_dtype.as_numpy_dtype), session)


class DrawnValues:
    """Stands in for the session when a graph is frozen that no CPU can initialise."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def run(self, names: List[str]) -> List[np.ndarray]:
        """The drawn value of each variable, by the name of its tensor."""
        known = {variable.name: variable for variable in tf.global_variables()}
        return [draw_weight(self.model, known[name]).astype(np.float32) for name in names]


def frozen_graph(model: Model, session: tf.Session) -> graph_pb2.GraphDef:
    """Variables become constants; only what the outputs and table initialisers need stays.

    Raises:
        ValueError: an input or a frozen placeholder does not reach any output.
    """
    names = [tensor.op.name for tensor in model.outputs] + model.init_nodes
    values = session if model.runs_on_cpu else DrawnValues(model)
    graph = tf.graph_util.convert_variables_to_constants(
        values, tf.get_default_graph().as_graph_def(), list(dict.fromkeys(names))
    )
    for number, node in enumerate(graph.node):
        if "_gradient_op_type" in node.attr:  # numbered by a counter of the whole process
            node.attr["_gradient_op_type"].s = f"CustomGradient-{number}".encode()
    if model.rewrite is not None:
        model.rewrite(graph)
    present = {node.name for node in graph.node}
    fed = [tensor.name for tensor in model.inputs] + list(model.frozen)
    lost = [name for name in fed if name.split(":")[0] not in present]
    if lost:
        msg = f"{model.name}: {lost} reach no output"
        raise ValueError(msg)
    return graph


def draw_feeds(model: Model, case: Case, index: int) -> Dict[str, np.ndarray]:
    """Values for every input of one run."""
    rng = generator(model.name, "run", str(index))
    feeds = {}
    for tensor, maker in zip(model.inputs, model.makers):
        values = np.asarray(maker(rng, case))
        if tensor.dtype != tf.string:
            values = values.astype(tensor.dtype.as_numpy_dtype)
        feeds[tensor.name] = values
    return feeds


def record(model: Model, data: bytes) -> Dict[str, np.ndarray]:
    """Run the frozen graph, read back from its bytes, once for every case.

    Raises:
        tf.errors.OpError: TF refuses a run it must accept.
    """
    graph = tf.Graph()
    samples: Dict[str, np.ndarray] = {}
    with graph.as_default():
        definition = graph_pb2.GraphDef()
        definition.ParseFromString(data)
        tf.import_graph_def(definition, name="")
    with tf.Session(graph=graph, config=session_config()) as session:
        for name in model.init_nodes:
            session.run(graph.get_operation_by_name(name))
        fetches = [tensor.name for tensor in model.outputs]
        count = 0
        for index, case in enumerate(model.cases()):
            feeds = draw_feeds(model, case, index)
            fed = dict(model.frozen)
            fed.update({name: as_fed(values) for name, values in feeds.items()})
            try:
                results = session.run(fetches, fed)
            except tf.errors.OpError:
                if case.must:
                    raise
                model.notes.append(f"TensorFlow refuses batch {case.batch}, T {case.time}.")
                continue
            samples.update({f"in{count}:{name}": values for name, values in feeds.items()})
            samples.update({f"out{count}:{n}": storable(v) for n, v in zip(fetches, results)})
            count += 1
    return samples


def as_fed(values: np.ndarray) -> np.ndarray:
    """Byte strings are fed as objects."""
    return values.astype(object) if values.dtype.kind in "SU" else values


def storable(values: Any) -> np.ndarray:
    """Arrays of objects become byte strings, so that they load with ``allow_pickle=False``."""
    array = np.asarray(values)
    return array.astype("S") if array.dtype == object else array


def meta(model: Model, data: bytes) -> np.ndarray:
    """The samples' ``meta`` entry: a JSON string, format 1."""
    fields = {
        "format": 1,
        "sha256": hashlib.sha256(data).hexdigest(),
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "device": "cpu",
        "threads": 1,
        "frozen": model.frozen,
    }
    return np.array(json.dumps(fields, sort_keys=True))


def describe(tensor: tf.Tensor) -> Dict[str, Any]:
    """Name, dtype and static shape (null: unknown) of a tensor."""
    known = tensor.shape.dims is not None
    shape = tensor.shape.as_list() if known else None
    return {"name": tensor.name, "dtype": tensor.dtype.name, "shape": shape}


def card(entry: Entry, model: Model) -> Dict[str, Any]:
    """The card; README.md says what each key means."""
    fields = {
        "format": 1,
        "name": entry.name,
        "family": entry.family,
        "description": entry.description,
        "exercises": list(entry.exercises),
        "recorded": entry.recorded,
        "artefacts": ["frozen.pb"] + sorted(entry.extras),
        "inputs": [describe(tensor) for tensor in model.inputs],
        "outputs": [describe(tensor) for tensor in model.outputs],
        "frozen": model.frozen,
        "must_freeze": model.must_freeze,
        "init_nodes": model.init_nodes,
        "recurrences": model.recurrences,
        "notes": model.notes,
    }
    fields.update(model.extra_card)
    return fields


def write(entry: Entry, model: Model, session: tf.Session, folder: Path) -> List[Path]:
    """Freeze, record and write one model; returns the files written."""
    data = frozen_graph(model, session).SerializeToString(deterministic=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "frozen.pb").write_bytes(data)
    if entry.recorded:
        samples = record(model, data)
        np.savez_compressed(folder / "samples.npz", meta=meta(model, data), **samples)
    text = json.dumps(card(entry, model), indent=1, sort_keys=True)
    (folder / "card.json").write_text(text + "\n")
    return sorted(folder.iterdir())

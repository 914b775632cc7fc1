#!/usr/bin/env python
"""Record what a TensorFlow 1 model computes: inputs and outputs, in one samples file.

One file, to be copied into the environment where the model still runs. It needs Python 2.7 or
3.5 to 3.7, TensorFlow 1.0 to 1.15 and NumPy, and nothing else of rnnport.

    python record_tf1.py model.pb -o samples.npz
    python record_tf1.py saved_model/ --signature serving_default
    python record_tf1.py run/model.ckpt --outputs logits:0 --feed keep_prob:0=1.0

Inputs are drawn from what the graph says of them: integers within the table they index, lengths
0, 1, T and mixed, floats at scales 0.1, 1 and 10, states that are not zero. Where that is unclear
the recorder refuses and names the tensor; ``--feed NAME=VALUE`` then settles it (a number, a JSON
list, or ``@file.npy``). Inside a program of your own, with data of your own:

    recorder = Recorder(session, inputs=[x, lengths], outputs=[logits])
    recorder.run({x: batch, lengths: n, keep_prob: 1.0})
    recorder.save("samples.npz")

or ``record(session, outputs=[logits], path="samples.npz")`` to have the inputs drawn.

The samples file is a NumPy ``.npz``, loadable with ``allow_pickle=False``:

- ``in{k}:<tensor>``, ``out{k}:<tensor>``: what run k = 0, 1, ... was fed (all of it), and returned;
- ``mid{k}:<tensor>``: outputs of the recurrences (``--intermediates``);
- ``grad{k}:<tensor>``: gradient of the sum of all float outputs (``--gradients``);
- ``meta``: a JSON string: format, sha256, versions, device, threads, seed, frozen feeds, notes.

Strings are ``S`` arrays. The session runs on one CPU thread, so that sums have one order
(``--gpu`` for graphs with cuDNN ops). TensorFlow 1's graph optimisers stay at their default, as
the model ran; under TensorFlow 2 they are off, because there they change the numbers.
"""

from __future__ import absolute_import, division, print_function

import argparse
import ast
import collections
import functools
import hashlib
import io
import itertools
import json
import os
import re
import struct
import sys
import zipfile

import numpy as np

FORMAT = 1
TEXT = (str, type(b"".decode()))  # Python 2 has two
SIZES = {"B": 3, "T": 7, "W": 5}  # the probe: all different, so that a mix-up is refused
BATCHES, TIMES, SCALES = (3, 1, 3, 5), (7, 20, 1), (1.0, 0.1, 10.0)
LENGTHS = ("mixed", "full", "one", "mixed", "full", "mixed", "zero")


class RecorderError(Exception):
    """The recording cannot be made; the message says why and what to do."""


# ---- the samples file ----------------------------------------------------------------------


def storable(value, name):
    """``value`` as an array that an .npz holds without pickling; strings become S arrays."""
    array = np.asarray(value)
    if array.dtype.kind in "OU":
        texts = [t if isinstance(t, bytes) else _encoded(t, name) for t in array.ravel().tolist()]
        if any(text.endswith(b"\0") for text in texts):
            raise RecorderError(
                "%s holds a string that ends in a zero byte, which NumPy would drop" % name
            )
        width = max([1] + [len(text) for text in texts])
        array = np.array(texts, "S%d" % width).reshape(array.shape)
    if array.dtype.kind not in "biufcS":
        raise RecorderError("%s is of dtype %s, which no .npz holds" % (name, array.dtype))
    return np.ascontiguousarray(array).reshape(array.shape)


def _encoded(text, name):
    try:
        return text.encode("utf-8")
    except AttributeError:
        raise RecorderError("%s is an array of Python objects, not of numbers or strings" % name)


def write_samples(path, arrays, meta):
    """Write ``{key: array}`` and the ``meta`` dict; the same content gives the same bytes."""
    text = json.dumps(meta, sort_keys=True)
    members = [(key, storable(value, key)) for key, value in sorted(arrays.items())]
    members.append(("meta", np.array(text if str is not bytes else text.decode("ascii"))))
    partial = path + ".partial"
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for key, array in members:
            data = io.BytesIO()
            np.lib.format.write_array(data, array)
            member = zipfile.ZipInfo(key + ".npy", (1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, data.getvalue())
    if os.name == "nt" and os.path.exists(path):
        os.remove(path)
    os.rename(partial, path)


def digest(path):
    """Hex SHA-256 of an artefact, by the rule of rnnport's ``converters/read_graphdef/digest.py``.

    A file: of its bytes. A SavedModel or a checkpoint: over its files sorted by relative name,
    each as length of name, name, length, bytes, with lengths of 8 little-endian bytes.
    """
    total = hashlib.sha256()
    if os.path.isfile(path) and not os.path.exists(path + ".meta"):
        _add_file(total, path)
        return total.hexdigest()
    files = _saved_model_files(path) if os.path.isdir(path) else _checkpoint_files(path)
    for raw, full in sorted((_raw(name), full) for name, full in files.items()):
        total.update(struct.pack("<Q", len(raw)) + raw + struct.pack("<Q", os.path.getsize(full)))
        _add_file(total, full)
    return total.hexdigest()


def _raw(name):
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")


def _add_file(total, path):
    with open(path, "rb") as stream:
        while True:
            chunk = stream.read(1 << 20)
            if not chunk:
                return
            total.update(chunk)


def _saved_model_files(folder):
    graph = "saved_model.pb"
    if not os.path.isfile(os.path.join(folder, graph)):
        graph = "saved_model.pbtxt"
    files = {graph: os.path.join(folder, graph)}
    for part in ("variables", "assets"):
        for place, _, names in os.walk(os.path.join(folder, part)):
            for name in names:
                full = os.path.join(place, name)
                if os.path.isfile(full):
                    files[os.path.relpath(full, folder).replace(os.sep, "/")] = full
    return files


def _checkpoint_files(prefix):
    folder, base = os.path.split(prefix)
    wanted = re.compile(re.escape(base) + r"(|\.meta|\.index|\.data-.*|-.{5}-of-.{5})$", re.DOTALL)
    names = [name for name in os.listdir(folder or ".") if wanted.match(name)]
    files = {name: os.path.join(folder, name) for name in names}
    return {name: full for name, full in files.items() if os.path.isfile(full)}


# ---- TensorFlow, of whatever version -------------------------------------------------------


def import_tensorflow():
    """TensorFlow's version 1 interface: the package itself, or ``compat.v1`` where there is one."""
    try:
        import tensorflow.compat.v1 as tf
    except ImportError:
        try:
            import tensorflow as tf
        except ImportError as error:
            raise RecorderError(
                "TensorFlow cannot be imported here (%s): run this file in the environment where "
                "the model runs" % error
            )
    return tf


def major_version(tf):
    """1 or 2."""
    return int(tf.__version__.split(".")[0])


def session_config(tf, gpu=False):
    """One thread; CPU alone unless ``gpu``; under TensorFlow 2 without its graph optimiser."""
    config = tf.ConfigProto(
        intra_op_parallelism_threads=1,
        inter_op_parallelism_threads=1,
        allow_soft_placement=True,
    )
    if not gpu:
        config.device_count["GPU"] = 0
    if major_version(tf) > 1:
        config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


Loaded = collections.namedtuple("Loaded", "session graph kind signatures")


def load(path, tag=None, gpu=False):
    """The artefact (frozen graph, SavedModel folder, checkpoint prefix) in its own session."""
    tf = import_tensorflow()
    tf.logging.set_verbosity(tf.logging.ERROR)
    try:
        return _load(tf, path, tag, gpu)
    except (ValueError, KeyError, tf.errors.NotFoundError) as error:
        unregistered = "No op named" in str(error) or "Op type not registered" in str(error)
        if not unregistered or major_version(tf) > 1:
            raise
    import tensorflow

    dir(tensorflow.contrib)  # tf.contrib is a lazy module: only this registers its ops
    return _load(tf, path, tag, gpu)


def _load(tf, path, tag, gpu):
    graph = tf.Graph()
    session = tf.Session(graph=graph, config=session_config(tf, gpu))
    signatures = {}
    with graph.as_default():
        if os.path.isdir(path):
            kind = "saved_model"
            tags = tag.split(",") if tag is not None else _tags(path)
            meta = tf.saved_model.loader.load(session, tags, path)
            signatures = dict(meta.signature_def)
        elif os.path.isfile(path + ".meta"):
            kind = "checkpoint"
            saver = tf.train.import_meta_graph(path + ".meta", clear_devices=True)
            if saver is not None:
                saver.restore(session, path)
            session.run(tf.local_variables_initializer())
            session.run(tf.get_collection(tf.GraphKeys.TABLE_INITIALIZERS))
        elif os.path.isfile(path):
            kind = "frozen"
            tf.import_graph_def(_read_graph_def(tf, path), name="")
            session.run([op for op in graph.get_operations() if fills_a_table(op)])
        else:
            raise RecorderError(
                "%s is no frozen graph, no SavedModel folder and no checkpoint prefix "
                "(PREFIX.meta beside it)" % path
            )
    return Loaded(session, graph, kind, signatures)


def _read_graph_def(tf, path):
    from google.protobuf import text_format

    graph_def = tf.GraphDef()
    with open(path, "rb") as stream:
        data = stream.read()
    try:
        if path.endswith("txt"):
            text_format.Merge(data.decode("utf-8"), graph_def)
        else:
            graph_def.ParseFromString(data)
    except Exception as error:  # each protobuf release has exceptions of its own
        raise RecorderError("%s is not a GraphDef: %s" % (path, _first_line(error)))
    for node in graph_def.node:
        node.device = ""
    return graph_def


def _tags(folder):
    """``serve``, or the tags of the only MetaGraph."""
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    binary = os.path.join(folder, "saved_model.pb")
    if os.path.isfile(binary):
        with open(binary, "rb") as stream:
            model.ParseFromString(stream.read())
    elif os.path.isfile(binary + "txt"):
        with io.open(binary + "txt", encoding="utf-8") as stream:
            text_format.Merge(stream.read(), model)
    else:
        raise RecorderError("%s holds no saved_model.pb: it is no SavedModel" % folder)
    sets = [list(meta.meta_info_def.tags) for meta in model.meta_graphs]
    if ["serve"] in sets or len(sets) == 1:
        return ["serve"] if ["serve"] in sets else sets[0]
    named = "; ".join(",".join(tags) for tags in sets)
    raise RecorderError("%s holds several graphs: choose one with --tag (%s)" % (folder, named))


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# ---- what the graph says of an input -------------------------------------------------------

# Ops whose output holds the same values as these inputs of theirs (None: all of them).
PASSING = {
    "Reshape": {0}, "Transpose": {0}, "ExpandDims": {0}, "StridedSlice": {0}, "Slice": {0},
    "Split": {1}, "SplitV": {0}, "Switch": {0}, "Tile": {0}, "ReverseSequence": {0},
    "ReverseV2": {0}, "Reverse": {0}, "Pad": {0}, "PadV2": {0}, "Select": {1, 2},
    "SelectV2": {1, 2}, "TensorArrayScatterV3": {2}, "TensorArrayReadV3": {2},
    "TensorArrayWriteV3": {2, 3}, "TensorArrayGatherV3": {2}, "TensorArraySplitV3": {1},
    "TensorArrayConcatV3": {2}, "DynamicPartition": {0}, "Max": {0}, "Min": {0}, "Gather": {0},
}  # fmt: skip
for _name in (
    "Identity Cast Squeeze ConcatV2 Concat Pack Unpack Enter RefEnter Merge Exit NextIteration "
    "Unique StopGradient PreventGradient Snapshot PlaceholderWithDefault CheckNumerics Maximum "
    "Minimum FloorMod FloorDiv IdentityN"
).split():
    PASSING[_name] = None
LENGTH_SINKS = {
    ("ReverseSequence", 1), ("GreaterEqual", 1), ("Less", 1), ("CTCLoss", 3),
    ("CTCGreedyDecoder", 1), ("CTCBeamSearchDecoder", 1), ("BlockLSTM", 0),
    ("BlockLSTMV2", 0), ("CudnnRNNV3", 4),
}  # fmt: skip
PLACEHOLDERS = ("Placeholder", "PlaceholderV2")

# What is known of one input. dims: sizes with None for the unknown, or None for an unknown rank.
# role: keep, rate, training, lengths, ids, mask, float, count, bool, text. bound: ids are below it.
# words: text is drawn of them.
Spec = collections.namedtuple("Spec", "name dtype dims role bound words")


def reached(tensor, passing, limit=20000):
    """Where the values of ``tensor`` arrive: (op, input index, ops passed), breadth first."""
    queue, seen = collections.deque([(tensor, ())]), {tensor.name}
    while queue and len(seen) < limit:
        current, path = queue.popleft()
        for op in current.consumers():
            for index, source in enumerate(op.inputs):
                if source.name != current.name:
                    continue
                yield op, index, path
                passes = passing.get(op.type, ())
                if passes is not None and index not in passes:
                    continue
                for output in op.outputs:
                    if output.name not in seen:
                        seen.add(output.name)
                        queue.append((output, path + (op,)))


def constant_value(tensor):
    """The value of a constant tensor, or None."""
    from tensorflow.python.framework import tensor_util

    while tensor.op.type in ("Enter", "RefEnter", "Identity"):
        tensor = tensor.op.inputs[0]
    return tensor_util.constant_value(tensor)


def _rows(op):
    """How many rows the table has that a Gather, OneHot or loss op indexes, or None."""
    if op.type == "OneHot":
        depth = constant_value(op.inputs[1])
        return None if depth is None else int(depth)
    table, axis = op.inputs[0], 0
    while op.type == "ResourceGather" and table.op.type in ("Enter", "Identity"):
        table = table.op.inputs[0]
    if op.type == "ResourceGather":
        shape = table.op.get_attr("shape") if table.op.type == "VarHandleOp" else None
        return int(shape.dim[0].size) if shape is not None and shape.dim else None
    if op.type.startswith("Sparse"):
        axis = -1
    elif op.type == "GatherV2":
        axis = constant_value(op.inputs[2])
    shape = table.get_shape()
    if axis is None or shape.ndims is None:
        return None
    return shape.as_list()[int(axis)]


def id_bound(tensor):
    """(whether the integers index a table, the bound if it is known)."""
    tables, partitioned = {}, False
    for op, index, path in reached(tensor, PASSING):
        indexes = (op.type in ("Gather", "GatherV2", "ResourceGather") and index == 1) or (
            (op.type == "OneHot" and index == 0)
            or (op.type == "SparseSoftmaxCrossEntropyWithLogits" and index == 1)
        )
        if indexes:
            tables[op.name if op.type == "OneHot" else op.inputs[0].name] = _rows(op)
            partitioned = partitioned or any(step.type == "DynamicPartition" for step in path)
    known = [rows for rows in tables.values() if rows]
    if not known:
        return bool(tables), None
    return True, sum(known) if partitioned else min(known)


def _drawn_at_random(tensor, depth=8):
    """Whether an elementwise expression of a random draw ends in ``tensor``."""
    op = tensor.op
    if "RandomUniform" in op.type:
        return True
    through = ("Add", "AddV2", "Mul", "Sub", "Identity", "Enter", "Switch", "Merge", "Cast")
    return (
        depth > 0
        and op.type in through
        and any(_drawn_at_random(source, depth - 1) for source in op.inputs)
    )


def dropout_role(tensor):
    """``keep``, ``rate``, or None where ``tensor`` does not set a dropout.

    TensorFlow up to 1.12 adds keep_prob to the draw and takes the floor; later releases compare
    the draw with rate = 1 - keep_prob (nn_ops.py, ``dropout`` and ``dropout_v2``, v1.15.5).
    """
    passing = {"Sub": {1}, "Identity": None, "Enter": None, "Cast": None, "Switch": {0}}
    passing.update({"Merge": None, "Reshape": {0}, "PlaceholderWithDefault": None})
    roles = set()
    for op, index, path in reached(tensor, passing):
        if len(op.inputs) != 2 or not _drawn_at_random(op.inputs[1 - index]):
            continue
        inverted = sum(step.type == "Sub" for step in path) % 2 == 1
        if op.type in ("Add", "AddV2"):
            roles.add("rate" if inverted else "keep")
        elif op.type in ("GreaterEqual", "Less", "Greater", "LessEqual"):
            roles.add("keep" if inverted == (index == 1) else "rate")
    if roles in ({"keep"}, {"rate"}):
        return roles.pop()
    return None


def fills_a_table(op):
    """Whether ``op`` initialises a lookup table, by itself or from constants."""
    if op.type.startswith("InitializeTable"):
        return True
    imports = op.type.startswith("LookupTableImport")
    return imports and all(constant_value(source) is not None for source in op.inputs[1:])


def table_words(tensor):
    """The keys, as far as the graph has them, of the tables that ``tensor`` is looked up in."""
    words = []
    for op, index, _ in reached(tensor, PASSING):
        if "LookupTableFind" in op.type and index == 1:
            handle = op.inputs[0]
            for user in handle.consumers():
                if fills_a_table(user) and len(user.inputs) == 3:
                    keys = constant_value(user.inputs[1])
                    words.extend([] if keys is None else keys.ravel().tolist())
    return tuple(words)


# ---- what the ops that read an input tell of its shape -------------------------------------

# A placeholder may carry no shape: tf.placeholder(tf.float32), and in a frozen graph every partly
# known shape up to TensorFlow 1.1. Its readers then say what it must be: a product, a permutation.

SAME_SHAPE = set(
    "Identity StopGradient Snapshot CheckNumerics Enter RefEnter Exit NextIteration Switch Merge "
    "Cast Tanh Sigmoid Relu Relu6 Elu Softplus Softsign Softmax LogSoftmax Exp Log Neg Abs Square "
    "Sqrt ReverseV2 Reverse BiasAdd ReverseSequence Cumsum AddN".split()
)
TWO_SIDED = set(
    "Add AddV2 Sub Mul Div RealDiv Maximum Minimum Greater GreaterEqual Less LessEqual Equal "
    "NotEqual Select".split()
)
RANKS = {
    "MatMul": 2, "LSTMBlockCell": 2, "GRUBlockCell": 2, "BlockLSTM": 3, "CudnnRNN": 3, "Conv2D": 4,
    "DepthwiseConv2dNative": 4, "MaxPool": 4, "AvgPool": 4, "Conv3D": 5, "CTCGreedyDecoder": 3,
    "CTCBeamSearchDecoder": 3, "CTCLoss": 3, "FusedBatchNorm": 4,
}  # fmt: skip


def merged(one, other):
    """What two statements of a shape say together; of two ranks the first."""
    if one is None or other is None or len(one) != len(other):
        return other if one is None else one
    return tuple(b if a is None else a for a, b in zip(one, other))


def stated(tensor):
    """The shape that TensorFlow has inferred forwards, round loops from where they start."""
    for _ in range(8):
        shape = tensor.get_shape()
        if shape.ndims is not None:
            return tuple(shape.as_list())
        if tensor.op.type not in ("Merge", "Enter", "Switch", "Identity", "Exit") or (
            not tensor.op.inputs
        ):
            return None
        tensor = tensor.op.inputs[0]
    return None


def told_dims(tensor, known=None, depth=0):
    """The shape of ``tensor``: stated, or what those that read it need; None where neither tells.

    ``known``: what has been found out by name; loops end there.
    """
    known = {} if known is None else known
    if tensor.name in known or depth > 60:
        return known.get(tensor.name)
    found = known[tensor.name] = stated(tensor)
    if found is None or None in found:
        for op in tensor.consumers():
            for index, source in enumerate(op.inputs):
                if source.name == tensor.name:
                    look = functools.partial(told_dims, known=known, depth=depth + 1)
                    found = merged(found, _needed_by(op, index, look))
    known[tensor.name] = found
    return found


def _needed_by(op, index, look):
    """What ``op`` needs its input ``index`` to be; ``look`` is :func:`told_dims`."""
    if op.type in RANKS:
        return _weighed(op, index)
    if op.type in ("BiasAdd", "ReverseSequence") and index:
        return (None,)
    if op.type in READERS:
        return READERS[op.type](op, index, look)
    if op.type not in SAME_SHAPE:
        return None
    found = look(op.outputs[0])
    if op.type == "Switch":
        found = merged(found, look(op.outputs[1]))
    bias = stated(op.inputs[1]) if op.type == "BiasAdd" else None
    return merged(found, (None,) * (len(found) - 1) + bias) if found and bias else found


def _weighed(op, index):
    """Beside weights: the rank of the op, and as many features as the weights take."""
    sizes = [None] * RANKS[op.type]
    if op.type == "MatMul":
        turned = [bool(op.get_attr(key)) for key in ("transpose_a", "transpose_b")]
        place = [1 - turned[0], 0 + turned[1]]  # of the axis that is summed over
        other = stated(op.inputs[1 - index])
        sizes[place[index]] = other[place[1 - index]] if other and len(other) == 2 else None
        return tuple(sizes)
    if index != (op.type == "BlockLSTM"):
        return None
    place, gates = {"BlockLSTM": (4, 4), "LSTMBlockCell": (3, 4), "GRUBlockCell": (2, 2)}.get(
        op.type, (1, 0)
    )
    kernel = stated(op.inputs[place]) if place < len(op.inputs) else None
    if kernel and None not in kernel and gates:
        sizes[-1] = kernel[0] - kernel[1] // gates
    elif kernel and op.type.startswith("Conv") and _channels_last(op):
        sizes[-1] = kernel[-2]
    return tuple(sizes)


def _channels_last(op):
    try:
        return not op.get_attr("data_format").startswith(b"NC")
    except ValueError:  # before there was a choice
        return True


def _transposed(op, index, look):
    if index:
        return None
    order, found = constant_value(op.inputs[1]), look(op.outputs[0])
    if order is None:
        return None if found is None else (None,) * len(found)
    order = order.tolist()
    if found is None or len(found) != len(order):
        return (None,) * len(order)
    return tuple(found[order.index(axis)] for axis in range(len(order)))


def _joined(op, index, look):
    """A part of a concat: as wide as the whole without the others."""
    legacy = op.type == "Concat"
    place = 0 if legacy else len(op.inputs) - 1
    axis, whole = constant_value(op.inputs[place]), look(op.outputs[0])
    others = [stated(t) for k, t in enumerate(op.inputs) if k not in (place, index)]
    known = [shape for shape in [whole] + others if shape is not None]
    if index == place or axis is None or not known:
        return None
    rank = len(known[0])
    sizes, axis = [None] * rank, int(axis) % rank
    if whole is not None and whole[axis] is not None and None not in others:
        rest = [shape[axis] for shape in others]
        sizes[axis] = None if None in rest else whole[axis] - sum(rest)
    return tuple(sizes)


def _beside(op, index, look):
    """One side of a broadcast: the result's rank, where the other side has less."""
    found = look(op.outputs[0])
    if op.type == "Select":
        return found if index else None
    other = stated(op.inputs[1 - index])
    if found is None or other is None or len(other) >= len(found):
        return None
    return found[: len(found) - len(other)] + (None,) * len(other)


def _axis_moved(op, index, look):
    """ExpandDims, Pack and OneHot have one axis more, Unpack has one less, Squeeze some."""
    found = look(op.outputs[0]) if op.outputs else None
    if found is None or (index and op.type != "Pack"):
        return None
    if op.type == "Squeeze":
        gone = op.get_attr("squeeze_dims")
        return (None,) * (len(found) + len(gone)) if gone else None
    if op.type == "Unpack":
        axis = op.get_attr("axis") % (len(found) + 1)
        return found[:axis] + (op.get_attr("num"),) + found[axis:]
    axis = constant_value(op.inputs[1]) if op.type == "ExpandDims" else op.get_attr("axis")
    if axis is None or not found:
        return (None,) * (len(found) - 1) if found else None
    axis = int(axis) % len(found)
    return found[:axis] + found[axis + 1 :]


def _indexed(op, index, look):
    """The indices of a table: the result without the table's own features."""
    found, table = look(op.outputs[0]), stated(op.inputs[0])
    if index != 1 or found is None or table is None:
        return None
    return found[: len(found) - len(table) + 1] if len(found) >= len(table) - 1 else None


def _sliced(op, index, look):
    """A strided slice: one axis more for each that is picked away."""
    count, found = stated(op.inputs[1]), look(op.outputs[0])
    if index or found is None or not count or count[0] is None:
        return None
    gone = bin(op.get_attr("shrink_axis_mask")).count("1")
    return (None,) * (len(found) + gone - bin(op.get_attr("new_axis_mask")).count("1"))


def _reduced(op, index, look):
    axes, found = constant_value(op.inputs[1]), look(op.outputs[0])
    if index or found is None or axes is None:
        return None
    return (None,) * (len(found) + (0 if op.get_attr("keep_dims") else np.size(axes)))


def _listed(op, index, look):
    """What is scattered into a TensorArray: a row of items as they are read."""
    if index != 2:
        return None
    todo, item = [op.inputs[0]], None
    while todo:
        for user in todo.pop().consumers():
            if user.type in ("Enter", "RefEnter", "Identity"):
                todo.append(user.outputs[0])
            elif user.type == "TensorArrayReadV3":
                item = merged(item, look(user.outputs[0]))
    return None if item is None else (None,) + item


READERS = {
    "Transpose": _transposed, "ConcatV2": _joined, "Concat": _joined, "ExpandDims": _axis_moved,
    "Pack": _axis_moved, "OneHot": _axis_moved, "Unpack": _axis_moved, "Squeeze": _axis_moved,
    "Gather": _indexed, "GatherV2": _indexed, "StridedSlice": _sliced, "Sum": _reduced,
    "Mean": _reduced, "Max": _reduced, "Min": _reduced, "TensorArrayScatterV3": _listed,
}  # fmt: skip
READERS.update({_name: _beside for _name in TWO_SIDED})


def _says_scalar(op):
    """Whether a placeholder of unknown rank was perhaps declared as a scalar.

    A frozen graph often carries no version, and TensorFlow then takes the shape ``[]`` of a
    placeholder for an unknown one (array_ops.cc, ``Placeholder``: graph_def_version < 24).
    """
    if op.type not in PLACEHOLDERS:
        return False
    shape = op.get_attr("shape")
    return not shape.unknown_rank and not shape.dim


def describe(tensor):
    """The :class:`Spec` of one input tensor."""
    name, dtype = tensor.name, tensor.dtype.base_dtype
    shape = tensor.get_shape()
    dims = told_dims(tensor) if shape.ndims is None else tuple(shape.as_list())
    scalar = dims == () or (dims is None and _says_scalar(tensor.op))
    kind, short = dtype.name, name.split("/")[-1].lower()
    if kind == "string":
        return Spec(name, "S", dims, "text", None, table_words(tensor))
    if kind == "bool":
        role = "bool" if dims else "training"
        if role == "training" and not re.search(r"train|phase|dropout|learn", short):
            raise RecorderError(
                "%s is a switch of unclear meaning: give --feed %s=false or --feed %s=true"
                % (name, name, name)
            )
        return Spec(name, "bool", () if dims is None else dims, role, None, ())
    number = np.dtype(dtype.as_numpy_dtype).name
    if dtype.is_floating:
        role = dropout_role(tensor) if not dims else None
        if role is None and not dims and "keep" in short:
            role = "keep"
        if role is not None or scalar:
            return Spec(name, number, (), role or "float", None, ())
        masks = ("mask" in short or "weight" in short) and dims is not None and len(dims) == 2
        return Spec(name, number, dims, "mask" if masks else "float", None, ())
    if not dtype.is_integer:
        raise RecorderError(
            "%s is of dtype %s, which is not drawn: give --feed %s=VALUE" % (name, kind, name)
        )
    indexes, bound = id_bound(tensor)
    lengths = any((op.type, index) in LENGTH_SINKS for op, index, _ in reached(tensor, PASSING))
    named = re.search(r"len|seq_?n|num_?steps", short) is not None
    if dims == () or (scalar and not indexes and not lengths):
        role, dims = "ids" if indexes else "count", ()
    elif dims is None or len(dims) == 1:
        role = "lengths" if lengths or not indexes else "ids"
    else:
        role = "lengths" if (lengths or named) and not indexes else "ids"
    return Spec(name, number, dims, role, bound, table_words(tensor))


# ---- drawing inputs (no TensorFlow from here to the next rule) ------------------------------


def layouts(spec):
    """The ways to read the unknown sizes as batch B, time T and width W, the likeliest first."""
    dims = spec.dims
    if spec.role in ("keep", "rate", "training"):
        return [()]
    if dims is None:
        if spec.role == "lengths":
            return [("B",), (), ("B", "T")]
        if spec.role in ("ids", "text"):
            return [("B", "T"), ("B",), ("T", "B"), ("B", "T", "W")]
        raise RecorderError(
            "the shape of %s is unknown, and no op that reads it tells: give --feed %s=@file.npy"
            % (spec.name, spec.name)
        )
    unknown = [place for place, size in enumerate(dims) if size is None]
    static_batch = unknown == [1] and spec.role != "lengths" and len(dims) > 1
    orders = {
        0: [""],
        1: ["T", "B"] if static_batch else ["B", "T"],
        2: ["BT", "TB", "BW"],
        3: ["BTW", "TBW"],
    }.get(len(unknown))
    if orders is None:
        raise RecorderError(
            "%s has %d unknown sizes: give --feed %s=@file.npy"
            % (spec.name, len(unknown), spec.name)
        )
    found = []
    for order in orders:
        sizes = list(dims)
        for place, symbol in zip(unknown, order):
            sizes[place] = symbol
        found.append(tuple(sizes))
    return found


def readings(specs, limit=96):
    """Layouts and count symbols for all inputs together, likeliest first: a dict by name each."""
    names = [spec.name for spec in specs]
    options = []
    for spec in specs:
        if spec.role == "count":
            order = "BT" if "batch" in spec.name.lower() else "TB"
            options.append([(order[0],), (order[1],), (1,)])
        else:
            options.append(layouts(spec))
    first = [0] * len(specs)
    second = [min(1, len(option) - 1) for option in options]
    ranges = [range(len(option)) for option in options]
    every = itertools.islice(itertools.product(*ranges), 20000)
    chosen = [first, second] + [list(pick) for pick in sorted(every, key=lambda p: (sum(p), p))]
    found = []
    for pick in chosen[: limit + 2]:
        reading = {name: option[i] for name, option, i in zip(names, options, pick)}
        if reading not in found:
            found.append(reading)
    return found


def steps_of(specs, reading, sizes):
    """The time steps of a run: T where an input has that size, else the known size beside B."""
    if any("T" in reading[spec.name] for spec in specs if spec.role != "count"):
        return sizes["T"]
    known = []
    for spec in specs:
        layout = reading[spec.name]
        sequence = len(layout) > (1 if spec.role in ("ids", "mask", "text") else 2)
        if sequence and spec.role != "lengths" and len(layout) < 4:
            known.append(layout[0] if layout[1] == "B" else layout[1])
    known = [size for size in known if not isinstance(size, str)]
    return min(known) if known else sizes["T"]


def draw_lengths(random, shape, most, kind, least):
    """Integers in least..most: all ``most`` (full), all 1, all ``least`` (zero), or mixed."""
    least = min(least, most)
    flat = np.asarray(random.randint(least, most + 1, size=shape)).reshape(-1)
    if kind == "mixed":
        special = [most, least, min(1, most)][: flat.size]
        flat[: len(special)] = special
        random.shuffle(flat)
    else:
        flat[:] = {"full": most, "one": min(1, most), "zero": least}[kind]
    return flat.reshape(shape)


def draw(spec, layout, random, sizes, steps, case):
    """One input's value."""
    if spec.role in ("keep", "rate", "training"):
        return np.array({"keep": 1.0, "rate": 0.0, "training": False}[spec.role], spec.dtype)
    if spec.role == "count":
        return np.array(sizes.get(layout[0], layout[0]), spec.dtype)
    shape = tuple(sizes.get(size, size) for size in layout)
    if spec.role == "lengths":
        most = steps if len(shape) < 2 else sizes["W"]
        value = draw_lengths(random, shape, most, case["lengths"], case["least"])
    elif spec.role == "text":
        words = list(spec.words)[:1000] + ["a", "unknown word", ""]
        flat = [words[i] for i in random.randint(0, len(words), size=shape).reshape(-1)]
        value = np.array([storable(word, spec.name)[()] for word in flat], "S").reshape(shape)
        return value
    elif spec.role == "ids":
        value = random.randint(0, spec.bound or 2, size=shape)
    elif spec.role in ("mask", "bool"):
        value = random.randint(0, 2, size=shape)
    elif shape == ():
        value = random.uniform(0.5, 1.5)
    else:
        value = random.standard_normal(shape) * case["scale"]
    return np.asarray(value).astype(spec.dtype)


def draw_all(specs, reading, sizes, case):
    """``{name: value}`` of one run; the same arguments give the same values."""
    random = np.random.RandomState([case["seed"], case["number"]])
    steps = steps_of(specs, reading, sizes)
    return {s.name: draw(s, reading[s.name], random, sizes, steps, case) for s in specs}


def plan(count, seed, batches=None, times=None):
    """The runs asked for: sizes, scale and kind of lengths of each."""
    batches, times = tuple(batches or BATCHES), tuple(times or TIMES)
    cases = []
    for number in range(count):
        cases.append({
            "number": number, "seed": seed, "least": 0,
            "B": batches[number % len(batches)], "T": times[number % len(times)],
            "scale": SCALES[(number + number // len(SCALES)) % len(SCALES)],
            "lengths": LENGTHS[number % len(LENGTHS)],
        })  # fmt: skip
    return cases


# ---- recording -----------------------------------------------------------------------------


def ancestors(outputs, cut=(), controls=True):
    """Tensors that ``outputs`` depend on, not looking behind the fed tensors ``cut``."""
    cut = {tensor.name for tensor in cut}
    found, stack = {}, list(outputs)
    while stack:
        tensor = stack.pop()
        if tensor.name in found:
            continue
        found[tensor.name] = tensor
        if tensor.name not in cut:
            stack.extend(tensor.op.inputs)
            for control in tensor.op.control_inputs if controls else ():
                stack.extend(control.outputs or control.inputs)
    return found


def placeholders_of(outputs, cut=()):
    """The placeholders that must be fed to compute ``outputs``, in order of their names."""
    found = ancestors(outputs, cut).values()
    return sorted((t for t in found if t.op.type in PLACEHOLDERS), key=lambda t: t.name)


def unfetchable(tensor):
    """Whether ``tensor`` lies inside a while frame, or on one branch of a cond, perhaps dead."""
    seen, stack = set(), [(tensor, 0)]
    while stack:
        current, merges = stack.pop()
        if (current.name, merges) in seen:
            continue
        seen.add((current.name, merges))
        kind = current.op.type
        if kind in ("Enter", "RefEnter") or (kind in ("Switch", "RefSwitch") and merges == 0):
            return True
        if kind not in ("Exit", "RefExit"):
            step = {"Merge": 1, "RefMerge": 1, "Switch": -1, "RefSwitch": -1}.get(kind, 0)
            stack.extend((source, min(merges + step, 4)) for source in current.op.inputs)
    return False


def candidates(graph):
    """Tensors that look like results: of ops nobody reads, fed by a placeholder, not training."""
    training = re.compile(r"Assign|Apply|Save|Summary|^Assert$|^NoOp$|^Queue|^Print$")
    found = []
    for op in graph.get_operations():
        outputs = [t for t in op.outputs if t.dtype.base_dtype.name not in ("resource", "variant")]
        if op.type == "Merge":
            outputs = outputs[:1]  # the other is the number of the branch taken
        used = any(t.consumers() for t in op.outputs)
        if used or not outputs or training.search(op.type) or op.type in PLACEHOLDERS:
            continue
        sources = ancestors(outputs, controls=False).values()
        if any(t.op.type in PLACEHOLDERS for t in sources) and not unfetchable(outputs[0]):
            found.extend(outputs)
    return found


def recurrence_outputs(outputs):
    """What the loops that ``outputs`` depend on return: Exit, TensorArray and While results."""
    wanted = re.compile(r"^(Exit|RefExit|TensorArrayGatherV\d|TensorArrayConcatV\d|(Stateless)?While"
                        r"|BlockLSTM(V2)?|GRUBlockCell|CudnnRNN(V\d)?)$")  # fmt: skip
    found = []
    for name, tensor in sorted(ancestors(outputs).items()):
        plain = tensor.dtype.base_dtype.name not in ("resource", "variant")
        flow = any(user.type.startswith("TensorArray") for user in tensor.consumers())
        if plain and wanted.match(tensor.op.type) and not flow and not unfetchable(tensor):
            found.append(tensor)
    return found


def flat_tensors(graph, things):
    """Tensors of names, tensors, variables and nests of them; sparse ones as three."""
    from tensorflow.python.util import nest

    found = []
    for thing in nest.flatten(things):
        if hasattr(thing, "dense_shape"):
            found.extend([thing.indices, thing.values, thing.dense_shape])
        elif hasattr(thing, "op") and hasattr(thing, "consumers"):
            found.append(thing)
        else:
            name = thing if isinstance(thing, TEXT) else thing.name
            try:
                found.append(graph.get_tensor_by_name(name if ":" in name else name + ":0"))
            except (KeyError, ValueError):
                raise RecorderError("the graph has no tensor %s" % name)
    return found


def flat_feed(graph, feed_dict):
    """``{tensor: value}`` of a feed_dict, whose keys may be names and nests, as for Session.run."""
    from tensorflow.python.util import nest

    found = {}
    for key, value in feed_dict.items():
        tensors = flat_tensors(graph, [key])
        values = list(nest.flatten(value)) if len(tensors) > 1 else [value]
        if hasattr(value, "dense_shape"):
            values = [value.indices, value.values, value.dense_shape]
        if len(values) != len(tensors):
            raise RecorderError("%s is fed %d values" % ([t.name for t in tensors], len(values)))
        for tensor, item in zip(tensors, values):
            found[tensor] = np.asarray(item, None if tensor.dtype.base_dtype.name == "string"
                                       else tensor.dtype.as_numpy_dtype)  # fmt: skip
    return found


class Recorder(object):
    """Keeps what each run of a session was fed and returned; ``save`` writes it.

    ``inputs`` and ``outputs`` are tensors, their names, or nests of them. ``frozen`` is fed to
    every run (``{keep_prob: 1.0}``). ``artefact`` is the file, folder or prefix that the samples
    belong to. ``intermediates`` and ``gradients`` as on the command line.
    """

    def __init__(self, session, inputs, outputs, frozen=None, artefact=None, seed=None,
                 intermediates=False, gradients=False):  # fmt: skip
        self.session, self.graph = session, session.graph
        self.inputs = flat_tensors(self.graph, inputs)
        self.outputs = flat_tensors(self.graph, outputs)
        self.frozen = flat_feed(self.graph, frozen or {})
        self.artefact, self.seed, self.notes = artefact, seed, []
        self.arrays, self.runs = {}, 0
        self.middle = recurrence_outputs(self.outputs) if intermediates else []
        self.gradients = self._gradients() if gradients else []

    def _gradients(self):
        """[(name, gradient tensor)] of the sum of the float outputs."""
        tf = import_tensorflow()
        with self.graph.as_default():
            terms = [tf.reduce_sum(tf.cast(t, tf.float32)) for t in self.outputs
                     if t.dtype.base_dtype.is_floating]  # fmt: skip
            sources = [(t.name, t) for t in self.inputs
                       if t.dtype.base_dtype.is_floating and t not in self.frozen]  # fmt: skip
            sources += [(v.name, v) for v in tf.trainable_variables()]
            try:
                grads = tf.gradients(tf.add_n(terms), [source for _, source in sources])
                pairs = [(name, tf.convert_to_tensor(g))
                         for (name, _), g in zip(sources, grads) if g is not None]  # fmt: skip
            except Exception as error:  # whatever the gradient functions of old loops raise
                raise RecorderError(
                    "TensorFlow cannot differentiate this graph (%s): a frozen graph has lost its "
                    "loops' contexts, so record --gradients from the checkpoint"
                    % _first_line(error)
                )
        return pairs

    def fetch(self, feed_dict):
        """(everything fed, everything fetched) of one run that is not kept."""
        feed = dict(self.frozen)
        feed.update(flat_feed(self.graph, feed_dict))
        missing = [t.name for t in self.inputs if t not in feed]
        if missing:
            raise RecorderError("this run feeds no value to %s" % ", ".join(missing))
        fetches = [list(self.outputs), list(self.middle), [g for _, g in self.gradients]]
        return feed, self.session.run(fetches, feed)

    def run(self, feed_dict):
        """Run, keep, and return the outputs' values in order."""
        feed, fetched = self.fetch(feed_dict)
        return self.keep(feed, fetched)

    def keep(self, feed, fetched):
        """Keep what :meth:`fetch` returned."""
        outputs, middle, gradients = fetched
        names = [t.name for t in self.outputs], [t.name for t in self.middle]
        parts = [("in", [t.name for t in feed], list(feed.values()))]
        parts += [("out", names[0], outputs), ("mid", names[1], middle)]
        parts += [("grad", [name for name, _ in self.gradients], gradients)]
        for part, keys, values in parts:
            for name, value in zip(keys, values):
                key = "%s%d:%s" % (part, self.runs, name)
                self.arrays[key] = storable(value, key)
        self.runs += 1
        return outputs

    def meta(self):
        """The JSON object of the samples file."""
        tf = import_tensorflow()
        try:
            devices = sorted(d.name.split("/")[-1] for d in self.session.list_devices())
        except AttributeError:  # before TensorFlow 1.4
            devices = []
        config = getattr(self.session, "_config", None)
        frozen = {t.name: v.tolist() for t, v in self.frozen.items()
                  if v.size <= 64 and v.dtype.kind in "biuf"}  # fmt: skip
        return {
            "format": FORMAT,
            "sha256": None if self.artefact is None else digest(self.artefact),
            "artefact": None if self.artefact is None else _base(self.artefact),
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
            "python": "%d.%d.%d" % sys.version_info[:3],
            "device": "GPU" if any("GPU" in name for name in devices) else "CPU",
            "threads": config.intra_op_parallelism_threads if config is not None else 0,
            "seed": self.seed,
            "frozen": frozen,
            "inputs": [t.name for t in self.inputs],
            "outputs": [t.name for t in self.outputs],
            "runs": self.runs,
            "notes": self.notes,
        }

    def save(self, path):
        """Write the samples file."""
        if not self.runs:
            raise RecorderError("nothing was recorded: call run first")
        write_samples(path, self.arrays, self.meta())


def _base(path):
    return os.path.basename(os.path.normpath(path))


def record(session, graph=None, inputs=None, outputs=None, path=None, cases=8, seed=0, batches=None,
           times=None, feeds=None, intermediates=False, gradients=False, artefact=None,
           say=None):  # fmt: skip
    """Draw inputs for a live session, run them, write ``path``; the :class:`Recorder`.

    ``inputs`` left out: the placeholders that ``outputs`` need. ``outputs`` left out: the tensors
    nobody reads. ``feeds`` (``{tensor or name: value}``) are fed as they are, in every run.
    ``say`` is called with each note.

    Raises RecorderError where an input is unclear, or where TensorFlow refuses all that was tried.
    """
    graph = session.graph if graph is None else graph
    if graph is not session.graph:
        raise RecorderError("the session runs another graph than the one given")
    outputs = candidates(graph) if outputs is None else flat_tensors(graph, outputs)
    if not outputs:
        raise RecorderError("no output: name one with --outputs")
    given = flat_feed(graph, feeds or {})
    wanted = placeholders_of(outputs, list(given))
    if inputs is not None:
        wanted = flat_tensors(graph, inputs)
    frozen, specs = dict(given), []
    extra = [t for t in placeholders_of(outputs, wanted + list(given)) if t not in wanted]
    for tensor in [t for t in wanted if t not in given] + [t for t in extra if t not in given]:
        spec = describe(tensor)
        if spec.role in ("keep", "rate", "training"):
            frozen[tensor] = draw(spec, (), None, {}, 0, {})
        elif tensor in extra:
            raise RecorderError(
                "the outputs depend on the placeholder %s: name it in --inputs, or give --feed "
                "%s=VALUE" % (tensor.name, tensor.name)
            )
        else:
            specs.append(spec)
    kept = Recorder(session, wanted, outputs, frozen, artefact, seed, intermediates, gradients)
    say = say or (lambda note: None)
    for spec in specs:
        if spec.role == "ids" and spec.bound is None:
            kept.notes.append(
                "%s indexes no table that the graph shows: drawn of 0 and 1" % spec.name
            )
    _record_cases(kept, specs, plan(cases, seed, batches, times), given)
    for note in kept.notes:
        say(note)
    if path is not None:
        kept.save(path)
    return kept


def _attempt(kept, specs, reading, sizes, case):
    """(feed and fetched, None), or (None, TensorFlow's complaint)."""
    tf = import_tensorflow()
    try:
        return kept.fetch(draw_all(specs, reading, sizes, case)), None
    except tf.errors.FailedPreconditionError as error:
        raise RecorderError("the graph is not initialised: %s" % _first_line(error))
    except (tf.errors.OpError, ValueError, TypeError) as error:
        complaint = _first_line(error)
    if complaint.startswith("No OpKernel was registered"):
        raise RecorderError(
            "this TensorFlow cannot run an op of the graph here (cuDNN ops need a GPU, and --gpu): "
            + complaint
        )
    return None, complaint


def _probe(kept, specs, case, given):
    """The first reading and sizes that TensorFlow accepts."""
    shapes = [spec.dims for spec in specs if spec.dims and len(spec.dims) < 4]
    shapes += [value.shape for value in given.values()]
    batches, times = [SIZES["B"]], [SIZES["T"]]
    for shape in shapes:
        batches += [n for n in shape[:2] if n]
        times += [n for n in shape[:2] if n]
    pairs = sorted(set(itertools.product(batches, times)),
                   key=lambda p: (batches.index(p[0]) + times.index(p[1]), p))  # fmt: skip
    first = None
    for (batch, time), reading in itertools.islice(itertools.product(pairs, readings(specs)), 400):
        sizes = dict(SIZES, B=batch, T=time)
        for trial in (case, dict(case, least=1), dict(case, lengths="full")):
            done, complaint = _attempt(kept, specs, reading, sizes, trial)
            if done is not None:
                return reading, sizes
            first = first or complaint
            if not any(spec.role == "lengths" for spec in specs):
                break
    raise RecorderError(
        "TensorFlow refused all inputs tried for %s; the first complaint: %s. Give --feed "
        "NAME=VALUE or NAME=@file.npy for what is unclear%s"
        % (
            ", ".join(spec.name for spec in specs),
            first,
            ", or leave out --gradients and --intermediates" * bool(kept.gradients or kept.middle),
        )
    )


def _record_cases(kept, specs, cases, given):
    """Run the plan; what TensorFlow refuses is tried milder, then dropped with a note."""
    reading, accepted = _probe(kept, specs, dict(cases[0], lengths="mixed"), given)
    for case in cases:
        wanted = dict(SIZES, B=case["B"], T=case["T"])
        mild = dict(case, least=1)
        trials = [(wanted, case), (wanted, mild), (wanted, dict(mild, lengths="full"))]
        if case["B"]:
            trials += [(dict(accepted, T=case["T"]), case), (dict(wanted, T=accepted["T"]), case)]
            trials += [(accepted, case), (accepted, mild), (accepted, dict(mild, lengths="full"))]
        complaint = None
        for number, (sizes, trial) in enumerate(trials):
            done, said = _attempt(kept, specs, reading, sizes, trial)
            complaint = complaint or said
            if done is None:
                continue
            if not kept.runs:
                _check_repeats(kept, *done)
            kept.keep(*done)
            if number:
                _note_change(kept, wanted, sizes, trial is not case, complaint)
            break
        else:
            kept.notes.append("batch %d, time %d was refused by TensorFlow and left out: %s"
                              % (case["B"], case["T"], complaint))  # fmt: skip
    if not kept.runs:
        raise RecorderError("TensorFlow refused every run; " + kept.notes[-1])


def _note_change(kept, wanted, sizes, milder, complaint):
    """Say once that other sizes were refused, and for each run that its lengths were changed."""
    if sizes != wanted:
        note = "batch %(B)d, time %(T)d were taken where TensorFlow refused other sizes" % sizes
        kept.notes.extend([] if note in kept.notes else [note])
    if milder:
        kept.notes.append("run %d has no row of length 0: %s" % (kept.runs - 1, complaint))


def _check_repeats(kept, feed, fetched):
    """Note the outputs that differ when the same run is made again: random ops, or kept state."""
    _, again = kept.fetch(feed)
    for tensor, old, new in zip(kept.outputs, fetched[0], again[0]):
        one, two = storable(old, tensor.name), storable(new, tensor.name)
        if one.shape != two.shape or one.tobytes() != two.tobytes():
            kept.notes.append(
                "%s differs when the same run is made again: a random op or a state kept in a "
                "variable is upstream" % tensor.name
            )


# ---- the command line ----------------------------------------------------------------------


def _parse_feed(text):
    """``NAME=VALUE`` as (name, value): a number, a JSON list, true/false, or @file.npy."""
    name, equals, value = text.partition("=")
    if not equals:
        raise RecorderError("--feed wants NAME=VALUE, not %s" % text)
    if value.startswith("@"):
        return name, np.load(value[1:], allow_pickle=False)
    for parse in (json.loads, ast.literal_eval):
        try:
            return name, parse(value)
        except (ValueError, SyntaxError):
            continue
    return name, value


def _names(text):
    return [name.strip() for name in text.split(",") if name.strip()] if text else None


def _numbers(text):
    try:
        return tuple(int(part) for part in text.split(",")) if text else None
    except ValueError:
        raise RecorderError("%s is no list of numbers like 1,3,5" % text)


def _choose(loaded, inputs, outputs, signature):
    """Inputs and outputs by the rules of rnnport: named, else the signature's, else the graph's."""
    if loaded.kind == "saved_model" and (signature is not None or outputs is None):
        usable = {k: s for k, s in loaded.signatures.items() if not k.startswith("__")}
        if signature is None and len(usable) == 1:
            signature = list(usable)[0]
        if signature not in usable:
            raise RecorderError(
                "choose one of the signatures with --signature: %s"
                % (", ".join(sorted(usable)) or "there is none; name --inputs and --outputs")
            )
        chosen = usable[signature]
        inputs = inputs or sorted(info.name for info in chosen.inputs.values())
        outputs = outputs or sorted(info.name for info in chosen.outputs.values())
    if loaded.kind == "checkpoint" and outputs is None:
        names = sorted(tensor.name for tensor in candidates(loaded.graph))
        raise RecorderError("a checkpoint needs --outputs; candidates: %s" % ", ".join(names))
    return inputs, outputs


def _arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "artefact", help="frozen .pb or .pbtxt, SavedModel folder, checkpoint prefix"
    )
    parser.add_argument("-o", "--output", default="samples.npz")
    parser.add_argument("--inputs", help="tensors to feed, comma separated")
    parser.add_argument("--outputs", help="tensors to record, comma separated")
    parser.add_argument("--feed", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--cases", type=int, default=8, help="number of runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signature")
    parser.add_argument("--tag", help="tags of the SavedModel's graph, comma separated")
    parser.add_argument("--batch", help="batch sizes, like 1,3,0 (0: the empty batch)")
    parser.add_argument("--time", help="numbers of time steps, like 1,7,20")
    parser.add_argument("--intermediates", action="store_true")
    parser.add_argument("--gradients", action="store_true")
    parser.add_argument("--gpu", action="store_true", help="leave the GPUs visible")
    return parser.parse_args(argv)


def _main(options):
    if options.cases < 1:
        raise RecorderError("--cases must be at least 1")
    loaded = load(options.artefact, options.tag, options.gpu)
    inputs, outputs = _choose(
        loaded, _names(options.inputs), _names(options.outputs), options.signature
    )
    kept = record(
        loaded.session, loaded.graph, inputs, outputs, None, options.cases, options.seed,
        _numbers(options.batch), _numbers(options.time), dict(map(_parse_feed, options.feed)),
        options.intermediates, options.gradients, options.artefact,
        lambda note: print("note: " + note, file=sys.stderr),
    )  # fmt: skip
    kept.save(options.output)
    print("%s: %d runs, inputs %s, outputs %s" % (
        options.output, kept.runs, ", ".join(t.name for t in kept.inputs),
        ", ".join(t.name for t in kept.outputs),
    ))  # fmt: skip


def main(argv=None):
    """Record; 0, or 2 with one sentence on stderr."""
    options = _arguments(argv)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        _main(options)
    except (RecorderError, EnvironmentError) as error:
        print("record_tf1: %s" % error, file=sys.stderr)
        return 2
    except Exception as error:  # whatever the TensorFlow at hand raises for a damaged artefact
        kind = type(error).__name__
        print("record_tf1: TensorFlow refuses %s: %s: %s"
              % (options.artefact, kind, _first_line(error)), file=sys.stderr)  # fmt: skip
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Records what TensorFlow 1.15.5 answers for single ops: ``python -m tests.goldens.tf_ops.generate`` from the root.

Needs Python 3.7 with TensorFlow 1.15.5; FORMAT.md says what is written. Inputs are placeholders, so nothing is folded.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2, graph_pb2
from tensorflow.contrib import seq2seq  # registers GatherTree
from tensorflow.python.framework import op_def_registry, tensor_util

from tests.goldens.tf_ops import specs_arrays, specs_complex, specs_math, specs_more, specs_neural

assert seq2seq
HERE = Path(__file__).parent


def registered(op):
    """The OpDef of an op type."""
    return op_def_registry.get_registered_ops()[op]


def dtype_of(value):
    """TF's dtype of a NumPy value; objects are strings."""
    array = np.asarray(value)
    return tf.string if array.dtype.kind in "OSU" else tf.as_dtype(array.dtype)


def infer(op_def, inputs):
    """Type and number attributes that the inputs settle; also the inputs, flat."""
    attrs, flat = {}, []
    for arg, value in zip(op_def.input_arg, inputs):
        values = value if isinstance(value, list) else [value]
        flat.extend(values)
        if arg.number_attr:
            attrs[arg.number_attr] = len(values)
        if arg.type_list_attr:
            attrs[arg.type_list_attr] = [dtype_of(v) for v in values]
        elif arg.type_attr:
            attrs[arg.type_attr] = dtype_of(values[0])
    return attrs, flat


def to_proto(kind, value):
    """An attribute of OpDef type ``kind``."""
    out = attr_value_pb2.AttrValue()
    if kind.startswith("list("):
        out.list.SetInParent()
        for item in value:
            part = to_proto(kind[5:-1], item)
            getattr(out.list, part.WhichOneof("value")).append(getattr(part, part.WhichOneof("value")))
    elif kind == "type":
        out.type = tf.as_dtype(value).as_datatype_enum
    elif kind == "shape":
        out.shape.CopyFrom(tf.TensorShape(value).as_proto())
    elif kind == "tensor":
        out.tensor.CopyFrom(tensor_util.make_tensor_proto(value))
    elif kind == "string":
        out.s = value.encode() if isinstance(value, str) else value
    else:
        setattr(out, {"int": "i", "float": "f", "bool": "b"}[kind], value)
    return out


def plain(attr):
    """An attribute as JSON."""
    kind = attr.WhichOneof("value")
    if kind == "list":
        out = []
        for descriptor, values in attr.list.ListFields():
            for value in values:
                out.append(item_json(descriptor.name, value))
        return {"list": out}
    return item_json(kind, getattr(attr, kind))


def item_json(kind, value):
    """One attribute value as JSON: its kind and its content."""
    if kind == "s":
        return {"s": value.decode("latin-1")}
    if kind == "type":
        return {"type": tf.as_dtype(value).base_dtype.name}
    if kind == "shape":
        return {"shape": tf.TensorShape(value).as_list()}
    return {kind: value}


def quantised(attrs):
    """The dtype T where it is one of whole numbers that stand for a range: NumPy has none of these."""
    dtype = tf.as_dtype(attrs.get("T", "float32")) if not isinstance(attrs.get("T"), list) else tf.float32
    return dtype if dtype.is_quantized else None


def record(spec):
    """Run one op; its attributes, flat inputs, outputs or the error."""
    op, inputs, attrs = spec["op"], spec["inputs"], dict(spec["attrs"])
    op_def = registered(op)
    settled, flat = infer(op_def, inputs)
    attrs = dict(settled, **attrs)
    kinds = {attr.name: attr.type for attr in op_def.attr}
    graph_def = graph_pb2.GraphDef()
    graph_def.versions.producer = spec["producer"]
    node = graph_def.node.add(name="node", op=op)
    for index, value in enumerate(flat):
        feed = graph_def.node.add(name="in{}".format(index), op="Placeholder")
        feed.attr["dtype"].type = (quantised(attrs) or dtype_of(value) if index == 0 else dtype_of(value)).as_datatype_enum
        feed.attr["shape"].shape.CopyFrom(tf.TensorShape(np.shape(value)).as_proto())
        node.input.append(feed.name)
    for key, value in attrs.items():
        node.attr[key].CopyFrom(to_proto(kinds[key], value))
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    operation = graph.get_operation_by_name("node")
    # Copies: an op may write into what it is fed.
    feeds = {"in{}:0".format(i): np.array(value) for i, value in enumerate(flat)}
    if quantised(attrs):
        feeds["in0:0"] = feeds["in0:0"].view(quantised(attrs).as_numpy_dtype)
    found = {key: plain(value) for key, value in operation.node_def.attr.items()}
    with tf.Session(graph=graph, config=config) as session:
        try:
            outputs = session.run(list(operation.outputs), feeds)
        except tf.errors.OpError as error:
            return found, flat, None, str(error.message)[:120]
    return found, flat, outputs, None


def storable(value):
    """Arrays of objects as byte strings."""
    array = np.asarray(value)
    return array.astype("S") if array.dtype == object else array


def main():
    """Write cases.json and cases.npz."""
    cards, arrays = [], {}
    specs = specs_math.specs() + specs_arrays.specs() + specs_neural.specs() + specs_more.specs()
    specs += specs_complex.specs()
    seen, problems = {}, []
    for spec in specs:
        number = seen[spec["op"]] = seen.get(spec["op"], -1) + 1
        name = "{}-{}".format(spec["op"], number)
        np.random.seed(zlib.crc32(name.encode()) & 0x7FFFFFFF)
        spec = dict(spec, inputs=[v() if callable(v) else [w() if callable(w) else w for w in v]
                                  if isinstance(v, list) else v for v in spec["inputs"]])
        try:
            attrs, flat, outputs, error = record(spec)
        except Exception as problem:  # every wrong spec is listed, not only the first
            problems.append("{}: {}".format(name, str(problem)[:300]))
            continue
        if (error is None) == bool(spec["fails"]):
            problems.append("{}: fails={} but {!r}".format(name, spec["fails"], error))
        cards.append({"name": name, "op": spec["op"], "attrs": attrs, "inputs": len(flat),
                      "outputs": None if error else len(outputs), "error": error,
                      "static": spec["static"], "loose": spec["loose"], "ignore": spec["ignore"]})
        arrays.update({"{}/in{}".format(name, i): storable(v) for i, v in enumerate(flat)})
        for i, value in enumerate([] if error else outputs):
            if i not in spec["ignore"]:
                arrays["{}/out{}".format(name, i)] = storable(value)
    text = json.dumps(cards, sort_keys=True, separators=(",", ":")).replace("},{\"attrs\"", "},\n{\"attrs\"")
    (HERE / "cases.json").write_text(text + "\n")
    np.savez_compressed(str(HERE / "cases.npz"), **arrays)
    if problems:
        raise SystemExit("\n".join(problems))
    print(len(cards), "cases of", len(seen), "op types")


if __name__ == "__main__":
    main()

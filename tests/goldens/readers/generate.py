"""Writes the goldens of the readers with real TensorFlow 1.15.5, and what TF itself reads in them.

Run with that TensorFlow, in this folder: ``python generate.py``. FORMAT.md says what comes out.
"""

import json
import os
import shutil

import numpy as np
import tensorflow as tf
from tensorflow.python.framework import function_def_to_graph
from tensorflow.python.framework import graph_util

tf1 = tf.compat.v1
# Relative, so that no path of the machine that wrote them gets into the files.
HERE = ""
os.chdir(os.path.dirname(os.path.abspath(__file__)))
VALUES = {}
FUNCTIONS = {}
RANDOM = np.random.RandomState(20)


def record(artefact, name, value):
    """Keep ``value`` for ``artefact``; bfloat16 as float32 and quantised types as integers."""
    value = np.asarray(value)
    if value.dtype == object:
        value = value.astype("S")
    if value.dtype.names or value.dtype.kind == "V":
        value = value.astype(np.float32) if value.dtype.kind == "V" else value.view(value.dtype[0])
    VALUES[artefact + "|" + name] = value


def session():
    return tf1.Session(config=tf1.ConfigProto(device_count={"CPU": 2}, graph_options=off()))


def off():
    """No graph optimiser: the recording is of the graph as written."""
    options = tf1.GraphOptions()
    options.rewrite_options.disable_meta_optimizer = True
    return options


def folder(name):
    path = os.path.join(HERE, name)
    shutil.rmtree(path, ignore_errors=True)
    return path


def normal(*shape):
    return RANDOM.randn(*shape).astype(np.float32)


def record_variables(artefact, sess):
    for variable in tf1.global_variables():
        record(artefact, variable.op.name, sess.run(variable))


def constants():
    """One constant of every dtype and every way of storing it."""
    specs = {
        "float32": normal(2, 3),
        "float64": RANDOM.randn(3),
        "float16": RANDOM.randn(2, 2).astype(np.float16),
        "complex64": (RANDOM.randn(2) + 1j * RANDOM.randn(2)).astype(np.complex64),
        "complex128": RANDOM.randn(2) + 1j * RANDOM.randn(2),
        "bool": np.array([True, False, True]),
        "string": np.array([b"a", b"\xff\x00b", b"longer"], object),
        "empty": np.zeros((0, 4), np.float32),
        "scalar": np.float32(1.1),
    }
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        specs[name] = RANDOM.randint(0, 100, (2, 2)).astype(name)
    specs["int8_negative"] = np.array(-5, np.int8)
    tensors = {}
    with tf.Graph().as_default(), session() as sess:
        for name, value in sorted(specs.items()):
            tensors[name] = tf.constant(value, name=name)
        for name in ("float32", "float64", "int32", "float16", "bool", "complex64"):
            one = np.array(3, name)
            tensors[name + "_splat"] = tf.constant(one, shape=[3, 2], name=name + "_splat")
        tensors["bfloat16_one"] = tf.constant(1.5, tf.bfloat16, name="bfloat16_one")
        value = normal(3).astype(tf.bfloat16.as_numpy_dtype)
        tensors["bfloat16"] = tf.constant(value, tf.bfloat16, name="bfloat16")
        tail = tf1.make_tensor_proto(np.zeros((2, 3), np.float32))
        tail.ClearField("tensor_content")
        tail.float_val.extend([1.25, -2.5])
        tensors["tail"] = tf1.get_default_graph().create_op(
            "Const", [], [tf.float32], name="tail",
            attrs={"dtype": attr(type=1), "value": attr(tensor=tail)}).outputs[0]
        for name, tensor in sorted(tensors.items()):
            value = tf.cast(tensor, tf.float32) if tensor.dtype == tf.bfloat16 else tensor
            record("constants.pb", name, sess.run(value))
        write("constants.pb", tf1.get_default_graph().as_graph_def())


def attr(**kwargs):
    from tensorflow.core.framework import attr_value_pb2

    return attr_value_pb2.AttrValue(**kwargs)


def write(name, proto):
    with open(os.path.join(HERE, name), "wb") as stream:
        stream.write(proto.SerializeToString(deterministic=True))


def frozen():
    """A dynamic_rnn, frozen, in binary and in text."""
    with tf.Graph().as_default(), session() as sess:
        x = tf1.placeholder(tf.float32, [None, 4, 2], name="x")
        cell = tf1.nn.rnn_cell.BasicLSTMCell(3)
        out, _ = tf1.nn.dynamic_rnn(cell, x, dtype=tf.float32)
        tf.identity(out, name="out")
        sess.run(tf1.global_variables_initializer())
        for variable in tf1.global_variables():
            sess.run(variable.assign(normal(*variable.shape.as_list())))
        graph = graph_util.convert_variables_to_constants(
            sess, tf1.get_default_graph().as_graph_def(), ["out"])
        for variable in tf1.global_variables():
            record("frozen.pb", variable.op.name, sess.run(variable))
        write("frozen.pb", graph)
        tf1.train.write_graph(graph, ".", "frozen.pbtxt", as_text=True)


def saved_model():
    """Resource variables, a table from an asset, two MetaGraphs, a main op."""
    path = folder("saved_model")
    folder("saved_model_text")
    vocabulary = os.path.join(HERE, "vocabulary.txt")
    with open(vocabulary, "w") as stream:
        stream.write("alpha\nbeta\ngamma\n")
    builder = tf1.saved_model.Builder(path)
    with tf.Graph().as_default(), session() as sess:
        table = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(
                vocabulary, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), 2)
        words = tf1.placeholder(tf.string, [None], name="words")
        weights = tf1.get_variable("w", initializer=normal(5, 3), use_resource=True)
        plain = tf1.get_variable("plain", initializer=normal(3), use_resource=False)
        out = tf.nn.embedding_lookup(weights, table.lookup(words)) + plain
        out = tf.identity(out, name="out")
        sess.run([tf1.global_variables_initializer(), tf1.tables_initializer()])
        record_variables("saved_model", sess)
        record("saved_model", "out:0", sess.run(out, {words: ["beta", "no"]}))
        signature = tf1.saved_model.predict_signature_def({"words": words}, {"y": out})
        builder.add_meta_graph_and_variables(
            sess, ["serve"], {"serving_default": signature}, strip_default_attrs=True,
            assets_collection=tf1.get_collection(tf1.GraphKeys.ASSET_FILEPATHS),
            main_op=tf1.tables_initializer())
        builder.add_meta_graph(["train", "gpu"], {"other": signature})
        builder.save()
        builder.save(as_text=True)
        os.renames("saved_model/saved_model.pbtxt", "saved_model_text/saved_model.pbtxt")
        shutil.copytree("saved_model/assets", "saved_model_text/assets")
        shutil.copytree("saved_model/variables", "saved_model_text/variables")
    os.remove(vocabulary)


def checkpoint(name, version, **saver):
    """Plain, resource, partitioned and odd-dtype variables, with an optimiser's slots."""
    path = folder(name)
    os.makedirs(path)
    with tf.Graph().as_default(), session() as sess:
        with tf.device("/cpu:0"):
            a = tf1.get_variable("a", initializer=normal(3, 2))
            tf1.get_variable("r", initializer=normal(4), use_resource=True)
            tf1.get_variable("count", initializer=np.int64(7), trainable=False)
            tf1.get_variable("flag", initializer=np.array([True, False]), trainable=False)
            tf1.get_variable("half", initializer=RANDOM.randn(3).astype(np.float16))
            tf1.get_variable("empty", initializer=np.zeros((0, 2), np.float32))
            tf1.get_variable("text", initializer=np.array([b"one", b"", b"\xfetwo"], object))
        with tf.device("/cpu:1"):
            tf1.get_variable(
                "split", [7, 3], initializer=tf1.random_normal_initializer(seed=3),
                partitioner=tf1.fixed_size_partitioner(3))
            tf1.get_variable(
                "columns", [2, 200], initializer=tf1.random_normal_initializer(seed=4),
                partitioner=tf1.fixed_size_partitioner(2, axis=1))
            # Longer than 64 and 8192, so that slice keys need more than one byte a number.
            tf1.get_variable(
                "long", [9000], initializer=tf1.random_normal_initializer(seed=5),
                partitioner=tf1.fixed_size_partitioner(2))
        tf1.train.AdamOptimizer().minimize(tf.reduce_sum(a * a))
        sess.run(tf1.global_variables_initializer())
        record_variables(name, sess)
        tf1.train.Saver(write_version=version, save_relative_paths=True, **saver).save(sess, os.path.join(path, "model.ckpt-5"))
    if saver.get("sharded"):
        os.remove(os.path.join(path, "checkpoint"))


def averages():
    """A Saver that restores moving averages under the variables' names, and swaps two others."""
    path = folder("averages")
    os.makedirs(path)
    with tf.Graph().as_default(), session() as sess:
        w = tf1.get_variable("w", initializer=normal(3))
        b = tf1.get_variable("b", initializer=normal(3), use_resource=True)
        c = tf1.get_variable("c", initializer=normal(3))
        sess.run(tf1.global_variables_initializer())
        record_variables("averages", sess)
        tf1.train.Saver({"w/ExponentialMovingAverage": w, "b": c, "c": b}, save_relative_paths=True).save(
            sess, os.path.join(path, "ema"))
    os.remove(os.path.join(path, "checkpoint"))


def functions():
    """Control flow v2 and ops with several and counted outputs inside the bodies."""
    tf1.enable_control_flow_v2()
    with tf.Graph().as_default(), session() as sess:
        x = tf1.placeholder(tf.float32, [2, 6], name="x")
        w = tf1.get_variable("w", initializer=normal(3, 6), use_resource=True)

        def body(step, state, total):
            first, second = tf.split(state, 2, axis=1)
            sizes = tf.split(state, [1, 2, 3], axis=1)
            values, where = tf.nn.top_k(first + sizes[2], 3)
            parts = tf.unstack(values, axis=1)
            unique, index, counts = tf.unique_with_counts(tf.reshape(where, [-1]))
            total = tf.cond(
                tf.reduce_sum(second) > 0,
                lambda: total + parts[2] + tf.reduce_sum(tf.cast(counts, tf.float32)),
                lambda: total - parts[1] + tf.cast(tf.size(unique) + index[0], tf.float32))
            return step + 1, tf.tanh(tf.matmul(values, w)), total

        out = tf.while_loop(lambda i, s, t: i < 4, body, [0, x, tf.zeros([2])], name="loop")
        y = tf.identity(out[2], name="y")
        sess.run(tf1.global_variables_initializer())
        feed = normal(2, 6)
        record("functions", "x:0", feed)
        record("functions", "y:0", sess.run(y, {x: feed}))
        path = folder("functions")
        os.makedirs(path)
        tf1.train.Saver(save_relative_paths=True).save(sess, os.path.join(path, "model"))
        os.remove(os.path.join(path, "checkpoint"))
        record_variables("functions", sess)
        record_functions(tf1.get_default_graph().as_graph_def())
    tf1.disable_control_flow_v2()


def record_functions(graph):
    """What TF makes of each body: the tensors each node takes, by flat index."""
    with tf.Graph().as_default() as outer:
        tf1.import_graph_def(graph, name="")
        for proto in graph.library.function:
            with outer.as_default():
                body = function_def_to_graph.function_def_to_graph(proto)
            FUNCTIONS[proto.signature.name] = {
                "inputs": [t.name for t in body.inputs],
                "outputs": [t.name for t in body.outputs],
                "nodes": {op.name: [t.name for t in op.inputs] for op in body.get_operations()},
            }


def main():
    constants()
    frozen()
    saved_model()
    checkpoint("v2", tf1.train.SaverDef.V2)
    checkpoint("v1", tf1.train.SaverDef.V1)
    checkpoint("v2_sharded", tf1.train.SaverDef.V2, sharded=True)
    checkpoint("v1_sharded", tf1.train.SaverDef.V1, sharded=True)
    averages()
    functions()
    np.savez_compressed(os.path.join(HERE, "values.npz"), **VALUES)
    with open(os.path.join(HERE, "functions.json"), "w") as stream:
        json.dump(FUNCTIONS, stream, indent=1, sort_keys=True)


if __name__ == "__main__":
    main()

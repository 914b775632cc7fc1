"""The same model as a SavedModel or a checkpoint with its meta graph."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import control_flow_pb2, meta_graph_pb2, saved_model_pb2

from tests.zoo.generate.model import Model


def write_saved_model(model: Model, session: tf.Session, folder: Path) -> None:
    """A SavedModel with the signature ``serving_default``, its proto serialised deterministically."""
    target = folder / "saved_model"
    shutil.rmtree(target, ignore_errors=True)
    inputs = {tensor.op.name.replace("/", "_"): tensor for tensor in model.inputs}
    outputs = {f"output_{index}": tensor for index, tensor in enumerate(model.outputs)}
    tf.saved_model.simple_save(session, str(target), inputs, outputs)
    reserialise(target / "saved_model.pb", saved_model_pb2.SavedModel())


def write_checkpoint(model: Model, session: tf.Session, folder: Path) -> None:
    """``model.ckpt.*`` as ``tf.train.Saver`` writes it, without the ``checkpoint`` text file."""
    saver = tf.train.Saver(tf.global_variables())
    prefix = str(folder / "model.ckpt")
    saver.save(session, prefix, write_state=False)
    reserialise(folder / "model.ckpt.meta", meta_graph_pb2.MetaGraphDef())


def reserialise(path: Path, message: Any) -> None:
    """Maps in protobuf files have no order of their own: write them sorted, nested ones too."""
    message.ParseFromString(path.read_bytes())
    graphs = getattr(message, "meta_graphs", [message])
    for graph in graphs:
        if "while_context" not in graph.collection_def:
            continue
        for context in graph.collection_def["while_context"].bytes_list.value[:]:
            graph.collection_def["while_context"].bytes_list.value.remove(context)
            parsed = control_flow_pb2.WhileContextDef.FromString(context)
            again = parsed.SerializeToString(deterministic=True)
            graph.collection_def["while_context"].bytes_list.value.append(again)
    path.write_bytes(message.SerializeToString(deterministic=True))


WRITERS = {"saved_model": write_saved_model, "checkpoint": write_checkpoint}

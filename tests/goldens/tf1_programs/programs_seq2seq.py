"""Programs on tf.contrib.seq2seq."""
import numpy as np
import tensorflow as tf
from tensorflow.contrib import seq2seq
from running import batch

MEMORY_LENGTHS = np.array([2, 5, 1, 4], np.int32)
LENGTHS = np.array([3, 0, 4, 2], np.int32)
TARGETS = np.array([[1, 2, 3, 0], [2, 2, 1, 5], [4, 3, 2, 1], [5, 4, 0, 1]], np.int32)


def memory():
    return tf.placeholder(tf.float32, [4, 5, 3])


def attention_cell(mechanism, **kwargs):
    return seq2seq.AttentionWrapper(tf.nn.rnn_cell.LSTMCell(4), mechanism, **kwargs)


def teach(cell, m, feeds, helper=None, state=None):
    """Teacher forcing with an output layer and sequence_loss."""
    embedding = tf.get_variable("embedding", [6, 3])
    inputs = tf.nn.embedding_lookup(embedding, TARGETS)
    if helper is None:
        helper = seq2seq.TrainingHelper(inputs, LENGTHS)
    else:
        helper = helper(inputs, embedding)
    state = cell.zero_state(4, tf.float32) if state is None else state
    decoder = seq2seq.BasicDecoder(cell, helper, state, output_layer=tf.layers.Dense(6, use_bias=True))
    outputs, final, lengths = seq2seq.dynamic_decode(decoder, impute_finished=True, parallel_iterations=1)
    weights = tf.sequence_mask(LENGTHS, 4, dtype=tf.float32)
    loss = seq2seq.sequence_loss(outputs.rnn_output, tf.constant(TARGETS), weights)
    fetch = {"logits": outputs.rnn_output, "ids": outputs.sample_id, "lengths": lengths}
    for i, t in enumerate(tf.nest.flatten(final.cell_state if hasattr(final, "cell_state") else final)):
        fetch["state%d" % i] = t
    return {"fetch": fetch, "feeds": feeds, "loss": loss}


def attended(mechanism, **kwargs):
    m = memory()
    return teach(attention_cell(mechanism(m), **kwargs), m, {m: batch(4, 5, 3)})


def program_plain_decoder():
    return teach(tf.nn.rnn_cell.GRUCell(4), None, {})


def program_luong():
    return attended(lambda m: seq2seq.LuongAttention(4, m, MEMORY_LENGTHS), attention_layer_size=3)


def program_luong_scaled():
    return attended(lambda m: seq2seq.LuongAttention(4, m, scale=True), output_attention=False)


def program_bahdanau():
    return attended(lambda m: seq2seq.BahdanauAttention(5, m, MEMORY_LENGTHS), attention_layer_size=3)


def program_bahdanau_normed():
    return attended(lambda m: seq2seq.BahdanauAttention(5, m, MEMORY_LENGTHS, normalize=True, probability_fn=tf.nn.softmax))


def program_bahdanau_monotonic():
    return attended(lambda m: seq2seq.BahdanauMonotonicAttention(5, m, MEMORY_LENGTHS, normalize=True, score_bias_init=-0.5))


def program_luong_monotonic():
    return attended(lambda m: seq2seq.LuongMonotonicAttention(4, m, MEMORY_LENGTHS, scale=True, mode="recursive"))


def program_luong_monotonic_hard():
    return attended(lambda m: seq2seq.LuongMonotonicAttention(4, m, MEMORY_LENGTHS, mode="hard"), attention_layer_size=2)


def program_two_mechanisms():
    m = memory()
    both = [seq2seq.LuongAttention(4, m), seq2seq.BahdanauAttention(3, m, MEMORY_LENGTHS)]
    return teach(attention_cell(both, attention_layer_size=[2, 3]), m, {m: batch(4, 5, 3)})


def program_attention_layer():
    m = memory()
    cell = attention_cell(seq2seq.LuongAttention(4, m), attention_layer=tf.layers.Dense(3, activation=tf.nn.tanh, name="mix"))
    start = tf.contrib.rnn.LSTMStateTuple(tf.ones([4, 4]) * 0.3, tf.ones([4, 4]) * -0.2)
    return teach(cell, m, {m: batch(4, 5, 3)}, state=cell.zero_state(4, tf.float32).clone(cell_state=start))


def program_history():
    m = memory()
    cell = attention_cell(seq2seq.LuongAttention(4, m, MEMORY_LENGTHS), alignment_history=True)
    helper = seq2seq.TrainingHelper(tf.constant(batch(4, 4, 2)), LENGTHS)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(4, tf.float32))
    outputs, final, _ = seq2seq.dynamic_decode(decoder, output_time_major=True, maximum_iterations=3)
    return {"fetch": {"y": outputs.rnn_output, "history": final.alignment_history.stack()}, "feeds": {m: batch(4, 5, 3)}}


def program_scheduled_embedding():
    def helper(inputs, embedding):
        return seq2seq.ScheduledEmbeddingTrainingHelper(inputs, LENGTHS, embedding, 0.5, seed=3, scheduling_seed=4)
    return teach(tf.nn.rnn_cell.GRUCell(4), None, {}, helper)


def program_scheduled_output():
    x = tf.placeholder(tf.float32, [4, 4, 4])
    helper = seq2seq.ScheduledOutputTrainingHelper(x, LENGTHS, 0.5, seed=3)
    cell = tf.nn.rnn_cell.GRUCell(4)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(4, tf.float32))
    outputs, final, _ = seq2seq.dynamic_decode(decoder, parallel_iterations=1)
    return {"fetch": {"y": outputs.rnn_output, "ids": outputs.sample_id, "s": final}, "feeds": {x: batch(4, 4, 4)}}


def program_scheduled_output_auxiliary():
    x = tf.placeholder(tf.float32, [4, 4, 4])
    more = tf.constant(batch(4, 4, 2))
    helper = seq2seq.ScheduledOutputTrainingHelper(
        x, LENGTHS, 0.6, seed=5, next_inputs_fn=lambda y: y * 0.5, auxiliary_inputs=more)
    cell = tf.nn.rnn_cell.GRUCell(4)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(4, tf.float32))
    outputs, final, _ = seq2seq.dynamic_decode(decoder, parallel_iterations=1)
    return {"fetch": {"y": outputs.rnn_output, "s": final}, "feeds": {x: batch(4, 4, 4)}}


def infer(make_helper, most=6):
    m = memory()
    embedding = tf.get_variable("embedding", [6, 3])
    cell = attention_cell(seq2seq.BahdanauAttention(5, m, MEMORY_LENGTHS), attention_layer_size=3)
    helper = make_helper(embedding)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(4, tf.float32), tf.layers.Dense(6, use_bias=False))
    outputs, final, lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=most)
    fetch = {"logits": outputs.rnn_output, "ids": outputs.sample_id, "lengths": lengths, "h": final.cell_state.h}
    return {"fetch": fetch, "feeds": {m: batch(4, 5, 3)}}


def program_greedy():
    return infer(lambda e: seq2seq.GreedyEmbeddingHelper(e, tf.fill([4], 1), 0))


def program_sampled():
    return infer(lambda e: seq2seq.SampleEmbeddingHelper(e, tf.fill([4], 1), 0, softmax_temperature=0.7, seed=8))


def program_inference_helper():
    cell = tf.nn.rnn_cell.GRUCell(4)
    start = tf.constant(batch(4, 4))
    helper = seq2seq.InferenceHelper(
        sample_fn=lambda y: tf.round(y * 3.0), sample_shape=[4], sample_dtype=tf.float32, start_inputs=start,
        end_fn=lambda ids: tf.reduce_sum(ids, 1) > 100.0, next_inputs_fn=lambda ids: ids * 0.5)
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(4, tf.float32))
    outputs, _, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=4)
    return {"fetch": {"y": outputs.rnn_output}}


def program_custom_helper():
    cell = tf.nn.rnn_cell.GRUCell(4)
    helper = seq2seq.CustomHelper(
        initialize_fn=lambda: (tf.tile([False], [4]), tf.constant(batch(4, 4))),
        sample_fn=lambda time, outputs, state: tf.argmax(outputs, 1, output_type=tf.int32),
        next_inputs_fn=lambda time, outputs, state, sample_ids: (time >= LENGTHS, outputs, state))
    decoder = seq2seq.BasicDecoder(cell, helper, cell.zero_state(4, tf.float32))
    outputs, _, lengths = seq2seq.dynamic_decode(decoder, parallel_iterations=1)
    return {"fetch": {"y": outputs.rnn_output, "ids": outputs.sample_id, "lengths": lengths}}


def beam(attention, static=True, **kwargs):
    embedding = tf.get_variable("embedding", [6, 3])
    width, feeds = 3, {}
    cell = tf.nn.rnn_cell.LSTMCell(4)
    if attention:
        m = tf.placeholder(tf.float32, [None, 5 if static else None, 3])
        feeds = {m: batch(4, 5, 3)}
        tiled = seq2seq.tile_batch(m, multiplier=width)
        lengths = seq2seq.tile_batch(tf.constant(MEMORY_LENGTHS), multiplier=width)
        cell = seq2seq.AttentionWrapper(
            cell, seq2seq.BahdanauAttention(5, tiled, lengths), attention_layer_size=3, alignment_history=True)
    decoder = seq2seq.BeamSearchDecoder(
        cell, embedding, tf.fill([4], 1), 0, cell.zero_state(4 * width, tf.float32), width,
        output_layer=tf.layers.Dense(6), **kwargs)
    outputs, final, lengths = seq2seq.dynamic_decode(decoder, maximum_iterations=7)
    fetch = {
        "ids": outputs.predicted_ids, "scores": outputs.beam_search_decoder_output.scores, "lengths": lengths,
        "parents": outputs.beam_search_decoder_output.parent_ids, "log_probs": final.log_probs}
    if attention:
        history = final.cell_state.alignment_history
        # TF1 leaves it a TensorArray, in the order of writing, where the memory's length is static.
        fetch["history"] = history.stack() if hasattr(history, "stack") else history
    return {"fetch": fetch, "feeds": feeds}


def program_beam():
    return beam(False)


def program_beam_attention():
    return beam(True, length_penalty_weight=0.8)


def program_beam_coverage():
    return beam(True, False, length_penalty_weight=0.6, coverage_penalty_weight=0.2)


def program_gather_tree():
    steps = np.array([[[2, 3, 4]], [[5, 6, 0]], [[7, 8, 9]], [[1, 2, 3]]], np.int32)
    parents = np.array([[[0, 0, 0]], [[0, 1, 1]], [[2, 1, 0]], [[1, 0, 2]]], np.int32)
    return {"fetch": {
        "a": seq2seq.gather_tree(steps, parents, np.array([3], np.int32), 10),
        "b": seq2seq.gather_tree(steps, parents, np.array([9], np.int32), 0)}}


def program_losses():
    logits, weights = tf.constant(batch(4, 4, 6)), tf.constant(np.abs(batch(4, 4)))
    fetch = {}
    for i, (a, b) in enumerate([(True, True), (True, False), (False, True), (False, False)]):
        fetch["a%d" % i] = seq2seq.sequence_loss(logits, tf.constant(TARGETS), weights, a, b)
        fetch["s%d" % i] = seq2seq.sequence_loss(logits, tf.constant(TARGETS), weights, False, False, a, b)
    fetch["hard"] = seq2seq.hardmax(logits)
    fetch["cumprod"] = seq2seq.safe_cumprod(weights, axis=1)
    return {"fetch": fetch}

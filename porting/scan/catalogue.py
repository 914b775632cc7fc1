"""What there is to find, and what each name becomes. Data only; nothing of TensorFlow is imported."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

DRIVERS = (
    "dynamic_rnn static_rnn bidirectional_dynamic_rnn static_bidirectional_rnn raw_rnn static_state_saving_rnn"
).split()
OLD_DRIVERS = "rnn bidirectional_rnn state_saving_rnn seq2seq".split()
"""Of TensorFlow 0.x, gone since 1.0."""

CORE = "BasicLSTMCell BasicRNNCell DeviceWrapper DropoutWrapper GRUCell LSTMCell LSTMStateTuple LayerRNNCell MultiRNNCell RNNCell ResidualWrapper".split()
CONTRIB = (
    "AttentionCellWrapper BidirectionalGridLSTMCell CFNCell CompiledWrapper Conv1DLSTMCell Conv2DLSTMCell "
    "Conv3DLSTMCell ConvLSTMCell CoupledInputForgetGateLSTMCell EmbeddingWrapper FusedRNNCell "
    "FusedRNNCellAdaptor GLSTMCell GRUBlockCell GRUBlockCellV2 GridLSTMCell HighwayWrapper IndRNNCell "
    "IndyGRUCell IndyLSTMCell InputProjectionWrapper IntersectionRNNCell LSTMBlockCell LSTMBlockFusedCell "
    "LSTMBlockWrapper LayerNormBasicLSTMCell LayerNormLSTMCell MinimalRNNCell NASCell NTMCell "
    "NTMControllerState OutputProjectionWrapper PhasedLSTMCell SRUCell TimeFreqLSTMCell "
    "TimeReversedFusedRNN UGRNNCell WeightNormLSTMCell best_effort_input_batch_size "
    "stack_bidirectional_dynamic_rnn stack_bidirectional_rnn static_bidirectional_rnn static_rnn "
    "static_state_saving_rnn transpose_batch_time _linear"
).split()
SEQ2SEQ = (
    "AttentionMechanism AttentionWrapper AttentionWrapperState BahdanauAttention BahdanauMonotonicAttention "
    "BasicDecoder BasicDecoderOutput BeamSearchDecoder BeamSearchDecoderOutput BeamSearchDecoderState "
    "CustomHelper Decoder FinalBeamSearchDecoderOutput GreedyEmbeddingHelper Helper InferenceHelper "
    "LuongAttention LuongMonotonicAttention SampleEmbeddingHelper ScheduledEmbeddingTrainingHelper "
    "ScheduledOutputTrainingHelper TrainingHelper dynamic_decode gather_tree gather_tree_from_array hardmax "
    "monotonic_attention safe_cumprod sequence_loss tile_batch"
).split()
LEGACY = (
    "attention_decoder basic_rnn_seq2seq embedding_attention_decoder embedding_attention_seq2seq "
    "embedding_rnn_decoder embedding_rnn_seq2seq embedding_tied_rnn_seq2seq model_with_buckets "
    "one2many_rnn_seq2seq rnn_decoder sequence_loss sequence_loss_by_example tied_rnn_seq2seq"
).split()
CUDNN = "CudnnCompatibleGRUCell CudnnCompatibleLSTMCell CudnnGRU CudnnLSTM CudnnRNNRelu CudnnRNNTanh".split()

OFFERED: dict[str, frozenset[str]] = {
    "tensorflow.nn.rnn_cell": frozenset(CORE),
    "tensorflow.contrib.rnn": frozenset(CORE + CONTRIB + CUDNN[:2]),
    "tensorflow.contrib.seq2seq": frozenset(SEQ2SEQ),
    "tensorflow.contrib.legacy_seq2seq": frozenset(LEGACY),
    "tensorflow.contrib.cudnn_rnn": frozenset(CUDNN),
}
"""By canonical module: the names that porting.tf1 has."""

FOUND_MODULES = (*OFFERED, "tensorflow.contrib.grid_rnn", "tensorflow.contrib.recurrent")
"""A use of anything below these is a recurrent use."""

CANONICAL = {
    "tensorflow.compat.v1": "tensorflow",
    "tensorflow.python.ops.rnn_cell_impl": "tensorflow.nn.rnn_cell",
    "tensorflow.python.ops.rnn_cell": "tensorflow.nn.rnn_cell",
    "tensorflow.python.ops.rnn": "tensorflow.nn",
    "tensorflow.python.ops.seq2seq": "tensorflow.contrib.legacy_seq2seq",
    "tensorflow.models.rnn.rnn_cell": "tensorflow.nn.rnn_cell",
    "tensorflow.models.rnn.rnn": "tensorflow.nn",
    "tensorflow.models.rnn.seq2seq": "tensorflow.contrib.legacy_seq2seq",
    "tensorflow.nn.seq2seq": "tensorflow.contrib.legacy_seq2seq",
    **{
        f"tensorflow.contrib.{part}.python.ops.{module}": f"tensorflow.contrib.{part}"
        for part, modules in {
            "rnn": "rnn_cell core_rnn_cell core_rnn_cell_impl lstm_ops gru_ops fused_rnn_cell rnn",
            "seq2seq": "attention_wrapper basic_decoder beam_search_decoder beam_search_ops decoder helper loss",
            "legacy_seq2seq": "seq2seq",
            "cudnn_rnn": "cudnn_rnn_ops",
        }.items()
        for module in modules.split()
    },
    "tensorflow.contrib.cudnn_rnn.python.layers.cudnn_rnn": "tensorflow.contrib.cudnn_rnn",
}
"""Other ways to the same modules."""

NATIVE = {
    "BasicLSTMCell": "keras.layers.LSTM (gates reordered, forget bias added to the bias)",
    "LSTMCell": "keras.layers.LSTM; with peepholes, clips or a projection a cell of converters.to_keras",
    "GRUCell": "keras.layers.GRU(reset_after=False)",
    "BasicRNNCell": "keras.layers.SimpleRNN",
    "LSTMBlockCell": "keras.layers.LSTM",
    "LSTMBlockFusedCell": "keras.layers.LSTM",
    "GRUBlockCell": "keras.layers.GRU(reset_after=False)",
    "GRUBlockCellV2": "keras.layers.GRU(reset_after=False)",
    "CudnnLSTM": "keras.layers.LSTM",
    "CudnnGRU": "keras.layers.GRU(reset_after=True)",
    "CudnnCompatibleLSTMCell": "keras.layers.LSTM",
    "CudnnCompatibleGRUCell": "keras.layers.GRU(reset_after=True)",
    "MultiRNNCell": "one keras layer per cell",
    "DropoutWrapper": "dropout=/recurrent_dropout= of the layer (training only)",
    "ResidualWrapper": "keras.layers.add around the layer",
    "DeviceWrapper": "nothing: the cell alone",
    "LSTMStateTuple": "the two states that return_state=True gives; Keras has h first",
    "dynamic_rnn": "a call of the layer, mask= for sequence_length",
    "static_rnn": "a call of the layer on the stacked steps",
    "bidirectional_dynamic_rnn": "keras.layers.Bidirectional",
    "static_bidirectional_rnn": "keras.layers.Bidirectional",
    "stack_bidirectional_dynamic_rnn": "keras.layers.Bidirectional, layer on layer",
    "stack_bidirectional_rnn": "keras.layers.Bidirectional, layer on layer",
    "ConvLSTMCell": "keras.layers.ConvLSTM2D (1D, 3D)",
    "Conv1DLSTMCell": "keras.layers.ConvLSTM1D",
    "Conv2DLSTMCell": "keras.layers.ConvLSTM2D",
    "Conv3DLSTMCell": "keras.layers.ConvLSTM3D",
}
"""The Keras form of step 2, where there is a plain one."""

PERSON = {
    "RNNCell": "a cell of your own: it runs under porting.tf1; a Keras port needs its equation rewritten",
    "LayerRNNCell": "a cell of your own: it runs under porting.tf1; a Keras port needs its equation rewritten",
    "raw_rnn": "the loop function decides what is computed: a Keras port is written by hand",
    "dynamic_decode": "Keras has no decoder loop: a Keras port is written by hand",
    "BeamSearchDecoder": "Keras has no beam search: keep it in porting.tf1, or export to ONNX",
    "static_state_saving_rnn": "the state saver is an object of yours: a Keras port is written by hand",
}


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a use."""

    tf1: str | None
    """The name under porting.tf1, or None where it has none."""
    keras: str | None
    person: str | None
    """Why a person has to look, or None."""


@cache
def canonical(path: str, /) -> str:
    """The one spelling of a dotted TensorFlow path."""
    changed = True
    while changed:
        changed = False
        for prefix, target in CANONICAL.items():
            if path == prefix or path.startswith(prefix + "."):
                path, changed = target + path[len(prefix) :], True
    return path


@cache
def is_recurrent(path: str, /) -> bool:
    """Whether a canonical path is TF1 recurrent API."""
    if any(path == module or path.startswith(module + ".") for module in FOUND_MODULES):
        return True
    head, _, name = path.rpartition(".")
    return head == "tensorflow.nn" and name in (*DRIVERS, *OLD_DRIVERS)


def module_of(path: str, /) -> tuple[str, str]:
    """(module, first name below it) of a canonical recurrent path; the name is "" for the module itself."""
    for module in FOUND_MODULES:
        if path == module:
            return module, ""
        if path.startswith(module + "."):
            return module, path[len(module) + 1 :].split(".")[0]
    head, _, name = path.rpartition(".")
    return head, name


def fate(path: str, /) -> Fate:
    """What becomes of a canonical recurrent path."""
    if path == "tensorflow.nn":
        return Fate("porting.tf1.nn", None, None)
    module, name = module_of(path)
    ours = module.replace("tensorflow", "porting.tf1", 1)
    if module == "tensorflow.nn":
        if name in OLD_DRIVERS:
            return Fate(
                None,
                None,
                f"tf.nn.{name} is of TensorFlow 0.x: rename it to its TF1 successor first",
            )
    elif module not in OFFERED:
        return Fate(
            None, None, f"{module.replace('tensorflow', 'tf')} is not covered by porting.tf1"
        )
    elif name and name not in OFFERED[module]:
        return Fate(
            None, None, f"{module.replace('tensorflow', 'tf')}.{name} is not covered by porting.tf1"
        )
    person = PERSON.get(name)
    return Fate(f"{ours}.{name}" if name else ours, NATIVE.get(name), person)

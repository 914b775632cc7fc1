"""Every cell and wrapper with each option, and pairs of options rather than products."""

from __future__ import annotations

from typing import Any, Dict, List

from cells import ACTIVATIONS, M, N, spec


def core() -> List[Dict[str, Any]]:
    cases = [(f"rnn_{a}", spec("BasicRNNCell", N, activation=a)) for a in ACTIVATIONS]
    cases += [(f"lstm_{a}", spec("LSTMCell", N, activation=a)) for a in ("relu", "softsign", "hard_sigmoid")]
    cases += [(f"gru_{a}", spec("GRUCell", N, activation=a)) for a in ("relu", "leaky_relu", "linear")]
    basic = {"basic_lstm": {}, "basic_lstm_bias0": {"forget_bias": 0.0},
             "basic_lstm_bias_relu": {"forget_bias": 2.5, "activation": "relu"},
             "basic_lstm_concat": {"state_is_tuple": False}}
    cases += [(n, spec("BasicLSTMCell", N, **k)) for n, k in basic.items()]
    lstm = {
        "lstm": {}, "lstm_peep": {"use_peepholes": True}, "lstm_clip": {"cell_clip": 0.5},
        "lstm_clip_small": {"cell_clip": 0.2}, "lstm_proj": {"num_proj": 3}, "lstm_proj_wide": {"num_proj": 6},
        "lstm_proj_clip": {"num_proj": 3, "proj_clip": 0.2}, "lstm_bias": {"forget_bias": -0.5},
        "lstm_concat": {"state_is_tuple": False},
        "lstm_proj_concat": {"num_proj": 3, "state_is_tuple": False},
        "lstm_peep_clip": {"use_peepholes": True, "cell_clip": 0.4},
        "lstm_peep_proj": {"use_peepholes": True, "num_proj": 3},
        "lstm_peep_relu": {"use_peepholes": True, "activation": "relu"},
        "lstm_clip_proj": {"cell_clip": 0.4, "num_proj": 3},
        "lstm_all": {"use_peepholes": True, "cell_clip": 0.5, "num_proj": 3, "proj_clip": 0.3, "forget_bias": 0.3},
        "lstm_all_concat": {"use_peepholes": True, "cell_clip": 0.5, "num_proj": 3, "proj_clip": 0.3,
                            "state_is_tuple": False, "activation": "softsign"},
    }
    cases += [(n, spec("LSTMCell", N, **k)) for n, k in lstm.items()]
    cases += [("gru", spec("GRUCell", N)), ("zero_gru", spec("GRUCell", N)), ("zero_lstm", spec("LSTMCell", N))]
    return [_case(n, s, zero_state=n.startswith("zero")) for n, s in cases]


def contrib() -> List[Dict[str, Any]]:
    cifg = {"cifg": {}, "cifg_peep": {"use_peepholes": True}, "cifg_proj_clip": {"num_proj": 3, "proj_clip": 0.2},
            "cifg_norm": {"layer_norm": True}, "cifg_norm_peep_bias": {"layer_norm": True, "use_peepholes": True, "forget_bias": 0.2},
            "cifg_shards_concat": {"num_unit_shards": 2, "state_is_tuple": False}, "cifg_relu": {"activation": "relu"}}
    cases = [(n, spec("CoupledInputForgetGateLSTMCell", N, **k)) for n, k in cifg.items()]
    cases += [(n, spec("LayerNormBasicLSTMCell", N, **k)) for n, k in {
        "lnb": {}, "lnb_off": {"layer_norm": False}, "lnb_bias_relu": {"forget_bias": 0.1, "activation": "relu"}}.items()]
    cases += [(n, spec("LayerNormLSTMCell", N, **k)) for n, k in {
        "ln_off": {}, "ln": {"layer_norm": True}, "ln_peep_clip": {"layer_norm": True, "use_peepholes": True, "cell_clip": 0.9},
        "ln_proj": {"layer_norm": True, "num_proj": 3, "proj_clip": 0.3}, "ln_off_all": {"use_peepholes": True, "cell_clip": 0.4, "num_proj": 3, "forget_bias": 0.0}}.items()]
    cases += [(n, spec("WeightNormLSTMCell", N, **k)) for n, k in {
        "wn": {}, "wn_off": {"norm": False}, "wn_peep_clip": {"use_peepholes": True, "cell_clip": 0.4},
        "wn_proj": {"num_proj": 3, "proj_clip": 0.3}, "wn_off_all": {"norm": False, "use_peepholes": True, "num_proj": 3, "activation": "relu"}}.items()]
    cases += [(n, spec("LSTMBlockCell", N, **k)) for n, k in {
        "block": {}, "block_peep": {"use_peephole": True}, "block_clip": {"cell_clip": 0.4}, "block_all": {"use_peephole": True, "cell_clip": 0.3, "forget_bias": 0.2}}.items()]
    cases += [("gru_block", spec("GRUBlockCell", N)), ("gru_block_v2", spec("GRUBlockCellV2", N))]
    cases += [("cudnn_lstm", spec("CudnnCompatibleLSTMCell", N)), ("cudnn_gru", spec("CudnnCompatibleGRUCell", N))]
    cases += [("nas", spec("NASCell", N)), ("nas_bias", spec("NASCell", N, use_bias=True)), ("nas_proj", spec("NASCell", N, num_proj=3, use_bias=True))]
    cases += [("ugrnn", spec("UGRNNCell", N)), ("ugrnn_relu", spec("UGRNNCell", N, forget_bias=0.2, activation="relu"))]
    cases += [("sru", spec("SRUCell", N)), ("sru_relu", spec("SRUCell", N, activation="relu"))]
    cases += [("ind_rnn", spec("IndRNNCell", N)), ("ind_rnn_relu", spec("IndRNNCell", N, activation="relu")), ("indy_gru", spec("IndyGRUCell", N)),
              ("indy_gru_softsign", spec("IndyGRUCell", N, activation="softsign")), ("indy_lstm", spec("IndyLSTMCell", N)), ("indy_lstm_bias", spec("IndyLSTMCell", N, forget_bias=0.1, activation="elu"))]
    cases += [("minimal", spec("MinimalRNNCell", N)), ("minimal_relu", spec("MinimalRNNCell", N, activation="relu")), ("cfn", spec("CFNCell", N)), ("cfn_relu", spec("CFNCell", N, activation="relu"))]
    found = [_case(n, s) for n, s in cases]
    found += [_case(n, spec("IntersectionRNNCell", N, **k), features=[[f]]) for n, k, f in (
        ("intersection", {}, N), ("intersection_proj", {"num_in_proj": N}, M), ("intersection_tanh", {"y_activation": "tanh", "forget_bias": 0.3}, N))]
    found += [_case(n, spec("GLSTMCell", N, number_of_groups=2, **k), features=[[6]]) for n, k in (
        ("glstm", {}), ("glstm_proj", {"num_proj": 6}), ("glstm_relu", {"activation": "relu", "forget_bias": 0.2}))]
    found += [_case(n, spec("PhasedLSTMCell", N, **k), features=[[1], [M]], kind="phased") for n, k in (
        ("phased", {}), ("phased_peep", {"use_peepholes": True, "leak": 0.1}))]
    return found


def grids() -> List[Dict[str, Any]]:
    found = [_case(n, spec("TimeFreqLSTMCell", N, feature_size=3, frequency_skip=2, **k), features=[[7]], modes=["step"]) for n, k in (
        ("time_freq", {}), ("time_freq_all", {"use_peepholes": True, "cell_clip": 0.4, "forget_bias": 0.2}))]
    for case in found:
        case["state_columns"] = 2 * N * 3
    found.append(_case("time_freq_one", spec("TimeFreqLSTMCell", N, feature_size=3, frequency_skip=2), features=[[4]]))
    one = {"feature_size": 3, "frequency_skip": 2, "num_frequency_blocks": [3]}
    two = {"feature_size": 3, "frequency_skip": 1, "num_frequency_blocks": [2, 3], "start_freqindex_list": [0, 3], "end_freqindex_list": [4, 8]}
    grid = {"grid": one, "grid_peep": dict(one, use_peepholes=True), "grid_share": dict(one, share_time_frequency_weights=True, use_peepholes=True),
            "grid_couple": dict(one, couple_input_forget_gates=True, use_peepholes=True), "grid_clip": dict(one, cell_clip=0.3, forget_bias=0.2),
            "grid_two": dict(two, use_peepholes=True), "grid_concat": dict(one, state_is_tuple=False),
            "grid_two_concat": dict(two, state_is_tuple=False), "grid_couple_share": dict(one, couple_input_forget_gates=True, share_time_frequency_weights=True)}
    found += [_case(n, spec("GridLSTMCell", N, **k), features=[[8 if "two" in n else 7]]) for n, k in grid.items()]
    bidi = {"bigrid": one, "bigrid_offset": dict(one, backward_slice_offset=1, use_peepholes=True), "bigrid_offset_minus": dict(one, backward_slice_offset=-1), "bigrid_two": two}
    found += [_case(n, spec("BidirectionalGridLSTMCell", N, **k), features=[[8 if "two" in n else 7]]) for n, k in bidi.items()]
    conv = [("conv1d", "Conv1DLSTMCell", [6, 2], {}), ("conv2d", "Conv2DLSTMCell", [4, 3, 2], {}), ("conv3d", "Conv3DLSTMCell", [3, 2, 3, 2], {}),
            ("conv2d_even", "Conv2DLSTMCell", [4, 3, 2], {"kernel_shape": [2, 4]}), ("conv1d_plain", "Conv1DLSTMCell", [6, 2], {"use_bias": False, "forget_bias": 0.2}),
            ("conv2d_skip", "Conv2DLSTMCell", [4, 3, 2], {"skip_connection": True})]
    for name, cls, shape, k in conv:
        kwargs = dict({"input_shape": shape, "output_channels": 2, "kernel_shape": [3] * (len(shape) - 1)}, **k)
        found.append(_case(name, spec(cls, **kwargs), features=[shape], modes=["step"] if "skip" in name else ["step", "dynamic"]))
    ntm = [("ntm", {"output_dim": 2}), ("ntm_heads", {"output_dim": 3, "read_head_num": 2, "write_head_num": 2, "shift_range": 2}), ("ntm_clip", {"clip_value": 0.5, "output_dim": 2})]
    for name, k in ntm:
        base = {"read_head_num": 1, "write_head_num": 1}
        found.append(_case(name, spec("NTMCell", spec("LSTMCell", N), 6, 3, base.pop("read_head_num") if "read_head_num" not in k else k.pop("read_head_num"),
                                      base.pop("write_head_num") if "write_head_num" not in k else k.pop("write_head_num"), **k), zero_state=True))
    return found


def wrappers() -> List[Dict[str, Any]]:
    lstm, gru, rnn = spec("LSTMCell", N), spec("GRUCell", N), spec("BasicRNNCell", N)
    attention = spec("AttentionCellWrapper", spec("LSTMCell", N), attn_length=3)
    cases = [
        _case("multi", spec("MultiRNNCell", [lstm, spec("GRUCell", 3), rnn])),
        _case("multi_concat", spec("MultiRNNCell", [gru, spec("GRUCell", 3)], state_is_tuple=False)),
        _case("multi_nested", spec("MultiRNNCell", [spec("MultiRNNCell", [lstm, gru]), rnn])),
        _case("residual", spec("ResidualWrapper", lstm), features=[[N]]),
        _case("residual_multi", spec("MultiRNNCell", [lstm, spec("ResidualWrapper", gru), spec("ResidualWrapper", lstm)])),
        _case("device", spec("DeviceWrapper", gru, "/cpu:0")),
        _case("dropout_keep1", spec("DropoutWrapper", lstm, input_keep_prob=1.0, output_keep_prob=1.0, state_keep_prob=1.0)),
        _case("highway", spec("HighwayWrapper", lstm), features=[[N]]),
        _case("highway_uncoupled", spec("HighwayWrapper", gru, couple_carry_transform_gates=False), features=[[N]]),
        _case("input_projection", spec("InputProjectionWrapper", lstm, 2)),
        _case("input_projection_relu", spec("InputProjectionWrapper", gru, 5, activation="relu")),
        _case("output_projection", spec("OutputProjectionWrapper", lstm, 2)),
        _case("output_projection_tanh", spec("OutputProjectionWrapper", rnn, 6, activation="tanh")),
        _case("embedding", spec("EmbeddingWrapper", gru, 7, 3), features=[[1]], kind="ids"),
        _case("embedding_lstm", spec("EmbeddingWrapper", lstm, 7, 3), features=[[1]], kind="ids"),
        _case("attention", attention),
        _case("attention_gru", spec("AttentionCellWrapper", gru, attn_length=1, attn_size=2)),
        _case("attention_options", spec("AttentionCellWrapper", lstm, attn_length=2, attn_size=5, attn_vec_size=3, input_size=2)),
        _case("attention_concat", spec("AttentionCellWrapper", gru, attn_length=3, state_is_tuple=False)),
    ]
    return cases


def _case(name: str, s: Dict[str, Any], **more: Any) -> Dict[str, Any]:
    return dict({"name": name, "spec": s}, **more)

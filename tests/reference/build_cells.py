"""A reference cell from a golden's spec and TF's variables by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.activations import HARD_SIGMOID_TF1, Activation
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.bidirectional_grid_lstm import BidirectionalGridLSTMCell
from reference.cells.cfn import CFNCell
from reference.cells.conv_lstm import Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell
from reference.cells.coupled_lstm import CoupledInputForgetGateLSTMCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell, CudnnCompatibleLSTMCell
from reference.cells.glstm import GLSTMCell
from reference.cells.grid_lstm import AxisWeights, GridBlock, GridLSTMCell
from reference.cells.gru import GRUCell
from reference.cells.gru_block import GRUBlockCell, GRUBlockCellV2
from reference.cells.ind_rnn import IndRNNCell
from reference.cells.indy_gru import IndyGRUCell
from reference.cells.indy_lstm import IndyLSTMCell
from reference.cells.intersection import IntersectionRNNCell
from reference.cells.layer_norm_basic_lstm import LayerNormBasicLSTMCell
from reference.cells.layer_norm_lstm import LayerNormLSTMCell
from reference.cells.lstm import LSTMCell
from reference.cells.lstm_block import LSTMBlockCell
from reference.cells.minimal_rnn import MinimalRNNCell
from reference.cells.nas import NASCell
from reference.cells.norms import LayerNorm
from reference.cells.ntm import NTMCell
from reference.cells.phased_lstm import PhasedLSTMCell
from reference.cells.sru import SRUCell
from reference.cells.time_freq_lstm import TimeFreqLSTMCell
from reference.cells.ugrnn import UGRNNCell
from reference.cells.weight_norm_lstm import WeightNormLSTMCell
from reference.wrappers.attention_cell import AttentionCellWrapper
from reference.wrappers.device import DeviceWrapper
from reference.wrappers.dropout import DropoutWrapper
from reference.wrappers.embedding import EmbeddingWrapper
from reference.wrappers.highway import HighwayWrapper
from reference.wrappers.multi_rnn import MultiRNNCell
from reference.wrappers.projection import InputProjectionWrapper, OutputProjectionWrapper
from reference.wrappers.residual import ResidualWrapper

Variables = dict[str, Any]

ACTIVATIONS = {
    # The op holds alpha as a float32 attribute, in float64 graphs too.
    "leaky_relu": Activation("leaky_relu", (float(np.float32(0.2)),)),
    "hard_sigmoid": HARD_SIGMOID_TF1,
}


class Scope:
    """TF's variables below one name; a leaf is asked for by the end of its path, the shallowest wins."""

    def __init__(self, variables: Variables) -> None:
        self.variables = variables

    def __call__(self, end: str, required: bool = True) -> Any:
        found = [k for k in self.variables if k == end or k.endswith("/" + end)]
        if not found:
            assert not required, f"no variable {end} in {sorted(self.variables)}"
            return None
        return self.variables[min(found, key=lambda k: k.count("/"))]

    def below(self, part: str) -> Scope:
        """The variables that have ``part`` in their path, from there on."""
        inner = {}
        for key, value in self.variables.items():
            _, found, tail = f"/{key}".partition(f"/{part}/")
            if found:
                inner[tail] = value
        return Scope(inner)

    def norm(self, scope: str) -> LayerNorm | None:
        inner = self.below(scope)
        return LayerNorm(inner("gamma"), inner("beta")) if inner.variables else None


def build(spec: dict[str, Any], variables: Variables, /, **more: Any) -> Any:
    """The cell ``spec`` describes."""
    return _build(spec, Scope(variables), more)


def _build(spec: dict[str, Any], v: Scope, more: dict[str, Any] | None = None) -> Any:
    kwargs = dict(spec["kwargs"])
    for key in ("activation", "y_activation"):
        if key in kwargs:
            kwargs[key] = ACTIVATIONS.get(kwargs[key], Activation(kwargs[key]))
    return MAKERS[spec["class"]](v, spec["args"], kwargs, more or {})


def _only(kwargs: dict[str, Any], *names: str) -> dict[str, Any]:
    return {k: v for k, v in kwargs.items() if k in names}


def _peep(v: Scope, upper: bool = False) -> dict[str, Any]:
    name = "W_{}_diag" if upper else "w_{}_diag"
    gates = "ifo" if not upper else "IFO"
    found = {f"w_{g.lower()}_diag": v(name.format(g), required=False) for g in gates}
    return {k: w for k, w in found.items() if w is not None}


NUMBERS = ("forget_bias", "cell_clip", "proj_clip", "activation", "state_is_tuple", "y_activation")


def _lstm(v: Scope, args: Any, k: Any, more: Any) -> LSTMCell:
    proj = v.below("projection")("kernel", required=False)
    return LSTMCell(v("kernel"), v("bias"), **_peep(v), proj_kernel=proj, **_only(k, *NUMBERS))


def _coupled(v: Scope, args: Any, k: Any, more: Any) -> CoupledInputForgetGateLSTMCell:
    kernel = v("W", required=False) if "num_unit_shards" not in k else None
    if kernel is None:
        kernel = np.concatenate([v(f"W_{s}") for s in range(k.get("num_unit_shards", 1))])
    norms = {
        f"norm_{g}": v.norm(s)
        for g, s in zip("jfoc", ("transform", "forget", "output", "state"), strict=True)
    }
    proj = v("W_P", required=False)
    proj = v("W_P_0", required=False) if proj is None else proj
    return CoupledInputForgetGateLSTMCell(
        kernel, v("B"), **_peep(v, upper=True), proj_kernel=proj, **norms, **_only(k, *NUMBERS)
    )


def _ln_norms(v: Scope) -> dict[str, Any]:
    scopes = ("input", "transform", "forget", "output", "state")
    return {f"norm_{g}": v.norm(s) for g, s in zip("ijfoc", scopes, strict=True)}


def _ln_lstm(v: Scope, args: Any, k: Any, more: Any) -> LayerNormLSTMCell:
    proj = v.below("projection")("kernel", required=False)
    return LayerNormLSTMCell(
        v("kernel"), v("bias"), **_peep(v), proj_kernel=proj, **_ln_norms(v), **_only(k, *NUMBERS)
    )


def _weight_norm(v: Scope, args: Any, k: Any, more: Any) -> WeightNormLSTMCell:
    p = v.below("projection")
    own = Scope({n: w for n, w in v.variables.items() if "projection/" not in n})
    return WeightNormLSTMCell(
        own("kernel"),
        own("bias"),
        own("norm_0", required=False),
        own("norm_1", required=False),
        **_peep(v),
        proj_kernel=p("kernel", required=False),
        proj_norm=p("norm_0", required=False),
        **_only(k, *NUMBERS),
    )


def _glstm(v: Scope, args: Any, k: Any, more: Any) -> GLSTMCell:
    kernels = tuple(v.below(f"group{g}")("kernel") for g in range(k["number_of_groups"]))
    proj = v.below("projection")("kernel", required=False)
    return GLSTMCell(
        kernels, v("bias_i"), v("bias_j"), v("bias_f"), v("bias_o"), proj, **_only(k, *NUMBERS)
    )


def _phased(v: Scope, args: Any, k: Any, more: Any) -> PhasedLSTMCell:
    pairs = [
        v.below(s)(n)
        for s in ("mask_gates", "new_input", "output_gate")
        for n in ("kernel", "bias")
    ]
    return PhasedLSTMCell(*pairs, v("period"), v("phase"), v("ratio_on"), **_only(k, "leak"))


def _conv(cls: Any) -> Any:
    return lambda v, args, k, more: cls(
        v("kernel"),
        v("biases", required=False),
        tuple(k["input_shape"]),
        **_only(k, "skip_connection", "forget_bias"),
    )


def _time_freq(v: Scope, args: Any, k: Any, more: Any) -> TimeFreqLSTMCell:
    bands = (more["features"][0][0] - k["feature_size"]) // k["frequency_skip"] + 1
    return TimeFreqLSTMCell(
        v("W_0"),
        v("B"),
        **_peep(v, upper=True),
        bands=bands,
        frequency_skip=k["frequency_skip"],
        **_only(k, *NUMBERS),
    )


def _axis(v: Scope, kind: str, block: int) -> AxisWeights:
    letter = kind[0]
    diagonals = {
        f"{g.lower()}_{axis}": v(f"W_{g}_diag_{kind}{axis[0]}_{block}", required=False)
        for g in "IFO"
        for axis in ("freq", "time")
    }
    return AxisWeights(v(f"W_{letter}_{block}_0"), v(f"B_{letter}_{block}"), **diagonals)


def _grid(v: Scope, args: Any, k: Any, more: Any) -> GridLSTMCell:
    counts = tuple(k["num_frequency_blocks"])
    shared = k.get("share_time_frequency_weights", False)
    blocks = tuple(
        GridBlock(_axis(v, "freq", b), None if shared else _axis(v, "time", b))
        for b in range(len(counts))
    )
    return GridLSTMCell(
        blocks,
        counts,
        tuple(k.get("start_freqindex_list", [0])),
        k["frequency_skip"],
        **_only(k, *NUMBERS, "couple_input_forget_gates"),
    )


def _bigrid(v: Scope, args: Any, k: Any, more: Any) -> BidirectionalGridLSTMCell:
    both = [_grid(v.below(s), args, k, more) for s in ("fwd", "bwd")]
    return BidirectionalGridLSTMCell(*both, k.get("backward_slice_offset", 0))


def _ntm(v: Scope, args: Any, k: Any, more: Any) -> NTMCell:
    reads, writes = args[3], args[4]
    return NTMCell(
        _build(args[0], v),
        v("parameters_kernel"),
        v("parameters_bias"),
        v("output_kernel"),
        v("output_bias"),
        tuple(v(f"initial_read_vector_{i}") for i in range(reads)),
        tuple(v(f"initial_address_weights_{i}") for i in range(reads + writes)),
        v("memory"),
        **_only(k, "shift_range", "clip_value"),
    )


def _multi(v: Scope, args: Any, k: Any, more: Any) -> MultiRNNCell:
    cells = tuple(_build(s, v.below(f"cell_{i}")) for i, s in enumerate(args[0]))
    return MultiRNNCell(cells, **_only(k, "state_is_tuple"))


def _inner(v: Scope, own: tuple[str, ...]) -> Scope:
    """Without the wrapper's own variables (the shallowest of each name)."""
    rest = dict(v.variables)
    for name in own:
        found = [n for n in rest if n == name or n.endswith("/" + name)]
        del rest[min(found, key=lambda n: n.count("/"))]
    return Scope(rest)


def _projection(cls: Any) -> Any:
    return lambda v, args, k, more: cls(
        _build(args[0], _inner(v, ("kernel", "bias"))),
        v("kernel"),
        v("bias"),
        **_only(k, "activation"),
    )


def _attention(v: Scope, args: Any, k: Any, more: Any) -> AttentionCellWrapper:
    a, o = v.below("attention"), v.below("attn_output_projection")
    inner = {
        n: w for n, w in v.variables.items() if "attention/" not in n and "attn_output" not in n
    }
    return AttentionCellWrapper(
        _build(args[0], _inner(Scope(inner), ("kernel", "bias"))),
        Scope(inner)("kernel"),
        Scope(inner)("bias"),
        a("attn_w"),
        a("attn_v"),
        a("kernel"),
        a("bias"),
        o("kernel"),
        o("bias"),
        **_only(k, "attn_length", "state_is_tuple"),
    )


def _highway(v: Scope, args: Any, k: Any, more: Any) -> HighwayWrapper:
    own = [
        v(n, required=n.startswith("carry"))
        for n in ("carry_w", "carry_b", "transform_w", "transform_b")
    ]
    return HighwayWrapper(_build(args[0], v), *own)


def _intersection(v: Scope, args: Any, k: Any, more: Any) -> IntersectionRNNCell:
    inner = v.below("in_projection")
    own = Scope({n: w for n, w in v.variables.items() if "in_projection" not in n})
    return IntersectionRNNCell(
        own("kernel"),
        own("bias"),
        inner("kernel", required=False),
        inner("bias", required=False),
        **_only(k, *NUMBERS),
    )


def _gru_cudnn(v: Scope, args: Any, k: Any, more: Any) -> CudnnCompatibleGRUCell:
    g, i, h = v.below("gates"), v.below("input_projection"), v.below("hidden_projection")
    return CudnnCompatibleGRUCell(
        g("kernel"), g("bias"), i("kernel"), h("kernel"), i("bias"), h("bias")
    )


def _gru(v: Scope, args: Any, k: Any, more: Any) -> GRUCell:
    g, c = v.below("gates"), v.below("candidate")
    return GRUCell(g("kernel"), g("bias"), c("kernel"), c("bias"), **_only(k, "activation"))


def _indy_gru(v: Scope, args: Any, k: Any, more: Any) -> IndyGRUCell:
    g, c = v.below("gates"), v.below("candidate")
    return IndyGRUCell(
        g("kernel_w"),
        g("kernel_u"),
        g("bias"),
        c("kernel"),
        c("kernel_u"),
        c("bias"),
        **_only(k, "activation"),
    )


def _plain(cls: Any, *names: str) -> Any:
    return lambda v, args, k, more: cls(*(v(n) for n in names), **_only(k, *NUMBERS))


def _block(cls: Any) -> Any:
    return lambda v, args, k, more: cls(v("kernel"), v("bias"), **_peep(v), **_only(k, *NUMBERS))


MAKERS: dict[str, Any] = {
    "BasicRNNCell": _plain(BasicRNNCell, "kernel", "bias"),
    "BasicLSTMCell": _plain(BasicLSTMCell, "kernel", "bias"),
    "LSTMCell": _lstm,
    "GRUCell": _gru,
    "CoupledInputForgetGateLSTMCell": _coupled,
    "LayerNormBasicLSTMCell": lambda v, a, k, m: LayerNormBasicLSTMCell(
        v("kernel"), v("bias", required=False), **_ln_norms(v), **_only(k, *NUMBERS)
    ),
    "LayerNormLSTMCell": _ln_lstm,
    "WeightNormLSTMCell": _weight_norm,
    "LSTMBlockCell": _block(LSTMBlockCell),
    "CudnnCompatibleLSTMCell": _block(CudnnCompatibleLSTMCell),
    "CudnnCompatibleGRUCell": _gru_cudnn,
    "GRUBlockCell": _plain(GRUBlockCell, "w_ru", "b_ru", "w_c", "b_c"),
    "GRUBlockCellV2": lambda v, a, k, m: GRUBlockCellV2(
        v.below("gates")("kernel"),
        v.below("gates")("bias"),
        v.below("candidate")("kernel"),
        v.below("candidate")("bias"),
    ),
    "NASCell": lambda v, a, k, m: NASCell(
        v("kernel"),
        v("recurrent_kernel"),
        v("bias", required=False),
        v("projection_weights", required=False),
    ),
    "UGRNNCell": _plain(UGRNNCell, "kernel", "bias"),
    "IntersectionRNNCell": _intersection,
    "GLSTMCell": _glstm,
    "SRUCell": _plain(SRUCell, "kernel", "bias"),
    "IndRNNCell": _plain(IndRNNCell, "kernel_w", "kernel_u", "bias"),
    "IndyGRUCell": _indy_gru,
    "IndyLSTMCell": _plain(IndyLSTMCell, "kernel_w", "kernel_u", "bias"),
    "MinimalRNNCell": _plain(MinimalRNNCell, "kernel", "bias"),
    "CFNCell": _plain(CFNCell, "kernel", "recurrent_kernel", "bias"),
    "PhasedLSTMCell": _phased,
    "Conv1DLSTMCell": _conv(Conv1DLSTMCell),
    "Conv2DLSTMCell": _conv(Conv2DLSTMCell),
    "Conv3DLSTMCell": _conv(Conv3DLSTMCell),
    "TimeFreqLSTMCell": _time_freq,
    "GridLSTMCell": _grid,
    "BidirectionalGridLSTMCell": _bigrid,
    "NTMCell": _ntm,
    "MultiRNNCell": _multi,
    "ResidualWrapper": lambda v, a, k, m: ResidualWrapper(_build(a[0], v)),
    "DeviceWrapper": lambda v, a, k, m: DeviceWrapper(_build(a[0], v), a[1]),
    "DropoutWrapper": lambda v, a, k, m: DropoutWrapper(_build(a[0], v), **k),
    "HighwayWrapper": _highway,
    "InputProjectionWrapper": _projection(InputProjectionWrapper),
    "OutputProjectionWrapper": _projection(OutputProjectionWrapper),
    "EmbeddingWrapper": lambda v, a, k, m: EmbeddingWrapper(_build(a[0], v), v("embedding")),
    "AttentionCellWrapper": _attention,
}

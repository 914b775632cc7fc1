"""What the dataclass of a reference cell cannot say: the shapes of its weights, which fields are unknown numbers or may be absent.

Sizes are in terms of the number of input features ``n``, of units ``u``, of recurrent outputs ``m`` and of groups ``g``. A weight of a
:class:`LayerNorm` or of a tuple goes by its path: ``norm_i/gamma``, ``kernels/0``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from converters.lift.recognise.cells import spellings
from reference.cells.basic_lstm import BasicLSTMCell
from reference.cells.basic_rnn import BasicRNNCell
from reference.cells.cfn import CFNCell
from reference.cells.conv_lstm import Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell
from reference.cells.coupled_lstm import CoupledInputForgetGateLSTMCell
from reference.cells.cudnn_compatible import CudnnCompatibleGRUCell
from reference.cells.glstm import GLSTMCell
from reference.cells.gru import GRUCell
from reference.cells.ind_rnn import IndRNNCell
from reference.cells.indy_gru import IndyGRUCell
from reference.cells.indy_lstm import IndyLSTMCell
from reference.cells.intersection import IntersectionRNNCell
from reference.cells.layer_norm_basic_lstm import LayerNormBasicLSTMCell
from reference.cells.layer_norm_lstm import LayerNormLSTMCell
from reference.cells.lstm import LSTMCell
from reference.cells.lstm_no_forget import LSTMNoForgetCell
from reference.cells.minimal_rnn import MinimalRNNCell
from reference.cells.nas import NASCell
from reference.cells.norms import LayerNorm
from reference.cells.phased_lstm import PhasedLSTMCell
from reference.cells.sru import SRUCell
from reference.cells.ugrnn import UGRNNCell


@dataclass(frozen=True, slots=True, eq=False)
class CellSpec:
    """``sizes`` names the size of each state part, in the order of ``states.flatten(state_size)``."""

    cell: type
    sizes: tuple[str, ...]
    weights: Mapping[str, tuple[str, ...]]
    scalars: tuple[str, ...] = ()
    """Fields that are always an unknown number."""
    options: tuple[tuple[str, ...], ...] = ()
    """Groups of weights or numbers that are present together or not at all."""
    activations: tuple[str, ...] = ("activation",)
    norms: tuple[str, ...] = ()
    """Fields that are layer normalisations of ``u`` features, all of them."""
    timed: bool = False
    """Whether its input is a pair: the time ``[B, 1]`` and x."""
    convolved: bool = False
    """Whether its products are convolutions: states ``[B, *places, u]``, the kernel ``[*window, rows, columns]``."""
    repeated: str = ""
    """The field that is a tuple of ``g`` weights, whose shape stands under its name."""
    requires: Mapping[str, str] = field(default_factory=dict)
    """An option's first field, and the one it needs beside it."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    equation: Callable[..., tuple[Any, Any]] | None = None
    """Another spelling of ``step(cell, ops, x, state)``, where people use one."""
    finish: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """From the spelling's weights to the cell's own."""
    packs: bool = False
    """Whether the state may be one array, the parts side by side (``state_is_tuple=False``)."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """The unknown numbers, the norms' epsilons among them."""
        return (*self.scalars, *(f"{norm}/epsilon" for norm in self.norms))


def cell_of(spec: CellSpec, values: Mapping[str, Any], places: tuple[int, ...] = ()) -> Any:
    """The cell with these fields, by path.

    Args:
        places: of a cell that convolves: the sizes of the input's axes but the rows.
    """
    fields: dict[str, Any] = dict(spec.fixed)
    if spec.convolved:
        fields["input_shape"] = places
    inner: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        name, _, rest = path.partition("/")
        if rest:
            inner.setdefault(name, {})[rest] = value
        else:
            fields[name] = value
    for name, parts in inner.items():
        repeated = name == spec.repeated
        fields[name] = tuple(parts.values()) if repeated else LayerNorm(**parts)
    return spec.cell(**fields)


_GATES = ("activation", "recurrent_activation")
_LSTM_KERNEL = {"kernel": ("n+m", "4*u"), "bias": ("4*u",)}
_NORMS = ("norm_i", "norm_j", "norm_f", "norm_o", "norm_c")
_PEEPHOLES = dict.fromkeys(("w_i_diag", "w_f_diag", "w_o_diag"), ("u",))

_GRU = {
    "gate_kernel": ("n+u", "2*u"),
    "gate_bias": ("2*u",),
    "candidate_kernel": ("n+u", "u"),
    "candidate_bias": ("u",),
}
_GRU_AFTER = {
    "gate_kernel": ("n+u", "2*u"),
    "gate_bias": ("2*u",),
    "candidate_input_kernel": ("n", "u"),
    "candidate_hidden_kernel": ("u", "u"),
    "candidate_input_bias": ("u",),
    "candidate_hidden_bias": ("u",),
}

SPECS: tuple[CellSpec, ...] = (
    CellSpec(BasicLSTMCell, ("u", "m"), _LSTM_KERNEL, ("forget_bias",), packs=True),
    CellSpec(
        LSTMCell,
        ("u", "m"),
        {**_LSTM_KERNEL, **_PEEPHOLES, "proj_kernel": ("u", "m")},
        ("forget_bias",),
        (tuple(_PEEPHOLES), ("cell_clip",), ("proj_kernel",), ("proj_clip",)),
        _GATES,
        requires={"proj_clip": "proj_kernel"},
        packs=True,
    ),
    CellSpec(GRUCell, ("u",), _GRU, activations=_GATES),
    CellSpec(GRUCell, ("u",), _GRU, equation=spellings.gru, finish=spellings.unflip_gru),
    CellSpec(CudnnCompatibleGRUCell, ("u",), _GRU_AFTER, activations=_GATES),
    CellSpec(
        CudnnCompatibleGRUCell,
        ("u",),
        _GRU_AFTER,
        equation=spellings.gru_after,
        finish=spellings.unflip_gru,
    ),
    CellSpec(
        CoupledInputForgetGateLSTMCell,
        ("u", "m"),
        {
            "kernel": ("n+m", "3*u"),
            "bias": ("3*u",),
            "w_f_diag": ("u",),
            "w_o_diag": ("u",),
            "proj_kernel": ("u", "m"),
        },
        ("forget_bias",),
        (("w_f_diag", "w_o_diag"), ("proj_kernel",), ("proj_clip",)),
        requires={"proj_clip": "proj_kernel"},
        packs=True,
    ),
    CellSpec(
        CoupledInputForgetGateLSTMCell,
        ("u", "u"),
        {"kernel": ("n+u", "3*u"), "bias": ("3*u",)},
        fixed={"forget_bias": 0.0},
        equation=spellings.coupled_by_input,
        finish=spellings.uncouple,
    ),
    CellSpec(
        CoupledInputForgetGateLSTMCell,
        ("u", "m"),
        {
            "kernel": ("n+m", "3*u"),
            "w_f_diag": ("u",),
            "w_o_diag": ("u",),
            "proj_kernel": ("u", "m"),
        },
        ("forget_bias",),
        (("w_f_diag", "w_o_diag"), ("proj_kernel",), ("proj_clip",)),
        norms=("norm_j", "norm_f", "norm_o", "norm_c"),
        requires={"proj_clip": "proj_kernel"},
        packs=True,
    ),
    CellSpec(
        LayerNormBasicLSTMCell,
        ("u", "u"),
        {"kernel": ("n+u", "4*u"), "bias": ("4*u",)},
        ("forget_bias",),
        (("bias",),),
        norms=_NORMS,
    ),
    CellSpec(
        LayerNormLSTMCell,
        ("u", "m"),
        {"kernel": ("n+m", "4*u"), **_PEEPHOLES, "proj_kernel": ("u", "m")},
        ("forget_bias",),
        (tuple(_PEEPHOLES), ("cell_clip",), ("proj_kernel",), ("proj_clip",)),
        norms=_NORMS,
        requires={"proj_clip": "proj_kernel"},
    ),
    CellSpec(
        GLSTMCell,
        ("u", "m"),
        {
            "kernels": ("n/g+m/g", "4*u/g"),
            **dict.fromkeys(("bias_i", "bias_j", "bias_f", "bias_o"), ("u",)),
            "proj_kernel": ("u", "m"),
        },
        ("forget_bias",),
        (("proj_kernel",),),
        repeated="kernels",
    ),
    *(
        CellSpec(
            cell,
            ("u", "u"),
            {"kernel": ("n+u", "4*u"), "bias": ("4*u",)},
            ("forget_bias",),
            (("bias",),),
            (),
            convolved=True,
        )
        for cell in (Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell)
    ),
    CellSpec(LSTMNoForgetCell, ("u", "u"), {"kernel": ("n+u", "3*u"), "bias": ("3*u",)}),
    CellSpec(UGRNNCell, ("u",), {"kernel": ("n+u", "2*u"), "bias": ("2*u",)}, ("forget_bias",)),
    CellSpec(
        UGRNNCell,
        ("u",),
        {"kernel": ("n+u", "2*u"), "bias": ("2*u",)},
        fixed={"forget_bias": 0.0},
        equation=spellings.ugrnn,
        finish=spellings.unflip_ugrnn,
    ),
    CellSpec(
        NASCell,
        ("u", "m"),
        {
            "kernel": ("n", "8*u"),
            "recurrent_kernel": ("m", "8*u"),
            "bias": ("8*u",),
            "projection_weights": ("u", "m"),
        },
        options=(("bias",), ("projection_weights",)),
        activations=(),
    ),
    CellSpec(
        CFNCell,
        ("u",),
        {"kernel": ("n", "3*u"), "recurrent_kernel": ("u", "2*u"), "bias": ("2*u",)},
    ),
    *(
        CellSpec(
            PhasedLSTMCell,
            ("u", "u"),
            {
                "mask_kernel": (seen, "2*u"),
                "mask_bias": ("2*u",),
                "input_kernel": ("n+u", "u"),
                "input_bias": ("u",),
                "output_kernel": (seen, "u"),
                "output_bias": ("u",),
                **dict.fromkeys(("period", "phase", "ratio_on"), ("u",)),
            },
            ("leak",),
            activations=(),
            timed=True,
        )
        for seen in ("n+u", "n+2*u")
    ),
    CellSpec(SRUCell, ("u",), {"kernel": ("n", "4*u"), "bias": ("2*u",)}),
    CellSpec(MinimalRNNCell, ("u",), {"kernel": ("n+2*u", "u"), "bias": ("u",)}),
    CellSpec(
        IntersectionRNNCell,
        ("u",),
        {
            "kernel": ("2*u", "4*u"),
            "bias": ("4*u",),
            "in_kernel": ("n", "u"),
            "in_bias": ("u",),
        },
        ("forget_bias",),
        (("in_kernel", "in_bias"),),
        ("y_activation",),
    ),
    CellSpec(
        IndyGRUCell,
        ("u",),
        {
            "gate_kernel_w": ("n", "2*u"),
            "gate_kernel_u": ("1", "2*u"),
            "gate_bias": ("2*u",),
            "candidate_kernel_w": ("n", "u"),
            "candidate_kernel_u": ("1", "u"),
            "candidate_bias": ("u",),
        },
    ),
    CellSpec(IndRNNCell, ("u",), {"kernel_w": ("n", "u"), "kernel_u": ("1", "u"), "bias": ("u",)}),
    CellSpec(
        IndyLSTMCell,
        ("u", "u"),
        {"kernel_w": ("n", "4*u"), "kernel_u": ("1", "4*u"), "bias": ("4*u",)},
        ("forget_bias",),
    ),
    CellSpec(BasicRNNCell, ("u",), {"kernel": ("n+u", "u"), "bias": ("u",)}),
)

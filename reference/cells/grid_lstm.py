"""GridLSTMCell: two LSTMs at every point of a grid, one through time and one through frequency.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:499-963``. Rules that surprise: both LSTMs
read the same m of both axes; both peepholes of o see the *new* c of both axes; with
``share_time_frequency_weights`` the matrix product is shared too, so only the diagonals tell the
axes apart; with ``state_is_tuple=False`` and several blocks every block reads the state of block 0
(line 776).
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from functools import cache
from typing import Any

from reference.cells.base import optional_weight, weight
from reference.errors import SemanticsError

GATES = ("i", "j", "f", "o")
COUPLED_GATES = ("i", "j", "o")
"""The order of the columns, the second where f is 1 - i."""


@cache
def state_type(name: str, prefixes: tuple[str, ...], blocks: tuple[int, ...]) -> Any:
    """The NamedTuple TF1 builds: ``state_f00_b00_c, state_f00_b00_m, state_f01_b00_c, …``."""
    names = [
        f"{prefix}state_f{f:02d}_b{b:02d}_{part}"
        for prefix in prefixes
        for b, count in enumerate(blocks)
        for f in range(count)
        for part in "cm"
    ]
    return namedtuple(name, names)


@dataclass(frozen=True)
class AxisWeights:
    """One block's LSTM along one axis. Diagonals: with the c of the frequency axis, with the c of the time axis."""

    kernel: Any = weight()
    """W_f_b or W_t_b [feature_size + 2 units, 4 units] (3 units if coupled); rows x, m of time, m of frequency."""
    bias: Any = weight()
    i_freq: Any = optional_weight()
    """W_I_diag_freqf_b (or _timef_b) [units]; the diagonals are given together or not at all."""
    i_time: Any = optional_weight()
    """W_I_diag_freqt_b (or _timet_b)."""
    f_freq: Any = optional_weight()
    f_time: Any = optional_weight()
    """None where the gates are coupled."""
    o_freq: Any = optional_weight()
    o_time: Any = optional_weight()


@dataclass(frozen=True)
class GridBlock:
    """The weights of one frequency block; ``time`` is None where they are shared."""

    freq: AxisWeights
    time: AxisWeights | None = None


@dataclass(frozen=True)
class GridLSTMCell:
    """``num_frequency_blocks`` counts the bands of each block; ``starts`` says where a block begins (TF1's start_freqindex_list).

    Raises:
        SemanticsError: weights, starts and ``num_frequency_blocks`` of different lengths.
    """

    blocks: tuple[GridBlock, ...]
    num_frequency_blocks: tuple[int, ...]
    starts: tuple[int, ...] = (0,)
    frequency_skip: int = 1
    forget_bias: float = 1.0
    cell_clip: float | None = None
    couple_input_forget_gates: bool = False
    state_is_tuple: bool = True

    def __post_init__(self) -> None:
        lengths = {len(self.blocks), len(self.num_frequency_blocks), len(self.starts)}
        if len(lengths) > 1:
            msg = f"blocks, num_frequency_blocks and starts must have one length, got {sorted(lengths)}"
            raise SemanticsError(msg)

    @property
    def units(self) -> int:
        return int(self.blocks[0].freq.bias.shape[0]) // (
            3 if self.couple_input_forget_gates else 4
        )

    @property
    def state_size(self) -> Any:
        sizes = [self.units] * (2 * sum(self.num_frequency_blocks))
        if not self.state_is_tuple:
            return sum(sizes)
        return state_type("GridLSTMStateTuple", ("",), self.num_frequency_blocks)(*sizes)

    @property
    def output_size(self) -> int:
        return 2 * self.units * sum(self.num_frequency_blocks)

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x [B, features]; the state's parts are [B, units]; output [B, 2 units * bands]: m of time, m of frequency, by band."""
        parts = list(state) if self.state_is_tuple else self._split(ops, state)
        outputs, new = [], []
        at = 0
        for block, count in enumerate(self.num_frequency_blocks):
            bands = self.bands(ops, x, block)
            # A concatenated state is always read from its beginning, as TF1 does it.
            begin = at if self.state_is_tuple else 0
            out, made = self.compute(ops, block, bands, parts[begin : begin + 2 * count])
            outputs += out
            new += made
            at += 2 * count
        if self.state_is_tuple:
            return ops.concat(outputs, 1), type(state)(*new)
        return ops.concat(outputs, 1), ops.concat(new, 1)

    def _split(self, ops: Any, state: Any) -> list[Any]:
        return list(ops.split(state, (self.units,) * (2 * sum(self.num_frequency_blocks)), 1))

    def bands(self, ops: Any, x: Any, block: int, offset: int = 0, /) -> list[Any]:
        """The block's overlapping slices of x; an offset shifts them over zeros (line 885)."""
        size = int(self.blocks[block].freq.kernel.shape[0]) - 2 * self.units
        if offset:
            x = ops.pad(x, ((0, 0), (0, offset) if offset > 0 else (-offset, 0)))
        first = self.starts[block] + max(offset, 0)
        begins = [first + b * self.frequency_skip for b in range(self.num_frequency_blocks[block])]
        return [ops.strided_slice(x, (None, b), (None, b + size), (1, 1)) for b in begins]

    def compute(self, ops: Any, block: int, bands: list[Any], state: list[Any], /) -> Any:
        """(outputs, new state) of one block, band by band; ``state`` is c, m, c, m, …"""
        outputs: list[Any] = []
        new: list[Any] = []
        c_freq = m_freq = state[0] * 0.0
        for band, x in enumerate(bands):
            c_time, m_time = state[2 * band], state[2 * band + 1]
            joined = ops.concat([x, m_time, m_freq], 1)
            c_freq, m_freq, c_time, m_time = self._point(ops, block, joined, c_freq, c_time)
            outputs += [m_time, m_freq]
            new += [c_time, m_time]
        return outputs, new

    def _point(self, ops: Any, block: int, joined: Any, c_freq: Any, c_time: Any) -> Any:
        freq = self.blocks[block].freq
        time = self.blocks[block].time or freq
        cf, of = self._cell(ops, freq, joined, c_freq, c_time, c_freq)
        ct, ot = self._cell(ops, time, joined, c_freq, c_time, c_time)
        mf = ops.sigmoid(_peek2(of, freq.o_freq, cf, freq.o_time, ct)) * ops.tanh(cf)
        mt = ops.sigmoid(_peek2(ot, time.o_freq, cf, time.o_time, ct)) * ops.tanh(ct)
        return cf, mf, ct, mt

    def _cell(self, ops: Any, w: AxisWeights, joined: Any, c_freq: Any, c_time: Any, c: Any) -> Any:
        """(new c, the output gate before its peepholes) along one axis, whose own c is ``c``."""
        gates = COUPLED_GATES if self.couple_input_forget_gates else GATES
        z = ops.matmul(joined, w.kernel) + w.bias
        g = dict(zip(gates, ops.split(z, (self.units,) * len(gates), 1), strict=True))
        i = ops.sigmoid(_peek2(g["i"], w.i_freq, c_freq, w.i_time, c_time))
        if self.couple_input_forget_gates:
            f = 1.0 - i
        else:
            f = ops.sigmoid(_peek2(g["f"] + self.forget_bias, w.f_freq, c_freq, w.f_time, c_time))
        c = f * c + i * ops.tanh(g["j"])
        if self.cell_clip is not None:
            c = ops.clip(c, -self.cell_clip, self.cell_clip)
        return c, g["o"]


def _peek2(gate: Any, w_freq: Any, c_freq: Any, w_time: Any, c_time: Any) -> Any:
    return gate if w_freq is None else gate + w_freq * c_freq + w_time * c_time

"""NTMCell: the neural Turing machine.

Source: TF 1.15.5 ``contrib/rnn/python/ops/rnn_cell.py:3422-3762``. The state counts its own steps:
at time 0 the learnt read vectors, address weights and memory replace whatever was handed in. TF1's
state_size gives M flattened (line 3505) though the state itself is [B, memory_size, vector]; here
it says what the state is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from reference.cells.base import Dims, Scalar, weight, zero_state


class NTMControllerState(NamedTuple):
    """``time`` has no batch axis."""

    controller_state: Any
    read_vector_list: Any
    w_list: Any
    M: Any
    time: Any


@dataclass(frozen=True)
class NTMCell:
    """``controller`` is any cell on features + heads * vector inputs; the read heads come before the write heads."""

    controller: Any
    parameters_kernel: Any = weight()
    """[controller output, heads * (vector + 2 shift_range + 4) + 2 vector * write heads]."""
    parameters_bias: Any = weight()
    output_kernel: Any = weight()
    """[controller output + vector * read heads, output]."""
    output_bias: Any = weight()
    initial_read_vectors: tuple[Any, ...] = weight()
    """[1, vector] each; the read heads."""
    initial_address_weights: tuple[Any, ...] = weight()
    """[1, memory_size] each; all heads."""
    memory: Any = weight()
    """[memory_size, vector]."""
    shift_range: int = 1
    clip_value: float = 20.0

    @property
    def read_heads(self) -> int:
        return len(self.initial_read_vectors)

    @property
    def state_size(self) -> NTMControllerState:
        size, vector = (int(n) for n in self.memory.shape)
        reads = [vector] * self.read_heads
        heads = [size] * len(self.initial_address_weights)
        state = self.controller.state_size
        return NTMControllerState(state, reads, heads, Dims([size, vector]), Scalar([]))

    @property
    def output_size(self) -> int:
        return int(self.output_bias.shape[0])

    def zero_state(self, ops: Any, batch: Any, dtype: str, /) -> NTMControllerState:
        """Zeros, and time 0 (line 3746)."""
        sizes = self.state_size
        parts = _Sizes(sizes._replace(controller_state=0))
        zeros = zero_state(ops, parts, batch, dtype)
        made: NTMControllerState = zeros._replace(
            controller_state=zero_state(ops, self.controller, batch, dtype)
        )
        return made

    def step(self, ops: Any, x: Any, state: Any, /) -> tuple[Any, Any]:
        """x [B, features]; output [B, output]."""
        reads, addresses, memory = self._previous(ops, state)
        joined = ops.concat([x, *reads], 1)
        h, controller = self.controller.step(ops, joined, state.controller_state)
        z = ops.matmul(h, self.parameters_kernel) + self.parameters_bias
        z = ops.clip(z, -self.clip_value, self.clip_value)
        heads, writes = self._parameters(ops, z)
        w = [self._address(ops, p, memory, a) for p, a in zip(heads, addresses, strict=True)]
        reads = [ops.sum(ops.expand_dims(v, 2) * memory, (1,)) for v in w[: self.read_heads]]
        new = memory
        for address, (erase, add) in zip(w[self.read_heads :], writes, strict=True):
            new = _write(ops, new, address, erase, add)
        y = ops.matmul(ops.concat([h, *reads], 1), self.output_kernel) + self.output_bias
        y = ops.clip(y, -self.clip_value, self.clip_value)
        return y, NTMControllerState(controller, reads, w, new, state.time + 1)

    def _previous(self, ops: Any, state: Any) -> tuple[list[Any], list[Any], Any]:
        """At time 0 the learnt beginnings, shared by all rows; else what the state holds."""
        first = ops.equal(state.time, ops.constant(_zero_like(ops, state.time)))
        reads = [
            ops.where(first, ops.tanh(w) + r * 0.0, r)
            for w, r in zip(self.initial_read_vectors, state.read_vector_list, strict=True)
        ]
        addresses = [
            ops.where(first, ops.softmax(w, 1) + a * 0.0, a)
            for w, a in zip(self.initial_address_weights, state.w_list, strict=True)
        ]
        memory = ops.where(first, ops.expand_dims(self.memory, 0) + state.M * 0.0, state.M)
        return reads, addresses, memory

    def _parameters(self, ops: Any, z: Any) -> tuple[list[Any], list[Any]]:
        """A block of parameters per head, and (erase, add) per write head."""
        vector = int(self.memory.shape[1])
        heads = len(self.initial_address_weights)
        each, writers = vector + 2 * self.shift_range + 4, heads - self.read_heads
        parts = ops.split(z, (each,) * heads + (vector,) * (2 * writers), 1)
        pairs = parts[heads:]
        return list(parts[:heads]), list(zip(pairs[::2], pairs[1::2], strict=True))

    def _address(self, ops: Any, parameters: Any, memory: Any, w: Any) -> Any:
        """Content, interpolation, shift, sharpening: [B, memory_size] (line 3680)."""
        vector, shifts = int(self.memory.shape[1]), 2 * self.shift_range + 1
        k, beta, g, s, gamma = ops.split(parameters, (vector, 1, 1, shifts, 1), 1)
        k = ops.expand_dims(ops.tanh(k), 2)
        length = ops.sqrt(ops.sum(ops.square(k), (1,), keepdims=True))
        lengths = ops.sqrt(ops.sum(ops.square(memory), (2,), keepdims=True))
        alike = ops.squeeze(ops.matmul(memory, k) / (lengths * length + 1e-8), (2,))
        content = ops.exp(ops.softplus(beta) * alike)
        content = content / ops.sum(content, (1,), keepdims=True)
        g = ops.sigmoid(g)
        mixed = g * content + (1.0 - g) * w
        turned = self._shift(ops, mixed, ops.softmax(s, 1))
        sharp = ops.power(turned, ops.softplus(gamma) + 1.0 + turned * 0.0)
        return sharp / ops.sum(sharp, (1,), keepdims=True)

    def _shift(self, ops: Any, w: Any, s: Any) -> Any:
        """Circular convolution: row m gets sum over d of s[d] w[m - d]; s holds d = 0, 1, …, then -range, …, -1 (line 3703)."""
        size, reach = int(self.memory.shape[0]), self.shift_range
        steps = [*range(reach + 1), *range(-reach, 0)]
        total = None
        for weight_, d in zip(ops.split(s, (1,) * len(steps), 1), steps, strict=True):
            cut = d % size
            front, back = ops.split(w, (size - cut, cut), 1) if cut else (w, None)
            turned = front if back is None else ops.concat([back, front], 1)
            total = weight_ * turned if total is None else total + weight_ * turned
        return total


@dataclass(frozen=True)
class _Sizes:
    state_size: Any


def _write(ops: Any, memory: Any, address: Any, erase: Any, add: Any) -> Any:
    w = ops.expand_dims(address, 2)
    erased = ops.matmul(w, ops.expand_dims(ops.sigmoid(erase), 1))
    return memory * (1.0 - erased) + ops.matmul(w, ops.expand_dims(ops.tanh(add), 1))


def _zero_like(ops: Any, time: Any) -> Any:
    import numpy as np

    return np.zeros((), ops.dtype_of(time))

"""Networks that remember by delay lines: the time-delay network and NARX.

Sources: Waibel et al., "Phoneme recognition using time-delay neural networks", 1989; Lin, Horne,
Tino and Giles, "Learning long-term dependencies is not as difficult with NARX recurrent neural
networks", 1996. A delay before the sequence's beginning reads zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference.drivers.stepping import default_ops, zeros_like
from reference.networks.dense import Dense


@dataclass(frozen=True)
class TimeDelayNetwork:
    """A dense layer over the last ``taps`` inputs: a recurrence without a state, or a convolution along time."""

    hidden: Dense
    """kernel [taps * features, units]; the newest input first."""
    output: Dense
    taps: int

    def __call__(self, x: Any, /, *, ops: Any = None) -> Any:
        """x [B, T, features] to [B, T, units]."""
        ops = ops or default_ops()
        steps = ops.unstack(x, 1, int(x.shape[1]))
        line = [zeros_like(ops, steps[0])] * self.taps
        made = []
        for step in steps:
            line = [step, *line[:-1]]
            made.append(self.output(ops, self.hidden(ops, ops.concat(line, 1))))
        return ops.stack(made, 1)


@dataclass(frozen=True)
class NARX:
    """y_t from the last inputs and the last *outputs*; what it carries on is only what it said."""

    hidden: Dense
    """kernel [input_taps * features + output_taps * outputs, units]; inputs newest first, then outputs newest first."""
    output: Dense
    input_taps: int
    output_taps: int

    def __call__(self, x: Any, targets: Any = None, /, *, ops: Any = None) -> Any:
        """x [B, T, features] to [B, T, outputs]; with targets [B, T, outputs] these are fed back (series-parallel form)."""
        ops = ops or default_ops()
        steps = ops.unstack(x, 1, int(x.shape[1]))
        said = None if targets is None else ops.unstack(targets, 1, int(targets.shape[1]))
        inputs = [zeros_like(ops, steps[0])] * self.input_taps
        units = int(self.output.bias.shape[0])
        nothing = ops.matmul(zeros_like(ops, steps[0]), _blank(ops, steps[0], units))
        outputs = [nothing] * self.output_taps
        made = []
        for t, step in enumerate(steps):
            inputs = [step, *inputs[:-1]]
            y = self.output(ops, self.hidden(ops, ops.concat([*inputs, *outputs], 1)))
            made.append(y)
            outputs = [y if said is None else said[t], *outputs[:-1]]
        return ops.stack(made, 1)


def _blank(ops: Any, x: Any, units: int) -> Any:
    import numpy as np

    return ops.constant(np.zeros((int(x.shape[1]), units), ops.dtype_of(x)))

"""How a gradient lives through time: the norm of dh_T/dh_t for every t, and a picture of it.

Source: Hochreiter 1991; Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent
neural networks", 2013. A curve that falls to the left is a vanishing gradient, one that rises an
exploding one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reference import states
from reference.gradients.forward_mode import ForwardOps


def gradient_profile(cell: Any, inputs: Any, initial_state: Any) -> Any:
    """``[T + 1]``: the spectral norm of d state_T / d state_t, t = 0 … T, largest over the rows; the last is 1.

    Args:
        cell: a cell whose equation the forward-mode interpreter knows.
        inputs: time-major ``[T, B, features]``, float64 for a profile over many decades.
        initial_state: a nest as ``cell.state_size``; all its parts count, an LSTM's c and h side by side.
    """
    jacobians = step_jacobians(cell, inputs, initial_state)
    rows, size = jacobians.shape[1:3]
    product = np.broadcast_to(np.eye(size), (rows, size, size))
    norms = [1.0]
    for jacobian in jacobians[::-1]:
        product = product @ jacobian
        norms.append(float(np.linalg.norm(product, 2, axis=(1, 2)).max()))
    return np.array(norms[::-1])


def step_jacobians(cell: Any, inputs: Any, initial_state: Any) -> Any:
    """``[T, B, n, n]``: d state_t+1 / d state_t of every step and row, the state's parts side by side."""
    state = initial_state
    widths = [int(part.shape[1]) for part in states.flatten(state)]
    ops = ForwardOps(sum(widths))
    found = []
    for x in inputs:
        at, seeded = 0, []
        for part, width in zip(states.flatten(state), widths, strict=True):
            tangent = np.zeros((ops.directions, *part.shape), part.dtype)
            tangent[at : at + width] = np.eye(width)[:, None, :]
            seeded.append(ops.lift(part, tangent))
            at += width
        _, new = cell.step(ops, x, states.unflatten_like(state, seeded))
        parts = states.flatten(new)
        joined = np.concatenate([p.tangent for p in parts], 2)
        found.append(joined.transpose(1, 2, 0))
        state = states.unflatten_like(state, [p.value for p in parts])
    return np.stack(found)


def profile_svg(
    profiles: Mapping[str, Sequence[float]], /, *, width: int = 640, height: int = 360
) -> str:
    """The curves as one SVG picture: t to the right, the norm upwards, in decades."""
    curves = {k: np.log10(np.maximum(np.asarray(v, float), 1e-300)) for k, v in profiles.items()}
    low = np.floor(min(0.0, *(c.min() for c in curves.values())))
    high = np.ceil(max(1.0, *(c.max() for c in curves.values())))
    steps = max(len(c) for c in curves.values()) - 1
    left, right, top, bottom = 60, width - 130, 20, height - 40

    def place(t: float, value: float) -> str:
        x = left + (right - left) * t / max(steps, 1)
        return f"{x:.1f},{top + (bottom - top) * (high - value) / (high - low):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for decade in np.linspace(low, high, min(int(high - low), 6) + 1):
        x, y = place(0, decade).split(",")
        parts.append(f'<path d="M{x},{y}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y}" text-anchor="end">1e{decade:.0f}</text>')
    for k, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[k % len(COLOURS)]
        points = " ".join(place(t, v) for t, v in enumerate(curve))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(
            f'<text x="{right + 10}" y="{top + 16 * (k + 1)}" fill="{colour}">{_escaped(name)}</text>'
        )
    middle = (left + right) // 2
    parts.append(
        f'<text x="{middle}" y="{height - 10}" text-anchor="middle">t (0 … {steps})</text>'
    )
    parts.append(f'<text x="10" y="{top - 6}">‖∂h_T/∂h_t‖</text></svg>')
    return "\n".join(parts) + "\n"


COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#34495e")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

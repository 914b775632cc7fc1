"""The weights of a candidate, whatever it holds them in, and what the outputs alone cannot prove of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.program import Program, Recurrence, walk
from porting.verification.audit import audit, sources_of
from porting.verification.candidates import Candidate
from porting.verification.original import Original
from porting.verification.quantised import audit_int8, stored

_FORGET = 2
"""Its block among ONNX's gates i, o, f, c."""


def audited(original: Original, candidate: Candidate, dtype: str, /) -> dict[str, Any] | None:
    """What the audit says; None where the candidate shows no weights."""
    if candidate.weights is None:
        return None
    if dtype == "int8":
        matrices = stored(candidate.path) if candidate.path is not None else []
        return audit_int8(original, matrices) if matrices else None
    found = audit(original, candidate.weights())
    if candidate.kind == "onnx" and candidate.path is not None and original.program is not None:
        found["wrong"].extend(forget_biases(original.program, candidate.path))
    return found


def unseen(
    original: Original,
    floating: Iterable[str],
    discrete: Iterable[str],
    found: dict[str, Any] | None,
    /,
) -> list[str]:
    """Why integers alone do not prove the port: an error too small to turn a choice shows in none.

    Args:
        floating: the outputs that were compared as numbers.
        discrete: those that were compared as integers, booleans or strings.
    """
    graph = original.artefact.graph
    seen = {s.name for s in sources_of(original, tuple(floating))}
    hidden = [s.name for s in sources_of(original, tuple(discrete)) if s.name not in seen]
    if not hidden or not graph.nodes:
        return []
    text = "only integers depend on it, which do not show small errors, and the audit did not find it in the port"
    if found is None:
        words = "only integers depend on them, which do not show small errors, and the candidate shows no weights to be audited"
        return [f"{_few(hidden)}: {words}"]
    lacking = [name for name in hidden if name in found["missing"]]
    return [f"{_few(lacking)}: {text}"] if lacking else []


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more weights" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


# ---- the forget bias ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Forget:
    """The forget gate of an LSTM of the artefact."""

    recurrence: Recurrence
    kernel: np.ndarray
    """Its recurrent part, ``[n, n]``."""
    bias: np.ndarray
    amount: float

    def judge(self, kernel: np.ndarray, bias: np.ndarray) -> str | None:
        """``""`` where the port's whole bias is right, what is wrong with it, or None for another kernel."""
        if not np.array_equal(self.kernel.astype(kernel.dtype), kernel):
            return None
        right = (self.bias + self.bias.dtype.type(self.amount)).astype(bias.dtype)
        rounding = 2 * np.spacing(np.abs(right).max())
        if np.abs(bias - right).max() <= rounding:
            return ""
        bare = np.abs(bias - self.bias.astype(bias.dtype)).max() <= rounding
        what = f"lacks the forget bias of {self.amount:g}" if bare else "is another than that"
        return f"the bias of the forget gate {what} of {self.recurrence.name}"


def forget_biases(program: Program, path: Path, /) -> list[dict[str, Any]]:
    """LSTM nodes that hold the kernel of a cell of the artefact, but not its bias and forget_bias together.

    A bias without its forget_bias is a weight of the artefact bit for bit: only the two together are right.
    """
    known = list(_forget_gates(program))
    wrong = []
    for name, kernel, bias in _packed(path):
        said = [(gate, gate.judge(kernel, bias)) for gate in known]
        texts = [(gate, text) for gate, text in said if text is not None]
        if texts and all(
            text for _, text in texts
        ):  # cells may share a kernel: one of them may be right
            gate, text = texts[0]
            original = gate.recurrence.parameters.get("bias")
            wrong.append({"weight": name, "original": original, "values": len(bias), "text": text})
    return wrong


def _forget_gates(program: Program) -> Iterator[_Forget]:
    from porting.diagnosis.mistakes import cells, gates

    for r in (s for s in walk(program.statements) if isinstance(s, Recurrence)):
        for _, cell in cells(r.cell):
            order, amount = gates(cell), getattr(cell, "forget_bias", None)
            kernel, bias = getattr(cell, "kernel", None), getattr(cell, "bias", None)
            if "f" not in order or not isinstance(amount, float | int):
                continue
            if isinstance(kernel, np.ndarray) and isinstance(bias, np.ndarray):
                place, units = order.index("f"), len(bias) // len(order)
                cut = slice(place * units, (place + 1) * units)
                yield _Forget(r, kernel[-units:, cut], bias[cut], float(amount))


def _packed(path: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(name, recurrent kernel of the forget gate ``[n, n]``, its whole bias ``[n]``) of every LSTM and direction."""
    import onnx

    model = onnx.load(str(path))
    known = {i.name: i for i in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "LSTM" or not {node.input[2], node.input[3]} <= known.keys():
            continue
        recurrent = onnx.numpy_helper.to_array(known[node.input[2]])
        biases = onnx.numpy_helper.to_array(known[node.input[3]])
        units = recurrent.shape[-1]
        cut = slice(_FORGET * units, (_FORGET + 1) * units)
        for kernel, both in zip(recurrent, biases, strict=True):
            halves = both[: 4 * units][cut], both[4 * units :][cut]
            yield node.input[3], kernel[cut].T, halves[0] + halves[1]

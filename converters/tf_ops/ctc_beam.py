"""CTCBeamSearchDecoder, only where its inputs are known (NumPy): no exporter has a beam over prefixes.

core/util/ctc/ctc_beam_search.h and ctc_beam_entry.h, v1.15.5, with the default scorer. Scores are logarithms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.graph import Node
from converters.tf_ops.table import Array, known, refusal, tf_op
from reference.errors import SemanticsError

ZERO = -math.inf


def both(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    high, low = max(a, b), min(a, b)
    return high if low == ZERO else high + math.log1p(math.exp(low - high))


@dataclass(eq=False)
class Prefix:
    """A sequence of labels, and its scores now and one step before."""

    parent: Prefix | None
    label: int
    children: dict[int, Prefix] = field(default_factory=dict)
    blank: float = ZERO
    """Of the alignments that end in a blank."""
    ending: float = ZERO
    """Of those that end in the label."""
    total: float = ZERO
    old_blank: float = ZERO
    old_total: float = ZERO

    def child(self, label: int) -> Prefix:
        """One label longer."""
        if label not in self.children:
            self.children[label] = Prefix(self, label)
        return self.children[label]

    def drop(self) -> None:
        """Leave the beam."""
        self.blank = self.ending = self.total = ZERO

    def before(self, label: int) -> float:
        """Score of the step before, from which ``label`` may follow: after itself only past a blank."""
        return self.old_blank if label == self.label else self.old_total

    def labels(self, merge_repeated: bool) -> list[int]:
        """The sequence, repeats left out if wanted."""
        found: list[int] = []
        node: Prefix | None = self
        previous = -1
        while node is not None and node.parent is not None:
            if not merge_repeated or node.label != previous:
                found.append(node.label)
            previous, node = node.label, node.parent
        return found[::-1]


def search(logits: np.ndarray, width: int) -> list[Prefix]:
    """The beam after all steps of ``logits`` [T, C], best first; the last class is the blank."""
    root = Prefix(None, -1, blank=0.0, total=0.0)
    beam = [root]
    for row in logits.astype(np.float64):
        top = float(row.max())
        scores = (row - top - math.log(float(np.exp(row - top).sum()))).tolist()
        beam = step(sorted(beam, key=lambda p: -p.total), scores, width)
    return sorted(beam, key=lambda p: -p.total)


def step(branches: list[Prefix], scores: list[float], width: int) -> list[Prefix]:
    """One step: every prefix goes on, then the best new ones push out the worst."""
    *labels, blank = scores
    for p in branches:
        p.old_blank, p.old_total = p.blank, p.total
    for p in branches:
        if p.parent is not None:
            if p.parent.total != ZERO:
                p.ending = both(p.ending, p.parent.before(p.label))
            p.ending += labels[p.label]
        p.blank = p.old_total + blank
        p.total = both(p.blank, p.ending)
    beam = list(branches)

    def fits(score: float) -> bool:
        return score > ZERO and (len(beam) < width or score > min(q.total for q in beam))

    for p in branches:
        if not fits(p.old_total):
            continue
        for label, score in enumerate(labels):
            new = p.child(label)
            if new.total != ZERO:
                continue
            total = score + p.before(label)
            if not fits(total):
                continue
            new.blank, new.ending, new.total = ZERO, total, total
            if len(beam) == width:
                worst = min(beam, key=lambda q: q.total)
                beam.remove(worst)
                worst.drop()
            beam.append(new)
    return beam


@tf_op("CTCBeamSearchDecoder")
def ctc_beam_search(ops: Any, node: Node, x: Array, lengths: Array) -> tuple[Array, ...]:
    """For each of the top paths sparse indices, values and shape; then the scores [B, paths]."""
    if ops.static(x) is None:
        width = node.attr("beam_width", 100)
        text = f"no operator keeps a beam of {width} prefixes of CTC; name the logits it reads as output, and search outside the model"
        raise refusal(node, text)
    logits, steps = known(ops, node, x, "logits"), known(ops, node, lengths, "lengths")
    width, paths = int(node.attr("beam_width")), int(node.attr("top_paths"))
    merge = bool(node.attr("merge_repeated", True))
    batch = logits.shape[1]
    found: list[list[list[int]]] = [[] for _ in range(paths)]
    scores = np.zeros((batch, paths), logits.dtype)
    for row in range(batch):
        beam = search(logits[: int(steps[row]), row], width)
        if len(beam) < paths:
            msg = f"node {node.name!r}: {len(beam)} prefixes in the beam, {paths} are asked for"
            raise SemanticsError(msg)
        for path, prefix in enumerate(beam[:paths]):
            found[path].append(prefix.labels(merge))
            scores[row, path] = prefix.total
    parts = [sparse(rows) for rows in found]
    flat = [part[kind] for kind in range(3) for part in parts]
    return (*(ops.constant(v) for v in flat), ops.constant(scores))


def sparse(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices, values and shape of ragged rows."""
    places = [(r, c) for r, row in enumerate(rows) for c in range(len(row))]
    values = np.array([label for row in rows for label in row], np.int64)
    shape = np.array([len(rows), max((len(row) for row in rows), default=0)], np.int64)
    return np.array(places, np.int64).reshape(-1, 2), values, shape

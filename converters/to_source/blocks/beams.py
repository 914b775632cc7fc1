"""A loop that is TensorFlow 1's beam search, told by its equations; the model's own step is what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from converters.to_source.blocks.beam_parts import NotOneError, Parts, need
from converters.to_source.blocks.controls import TracedLoop
from converters.to_source.blocks.growing import is_counter
from converters.to_source.blocks.simplify import number
from reference.vocabulary.tracer import Expr, Tracer, needed


@dataclass(frozen=True, eq=False)
class Beam:
    """What the search is made of.

    Args:
        tree: the expression that follows the beams back.
        log_probs: the place of the carried log probabilities.
        counts: the place of the carried numbers of steps; None where nothing reads them.
        scores: the place of the list of scores; None where nothing reads it.
        inputs: the place of what a step is given.
        states: the places of its states.
        logits: ``[rows * width, classes]``.
        new: the new states ``[rows * width, …]``.
        tokens: the chosen tokens.
        following: the inputs of the next step, of the tokens.
        steps: how many at most.
    """

    tree: Expr
    log_probs: int
    counts: int | None
    scores: int | None
    inputs: int
    states: list[int]
    logits: Expr
    new: list[Expr]
    tokens: Expr
    following: Expr
    steps: Expr
    width: int
    end_token: int
    length_penalty: float


def beam_of(
    tracer: Tracer, loop: TracedLoop, places: Sequence[int], wanted: Sequence[Expr], /
) -> Beam | None:
    """The search that a loop is, if it is one.

    Args:
        places: of the carried values that something reads.
        wanted: what is read in the end.
    """
    try:
        return _Match(tracer, loop, list(places), list(wanted)).beam()
    except NotOneError:
        return None


class _Match(Parts):
    def beam(self) -> Beam:
        """The search.

        Raises:
            NotOneError: it is none.
        """
        loop = self.loop
        top, scores = self._best()
        width = int(number(top.args[1]))
        total, penalty = (scores, None) if scores.op != "divide" else scores.args
        probs, finished, logits, end = self.total(total)
        power, lengths = self.penalty(penalty, finished, end)
        was = self.taken(loop.inputs[finished])
        lengths = self.lengths(was) if lengths is None else lengths
        need(loop.new[lengths] is self.longer(lengths, was))
        self.is_taken(loop.new[probs], total, top)
        ends = self.tracer.equal(self.word, self.tracer.constant(np.asarray(end, np.int32)))
        ended = self.tracer.logical_or(was, ends)
        need(loop.new[finished] is ended)
        self.left -= {probs, finished, lengths}
        time = self.only(lambda k: is_counter(loop, k))
        doubled = any(loop.new[k] is ended for k in self.left)
        done = self.only(lambda k: loop.new[k] is ended) if doubled else finished
        lists = [
            self.only(lambda k, item=item: self.is_list(k, time, item))
            for item in (self.word, self.parent)
        ]
        steps = self.steps(time, done)
        counts = self.counts(time, done)
        best = self.tracer.top_k(*top.args)[0]
        shown = [k for k in self.left if self.is_list(k, time, best)]
        self.left -= set(shown)
        self.begins(probs, finished, done, lengths, counts, steps, width)
        states = [k for k in sorted(self.left) if self._is_state(loop.new[k])]
        self.left -= set(states)
        need(len(self.left) == 1)
        (inputs,) = self.left
        read = set(needed([loop.new[inputs]], {self.word: None}))
        need(not read & set(loop.inputs))
        tree = self.tree(
            lists, lengths, end, [probs, *shown, *([] if counts is None else [counts])]
        )
        new = [self.merged(loop.new[k].args[0]) for k in states]
        return Beam(
            tree, probs, counts, shown[0] if shown else None, inputs, states, self.merged(logits), new, self.word, loop.new[inputs], steps, width, end, power
        )  # fmt: skip

    def _best(self) -> tuple[Expr, Expr]:
        """The places of the best of all beams' classes, and the scores."""
        tops = [e for e in needed(self.loop.new) if e.op == "top_k" and e.index == 1]
        need(len(tops) == 1 and tops[0].args[0].op == "reshape")
        top = tops[0]
        scores = top.args[0].args[0]
        need(len(scores.shape) == 3)
        width, classes = scores.shape[1:]
        need(isinstance(width, int) and isinstance(classes, int) and number(top.args[1]) == width)
        need(top.args[0].shape[1:] == (width * classes,))
        count = self.tracer.constant(np.asarray(classes, np.int32))
        self.word = self.tracer.floor_mod(top, count)
        self.parent = self.tracer.floor_divide(top, count)
        return top, scores

    def _is_state(self, new: Expr) -> bool:
        return new.op == "take_beams" and new.args[1] is self.parent

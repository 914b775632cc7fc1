"""The parts of TensorFlow 1's beam search, each told by its equation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from converters.to_source.blocks.controls import TracedLoop
from converters.to_source.blocks.rules import thin
from converters.to_source.blocks.simplify import again, number
from reference.vocabulary.tracer import CONSTANT, INPUT, Expr, Tracer, needed


class NotOneError(Exception):
    """The loop is something else."""


def need(found: object) -> None:
    if not found:
        raise NotOneError


class Parts:
    """Finds them in one loop; what is found is taken out of ``left``.

    Args:
        places: of the carried values that something reads.
        wanted: what is read in the end.
    """

    word: Expr
    """The chosen tokens."""
    parent: Expr
    """The beams they follow."""

    def __init__(
        self, tracer: Tracer, loop: TracedLoop, places: list[int], wanted: list[Expr]
    ) -> None:
        self.tracer, self.loop, self.places, self.wanted = tracer, loop, places, wanted
        self.left = set(places)

    def only(self, test: Any) -> int:
        found = [k for k in self.left if test(k)]
        need(len(found) == 1)
        self.left.remove(found[0])
        return found[0]

    def place(self, expr: Expr) -> int:
        found = [k for k in self.places if self.loop.inputs[k] is expr]
        need(found)
        return found[0]

    def expanded(self, expr: Expr) -> int:
        """The carried value that ``expand_dims(value, 2)`` is made of."""
        need(expr.op == "expand_dims" and expr.params["axis"] in (2, -1))
        return self.place(expr.args[0])

    def total(self, total: Expr) -> tuple[int, int, Expr, int]:
        """Places of the log probabilities and of what is finished; the logits; the end token."""
        for before, more in both_ways(total, "add"):
            if more.op != "where" or before.op != "expand_dims":
                continue
            row, normed = more.args[1:]
            need(normed.op == "log_softmax" and normed.params["axis"] in (-1, 2))
            end = one_place(row, 0.0, float(np.finfo(np.float32).min))
            return self.expanded(before), self.expanded(more.args[0]), normed.args[0], end
        raise NotOneError

    def penalty(self, penalty: Expr | None, finished: int, end: int) -> tuple[float, int | None]:
        """Its power, and the place of the lengths it reads."""
        if penalty is None or number(penalty) == 1:
            return 0.0, None
        need(penalty.op == "divide")
        base, below = penalty.args
        power = 1.0
        if base.op == "power":
            need(number(base.args[1]) is not None)
            base, power = base.args[0], float(str(np.float32(number(base.args[1]))))
        # TensorFlow took the power in float32.
        need(number(below) is not None and np.isclose(number(below), 6.0**power, rtol=5e-7))
        for five, cast in both_ways(base, "add"):
            if number(five) == 5 and cast.op == "cast":
                for added, before in both_ways(cast.args[0], "add"):
                    if before.op == "expand_dims" and added.op == "multiply":
                        self.goes_on(added, finished, end)
                        return power, self.expanded(before)
        raise NotOneError

    def goes_on(self, added: Expr, finished: int, end: int) -> None:
        """One more for all but the end token of beams that are not finished."""
        for row, column in both_ways(added, "multiply"):
            if column.op == "expand_dims":
                cast = column.args[0]
                need(cast.op == "cast" and cast.args[0].op == "logical_not")
                need(cast.args[0].args[0] is self.loop.inputs[finished])
                need(one_place(row, 0, 1) == end)
                return
        raise NotOneError

    def taken(self, x: Expr) -> Expr:
        """Of the chosen parents."""
        found = [
            e
            for e in needed(self.loop.new)
            if e.op == "take_beams" and e.args[0] is x and e.args[1] is self.parent
        ]
        need(found)
        return found[0]

    def is_taken(self, expr: Expr, total: Expr, top: Expr) -> None:
        need(expr.op == "take_beams" and expr.args[1] is top)
        need(expr.args[0].op == "reshape" and expr.args[0].args[0] is total)

    def lengths(self, was: Expr) -> int:
        found = [
            k
            for k in self.places
            if self.loop.new[k].op == "add" and was in needed([self.loop.new[k]])
        ]
        need(len(found) == 1)
        return found[0]

    def longer(self, lengths: int, was: Expr) -> Expr:
        x = self.loop.inputs[lengths]
        made: Expr = self.tracer.add(
            self.taken(x), self.tracer.cast(self.tracer.logical_not(was), x.fact.dtype)
        )
        return made

    def is_list(self, place: int, time: int, item: Expr) -> bool:
        new, loop = self.loop.new[place], self.loop
        if new.op != "ListSet" or new.args[0] is not loop.inputs[place] or new.args[2] is not item:
            return False
        return new.args[1] is loop.inputs[time] and loop.start[place].op == "ListNew"

    def steps(self, time: int, done: int) -> Expr:
        loop, t = self.loop, self.tracer
        go_on = loop.go_on
        need(go_on.op == "logical_and")
        for test, rest in both_ways(go_on, "logical_and"):
            if test.op == "less" and test.args[0] is loop.inputs[time]:
                need(
                    rest.op == "logical_not"
                    and rest.args[0].op == "all"
                    and rest.args[0].args[0] is loop.inputs[done]
                )
                steps: Expr = test.args[1]
                need(not set(needed([steps])) & set(loop.inputs) and t)
                return steps
        raise NotOneError

    def counts(self, time: int, done: int) -> int | None:
        loop, t = self.loop, self.tracer
        next_time = loop.new[time]
        for k in sorted(self.left):
            same = loop.new[k].op == "where" and loop.inputs[k].fact.dtype == next_time.fact.dtype
            if same and loop.new[k] is t.where(
                t.logical_not(loop.inputs[done]), next_time, loop.inputs[k]
            ):
                self.left.remove(k)
                return k
        return None

    def begins(
        self,
        probs: int,
        finished: int,
        done: int,
        lengths: int,
        counts: int | None,
        steps: Expr,
        width: int,
    ) -> None:
        """One beam open, the others ruled out."""
        start = self.loop.start
        self.is_first(start[probs], 0.0, float("-inf"), width)
        self.is_first(start[finished], False, True, width)
        for k in (lengths, counts):
            need(k is None or number(thin(self.tracer, start[k])) == 0)
        if start[done] is not start[finished]:
            pairs = list(both_ways(start[done], "logical_or"))
            need(pairs)
            tests = [b for a, b in pairs if a is start[finished]]
            need(len(tests) == 1)
            test = thin(self.tracer, tests[0])
            if test.op == CONSTANT:
                most = number(steps)
                need(most is not None and bool(number(test)) == bool(most <= 0))
                return
            need((test.op == "less_equal" and test.args[0] is steps and number(test.args[1]) == 0)
                  or (test.op == "greater_equal" and number(test.args[0]) == 0 and test.args[1] is steps))  # fmt: skip

    def is_first(self, expr: Expr, on: Any, off: Any, width: int) -> None:
        need(expr.op == "one_hot" and expr.params["depth"] == width)
        need(number(thin(self.tracer, expr.args[0])) == 0)
        need(number(expr.args[1]) == on and number(expr.args[2]) == off)

    def tree(self, lists: list[int], lengths: int, end: int, shown: list[int]) -> Expr:
        """What follows the beams back; nothing else reads the lists, the lengths or the states."""
        outputs = self.loop.outputs
        trees = [e for e in needed(self.wanted) if e.op == "gather_tree"]
        need(len(trees) == 1)
        tokens, parents, longest, end_token = trees[0].args
        need(
            tokens is outputs[lists[0]]
            and parents is outputs[lists[1]]
            and number(end_token) == end
        )
        need(longest.op == "cast" and longest.args[0].op == "max")
        need(
            longest.args[0].args[0] is outputs[lengths]
            and longest.args[0].params["axes"] in ((1,), (-1,))
        )
        read = {e for e in needed(self.wanted, {trees[0]: None}) if e.op == INPUT}
        need(all(k in shown for k, e in enumerate(outputs) if e in read))
        return trees[0]

    def merged(self, expr: Expr) -> Expr:
        """``[rows * width, …]`` of what was parted."""
        if expr.op in ("add", "subtract", "multiply"):
            shared = [len(arg.shape) < 2 for arg in expr.args]
            need(any(shared))
            pairs = zip(expr.args, shared, strict=True)
            return again(self.tracer, expr, [a if s else self.merged(a) for a, s in pairs])
        need(expr.op == "reshape")
        found: Expr = expr.args[0]
        need(len(found.shape) == len(expr.shape) - 1)
        return found


def both_ways(expr: Expr, op: str) -> Iterator[tuple[Expr, Expr]]:
    if expr.op == op:
        yield expr.args[0], expr.args[1]
        yield expr.args[1], expr.args[0]


def one_place(row: Expr, on: float, off: float) -> int:
    """Where a row has ``on``, which has ``off`` elsewhere."""
    if row.op == "one_hot":
        need(number(row.args[0]) is not None and len(row.shape) == 1)
        need(number(row.args[1]) == on and number(row.args[2]) == off)
        return int(number(row.args[0]))
    need(row.op == CONSTANT and row.value is not None)
    value = np.asarray(row.value).reshape(-1)
    need(value.size == row.shape[-1])
    (places,) = np.nonzero(value == on)
    need(len(places) == 1 and (np.delete(value, places[0]) == off).all())
    return int(places[0])

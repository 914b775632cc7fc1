"""Does a loop run over the whole of the sequence it reads?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from converters.lift.recognise.loops.bounds import symbolic
from converters.lift.recognise.loops.emit import ProgramArray
from converters.lift.recognise.loops.model import Definitions, Step, root
from converters.program import Program

CHAIN = 8
"""So many ops may stand between a bound and what it is the bound of."""


@dataclass(frozen=True)
class Coverage:
    """``lengths`` gives the value of the lengths that mask the step, or None.

    ``fixed`` says whether what the loop writes has a size of its own, so that stopping early leaves it as long.
    """

    program: Program
    definitions: Definitions
    step: Step
    lengths: Callable[[], str | None]
    fixed: bool = True

    def whole(self, bound: object | None, length: object) -> bool:
        """Whether the loop sees all ``length`` items, or stops early only where nothing is left to do.

        TF 1.15.5 stops ``dynamic_rnn`` at ``min(T, max(1, max(lengths)))`` (``python/ops/rnn.py``, ``_dynamic_rnn_loop``).
        """
        if bound is not None and bound == length:
            return True
        maker = self.definitions.op(self.step.steps)
        if maker is None or maker.node.op != "Minimum":
            return False
        sides = [symbolic(self.program, v) for v in maker.inputs]
        if length not in sides:
            return False
        other = maker.inputs[1 - sides.index(length)]
        return self._not_below(other, length) or (self.fixed and self._longest(other))

    def _not_below(self, value: str, length: object) -> bool:
        """max(…, T): a bound that never stops the loop before its end."""
        maker = self.definitions.op(value)
        if maker is None or maker.node.op != "Maximum":
            return False
        return any(symbolic(self.program, v) == length for v in maker.inputs)

    def _longest(self, value: str) -> bool:
        """max(1, max(lengths)), or max(lengths), of the lengths that mask the states."""
        for _ in range(CHAIN):
            maker = self.definitions.op(value)
            if maker is None:
                return False
            if maker.node.op == "Max":
                return self._masking(maker.inputs[0])
            if maker.node.op == "Maximum":
                known = [symbolic(self.program, v) for v in maker.inputs]
                if 1 not in known:
                    return False
                value = maker.inputs[1 - known.index(1)]
            elif maker.node.op in ("Cast", "Identity", "Reshape"):
                value = maker.inputs[0]
            else:
                return False
        return False

    def _masking(self, value: str) -> bool:
        mine = self.lengths()
        return mine is not None and root(self.definitions, value) == root(self.definitions, mine)


def time_major(
    program: Program, definitions: Definitions, sequences: Iterable[ProgramArray]
) -> bool:
    """Whether no transpose made the sequences time-major: the user's own tensors are so."""
    for array in sequences:
        maker = definitions.op(array.name)
        if maker is None or maker.node.op != "Transpose":
            continue
        perm = program.constants.get(maker.inputs[1])
        if perm is not None and perm.size > 1 and int(perm[0]) == 1 and int(perm[1]) == 0:
            return False
    return True

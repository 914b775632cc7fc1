"""Loops that run until every row is finished, where lengths tell when a row is: then the number of steps is known before the first.

``dynamic_decode`` and ``raw_rnn`` carry ``finished`` and run while not all of it is true (TF 1.15.5,
``contrib/seq2seq/python/ops/decoder.py:393``, ``python/ops/rnn.py:1184``). A TrainingHelper makes it ``finished or time + 1 >= lengths``
(``helper.py:305``, ``decoder.py:416``). By induction step t finds just the rows finished for which t >= ends::

    ends = where(finished at first, 0, maximum(1, lengths))

so that a negative length counts as 1 and only what is finished at first as 0. A number in place of the lengths, or none at all (``end_fn`` of an InferenceHelper that says False), is one end for all rows:
no row is finished before another then, and no mask ever takes hold. The loop runs max(ends) steps, none without rows. With
``finished`` a comparison of the time, the rest of the recognition sees the masks and the bound of a ``dynamic_rnn``.
"""

from __future__ import annotations

from dataclasses import replace

from converters.lift.recognise.loops.ahead import read_ahead
from converters.lift.recognise.loops.closing import (
    closed_lengths,
    counting,
    ends_of,
    named,
    unmasked,
)
from converters.lift.recognise.loops.emit import ProgramOps
from converters.lift.recognise.loops.limits import finishes
from converters.lift.recognise.loops.model import Definitions
from converters.lift.recognise.loops.surgery import placed
from converters.program import Loop, Program, Statement


def count_finished(program: Program, loop: Loop, outer: Definitions) -> tuple[Program, Loop]:
    """The program with a loop that counts instead, and that loop; both as they are where the stop depends on more than lengths."""
    definitions = Definitions(program, outer)
    finish = next(finishes(program, loop, definitions.by_value), None)
    if finish is None:
        return program, loop
    ops = ProgramOps(f"{loop.name}|finish", dict(program.facts))
    ends, steps = ends_of(program, ops, loop, finish)
    before: list[Statement] = [*finish.before, *ops.statements]
    ops.statements = []
    changed = counting(ops, loop, finish, ends, steps)
    if changed is None:
        return program, loop
    # ``finished`` is no carried value any more: the places behind it moved up.
    now = ops.value(loop.outputs[finish.clock])
    ops.node("GreaterEqual", (now, ends), program.facts[loop.outputs[finish.place]])
    named(ops, loop.outputs[finish.place])
    known = program.facts
    program = replace(program, facts={**known, **ops.facts})
    done = loop.body.inputs[finish.place]
    changed = closed_lengths(
        program, ops, changed, definitions, (finish.names(loop), done), ends, now
    )
    if finish.alike:
        changed = unmasked(changed, done, program.facts)
    changed = read_ahead(program, ops, loop, changed, finish, definitions.by_value)
    program = placed(program, loop, before, changed, ops.statements)
    return replace(
        program,
        constants={**program.constants, **ops.constants},
        facts={**known, **ops.facts},
    ), changed

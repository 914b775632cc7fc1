"""What the readers of an integer tell of it: TensorFlow 1 on a CPU ends with an error where an index lies outside its axis.

A run that ends well therefore proves that ids lie within the table they look up, and lengths within the sequence they reverse
(measured on 1.15.5: Gather, GatherNd and ReverseSequence raise InvalidArgumentError; OneHot gives a row without a one).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from converters.program import Conditional, Loop, OpNode, Recurrence, Statement, walk
from converters.to_keras.context import Context
from converters.to_keras.ranges.domain import Range
from reference.vocabulary.abstract.fact import Dim
from reference.vocabulary.abstract.sizes import add, subtract

_WHOLE = frozenset(
    "Identity StopGradient Snapshot PreventGradient CheckNumerics Reshape ExpandDims Squeeze Transpose ReverseV2".split()
)
"""Ops that hand on every item of their first operand."""
_SOME = _WHOLE | frozenset(
    (
        "StridedSlice Slice Tile BroadcastTo GatherV2 Gather GatherNd ReverseSequence Unpack Split SplitV ConcatV2 Pack Select SelectV2 Maximum "
        "Minimum Max Min Add AddV2 Sub Pad PadV2 Fill ListUnstack"
    ).split()
)
"""Ops whose results go up to about where their operands do."""
_COMPARED = frozenset("Less LessEqual Greater GreaterEqual Equal NotEqual".split())
_INDICES = {
    "GatherV2": (1,), "Gather": (1,), "ResourceGather": (1,), "GatherNd": (1,), "OneHot": (0,), "ReverseSequence": (1,), "SequenceMask": (0,),
}  # fmt: skip
_NARROW = ("int8", "int16", "int32", "uint8", "uint16")


@dataclass
class Uses:
    """Who reads what, in the whole Program and where it always runs."""

    context: Context
    readers: dict[str, list[Statement]] = field(default_factory=lambda: defaultdict(list))
    always: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        program = self.context.program
        for statement in walk(program.statements):
            for name in dict.fromkeys(statement.inputs):
                self.readers[name].append(statement)
        self.always = frozenset(map(id, program.statements))

    # ---- what cannot be otherwise ----------------------------------------------------------------------------------

    def proven(self) -> dict[str, Range]:
        """By value: where it lies in every run that TensorFlow ends without an error."""
        found: dict[str, Range] = {}
        for statement in self.context.program.statements:
            for name, dim in self._indexed(statement):
                self._back(name, Range(0, dim), found)
        return found

    def _indexed(self, statement: Statement) -> Iterator[tuple[str, Dim]]:
        """Values that are checked, and the largest they may be."""
        if isinstance(statement, Recurrence):
            shape = self.context.shape(statement.sequences[0]) if statement.sequences else None
            if statement.direction == "backward" and statement.lengths and shape:
                yield statement.lengths, shape[0]
            return
        if not isinstance(statement, OpNode) or statement.node.op not in _INDICES:
            return
        shape, op = self.context.shape(statement.inputs[0]), statement.node.op
        if not shape:
            return
        if op == "ReverseSequence":
            yield statement.inputs[1], shape[int(statement.node.attr("seq_dim"))]
        elif op in ("GatherV2", "Gather", "ResourceGather"):
            axis = self.context.known(statement.inputs[2]) if len(statement.inputs) > 2 else 0
            if axis is not None:
                yield statement.inputs[1], subtract(shape[int(axis)], 1)

    def _back(self, name: str, found: Range, told: dict[str, Range]) -> None:
        """The values that must lie in a range since ``name`` does."""
        while True:
            old = told.get(name)
            told[name] = found if old is None or found.within(old) else old
            statement, _ = self.context.producers.get(name, (None, 0))
            if not isinstance(statement, OpNode) or id(statement) not in self.always:
                return
            node = statement.node
            if node.op in _WHOLE:
                name = statement.inputs[0]
                continue
            step = self._step(statement)
            if step is None:
                return
            name, by = step
            found = Range(add(found.low, by), add(found.high, by))

    def _step(self, statement: OpNode) -> tuple[str, int] | None:
        """(x, k) where the result is x - k."""
        if statement.node.op not in ("Add", "AddV2", "Sub"):
            return None
        x, other = statement.inputs
        sign = 1 if statement.node.op == "Sub" else -1
        known = self.context.known(other)
        if known is None and sign < 0:
            x, known = other, self.context.known(x)
        if known is None or known.size != 1:
            return None
        same = self.context.shape(x) == self.context.shape(statement.outputs[0])
        return (x, sign * int(known.reshape(-1)[0])) if same else None

    # ---- what does no harm -----------------------------------------------------------------------------------------

    def bounded(self, name: str, seen: Mapping[str, bool] | None = None) -> bool:
        """Whether a value goes only where large numbers have no use: into indices, lengths, comparisons and narrower integers."""
        seen = {**(seen or {}), name: True}
        if name in self.context.program.outputs or name in self.context.outputs.values():
            return False
        return all(self._harmless(name, reader, seen) for reader in self.readers[name])

    def _harmless(self, name: str, reader: Statement, seen: Mapping[str, bool]) -> bool:
        if isinstance(reader, Recurrence):
            others = (*reader.sequences, *reader.initial_state, *reader.invariants, reader.steps)
            return name not in others
        if isinstance(reader, Conditional | Loop):
            # What a loop or a branch captures is looked at where it is read inside.
            sides = (
                [reader.condition, reader.body]
                if isinstance(reader, Loop)
                else [reader.then, reader.otherwise]
            )
            ends = {end for side in sides for end in side.outputs}
            return name not in ends and not (isinstance(reader, Loop) and name in reader.carried)
        node = reader.node
        places = [i for i, value in enumerate(reader.inputs) if value == name]
        if node.op in _COMPARED or all(i in _INDICES.get(node.op, ()) for i in places):
            return True
        if node.op == "Cast":
            return str(node.attr("DstT")) in _NARROW
        if node.op not in _SOME:
            return False
        return all(out in seen or self.bounded(out, seen) for out in reader.outputs)

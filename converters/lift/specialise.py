"""The second pass over the statements: facts, constant folding, identities, known conditionals.

Runs each statement under AbstractOps. What is known becomes a constant and is no statement any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from converters.graph import DType, Node
from converters.lift import lists, loop_facts, opaque
from converters.lift.all_axes import over_all
from converters.lift.identities import Identities
from converters.lift.joins import joined
from converters.lift.lists import ListFact
from converters.lift.pinned import pinned
from converters.lift.quotients import quotient
from converters.lift.work import Work, is_random
from converters.program import Conditional, Loop, OpNode, Recurrence, Statement, SubProgram
from converters.tf_ops import apply
from reference.errors import NotConvertibleError, Reason, RnnportError
from reference.vocabulary.abstract import AbstractArray, AbstractOps, Fact
from reference.vocabulary.abstract.sizes import Size, as_dim
from reference.vocabulary.arrays import concrete


class Specialiser:
    """``facts``, ``constants`` and ``alias`` grow while :meth:`run` goes through the statements."""

    def __init__(self, work: Work, inputs: Mapping[str, Fact], used: Mapping[str, int]) -> None:
        self.ops = AbstractOps()
        self.work = work
        self.used = used
        self.facts: dict[str, Fact] = dict(inputs)
        self.constants: dict[str, np.ndarray] = {}
        self.alias: dict[str, str] = {}
        self.reasons: dict[str, Reason] = {}
        self.identities = Identities()
        self.counts: dict[str, Any] = {}
        """Values that are 0, 1, … n-1, with n."""
        self.squeezed: dict[str, str] = {}
        """``tf.squeeze(x)`` where only the run knows which sizes are 1, and x: all the same to a Reshape."""
        self._undo: list[list[tuple[dict[str, Any], str, Any]]] = []

    # ---- values ------------------------------------------------------------------------------------------------

    def name(self, value: str) -> str:
        """The value behind the aliases found here; constants of the graph are loaded on first use."""
        while value in self.alias:
            value = self.alias[value]
        if value not in self.facts:
            array = self.work.leaf_value(value)
            if array is not None:
                self.facts[value] = self.ops.constant(array).fact
                self.constants[value] = array
        return value

    def _set(self, table: dict[str, Any], name: str, value: Any) -> None:
        if self._undo:
            self._undo[-1].append((table, name, table.get(name, _ABSENT)))
        table[name] = value

    def define(self, name: str, fact: Fact) -> None:
        self._set(self.facts, name, fact)

    def define_alias(self, name: str, target: str) -> None:
        self._set(self.alias, name, target)

    @contextmanager
    def trial(self) -> Iterator[None]:
        """What is found inside is forgotten afterwards: it held for one guess of a loop's facts."""
        self._undo.append([])
        kinds = dict(self.identities.kind)
        try:
            yield
        finally:
            for table, name, old in reversed(self._undo.pop()):
                if old is _ABSENT:
                    table.pop(name, None)
                else:
                    table[name] = old
            self.identities.kind = kinds

    # ---- statements --------------------------------------------------------------------------------------------

    def run(self, statements: Sequence[Statement]) -> list[Statement]:
        """The statements that remain."""
        kept: list[Statement] = []
        for statement in statements:
            if isinstance(statement, OpNode):
                self._checked(statement.node, kept)
            elif isinstance(statement, Loop):
                kept.append(loop_facts.specialise_loop(self, statement))
            elif isinstance(statement, Conditional):
                self._conditional(statement, kept)
            elif isinstance(statement, Recurrence):
                kept.append(statement)
        return kept

    def _checked(self, node: Node, kept: list[Statement]) -> None:
        """A malformed node is a refusal with its name, never a traceback."""
        try:
            self._check_dtype(node)
            self._op(node, kept)
        except RnnportError:
            raise
        except DAMAGE as error:
            text = f"{node.op} does not accept its inputs or attributes ({error})"
            self.reasons[node.name] = Reason(node.name, text)
            names = tuple(f"{node.name}:{i}" for i in range(self.used.get(node.name, 1)))
            for name in names:
                self.define(name, Fact("unknown"))
            inputs = tuple(self.name(value) for value in node.inputs)
            kept.append(OpNode(replace(node, inputs=inputs), names))

    def _check_dtype(self, node: Node) -> None:
        """TF refuses a graph where none of a node's inputs is of the dtype ``T`` that the node says.

        Raises:
            ValueError: as TF would.
        """
        said = node.attrs.get("T")
        if not isinstance(said, DType) or said not in DTYPES or lists.is_list_op(node.op):
            return
        facts = [self.facts.get(self.name(value)) for value in node.inputs]
        if facts and all(f is not None and f.dtype in DTYPES and f.dtype != said for f in facts):
            found = ", ".join(dict.fromkeys(f.dtype for f in facts if f is not None))
            msg = f"it says {said} and its inputs are {found}"
            raise ValueError(msg)

    def _op(self, node: Node, kept: list[Statement]) -> None:
        inputs = tuple(self.name(value) for value in node.inputs)
        node = replace(node, inputs=inputs)
        same_as = self.identities.alias(node, inputs, self.facts)
        if same_as is not None:
            self.define_alias(f"{node.name}:0", same_as)
            return
        if node.op == "Reshape" and inputs[0] in self.squeezed:
            node = replace(node, inputs=(self.squeezed[inputs[0]], *inputs[1:]))
        nodes = over_all(self, node, kept)
        nodes = quotient(self, node, kept) if nodes == (node,) else nodes
        if nodes != (node,):
            for one in nodes:
                self._op(one, kept)
            return
        node = self._whole_lists(node)
        facts = self._facts(node)
        if node.op == "Squeeze" and node.name in self.reasons:
            self._set(self.squeezed, f"{node.name}:0", node.inputs[0])
        names = tuple(
            f"{node.name}:{i}" for i in range(max(len(facts), self.used.get(node.name, 1)))
        )
        facts += (Fact("unknown"),) * (len(names) - len(facts))
        for name, fact in zip(names, facts, strict=True):
            self.define(name, fact)
        values = [concrete(fact) for fact in facts]
        if all(value is not None for value in values) and not isinstance(facts[0], ListFact):
            for name, value in zip(names, values, strict=True):
                self._set(self.constants, name, value)
            return
        self._note_count(node)
        if node.op in ("ListSet", "ListScatter", "ListPush"):
            self.learn_elements(node.inputs[0], facts[0])
        kept.append(OpNode(node, names))

    def _facts(self, node: Node) -> tuple[Fact, ...]:
        self.ops.restart(node.name)
        inputs = [self.facts.get(name, Fact("unknown")) for name in node.inputs]
        if is_random(node):
            return self._random(node, inputs)
        try:
            if lists.is_list_op(node.op):
                return lists.facts(self.ops, node, inputs)
            whole = opaque.always(self.ops, node, inputs)
            if whole is not None:
                self.reasons.pop(node.name, None)
                return whole
            arrays = apply(self.ops, node, [AbstractArray(self.ops, fact) for fact in inputs])
        except NotConvertibleError as error:
            told = opaque.fallback(self.ops, node, inputs)
            if told is not None:
                self.reasons.pop(node.name, None)
                return told
            reasons = error.reasons or (Reason(node.name, str(error)),)
            self.reasons[node.name] = reasons[0]
            return self._guess(node)
        except DAMAGE as error:
            text = f"{node.op} does not accept its inputs or attributes ({error})"
            self.reasons[node.name] = Reason(node.name, text)
            return self._guess(node)
        self.reasons.pop(node.name, None)
        return tuple(array.fact for array in arrays)

    def _random(self, node: Node, inputs: Sequence[Fact]) -> tuple[Fact, ...]:
        shape = None
        if inputs and inputs[0].value is not None:
            shape = tuple(as_dim(item) for item in inputs[0].value.ravel())
        self.reasons[node.name] = Reason(
            node.name, f"{node.op} draws random numbers, which no port repeats"
        )
        return (Fact(str(node.attr("dtype", DType("float32"))), shape),)

    def _guess(self, node: Node) -> tuple[Fact, ...]:
        keys = ("dtype", "DstT", "Tout", "T")
        found = [node.attrs[k] for k in keys if isinstance(node.attrs.get(k), DType)]
        told = "int32" if node.op == "Rank" else str(next(iter(found), "unknown"))
        return (Fact(told),) * self.used.get(node.name, 1)

    # ---- lists -------------------------------------------------------------------------------------------------

    def _note_count(self, node: Node) -> None:
        if node.op != "Range":
            return
        start, limit, delta = (self.facts[name].value for name in node.inputs)
        plain = start is not None and delta is not None and limit is not None
        if plain and as_dim(start.ravel()[0]) == 0 and as_dim(delta.ravel()[0]) == 1:  # type: ignore[union-attr]
            self._set(self.counts, f"{node.name}:0", as_dim(limit.ravel()[0]))  # type: ignore[union-attr]

    def _count(self, name: str) -> Any:
        value = self.facts[name].value if name in self.facts else None
        if value is not None and value.ndim == 1 and value.dtype != object:
            return len(value) if np.array_equal(value, np.arange(len(value))) else None
        return self.counts.get(name)

    def _whole_lists(self, node: Node) -> Node:
        """A gather or scatter of all the items in order is a stack or unstack."""
        if node.op not in ("ListGather", "ListScatter"):
            return node
        count = self._count(node.inputs[1])
        fact = self.facts.get(node.inputs[0])
        size = getattr(fact, "size", None)
        if count is None or size is None or count != size:
            return node
        if node.op == "ListGather":
            return replace(node, op="ListStack", inputs=node.inputs[:1])
        tensor = self.facts.get(node.inputs[2])
        if tensor is not None and tensor.shape is not None and tensor.shape[0] == size:
            return replace(node, op="ListUnstack", inputs=node.inputs[2:])
        return node

    # ---- conditionals ------------------------------------------------------------------------------------------

    def _conditional(self, statement: Conditional, kept: list[Statement]) -> None:
        predicate = self.name(statement.predicate)
        value = concrete(self.facts.get(predicate, Fact("bool")))
        if value is not None:
            taken = statement.then if bool(value) else statement.otherwise
            kept += self.run(taken.statements)
            for name, result in zip(statement.outputs, taken.outputs, strict=True):
                self.define_alias(name, self.name(result))
            return
        statement = pinned(self, statement, predicate, kept)
        sides = []
        for side in (statement.then, statement.otherwise):
            statements = self.run(side.statements)
            sides.append(SubProgram((), tuple(statements), tuple(map(self.name, side.outputs))))
        places = []
        for i, name in enumerate(statement.outputs):
            a, b = sides[0].outputs[i], sides[1].outputs[i]
            if a == b:
                self.define_alias(name, a)
            else:
                places.append(i)
                self.define(
                    name, joined(self.facts[a], self.facts[b], name.replace(":0", ""), _never)
                )
        if places:
            then, otherwise = (
                SubProgram((), s.statements, tuple(s.outputs[i] for i in places)) for s in sides
            )
            names = tuple(statement.outputs[i] for i in places)
            kept.append(Conditional(statement.name, predicate, then, otherwise, names))

    def learn_elements(self, name: str, after: Fact) -> None:
        """An empty list's element shape is that of the items the loop writes."""
        fact = self.facts[name]
        if (
            isinstance(fact, ListFact)
            and fact.shape is None
            and after.shape is not None
            and fact.size is not None
        ):
            self.define(
                name, lists.of_elements(fact.dtype, fact.size, after.shape[1:], fact.dynamic)
            )


DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a node raises that lacks inputs, or has them of the wrong kind."""
DTYPES = frozenset(
    "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string".split()
)
_ABSENT: Any = object()


def _never(size: Size) -> bool:
    return False

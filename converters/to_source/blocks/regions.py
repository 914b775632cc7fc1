"""Which statements of a program become a class of the source: those a functional model cannot hold, and what only they read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from converters.lift.lists import is_list_op
from converters.program import Conditional, Loop, OpNode, Recurrence, Statement, defined
from converters.to_keras.context import Context
from reference.vocabulary.abstract.sizes import Size

PASSED_ON = (
    "Transpose Reshape Cast Squeeze ExpandDims StridedSlice GatherTree ListStack Identity Max Shape Pack ArgMax "
    "TensorArraySize ListSize Slice Sub AddV2 Add Minimum Maximum"
).split()  # fmt: skip
"""What is done to the results of a loop before others read them."""

HEAVY = (
    "MatMul",
    "BatchMatMul",
    "BatchMatMulV2",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "BiasAdd",
    "GatherV2",
    "Gather",
    "ResourceGather",
)
"""What a layer of Keras does outside."""


@dataclass(eq=False)
class Region:
    """One class to be.

    Args:
        statements: in the order of the program.
    """

    statements: list[Statement] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    """Values computed outside."""
    known: list[str] = field(default_factory=list)
    """Values that are known: weights and numbers."""
    sized: list[str] = field(default_factory=list)
    """Values that are known but for the sizes of the inputs."""
    outputs: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The node it is named after."""
        control = [s for s in self.statements if isinstance(s, Loop | Conditional)]
        one: Statement = control[0] if control else self.statements[-1]
        return one.node.name if isinstance(one, OpNode) else one.name


def is_control(statement: Statement | None, /) -> bool:
    """Whether only a function can say it."""
    if isinstance(statement, OpNode):
        return is_list_op(statement.node.op)
    return isinstance(statement, Loop | Conditional)


def regions(context: Context, hard: Collection[str], /) -> list[Region]:
    """The classes of a program.

    Args:
        hard: nodes that ask for sizes which a functional model does not know.
    """
    return _Regions(context, hard).found


class _Regions:
    """The work of :func:`regions`, statement by statement; indices are places among the live ones."""

    def __init__(self, context: Context, hard: Collection[str]) -> None:
        self.context = context
        self.live = list(context.live)
        self.made = {name: k for k, s in enumerate(self.live) for name in defined(s)}
        self.below = [self._needs(s) for s in self.live]
        self.readers: dict[int, list[int]] = {}
        for k, needs in enumerate(self.below):
            for j in needs:
                self.readers.setdefault(j, []).append(k)
        self.final = {self.made[v] for v in context.outputs.values() if v in self.made}
        first = {k for k, s in enumerate(self.live) if self._is_hard(s, hard)}
        self.core = self._between(first)
        self.home: dict[int, Region] = {}
        self._components()
        self._absorb()
        self._pass_on()
        self.found = list(dict.fromkeys(self.home[k] for k in sorted(self.home)))
        for k in sorted(self.home):
            self.home[k].statements.append(self.live[k])
        for region in self.found:
            self._edges(region)

    def _needs(self, statement: Statement) -> list[int]:
        """The statements it reads, those of known values left out."""
        found = dict.fromkeys(
            self.made[name]
            for name in statement.inputs
            if name in self.made and self.context.known(name) is None
        )
        return list(found)

    def _is_hard(self, s: Statement, hard: Collection[str]) -> bool:
        if all(self.context.known(name) is not None for name in defined(s)):
            return False
        return is_control(s) or (isinstance(s, OpNode) and s.node.name in hard)

    def _between(self, first: set[int]) -> set[int]:
        """And the ops that lead from one to another."""
        after: set[int] = set()
        for k, needs in enumerate(self.below):
            if isinstance(self.live[k], OpNode) and any(j in first or j in after for j in needs):
                after.add(k)
        before: set[int] = set()
        for k in reversed(range(len(self.live))):
            if k in first or k in before:
                before |= {j for j in self.below[k] if isinstance(self.live[j], OpNode)}
        return first | (after & before)

    def _components(self) -> None:
        """Of one stage: what leaves the core and comes back to it is another class."""
        stage: list[int] = []
        for k, needs in enumerate(self.below):
            extra = k not in self.core
            stage.append(max((stage[j] + (extra and j in self.core) for j in needs), default=0))
        parent = {k: k for k in self.core}

        def root(k: int) -> int:
            while parent[k] != k:
                k = parent[k]
            return k

        for k in self.core:
            for j in self.below[k]:
                if j in parent and stage[j] == stage[k]:
                    parent[root(j)] = root(k)
        made: dict[int, Region] = {}
        for k in sorted(self.core):
            self.home[k] = made.setdefault(root(k), Region())

    def _absorb(self) -> None:
        """What only one class reads, from its inputs down to layers."""
        for k in reversed(range(len(self.live))):
            if k in self.home or k in self.final or not self.readers.get(k):
                continue
            homes = {id(self.home[r]): self.home[r] for r in self.readers[k] if r in self.home}
            alone = len(homes) == 1 and all(r in self.home for r in self.readers[k])
            if alone and self._comes_inside(k, next(iter(homes.values()))):
                self.home[k] = next(iter(homes.values()))

    def _comes_inside(self, k: int, region: Region) -> bool:
        one = self.live[k]
        if not isinstance(one, OpNode) or self._is_view(one, k):
            return False
        if one.node.op == "Reshape":
            # A layer outside gives its rows as they are wanted, not flattened.
            for j in self.below[k]:
                product = self.live[j]
                if isinstance(product, OpNode) and self._is_heavy(product):
                    return len(self.readers[j]) > 1 or self._comes_inside(j, region)
        if not self._is_heavy(one):
            return True
        table = {name for name in one.inputs if self.context.variable(name)}
        members = [s for j, s in enumerate(self.live) if self.home.get(j) is region]
        if one.node.op.startswith("Gather") and table & _reads(members):
            return True
        # The keys of an attention: what they are made of is read inside too.
        sources = self._sources(k)
        others = [r for j in sources for r in self.readers.get(j, ()) if r not in self._weighing(k)]
        return bool(others) and all(self.home.get(r) is region for r in others)

    def _is_heavy(self, one: OpNode) -> bool:
        known = any(self.context.variable(name) for name in one.inputs)
        return known and (one.node.op in HEAVY or one.node.op.startswith("Conv"))

    def _sources(self, k: int) -> list[int]:
        """What a product is made of, behind reshapes of its own."""
        found = []
        for j in self.below[k]:
            while (
                isinstance(s := self.live[j], OpNode)
                and s.node.op in ("Reshape", "Transpose", "Identity")
                and len(self.readers[j]) == 1
                and self.below[j]
            ):
                j = self.below[j][0]
            found.append(j)
        return found

    def _weighing(self, k: int) -> set[int]:
        """A product and the reshapes in front of it."""
        found, stack = {k}, list(self.below[k])
        while stack:
            j = stack.pop()
            if len(self.readers[j]) == 1:
                found.add(j)
                stack += self.below[j]
        return found

    def _is_view(self, one: OpNode, k: int) -> bool:
        """Whether it only lays out or joins what recurrences gave."""
        if one.node.op not in ("Transpose", "ConcatV2", "ReverseV2", "Identity"):
            return False
        return bool(self.below[k]) and all(
            isinstance(self.live[j], Recurrence)
            or (
                isinstance(s := self.live[j], OpNode)
                and s.node.op in ("Transpose", "ReverseV2")
                and self._is_view(s, j)
            )
            for j in self.below[k]
        )

    def _pass_on(self) -> None:
        """What only looks at the results of one class."""
        for k, needs in enumerate(self.below):
            one = self.live[k]
            if (
                k in self.home
                or not isinstance(one, OpNode)
                or one.node.op not in PASSED_ON
                or not needs
            ):
                continue
            homes = {id(self.home[j]): self.home[j] for j in needs if j in self.home}
            if (
                len(homes) == 1
                and all(j in self.home for j in needs)
                and self._reads_nothing_else(one)
            ):
                self.home[k] = next(iter(homes.values()))

    def _reads_nothing_else(self, one: OpNode) -> bool:
        return all(name in self.made or self.context.known(name) is not None for name in one.inputs)

    def _is_size(self, name: str, told: set[str]) -> bool:
        """Whether it is made of sizes that inputs have."""
        dims = self.context.sizes(name)
        if dims is None:
            return False
        return all(one in told for d in dims if isinstance(d, Size) for one in d.names)

    def _edges(self, region: Region) -> None:
        inside = {name for s in region.statements for name in defined(s)}
        reads = dict.fromkeys(
            name for s in region.statements for name in s.inputs if name not in inside
        )
        region.known = [name for name in reads if self.context.known(name) is not None]
        asked = [name for name in reads if self.context.known(name) is None]
        told = {str(d) for name in asked for d in self.context.shape(name) or ()}
        for name in asked:
            dims = self.context.sizes(name) or ()
            lacking = {one for d in dims if isinstance(d, Size) for one in d.names} - told
            more = [
                v
                for v in self.context.program.inputs
                if lacking & {str(d) for d in self.context.shape(v) or ()}
            ]
            if lacking and more and more[0] not in asked:
                asked.append(more[0])
                told |= {str(d) for d in self.context.shape(more[0]) or ()}
        region.sized = [name for name in asked if self._is_size(name, told)]
        region.inputs = [name for name in asked if name not in region.sized]
        outside: set[str] = set(self.context.outputs.values())
        members = set(map(id, region.statements))
        for s in self.live:
            if id(s) not in members:
                outside |= set(s.inputs) | {self.context.resolve(name) for name in s.inputs}
        region.outputs = [name for s in region.statements for name in defined(s) if name in outside]


def _reads(statements: Sequence[Statement]) -> set[str]:
    """The values that statements read, those that loops capture too."""
    return {name for s in statements for name in s.inputs}

"""Runs plans."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from converters import tf_ops
from converters.graph import Function, FunctionRef, Graph, Node, split_tensor
from converters.oracle.contexts import Contexts
from converters.oracle.handlers import HANDLERS
from converters.oracle.planning import AnyStep, LoopStep, Planner, Step, planned
from converters.oracle.values import DEAD, Drawn, Uncertain, combine, from_draw
from reference.errors import (
    ArtefactError,
    NotConvertibleError,
    RnnportError,
    SemanticsError,
    UsageError,
)
from reference.vocabulary.numpy_ops import NumpyOps

MAX_DEPTH = 64
"""Functions inside functions."""
MAX_ELEMENTS = 10_000_000
"""Elements a TensorArray or list may have: a hostile file can ask for any number."""

Env = dict[str, Any]


class Machine:
    """One run of one graph."""

    def __init__(
        self,
        graph: Graph,
        fed: Collection[str],
        *,
        widen: bool,
        perturb: int | None,
        max_iterations: int,
        tables: Mapping[str, Mapping[Any, Any]],
        assets: Mapping[str, Any],
        initializers: Collection[str],
    ) -> None:
        self.graph, self.tables, self.assets = graph, tables, assets
        self.initializers = frozenset(initializers)
        self.ops, self.seed, self.max_iterations = NumpyOps(widen=widen), perturb, max_iterations
        self.contexts = Contexts(graph.nodes, fed)
        self.feeds: Env = {}
        self.filled: dict[str, dict[Any, Any]] = {}
        self.watched: dict[str, list[Any]] = {}
        self._weights: dict[int, tuple[Any, np.ndarray]] = {}
        self._plans: dict[tuple[str, frozenset[str]], list[AnyStep]] = {}
        self._depth = 0
        self.place = ""
        """Where the function that runs now was called from: what :meth:`call` puts before the names of its tensors."""
        self.inner_watch: frozenset[str] = frozenset()

    # -- values -------------------------------------------------------------------------------
    def weight(self, name: str, value: np.ndarray) -> np.ndarray:
        """A constant or a variable, widened and perturbed once."""
        if id(value) not in self._weights:
            self._weights[id(value)] = (value, self.perturbed(name, value))
        return self._weights[id(value)][1]

    def perturbed(self, name: str, value: np.ndarray) -> np.ndarray:
        """The value, each float multiplied by 1 + 2^-24 or 1 - 2^-24 (float16: 2^-11).

        Rank 0 stays: a keep_prob of 1 must be 1, an epsilon or a forget bias is no weight.
        """
        wide = self.ops.array(value)
        if self.seed is None or wide.ndim == 0 or wide.dtype.kind != "f":
            return wide
        unit = {"float16": 2.0**-11, "float64": 2.0**-53}.get(
            np.asarray(value).dtype.name, 2.0**-24
        )
        draw = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        signs = draw.integers(0, 2, wide.shape) * 2 - 1
        return np.asarray(wide * (1.0 + unit * signs))

    def bounded(self, node: Node, count: int) -> int:
        """A number of elements.

        Raises:
            SemanticsError: it is negative or absurd.
        """
        if not 0 <= count <= MAX_ELEMENTS:
            msg = f"node {node.name!r}: {count} elements; 0 to {MAX_ELEMENTS} are possible"
            raise SemanticsError(msg)
        return count

    def iterations(self, name: str) -> Iterator[int]:
        """0, 1, … for a loop.

        Raises:
            UsageError: the loop does not end within ``max_iterations``.
        """
        yield from range(self.max_iterations + 1)
        msg = f"while loop {name!r} did not end within {self.max_iterations} iterations: raise max_iterations"
        raise UsageError(msg)

    # -- running ------------------------------------------------------------------------------
    def evaluate(self, targets: Sequence[str], watch: Collection[str] = ()) -> list[Any]:
        """Values of tensors of the graph, given ``feeds``."""
        own = [t for t in watch if split_tensor(t)[0] in self.graph.nodes]
        self.inner_watch |= frozenset(watch) - frozenset(own)
        steps = planned(self.graph.nodes, self.contexts, self.feeds, targets, own)
        env = dict(self.feeds)
        self.run(steps, env)
        return [env[tensor] for tensor in targets]

    def call(
        self, node: Node, ref: FunctionRef | str, args: Sequence[Any], part: str = ""
    ) -> tuple[Any, ...]:
        """The results of a function of the graph's library.

        Its tensors are watched as ``<node><part>/<tensor>``, the names they have in a lifted Program; the arguments of a While's function as
        ``<node><part>/|<number>:0``.
        """
        name = ref.name if isinstance(ref, FunctionRef) else str(ref)
        function = self.graph.functions.get(name)
        if function is None:
            msg = f"node {node.name!r} calls the function {name!r}, which is not in the graph"
            raise ArtefactError(msg)
        if len(args) != len(function.inputs):
            msg = f"node {node.name!r}: {len(args)} arguments for {name!r}, which takes {len(function.inputs)}"
            raise ArtefactError(msg)
        if self._depth >= MAX_DEPTH:
            msg = f"node {node.name!r}: functions call each other more than {MAX_DEPTH} deep"
            raise ArtefactError(msg)
        names = [f"{argument}:0" for argument, _ in function.inputs]
        results = [tensor for _, tensor in function.outputs]
        outside, self.place = self.place, f"{self.place}{node.name}{part}/"
        watch = self._watched_here(function, args)
        key = (name, watch)
        if key not in self._plans:
            contexts = Contexts(function.nodes, names)
            self._plans[key] = Planner(function.nodes, contexts, names, results, watch).plan()
        env = dict(zip(names, args, strict=True))
        self._depth += 1
        self.run(self._plans[key], env)
        self._depth -= 1
        self.place = outside
        return tuple(env[tensor] for tensor in results)

    def _watched_here(self, function: Function, args: Sequence[Any]) -> frozenset[str]:
        """The tensors of a function's own nodes to watch; its arguments are recorded at once."""
        if not self.inner_watch:
            return frozenset()
        here = [t[len(self.place) :] for t in self.inner_watch if t.startswith(self.place)]
        for number, value in enumerate(args):
            name = f"|{number}:0"
            if name in here and value is not DEAD:
                self.watched.setdefault(f"{self.place}{name}", []).append(value)
        return frozenset(t for t in here if split_tensor(t)[0] in function.nodes)

    def run(self, steps: Sequence[AnyStep], env: Env) -> None:
        """Every step in order; values nothing reads any more are dropped."""
        for step in steps:
            if isinstance(step, LoopStep):
                self.loop(step, env)
            else:
                self.step(step, env)
            for tensor in step.free:
                env.pop(tensor, None)

    def step(self, step: Step, env: Env) -> None:
        """One node; its outputs are dead where an input or a guard is."""
        node = step.node
        inputs = [env[tensor] for tensor in node.inputs]
        if self.dead(step, inputs, env):
            env.update((tensor, DEAD) for _, tensor in step.outputs)
            return
        results = self.compute(node, inputs)
        for index, tensor in step.outputs:
            if index >= len(results):
                msg = f"tensor {tensor!r} is needed; node {node.name!r} ({node.op}) has {len(results)} outputs"
                raise ArtefactError(msg)
            env[tensor] = results[index]
        for tensor in step.watched:
            if env[tensor] is not DEAD and not isinstance(env[tensor], Drawn):
                self.watched.setdefault(f"{self.place}{tensor}", []).append(env[tensor])

    def dead(self, step: Step, inputs: list[Any], env: Env) -> bool:
        """Whether a node must not run."""
        if step.node.op not in ("Merge", "RefMerge"):
            for value in inputs:
                if value is DEAD:
                    return True
        for predicate, branch in step.guards:
            value = env[predicate]
            if value is DEAD or bool(value) != bool(branch):
                return True
        return False

    def compute(self, node: Node, inputs: list[Any]) -> tuple[Any, ...]:
        """The outputs of one node; errors name it."""
        try:
            if node.op in HANDLERS:
                return HANDLERS[node.op](self, node, *inputs)
            if node.op in self.graph.functions:
                return self.call(node, node.op, inputs)
            if any(isinstance(value, Uncertain | Drawn) for value in inputs):
                return self.uncertain(node, inputs)
            return tf_ops.apply(self.ops, node, inputs)
        except SemanticsError as error:
            if node.name in str(error):
                raise
            msg = f"node {node.name!r} ({node.op}): {error}"
            raise SemanticsError(msg) from error
        except RnnportError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            # AttributeError: a handle where an array is needed, or the reverse.
            msg = f"node {node.name!r} ({node.op}): {error}"
            raise SemanticsError(msg) from error

    def uncertain(self, node: Node, inputs: list[Any]) -> tuple[Any, ...]:
        """A node with an operand that was drawn: what is certain of its outputs, else one draw's outcome, marked."""
        try:
            return combine(node, inputs)
        except NotConvertibleError:
            return from_draw(node, inputs, lambda given: tf_ops.apply(self.ops, node, given))

    # -- loops --------------------------------------------------------------------------------
    def loop(self, loop: LoopStep, outer: Env) -> None:
        """One while loop, to its end."""
        env: Env = {tensor: outer[tensor] for tensor in loop.reads}
        self.run(loop.once, env)
        sources = [first for _, first, _, _ in loop.merges]
        for count in self.iterations(loop.name):
            values = [env[tensor] for tensor in sources]
            for (node, _, _, place), value in zip(loop.merges, values, strict=True):
                env[f"{node.name}:0"] = value
                env[f"{node.name}:1"] = np.array(1 - place if count else place, np.int32)
            for tensor in loop.watched:
                self.watched.setdefault(f"{self.place}{tensor}", []).append(env[tensor])
            self.run(loop.head, env)
            go_on = env[loop.condition]
            if go_on is DEAD or not truth(loop.name, go_on):
                break
            self.run(loop.body, env)
            sources = [after for _, _, after, _ in loop.merges]
        if go_on is DEAD:
            outer.update(dict.fromkeys(loop.exports, DEAD))
            return
        self.run(loop.leave, env)
        outer.update((tensor, env[tensor]) for tensor in loop.exports)


def truth(name: str, value: Any) -> bool:
    """The value of a loop's condition.

    Raises:
        SemanticsError: it is not one bool.
    """
    if np.shape(value) != ():
        msg = f"while loop {name!r}: its condition has the shape {np.shape(value)}, not ()"
        raise SemanticsError(msg)
    return bool(value)

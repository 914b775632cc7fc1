"""A TF1 graph to a Program: control flow to Loops and Conditionals, TensorArrays to lists, constants folded, dead code gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from converters.graph import Artefact, Graph, Node, split_tensor
from converters.lift import tables
from converters.lift.array_flows import check_arrays
from converters.lift.dead import keep_live
from converters.lift.declared import declared
from converters.lift.dropout import dropout_placeholders
from converters.lift.dropout_branches import dropout_switches
from converters.lift.freezing import frozen_value
from converters.lift.grown_lists import grow_on_demand
from converters.lift.homes import ROOT, Homes
from converters.lift.known import settle_predicates
from converters.lift.names import tensor_name
from converters.lift.ranks import infer, is_ambiguous, stated
from converters.lift.refusals import refuse, refuse_complex
from converters.lift.regions import Regions
from converters.lift.specialise import DAMAGE, Specialiser
from converters.lift.work import VARIABLES, Work
from converters.program import Conditional, Loop, OpNode, Program, Statement
from reference.errors import ArtefactError, RnnportError
from reference.vocabulary.abstract import Fact, unknown
from reference.vocabulary.abstract.sizes import as_static


def structure(
    graph: Graph,
    /,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    input_facts: Mapping[str, Fact] | None = None,
    ranks: Mapping[str, int] | None = None,
    freeze: Mapping[str, Any] | None = None,
    artefact: Artefact | None = None,
    strict: bool = True,
) -> Program:
    """The Program that computes ``outputs`` from ``inputs``.

    Args:
        inputs: tensors to cut the graph at, in the order the port takes them; any tensors.
        outputs: any tensors outside loops.
        input_facts: what is known of the inputs, where the graph does not say it.
        ranks: the number of axes of inputs, as they were fed; taken where the graph does not state a shape.
        freeze: tensors to fix, by name, with their values.
        artefact: for table initialisers and assets.
        strict: False leaves ops that cannot be ported in the Program instead of refusing.

    Raises:
        UsageError: a name is unknown, an output needs a placeholder that is no input, or an input is not needed.
        ArtefactError: a variable has no value, or the graph is damaged.
        NotConvertibleError: with every reason; only where ``strict``.
    """
    inputs = [tensor_name(graph, name) for name in inputs]
    outputs = [tensor_name(graph, name) for name in outputs]
    fixed = {
        tensor_name(graph, name): _frozen(graph, name, v) for name, v in (freeze or {}).items()
    }
    reported: dict[str, Any] = {name: _plain(value) for name, value in fixed.items()}
    work = Work(graph, [name for name in inputs if name not in fixed], fixed)
    with _damage_named():
        tables.attach(work, artefact)
        reported |= _freeze_dropout(work, graph, inputs, outputs)
        inputs = [name for name in inputs if name not in work.frozen]
        reached = settle_predicates(work, outputs)
        reached = grow_on_demand(work, outputs, reached)
        homes = Homes(work, reached)
        check_arrays(work, reached)
        regions = Regions(work, homes, reached)
        statements, names = regions.build(outputs, ROOT, {})
        facts = _input_facts(graph, inputs, input_facts or {}, ranks or {})
        special = Specialiser(work, facts, regions.used)
        kept = special.run(statements)
        results = _results(special, outputs, names, kept)
        final, live = keep_live(kept, results)
        if strict:
            refuse_complex(graph, outputs)
            refuse(special, final, results, facts)
        return _program(special, facts, final, live, results, reported)


@contextmanager
def _damage_named() -> Iterator[None]:
    """A node without the inputs or attributes of its op is the file's fault, never a traceback."""
    try:
        yield
    except RnnportError:
        raise
    except DAMAGE as error:
        msg = (
            f"the graph is damaged: a node lacks inputs or attributes that its op needs ({error!r})"
        )
        raise ArtefactError(msg) from error


def _freeze_dropout(
    work: Work, graph: Graph, inputs: Sequence[str], outputs: Sequence[str]
) -> dict[str, Any]:
    """Fix the placeholders that only set dropout; they need not be inputs, and are none afterwards."""
    placeholders = [f"{n.name}:0" for n in graph.nodes.values() if n.op == "Placeholder"]
    everything = Work(graph, [*inputs, *placeholders], work.frozen)
    reached = everything.reach(outputs)
    found: dict[str, Any] = dropout_placeholders(everything, reached)
    found |= dropout_switches(everything, reached)
    found = {name: value for name, value in found.items() if name not in work.frozen}
    for name, value in found.items():
        dtype = graph.nodes[split_tensor(name)[0]].attr("dtype")
        work.frozen[name] = np.asarray(value, str(dtype))
    work.inputs = frozenset(name for name in work.inputs if name not in found)
    return dict(found)


def _frozen(graph: Graph, name: str, value: Any) -> np.ndarray:
    tensor = tensor_name(graph, name)
    node = graph.nodes[split_tensor(tensor)[0]]
    dtype = node.attrs.get("dtype") or _interior_fact(graph, tensor).dtype
    return frozen_value(graph, tensor, value, str(dtype))


def _plain(value: np.ndarray) -> Any:
    return value.item() if value.ndim == 0 else value.tolist()


def _input_facts(
    graph: Graph, inputs: Sequence[str], told: Mapping[str, Fact], ranks: Mapping[str, int]
) -> dict[str, Fact]:
    """dtype and shape of the inputs: as the caller or the graph states them, else as the recording and the ops that read them have it."""
    facts = {name: told.get(name) or _input_fact(graph, name) for name in inputs}
    if all(fact.shape is not None for fact in facts.values()):
        return facts
    known = {n: tuple(as_static(f.shape)) for n, f in facts.items() if f.shape is not None}
    fed = {n: (None,) * ranks[n] for n, f in facts.items() if f.shape is None and n in ranks}
    found = infer(graph, {**known, **fed})
    for name, fact in facts.items():
        if fact.shape is None:
            dims = found.get(name)
            if dims is None and _is_scalar(graph, name):
                dims = ()
            facts[name] = Fact(fact.dtype, None if dims is None else _named(name, dims))
    return facts


def _input_fact(graph: Graph, tensor: str) -> Fact:
    """dtype and shape as the graph states them; unknown sizes are named ``<tensor>.<axis>``."""
    node = graph.nodes[split_tensor(tensor)[0]]
    if node.op not in ("Placeholder", "PlaceholderWithDefault", "PlaceholderWithDefaultV2"):
        return _interior_fact(graph, tensor)
    dims = stated(graph, tensor)
    return Fact(str(node.attr("dtype")), None if dims is None else _named(tensor, dims))


def _is_scalar(graph: Graph, tensor: str) -> bool:
    """Whether a placeholder that says so, in a graph of old, is a scalar: nothing that reads it wants axes."""
    node = graph.nodes[split_tensor(tensor)[0]]
    return is_ambiguous(graph, node) and not _used_as_tensor(graph, tensor)


_TENSOR_OPS = frozenset(
    "MatMul BatchMatMul BatchMatMulV2 Conv2D BiasAdd Shape Transpose StridedSlice Slice ConcatV2 Concat Split SplitV Unpack ReverseSequence ReverseV2 "
    "Reshape Rank Size GatherNd Softmax ArgMax Max".split()
)


def _used_as_tensor(graph: Graph, tensor: str) -> bool:
    """Whether an op that is no use on a scalar reads it."""
    seen = {tensor}
    for node in graph.nodes.values():  # the file's order is topological but for loops
        if any(t in seen for t in node.inputs):
            if node.op in _TENSOR_OPS:
                return True
            if node.op in ("Identity", "Enter", "Switch"):
                seen |= {f"{node.name}:0", f"{node.name}:1"}
    return False


def _named(tensor: str, dims: Iterable[Any]) -> tuple[Any, ...]:
    head = tensor[:-2] if tensor.endswith(":0") else tensor.replace(":", "_")
    return tuple(
        dim if isinstance(dim, int | np.integer) else unknown(f"{head}.{axis}")
        for axis, dim in enumerate(dims)
    )


def _interior_fact(graph: Graph, tensor: str) -> Fact:
    """What the graph computes there tells the sizes that are fixed."""
    placeholders = [f"{n.name}:0" for n in graph.nodes.values() if n.op == "Placeholder"]
    if tensor in placeholders:
        return Fact("unknown")
    inner = structure(graph, inputs=placeholders, outputs=[tensor], strict=False)
    fact = inner.facts.get(tensor, Fact("unknown"))
    if fact.dtype == "unknown":
        fact = declared(graph, tensor) or fact
    return Fact(fact.dtype, None if fact.shape is None else _named(tensor, fact.shape))


def _results(
    special: Specialiser, outputs: Sequence[str], names: Sequence[str], kept: list[Statement]
) -> tuple[str, ...]:
    """Every output under the name the user gave it: an alias gets an Identity."""
    for output, name in zip(outputs, names, strict=True):
        value = special.name(name)
        if value == output or output in special.facts:
            continue
        if value in special.constants:
            special.constants[output] = special.constants[value]
        else:
            kept.append(OpNode(Node(split_tensor(output)[0], "Identity", (value,)), (output,)))
        special.facts[output] = special.facts[value]
    return tuple(outputs)


def _program(
    special: Specialiser,
    inputs: Mapping[str, Fact],
    statements: tuple[Statement, ...],
    live: set[str],
    outputs: tuple[str, ...],
    frozen: Mapping[str, Any],
) -> Program:
    constants = {name: value for name, value in special.constants.items() if name in live}
    variables = {}
    for name in constants:
        node = special.work.nodes.get(split_tensor(name)[0])
        if (
            node is not None
            and name not in special.work.frozen
            and node.op in VARIABLES | {"Const"}
        ):
            variables[name] = node.name
    names = (
        {n for s in statements for n in _defined_inside(s)}
        | set(inputs)
        | set(constants)
        | set(outputs)
    )
    facts = {name: special.facts[name] for name in special.facts if name in names}
    return Program(dict(inputs), outputs, statements, constants, variables, facts, dict(frozen))


def _defined_inside(statement: Statement) -> set[str]:
    found: set[str] = set()
    stack = [statement]
    while stack:
        s = stack.pop()
        if isinstance(s, Loop):
            found |= {*s.outputs, *s.condition.inputs, *s.body.inputs}
            stack += [*s.condition.statements, *s.body.statements]
        elif isinstance(s, Conditional):
            found |= set(s.outputs)
            stack += [*s.then.statements, *s.otherwise.statements]
        elif isinstance(s, OpNode):
            found |= set(s.outputs)
    return found

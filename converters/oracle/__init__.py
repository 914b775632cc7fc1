"""The raw graph, as read, interpreted by NumPy: the oracle of every verdict.

Loop frames, dead branches, TensorArrays and function libraries run as they stand in the file. Nothing is lifted and nothing is
folded, so a wrong lift cannot agree with itself. Only the op functions and ``NumpyOps`` are shared with the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from converters.graph import Function, FunctionRef, Graph, Node, split_tensor
from converters.oracle import flow, state, tensor_arrays, tensor_lists  # noqa: F401  (fill HANDLERS)
from converters.oracle.machine import MAX_DEPTH, Machine
from converters.oracle.values import DEAD, Drawn, Uncertain
from reference.errors import ArtefactError, SemanticsError, UsageError

__all__ = ["run"]


def run(
    graph: Graph,
    feeds: Mapping[str, np.ndarray],
    outputs: Sequence[str],
    *,
    widen: bool = False,
    perturb: int | None = None,
    watch: Sequence[str] = (),
    tables: Mapping[str, Mapping[Any, Any]] | None = None,
    assets: Mapping[str, Any] | None = None,
    initializers: Collection[str] = (),
    max_iterations: int = 1_000_000,
) -> dict[str, Any]:
    """Values of ``outputs`` (and of ``watch``) by the names given.

    Args:
        feeds: any tensors of the graph; what they depend on does not run.
        widen: compute in float64 where the graph computes in float32 or float16.
        perturb: a seed; every float constant, variable and feed of rank >= 1 is multiplied by
            1 + 2^-24 or 1 - 2^-24 (float16: 2^-11), but for feeds of whole numbers. Implies ``widen``.
        watch: further tensors. One inside a loop comes as a list with an array per iteration it was alive
            in, stacked on axis 0 where all have one shape. One inside a function is named as in a lifted Program:
            ``while/body/add:0``, ``while/body/|2:0`` (an argument), ``call/mul:0``, ``cond/then_branch/add:0``.
        tables: contents of lookup tables by node name, instead of the graph's own initialisers.
        assets: asset files by base name.
        initializers: node names of the table initialisers to prefer, where there are several.
        max_iterations: no loop may run longer.

    Raises:
        UsageError: a name is unknown, a placeholder is not fed, or a loop does not end.
        ArtefactError: the graph is damaged, or a variable or table that is needed has no value.
        SemanticsError: TensorFlow 1 refuses this run too.
        NotConvertibleError: an op is unknown, refused, or draws random numbers.
    """
    tensors = {name: full_name(graph, name) for name in (*feeds, *outputs)}
    tensors |= {name: inner_name(graph, name) or full_name(graph, name) for name in watch}
    with damage_named(), np.errstate(all="ignore"):
        machine = Machine(
            graph,
            [tensors[name] for name in feeds],
            widen=widen or perturb is not None,
            perturb=perturb,
            max_iterations=max_iterations,
            tables=tables or {},
            assets=assets or {},
            initializers=initializers,
        )
        for name, value in feeds.items():
            tensor = tensors[name]
            array = fed_value(machine, tensor, value)
            if not counts(array):
                array = machine.perturbed(tensor, array)
            machine.feeds[tensor] = machine.ops.array(array)
        wanted = [tensors[name] for name in outputs]
        values = machine.evaluate(wanted, [tensors[name] for name in watch])
    results = {name: finished(name, value) for name, value in zip(outputs, values, strict=True)}
    for name in watch:
        results[name] = seen(machine, tensors[name])
    return results


@contextmanager
def damage_named() -> Iterator[None]:
    """A node without its inputs, or a loop that reads what only a later part computes, is the file's fault.

    Raises:
        ArtefactError: for those.
    """
    try:
        yield
    except KeyError as error:
        msg = f"the graph is damaged: tensor {error.args[0]!r} is read before it is computed"
        raise ArtefactError(msg) from error
    except IndexError as error:
        msg = "the graph is damaged: a node lacks inputs that its op needs"
        raise ArtefactError(msg) from error


def full_name(graph: Graph, name: str) -> str:
    """The tensor's name with its index.

    Raises:
        UsageError: the graph has no such node.
    """
    node, index = split_tensor(name)
    if node not in graph.nodes:
        msg = f"tensor {name!r} is not in the graph: check the name (inspect lists inputs and outputs)"
        raise UsageError(msg)
    return f"{node}:{index}"


def counts(value: np.ndarray) -> bool:
    """Whether a feed holds whole numbers alone: masks, lengths or ids as floats, which no rounding ever touched.

    Moved by one, ``tf.equal(mask, 1)`` and ``tf.cast(tf.reduce_sum(mask, 1), tf.int32)`` would say something else.
    """
    return value.dtype.kind == "f" and bool((value == np.floor(value)).all())


def inner_name(graph: Graph, name: str) -> str | None:
    """The name of a tensor inside functions, with its index; None where it is none."""
    node, index = split_tensor(name)
    if node in graph.nodes or not is_inside(graph, graph.nodes, node, MAX_DEPTH):
        return None
    return f"{node}:{index}"


def is_inside(graph: Graph, nodes: Mapping[str, Node], path: str, depth: int) -> bool:
    """Whether a path leads through calls of functions to a node or an argument."""
    for function, rest in entered(nodes, graph, path) if depth else ():
        argument = rest.removeprefix("|")
        number = (
            int(argument) if argument != rest and argument.isdecimal() else len(function.inputs)
        )
        if rest in function.nodes or number < len(function.inputs):
            return True
        if is_inside(graph, function.nodes, rest, depth - 1):
            return True
    return False


def entered(nodes: Mapping[str, Node], graph: Graph, path: str) -> Iterator[tuple[Function, str]]:
    """Functions that nodes call by which ``path`` can begin, each with the rest of it."""
    for name, node in nodes.items():
        if not path.startswith(f"{name}/"):
            continue
        parts: dict[str, Any] = {f"{key}/": value for key, value in node.attrs.items()}
        branches = node.attrs.get("branches", ())
        parts |= {f"branch_{k}/": ref for k, ref in enumerate(branches)}
        parts[""] = node.attrs.get("f", FunctionRef(node.op))
        inside = path[len(name) + 1 :]
        for part, ref in parts.items():
            function = graph.functions.get(getattr(ref, "name", ""))
            if function is not None and inside.startswith(part):
                yield function, inside[len(part) :]


def fed_value(machine: Machine, tensor: str, value: Any) -> np.ndarray:
    """A feed as the session would take it: in its placeholder's dtype, strings as bytes."""
    array = np.asarray(value)
    if array.dtype.kind in "SU":
        flat = [v if isinstance(v, bytes) else v.encode() for v in array.reshape(-1).tolist()]
        out = np.empty(len(flat), object)
        out[:] = flat
        return out.reshape(array.shape)
    node = machine.graph.nodes[split_tensor(tensor)[0]]
    dtype = node.attr("dtype", None) if node.op.startswith("Placeholder") else None
    if dtype is None or str(dtype) in ("string", "resource", "variant"):
        return array
    # Not widened here: what a feed is perturbed by depends on its dtype in the graph.
    return array.astype(str(dtype), copy=False)


def finished(name: str, value: Any) -> Any:
    """An output that is an array.

    Raises:
        SemanticsError: it lies in a branch that was not taken.
        UsageError: it is a handle.
    """
    if value is DEAD:
        msg = f"tensor {name!r} has no value: it lies in a branch that was not taken"
        raise SemanticsError(msg)
    if isinstance(value, Uncertain | Drawn):
        raise value.refuse()
    if not isinstance(value, np.ndarray | np.generic):
        msg = f"tensor {name!r} is a {type(value).__name__}, not an array: choose another output"
        raise UsageError(msg)
    return np.asarray(value)


def seen(machine: Machine, tensor: str) -> Any:
    """What was recorded of a watched tensor."""
    node = split_tensor(tensor)[0]
    values = machine.watched.get(tensor, [])
    if tensor in machine.feeds:
        return machine.feeds[tensor]
    if node in machine.graph.nodes and not machine.contexts.frame(node):
        return finished(tensor, values[0] if values else DEAD)
    return np.stack(values) if values and len({np.shape(v) for v in values}) == 1 else values

"""Which tensors go in and come out, where the user does not say; and names that are wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from converters.graph import Artefact, Graph, Signature, split_tensor
from reference.errors import UsageError

_PLACEHOLDERS = frozenset(("Placeholder", "PlaceholderWithDefault", "PlaceholderWithDefaultV2"))
_SINKS = (
    "Assign", "AssignAdd", "AssignSub", "AssignVariableOp", "Save", "SaveV2", "SaveSlices", "ShardedFilename",
    "MergeV2Checkpoints", "Restore", "RestoreV2", "NoOp", "Assert", "Print", "MergeSummary",
)  # fmt: skip
_FILES = frozenset(
    (
        "Save",
        "SaveV2",
        "SaveSlices",
        "Restore",
        "RestoreV2",
        "ShardedFilename",
        "StringJoin",
        "MergeV2Checkpoints",
    )
)
_SILENT = frozenset(
    ("Const", "NoOp", "Assert", "VariableV2", "Variable", "VarHandleOp", *_PLACEHOLDERS)
)


def tensor_name(graph: Graph, text: str) -> str:
    """``"a"`` and ``"a:0"`` are ``"a:0"``.

    Raises:
        UsageError: no node is called that; the message names close ones.
    """
    name, index = split_tensor(text)
    if name not in graph.nodes:
        close = difflib.get_close_matches(name, graph.nodes, n=3, cutoff=0.5)
        hint = f"; did you mean {', '.join(close)}?" if close else ""
        msg = f"the graph has no tensor {text!r}{hint}"
        raise UsageError(msg)
    return f"{name}:{index}"


def default_io(
    artefact: Artefact, signature: str | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Inputs and outputs where none are named: the signature's, or the placeholders and what hangs loose.

    Raises:
        UsageError: several signatures and none chosen, or a checkpoint, whose outputs must be named.
    """
    if artefact.signatures:
        chosen = _signature(artefact, signature)
        return tuple(chosen.inputs.values()), tuple(chosen.outputs.values())
    if signature is not None:
        msg = f"{artefact.path} has no signatures; leave --signature out"
        raise UsageError(msg)
    graph = artefact.graph
    found = candidates(graph)
    if artefact.kind == "checkpoint":
        listed = ", ".join(found) or "none found"
        msg = f"--outputs is required for a checkpoint; the candidates are: {listed}"
        raise UsageError(msg)
    if not found:
        msg = f"{artefact.path} has no tensor that depends on a placeholder and is not consumed: name --outputs"
        raise UsageError(msg)
    placeholders = [f"{n.name}:0" for n in graph.nodes.values() if n.op in _PLACEHOLDERS]
    return tuple(needed_by(graph, placeholders, found)), found


def _signature(artefact: Artefact, name: str | None) -> Signature:
    usable = {k: s for k, s in artefact.signatures.items() if s.outputs and not k.startswith("__")}
    if name is None and len(usable) == 1:
        return next(iter(usable.values()))
    if name is None or name not in artefact.signatures:
        listed = ", ".join(sorted(artefact.signatures))
        wrong = "several signatures" if name is None else f"no signature {name!r}"
        msg = f"{artefact.path} has {wrong}; choose one with --signature: {listed}"
        raise UsageError(msg)
    return artefact.signatures[name]


def candidates(graph: Graph) -> tuple[str, ...]:
    """Unconsumed tensors that depend on a placeholder and feed no Assign, Apply*, Save or Summary; in the file's order."""
    consumed: set[str] = set()
    readers: dict[str, list[str]] = {}
    for node in graph.nodes.values():
        for tensor in node.inputs:
            if not _is_sink(node.op):
                consumed.add(split_tensor(tensor)[0])
            readers.setdefault(split_tensor(tensor)[0], []).append(node.name)
    files = _file_names(graph, readers)
    given = {n.name for n in graph.nodes.values() if n.op in _PLACEHOLDERS} - files
    depends = _below(graph, readers, given, frozenset())
    # What lies inside a loop or a branch has no one value outside it.
    loops = _downstream(graph, readers, _ENTERS, _EXITS)
    branches = _downstream(graph, readers, _SWITCHES, _MERGES)
    depends -= loops | {name for name in branches if graph.nodes[name].op not in _EXITS}
    depends = {name for name in depends if graph.nodes[name].op not in _ENTERS | _SWITCHES}
    fed = {
        name for name, found in readers.items() if any(_is_sink(graph.nodes[r].op) for r in found)
    }
    return tuple(
        f"{node.name}:0"
        for node in graph.nodes.values()
        if node.name in depends
        and node.name not in consumed | fed
        and not _is_sink(node.op)
        and node.op not in _SILENT
    )


_ENTERS, _EXITS = frozenset(("Enter", "RefEnter")), frozenset(("Exit", "RefExit"))
_SWITCHES, _MERGES = frozenset(("Switch", "RefSwitch")), frozenset(("Merge", "RefMerge", *_EXITS))


def _downstream(
    graph: Graph,
    readers: Mapping[str, Sequence[str]],
    sources: frozenset[str],
    stops: frozenset[str],
) -> set[str]:
    """What depends on a node of the ops ``sources``, up to and without nodes of the ops ``stops``."""
    names = [n.name for n in graph.nodes.values() if n.op in sources]
    return _below(graph, readers, names, stops)


def _file_names(graph: Graph, readers: Mapping[str, Sequence[str]]) -> set[str]:
    """The placeholders with a Saver's path: what hangs on them is no result (``save/control_dependency``)."""
    found: set[str] = set()
    todo = [n for n in graph.nodes.values() if n.op in _FILES]
    while todo:
        node = todo.pop()
        paths = node.inputs if node.op == "StringJoin" else node.inputs[:1]
        for source in (graph.nodes.get(split_tensor(tensor)[0]) for tensor in paths):
            passes = source is not None and (source.op in _PLACEHOLDERS or source.op in _FILES)
            if source is not None and passes and source.name not in found:
                found.add(source.name)
                todo.append(source)
    return found


def _below(
    graph: Graph,
    readers: Mapping[str, Sequence[str]],
    names: Iterable[str],
    stops: frozenset[str],
) -> set[str]:
    """What depends on these nodes, up to and without nodes of the ops ``stops``."""
    stack = list(names)
    found: set[str] = set()
    while stack:
        for reader in readers.get(stack.pop(), ()):
            if reader not in found and graph.nodes[reader].op not in stops:
                found.add(reader)
                stack.append(reader)
    return found


def _is_sink(op: str) -> bool:
    apply = op.startswith(("Apply", "ResourceApply", "SparseApply", "ResourceSparseApply"))
    return op in _SINKS or apply or op.endswith("Summary") or op.endswith("SummaryV2")


def needed_by(graph: Graph, inputs: Sequence[str], outputs: Iterable[str]) -> list[str]:
    """Those of the inputs that the outputs depend on, in their order."""
    stops = {split_tensor(t)[0] for t in inputs}
    seen: set[str] = set()
    stack = [split_tensor(t)[0] for t in outputs]
    while stack:
        name = stack.pop()
        if name in seen or name not in graph.nodes:
            continue
        seen.add(name)
        if name not in stops:
            stack += [split_tensor(t)[0] for t in graph.nodes[name].inputs]
    return [t for t in inputs if split_tensor(t)[0] in seen]


def io_of(
    source: Artefact | Graph,
    signature: str | None,
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """As :func:`default_io`, where only one side may be missing; a bare Graph counts as frozen."""
    graph = source.graph if isinstance(source, Artefact) else source
    if outputs is None or (inputs is None and isinstance(source, Artefact) and source.signatures):
        artefact = (
            source if isinstance(source, Artefact) else Artefact(Path("graph"), "frozen", graph, "")
        )
        found = default_io(artefact, signature)
        return tuple(inputs or found[0]), tuple(outputs or found[1])
    if inputs is None:
        placeholders = [f"{n.name}:0" for n in graph.nodes.values() if n.op in _PLACEHOLDERS]
        inputs = needed_by(graph, placeholders, [tensor_name(graph, name) for name in outputs])
    return tuple(inputs), tuple(outputs)

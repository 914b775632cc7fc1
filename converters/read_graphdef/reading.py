"""``read``: a path to an :class:`~converters.graph.Artefact`, whatever its form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from converters.graph import Artefact
from converters.read_graphdef.digest import digest_bytes, digest_files
from converters.read_graphdef.frozen import classify, read_bytes
from converters.read_graphdef.graphs import read_graph
from converters.read_graphdef.metagraph import (
    find_assets,
    find_initializers,
    read_collections,
    read_signatures,
)
from converters.read_graphdef.places import find_form
from converters.read_graphdef.tensors import MAX_TENSOR, TensorDecoder
from reference.errors import ArtefactError, UsageError


def read(path: Path | str, *, tags: str | None = None, max_tensor: int = MAX_TENSOR) -> Artefact:
    """The artefact at ``path``: a frozen graph, a SavedModel folder, or a checkpoint prefix.

    Values of variables are read when they are looked up (``artefact.graph.variables``), so that
    a lookup may raise :class:`ArtefactError`; a variable without a value is not in that mapping.

    Parameters
    ----------
    path
        A ``.pb`` or ``.pbtxt`` file; a SavedModel folder or the file in it; a checkpoint prefix,
        one of its files, or a folder whose ``checkpoint`` file names the latest.
    tags
        Which MetaGraph of a SavedModel: its tags, comma separated. Left out: ``serve``, or the
        only one there is.
    max_tensor
        Bytes of the largest tensor that is read, and of all that repeated values may expand to.

    Raises
    ------
    UsageError
        Nothing is at ``path``, or ``tags`` fits no MetaGraph or is needed and missing.
    ArtefactError
        A file is damaged, hostile, missing or of another kind; the sentence says which.
    """
    path = Path(path)
    try:
        form, place = find_form(path)
        if form == "saved_model":
            return _saved_model(path, place, tags, max_tensor)
        if tags is not None:
            msg = f"{path} is not a SavedModel: tags {tags!r} choose nothing in it"
            raise UsageError(msg)
        return (_checkpoint if form == "checkpoint" else _file)(path, place, max_tensor)
    except (MemoryError, RecursionError) as error:
        msg = f"{path} is too large or too deeply nested to be read"
        raise ArtefactError(msg) from error


def _file(path: Path, place: Path, max_tensor: int) -> Artefact:
    data = read_bytes(place)
    kind, message = classify(data, place)
    sha256 = digest_bytes(data)
    del data  # the message holds a copy of it, and the decoded tensors will be another
    if kind == "GraphDef":
        graph = read_graph(message, TensorDecoder(max_tensor), place.name)
        return Artefact(
            path, "frozen", graph, sha256, initializers=find_initializers(graph, None, {})
        )
    note = f"{place.name} is a {kind}, read without values for its variables"
    meta = message
    if kind == "SavedModel":
        meta = _choose(message, None, place)
    artefact = _with_meta(path, "frozen", meta, sha256, max_tensor)
    return replace(artefact, notes=(note, *artefact.notes))


def _checkpoint(path: Path, prefix: Path, max_tensor: int) -> Artefact:
    from converters.read_checkpoint.opening import checkpoint_files

    place = prefix.with_name(prefix.name + ".meta")
    kind, meta = classify(read_bytes(place), place)
    if kind != "MetaGraphDef":
        msg = f"{place} is a {kind}, not the MetaGraphDef of a checkpoint"
        raise ArtefactError(msg)
    sha256 = digest_files({place.name: place, **checkpoint_files(prefix)})
    artefact = _with_meta(path, "checkpoint", meta, sha256, max_tensor)
    return _with_variables(artefact, prefix, meta, max_tensor)


def _saved_model(path: Path, place: Path, tags: str | None, max_tensor: int) -> Artefact:
    folder = place.parent
    kind, message = classify(read_bytes(place), place)
    if kind != "SavedModel":
        msg = f"{place} is a {kind}, not a SavedModel; rename it to read it as a single file"
        raise ArtefactError(msg)
    meta = _choose(message, tags, place)
    files = {place.name: place}
    for name in ("variables", "assets"):
        found = sorted((folder / name).rglob("*")) if (folder / name).is_dir() else []
        files.update({p.relative_to(folder).as_posix(): p for p in found if _own(p, folder)})
    artefact = _with_meta(path, "saved_model", meta, digest_files(files), max_tensor)
    assets, tensors, notes = find_assets(meta, folder)
    artefact = replace(
        artefact, assets=assets, asset_tensors=tensors, notes=(*artefact.notes, *notes)
    )
    if not (folder / "variables").is_dir():
        return artefact
    return _with_variables(artefact, folder / "variables" / "variables", meta, max_tensor)


def _own(path: Path, folder: Path) -> bool:
    """A regular file; in ``assets`` not one that a link takes from elsewhere."""
    return path.is_file() and (path.parts[len(folder.parts)] != "assets" or not path.is_symlink())


def _choose(message: Any, tags: str | None, place: Path) -> Any:
    sets = [frozenset(meta.meta_info_def.tags) for meta in message.meta_graphs]
    lists = [",".join(sorted(s)) or "(none)" for s in sets]
    shown = "; ".join(tags if tags.isprintable() else ascii(tags) for tags in lists)
    if not sets:
        msg = f"{place} holds no graph"
        raise ArtefactError(msg)
    wanted = frozenset((tags if tags is not None else "serve").replace(" ", "").split(",")) - {""}
    if wanted in sets:
        return message.meta_graphs[sets.index(wanted)]
    if tags is None and len(sets) == 1:
        return message.meta_graphs[0]
    what = f"no graph with the tags {tags!r}" if tags is not None else "several graphs"
    msg = f"{place} has {what}; choose one with --tag: {shown}"
    raise UsageError(msg)


def _with_meta(path: Path, kind: str, meta: Any, sha256: str, max_tensor: int) -> Artefact:
    op_defs = meta.meta_info_def.stripped_op_list.op
    graph = read_graph(meta.graph_def, TensorDecoder(max_tensor), path.name, op_defs)
    collections = read_collections(meta)
    return Artefact(
        path,
        kind,
        graph,
        sha256,
        signatures=read_signatures(meta),
        initializers=find_initializers(graph, meta, collections),
        collections=collections,
    )


def _with_variables(artefact: Artefact, prefix: Path, meta: Any, max_tensor: int) -> Artefact:
    from converters.read_checkpoint import open_checkpoint
    from converters.read_checkpoint.opening import checkpoint_files
    from converters.read_checkpoint.restore import VARIABLE_OPS
    from converters.read_checkpoint.variables import bind_variables

    needed = any(node.op in VARIABLE_OPS for node in artefact.graph.nodes.values())
    if not needed and not checkpoint_files(prefix):
        return artefact
    checkpoint = open_checkpoint(prefix, max_tensor=max_tensor)
    variables, notes = bind_variables(artefact.graph, checkpoint, meta.saver_def.restore_op_name)
    return replace(
        artefact,
        graph=replace(artefact.graph, variables=variables),
        notes=(*artefact.notes, *notes),
    )

"""``read``: a path to an :class:`~converters.graph.Artefact`, whatever its form."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from converters.graph import Artefact
from converters.read_graphdef.digest import digest_bytes
from converters.read_graphdef.frozen import classify, read_bytes
from converters.read_graphdef.graphs import read_graph
from converters.read_graphdef.tensors import MAX_TENSOR, TensorDecoder
from reference.errors import ArtefactError, UsageError

_TABLE_OPS = (
    "InitializeTable",
    "InitializeTableV2",
    "InitializeTableFromTextFile",
    "InitializeTableFromTextFileV2",
)


def read(path: Path | str, *, tags: str | None = None, max_tensor: int = MAX_TENSOR) -> Artefact:
    """The artefact at ``path``: a frozen graph, a SavedModel folder, or a checkpoint prefix.

    Parameters
    ----------
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
        return _read_frozen(path, tags, TensorDecoder(max_tensor))
    except MemoryError as error:
        msg = f"{path} does not fit into memory"
        raise ArtefactError(msg) from error


def _read_frozen(path: Path, tags: str | None, decoder: TensorDecoder) -> Artefact:
    data = read_bytes(path)
    kind, message = classify(data, path)
    graph = read_graph(message, decoder, f"{path.name}")
    initializers = tuple(n.name for n in graph.nodes.values() if n.op in _TABLE_OPS)
    return Artefact(path, "frozen", graph, digest_bytes(data), initializers=initializers)

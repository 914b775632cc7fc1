"""What a MetaGraphDef says beside its graph: signatures, initialisers, collections, assets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any

from converters.graph import Graph, Signature, split_tensor
from converters.read_graphdef.messages import parse
from converters.read_graphdef.nodes import check_name, indexed
from reference.errors import ArtefactError

_INIT_KEYS = ("saved_model_main_op", "legacy_init_op", "table_initializer")
_INIT_SIGNATURE = "__saved_model_init_op"
_TRAIN_SIGNATURE = "__saved_model_train_op"
_TABLE_OPS = (
    "InitializeTable",
    "InitializeTableV2",
    "InitializeTableFromTextFile",
    "InitializeTableFromTextFileV2",
)


def read_signatures(meta: Any) -> MappingProxyType[str, Signature]:
    """The signatures a client may call, by name; without TF's own for initialisation.

    A sparse input ``k`` becomes ``k/values``, ``k/indices`` and ``k/dense_shape``.
    """
    out = {}
    for name in sorted(set(meta.signature_def) - {_INIT_SIGNATURE, _TRAIN_SIGNATURE}):
        proto = meta.signature_def[name]
        check_name(name, "a signature")
        out[name] = Signature(
            name, _tensors(proto.inputs), _tensors(proto.outputs), proto.method_name
        )
    return MappingProxyType(out)


def _tensors(infos: Any) -> MappingProxyType[str, str]:
    out = {}
    for key in sorted(infos):
        info = infos[check_name(key, "an argument of a signature")]
        if info.WhichOneof("encoding") == "coo_sparse":
            sparse = info.coo_sparse
            out[f"{key}/values"] = indexed(sparse.values_tensor_name)
            out[f"{key}/indices"] = indexed(sparse.indices_tensor_name)
            out[f"{key}/dense_shape"] = indexed(sparse.dense_shape_tensor_name)
        elif info.name:
            out[key] = indexed(info.name)
    return MappingProxyType(out)


def read_collections(meta: Any) -> MappingProxyType[str, tuple[str, ...]]:
    """Names by collection: node and tensor names as written, variables by their names.

    Collections of anything else are left out.
    """
    out = {}
    for key in sorted(meta.collection_def):
        collection = meta.collection_def[key]
        kind = collection.WhichOneof("kind")
        if kind == "node_list":
            out[key] = tuple(collection.node_list.value)
        elif kind == "bytes_list" and "variables" in key:
            out[key] = tuple(_variable_names(collection.bytes_list.value))
    return MappingProxyType(out)


def _variable_names(values: Iterable[bytes]) -> Iterable[str]:
    for value in values:
        try:
            name = parse("VariableDef", value, "a variable collection").variable_name
        except ArtefactError:
            # Users may put other messages into collections of their own; names are a convenience.
            continue
        if name:
            yield name


def find_initializers(
    graph: Graph, meta: Any | None, collections: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Nodes that set up tables: those the file names, then every table initialiser op."""
    names: list[str] = []
    for key in _INIT_KEYS:
        names += collections.get(key, ())
    if meta is not None and _INIT_SIGNATURE in meta.signature_def:
        outputs = meta.signature_def[_INIT_SIGNATURE].outputs
        names += [outputs[key].name for key in sorted(outputs)]
    nodes = [split_tensor(name.removeprefix("^"))[0] for name in names]
    nodes += [node.name for node in graph.nodes.values() if node.op in _TABLE_OPS]
    return tuple(name for name in dict.fromkeys(nodes) if name in graph.nodes)


def find_assets(meta: Any, folder: Path) -> tuple[dict[str, Path], dict[str, Path], list[str]]:
    """(by file name, by tensor name, notes) for the assets of a SavedModel in ``folder``.

    Raises
    ------
    ArtefactError
        An asset's name leads out of the SavedModel's ``assets`` folder, also by a link.
    """
    root = folder / "assets"
    files: dict[str, Path] = {}
    tensors: dict[str, Path] = {}
    notes = []
    for asset in _asset_defs(meta):
        name = check_name(asset.filename, f"an asset of {folder}")
        path = root / name
        if _escapes(name) or not _inside(path, root):
            msg = f"{folder}: the asset {name!r} lies outside the SavedModel's own assets folder"
            raise ArtefactError(msg)
        if not path.is_file():
            notes.append(f"the asset {name!r} is missing from {root.name}/")
            continue
        files[name] = path
        if asset.tensor_info.name:
            tensors[indexed(asset.tensor_info.name)] = path
    return files, tensors, notes


def _asset_defs(meta: Any) -> Iterable[Any]:
    """The field of the message, or else the collection where TF 1 keeps them (loader_impl.py)."""
    if len(meta.asset_file_def) or "saved_model_assets" not in meta.collection_def:
        return list(meta.asset_file_def)
    packed = meta.collection_def["saved_model_assets"].any_list.value
    return [parse("AssetFileDef", item.value, "the list of assets") for item in packed]


def _escapes(name: str) -> bool:
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        if path.is_absolute() or path.drive or path.root or ".." in path.parts:
            return True
    return False


def _inside(path: Path, root: Path) -> bool:
    """Whether ``path``, links followed, stays below ``root``, whose own link is not followed."""
    try:
        return path.resolve().is_relative_to(root.parent.resolve() / root.name)
    except (OSError, RuntimeError, ValueError):
        return False

"""Versions: our own, and those of the packages that decide about numbers."""

from __future__ import annotations

from importlib import metadata

VERSION = "0.1.0"
PACKAGES = ("numpy", "onnx", "onnxruntime", "keras", "tensorflow")


def versions() -> dict[str, str | None]:
    """By name; None where a package is absent. Nothing is imported."""
    found: dict[str, str | None] = {"rnnport": VERSION}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found

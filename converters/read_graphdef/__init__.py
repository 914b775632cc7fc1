"""TF1 files to :class:`converters.graph.Artefact`, without TensorFlow."""

from __future__ import annotations

from converters.read_graphdef.reading import read

__all__ = ["read"]

"""A Keras port as source code that a person keeps: ``model.py`` beside ``model.weights.h5``."""

from converters.to_source.export import save_source, to_source

__all__ = ["save_source", "to_source"]

"""Cells as ONNX's own recurrent operators: :func:`native` gives a cell's form, or the reason why there is none.

``native`` is a single-dispatch function: a new cell adds one registration, here or beside it, and touches nothing else.
"""

from __future__ import annotations

from converters.to_onnx.native import coupled, gru, lstm, refused, rnn  # noqa: F401  (they register their cells)
from converters.to_onnx.native.form import NativeForm, Refusal, native

__all__ = ["NativeForm", "Refusal", "native"]

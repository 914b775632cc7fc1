"""A lifted :class:`Program` as an ONNX model: native LSTM, GRU and RNN wherever the semantics allow, else ``Scan``, else ``Loop``."""

from __future__ import annotations

from converters.records import RecurrenceRecord
from converters.to_onnx.convert import to_onnx
from converters.to_onnx.exported import Exported, save

__all__ = ["Exported", "RecurrenceRecord", "save", "to_onnx"]

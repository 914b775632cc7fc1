"""The exceptions of the whole project, and the exit status each one means.

::

    RnnportError                  status 2
    ├── UsageError                status 2   the call itself is wrong
    ├── ArtefactError             status 2   a file is damaged, hostile or not what it should be
    ├── MissingExtraError         status 2   an optional package is not installed
    ├── SemanticsError            status 2   TF1 itself would refuse these arguments (also a ValueError)
    └── NotConvertibleError       status 3   the model is understood, and cannot be ported; carries reasons
        └── UnknownOpError        status 3   an op type outside the table
"""

from __future__ import annotations

from dataclasses import dataclass


class RnnportError(Exception):
    """Anything this software refuses, in one sentence that says what to do."""

    status = 2


class UsageError(RnnportError):
    """The call is wrong: an unknown tensor name, a contradictory option."""


class ArtefactError(RnnportError):
    """A file is truncated, of another type, hostile, or lacks something it needs."""


class MissingExtraError(RnnportError):
    """An optional dependency is needed and absent; the message says what to install."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the package {package!r}: pip install 'rnnport[{extra}]'")
        self.package = package
        self.extra = extra


class SemanticsError(RnnportError, ValueError):
    """TensorFlow 1 refuses these arguments, and so do we."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one node stands in the way."""

    node: str
    text: str

    def __str__(self) -> str:
        return f"{self.node}: {self.text}"


class NotConvertibleError(RnnportError):
    """The model is understood but cannot be ported; every reason is named.

    ``convertible`` lists the requested outputs that do not depend on any of the reasons.
    """

    status = 3

    def __init__(
        self, message: str, reasons: tuple[Reason, ...] = (), convertible: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.reasons = reasons
        self.convertible = convertible


class UnknownOpError(NotConvertibleError):
    """A TF op type that no function of the op table describes."""

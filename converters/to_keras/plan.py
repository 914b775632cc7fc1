"""From wanted values to Keras tensors: rules say what a value needs and how it is built; the planner orders the work.

A :class:`Key` names a value in a *view*. TF1 models flatten ``[B, T, D]`` to rows around a product, and run their loops
time-major; seen through a view, a row-wise op works on the unflattened, batch-major array and the reshapes and
transposes around it never come to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import numpy as np

from converters.to_keras.context import Context
from converters.to_keras.naming import Names, layer_name
from reference.errors import NotConvertibleError, Reason, RnnportError
from reference.vocabulary.abstract.fact import Dim


@dataclass(frozen=True, slots=True)
class Key:
    """A value, seen in a view."""

    value: str
    lead: tuple[Dim, Dim] | None = None
    """The first axis unflattened to these two sizes."""
    swapped: bool = False
    """The first two axes exchanged (after unflattening)."""

    @property
    def plain(self) -> bool:
        return self.lead is None and not self.swapped

    def of(self, value: str, /) -> Key:
        """Another value in the same view."""
        return replace(self, value=value)


Tensors = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """``build(builder, tensors of needs)`` gives the tensors of one key or several."""

    needs: tuple[Key, ...]
    build: Callable[[Builder, Tensors], Mapping[Key, Any]]


Rule = Callable[[Context, Key], Plan | None]


@dataclass
class Builder:
    """What is built so far."""

    context: Context
    rules: Sequence[Rule]
    tensors: dict[Key, Any] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By recurrence name: what --json says of it."""
    notes: list[str] = field(default_factory=list)
    layers: dict[Any, Any] = field(default_factory=dict)
    """Layers by what they are made of, so that shared weights stay shared."""
    named: dict[int, Any] = field(default_factory=dict)
    """Operations that carry a name of ours already, by identity (held, so that no other can take it)."""
    _plans: dict[Key, Plan] = field(default_factory=dict)

    def layer(self, key: Any, scope: str, make: Callable[[str], Any], /) -> Any:
        """The layer made for ``key`` before, or a new one named after ``scope``."""
        if key not in self.layers:
            self.layers[key] = make(self.names.claim(layer_name(scope)))
        return self.layers[key]

    def name_operation(self, operation: Any, wanted: str, /) -> bool:
        """Name a ``keras.ops`` operation that has only its number; False for layers and named ones."""
        if id(operation) in self.named or hasattr(operation, "get_weights"):
            return False
        operation.name = self.names.claim(wanted)
        self.named[id(operation)] = operation
        return True

    def any_input(self) -> Any:
        """One of the model's inputs.

        Raises:
            NotConvertibleError: there is none.
        """
        for name in self.context.program.inputs:
            return self.tensors[Key(name)]
        msg = "a Keras model needs at least one input"
        raise NotConvertibleError(msg)

    def build(self, wanted: Sequence[Key], /) -> list[Any]:
        """The tensors of ``wanted``, after all they need.

        Raises:
            NotConvertibleError: no rule knows a value.
        """
        stack = list(reversed(wanted))
        opened: set[Key] = set()
        while stack:
            key = stack[-1]
            if key in self.tensors:
                stack.pop()
                continue
            with refusing(key):
                plan = self._plan(key)
            missing = [need for need in plan.needs if need not in self.tensors]
            if missing and key in opened:
                msg = f"{key.value}: the values it needs depend on itself"
                raise NotConvertibleError(msg, (Reason(key.value, "a cycle"),))
            if missing:
                opened.add(key)
                stack.extend(reversed(missing))
                continue
            with refusing(key):
                self.tensors.update(plan.build(self, [self.tensors[need] for need in plan.needs]))
            if key not in self.tensors:
                msg = f"the rule for {key} built something else"
                raise AssertionError(msg)
            stack.pop()
        return [self.tensors[key] for key in wanted]

    def _plan(self, key: Key) -> Plan:
        if key not in self._plans:
            found = next((p for rule in self.rules if (p := rule(self.context, key))), None)
            if found is None:
                msg = f"{key.value}: nothing in the program makes this value"
                raise NotConvertibleError(msg, (Reason(key.value, "no rule"),))
            self._plans[key] = found
        return self._plans[key]


@contextmanager
def refusing(key: Key) -> Iterator[None]:
    """Sizes that do not fit one another are a refusal with the name of the value, never a traceback.

    Raises:
        NotConvertibleError: instead of what Keras raises.
    """
    try:
        yield
    except RnnportError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        text = (
            f"Keras does not take what the graph says here ({' '.join(str(error).split())[:300]})"
        )
        msg = f"{key.value}: {text}"
        raise NotConvertibleError(msg, (Reason(key.value, text),)) from error


def single(needs: Sequence[Key], key: Key, function: Callable[..., Any], /) -> Plan:
    """A plan for one key: ``function(builder, *tensors)``."""
    return Plan(tuple(needs), lambda builder, tensors: {key: function(builder, *tensors)})


def alias(key: Key, other: Key, /) -> Plan:
    """A plan for a key that is another's tensor."""
    return single([other], key, lambda _builder, tensor: tensor)


def fingerprint(*arrays: np.ndarray | None) -> bytes:
    """Equal for equal numbers: what a layer's key needs beside names (a matrix and its transpose have the same one)."""
    digest = sha256()
    for array in arrays:
        digest.update(b"none" if array is None else f"{array.dtype}{array.shape}".encode())
        digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.digest()

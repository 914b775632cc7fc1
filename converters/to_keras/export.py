"""A Program as a functional Keras model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from converters.lift.ranks import UNTOLD
from converters.program import Loop, Program, Recurrence, walk
from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.cuts import without_cuts
from converters.to_keras.dtypes import held
from converters.to_keras.naming import Names, tensor_names
from converters.to_keras.narrow import narrowed, refuse_dtypes
from converters.to_keras.plan import Builder, Key, Rule
from converters.to_keras.probing import probe
from converters.to_keras.rules import RULES
from converters.to_keras.stretched import refuse_across
from converters.unrolled import unrolled_records
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.abstract.sizes import as_static


@dataclass(frozen=True)
class Exported:
    """A port: the model, and what there is to say of it."""

    model: Any
    """``keras.Model``; inputs and outputs are dicts by Keras name."""
    inputs: Mapping[str, str]
    """Keras name by TF input tensor."""
    outputs: Mapping[str, str]
    """Keras name by TF output tensor."""
    recurrences: tuple[Mapping[str, Any], ...]
    """What --json says of each, in program order."""
    called: str = ""
    """Why the model must be called and not ``predict``ed; "" where both work."""
    notes: tuple[str, ...] = ()
    longest: tuple[str, ...] = ()
    """The TF outputs that are as long as a decoder can run, whatever it runs: see :mod:`converters.to_keras.bounds`."""
    narrowed: tuple[str, ...] = ()
    """The TF outputs that are int64 in TensorFlow and int32 here: see :mod:`converters.to_keras.narrow`."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The port's origin; written into the file."""
    context: Context | None = None
    """The program it was made of, for what else is made of it."""

    @property
    def names(self) -> dict[str, str]:
        """TF tensor to Keras name, inputs and outputs."""
        return {**self.inputs, **self.outputs}

    @property
    def is_native(self) -> bool:
        """Whether the file loads with Keras alone."""
        layers = self.model._flatten_layers()
        return not any(type(layer).__module__.startswith("converters.") for layer in layers)


def to_keras(
    program: Program, /, *, name: str, metadata: Mapping[str, str] | None = None
) -> Exported:
    """The model that computes what ``program`` does.

    Raises:
        NotConvertibleError: a value has no Keras form; the reasons name the nodes.
    """
    program, longer = without_cuts(program)
    context = Context(program)
    context.to_maximum.update(longer)
    refuse_dtypes(context)
    if keras.backend.backend() == "jax":
        refuse_across(program)
    builder, model = functional(context, name)
    inputs, outputs = tensor_names(program.inputs), tensor_names(program.outputs)
    with plain_errors():
        probe(model)
    order = [s.name for s in walk(tuple(context.live)) if isinstance(s, Recurrence | Loop)]
    records: tuple[Mapping[str, Any], ...] = tuple(
        builder.records[n] for n in order if n in builder.records
    )
    records += tuple(
        unrolled.as_json() | {"wrapper": None} for unrolled in unrolled_records(program)
    )
    notes = tuple(builder.notes)
    return Exported(
        model, inputs, outputs, records, _called(context), notes, context.longest(), narrowed(context), dict(metadata or {}), context
    )  # fmt: skip


def functional(
    context: Context, name: str, /, rules: Sequence[Rule] = RULES
) -> tuple[Builder, Any]:
    """The functional model by these rules, and what built it.

    Raises:
        NotConvertibleError: a value has no Keras form; the reasons name the nodes.
    """
    program = context.program
    inputs, outputs = tensor_names(program.inputs), tensor_names(program.outputs)
    builder = Builder(context, rules, names=Names())
    for tensor, keras_name in inputs.items():
        builder.tensors[Key(tensor)] = _input(program, tensor, builder.names.claim(keras_name))
    keys = {tensor: Key(value) for tensor, value in context.outputs.items()}
    with plain_errors():
        builder.build(list(keys.values()))
    name_operations(builder, [builder.tensors[key] for key in keys.values()])
    model = keras.Model(
        inputs={inputs[t]: builder.tensors[Key(t)] for t in inputs},
        outputs={outputs[t]: builder.tensors[keys[t]] for t in outputs},
        name=name,
    )
    return builder, model


@contextmanager
def plain_errors() -> Iterator[None]:
    """Keras appends the arguments of the call to errors that pass through a layer; ours are one sentence."""
    filtered = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if filtered:
            keras.config.enable_traceback_filtering()


def name_operations(builder: Builder, tensors: Sequence[Any], /) -> None:
    """Names of their own for operations that Keras numbered by a counter of the process."""
    stack, seen = list(reversed(tensors)), set()
    while stack:
        operation, index = stack.pop()._keras_history[:2]
        if (id(operation), index) in seen:
            continue
        seen.add((id(operation), index))
        kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(operation).__name__).lower()
        builder.name_operation(operation, kind)
        stack.extend(reversed(operation._inbound_nodes[index].arguments.keras_tensors))


def _input(program: Program, tensor: str, name: str) -> Any:
    fact = program.inputs[tensor]
    if fact.shape is None:
        msg = f"input {tensor!r}: {UNTOLD}"
        raise NotConvertibleError(msg, (Reason(tensor, UNTOLD),))
    return keras.Input(batch_shape=as_static(fact.shape), dtype=held(fact.dtype), name=name)


def _called(context: Context) -> str:
    """Keras' ``predict`` cuts axis 0 of every input into batches: wrong unless that axis is the batch of all."""
    program = context.program
    # Each input names its own sizes; those of one recurrence are one.
    shapes = {name: context.shape(name) or () for name in program.inputs}
    for name, shape in shapes.items():
        if not shape:
            return f"input {name} has rank 0"
    first = {str(shape[0]) for shape in shapes.values()}
    if len(first) > 1:
        return "axis 0 is not known to be the batch of every input (time-major, a fixed size, or inputs of unlike rows)"
    recurrences = [s for s in program.statements if isinstance(s, Recurrence)]
    if any(r.time_major for r in recurrences):
        return "the model is time-major"
    return ""

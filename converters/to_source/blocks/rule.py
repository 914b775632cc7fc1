"""The rule that builds a class of the source as one layer of the functional graph."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_keras.context import Context
from converters.to_keras.dtypes import held
from converters.to_keras.naming import layer_name
from converters.to_keras.ops import NeedsRunTimeError
from converters.to_keras.plan import Builder, Key, Plan, Rule, single
from converters.to_keras.unify import substitute
from converters.to_source.blocks.own import Body, own_layer
from converters.to_source.blocks.regions import Region
from converters.to_source.blocks.symbols import Symbols
from converters.to_source.blocks.trace import Trace
from converters.to_source.blocks.weights import Weights
from converters.to_source.weights import told_apart
from reference.errors import NotConvertibleError, Reason, RnnportError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import as_static
from reference.vocabulary.tracer import Expr

GENERIC = ("while", "merge", "cond", "exit", "loop", "body")


def region_rule(found: Sequence[Region], taken: set[str], /) -> Rule:
    """A rule for what the regions give.

    Args:
        taken: names of classes that are used; learns those given here.
    """
    homes = {name: region for region in found for name in region.outputs}

    def rule(context: Context, key: Key) -> Plan | None:
        region = homes.get(key.value)
        if region is None or key.lead is not None:
            return None
        if key.swapped:
            axes = (1, 0, *range(2, len(context.shape(key.value) or (0, 0))))
            return single([Key(key.value)], key, lambda _b, x: keras.ops.transpose(x, axes))

        def build(builder: Builder, tensors: Sequence[Any]) -> Mapping[Key, Any]:
            body = body_of(region, context)
            layer = _layer(builder, region, body, taken)
            results = layer(*(tensors or [builder.any_input()]))
            results = results if isinstance(results, list | tuple) else [results]
            return {Key(n): t for n, t in zip(region.outputs, results, strict=True)}

        return Plan(tuple(map(Key, region.inputs)), build)

    return rule


def body_of(region: Region, context: Context, /) -> Body:
    """What the class computes.

    Raises:
        NotConvertibleError: a statement has no line of source.
    """
    trace = Trace(Facts(context))
    bound: dict[Expr, Any] = {}
    inputs = _inputs(region, trace, bound)
    weights = Weights(trace, bound).of(region, context)
    try:
        trace.run(region.statements)
        wanted = trace.finish([trace.values[name] for name in region.outputs])
        symbols = Symbols(
            trace, bound, wanted, (inputs or [t for t, _ in weights.values()] or [None])[0]
        )
        outputs = [symbols.tensor(e) for e in wanted]
    except NeedsRunTimeError as error:
        msg = f"{region.title} has no plain lines of keras.ops: {error}"
        raise NotConvertibleError(msg, (Reason(region.title, str(error)),)) from error
    except (ArithmeticError, LookupError, TypeError, ValueError, AssertionError) as error:
        if isinstance(error, RnnportError):
            raise
        text = f"it cannot be written down ({' '.join(str(error).split())[:300]})"
        msg = f"node {region.title!r}: {text}"
        raise NotConvertibleError(msg, (Reason(region.title, text),)) from error
    return Body(region.title, tuple(region.inputs), inputs, outputs, weights)


def _inputs(region: Region, trace: Trace, bound: dict[Expr, Any]) -> list[Any]:
    """The tensors that the class is called with."""
    inputs = []
    for name in region.inputs:
        expr = trace.given(name)
        tensor = keras.Input(batch_shape=as_static(expr.shape), dtype=str(held(expr.fact.dtype)))
        bound[expr] = tensor
        inputs.append(tensor)
        trace.cleaner.told |= {str(dim) for dim in expr.shape}
        trace.define(name, expr)
    for name in region.sized:
        trace.define(name, trace.given(name))
    return inputs


def _layer(builder: Builder, region: Region, body: Body, taken: set[str]) -> Any:
    words = [w for part in region.title.split("/") for w in re.split(r"[^a-zA-Z0-9]+", part) if w]
    while len(words) > 1 and words[-1].lower() in GENERIC:
        words = words[:-1]
    words = words[-3:]
    kind = "".join(w[:1].upper() + w[1:] for w in words)
    kind = kind if kind.isidentifier() else f"Layer{kind}"
    if hasattr(keras.layers, kind) or kind.lower() in GENERIC:
        kind += "Layer"
    base, count = kind, 1
    while kind in taken:
        count += 1
        kind = f"{base}{count}"
    taken.add(kind)
    attributes = told_apart(list(body.weights))
    return own_layer(
        body, kind, attributes, builder.names.claim(layer_name("_".join(words).lower()))
    )


class Facts(dict[str, Fact]):
    """The program's facts, equal sizes under one name."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    def get(self, name: str, default: Any = None) -> Any:
        """None where nothing is known."""
        fact = self.context.fact(name)
        if fact is None or fact.shape is None:
            return fact
        shape = tuple(substitute(d, self.context.same) for d in fact.shape)
        value = fact.value
        if value is not None and value.dtype == object:
            known = value
            value = np.empty(known.size, object)
            value[:] = [substitute(d, self.context.same) for d in known.reshape(-1)]
            value = value.reshape(known.shape)
        return replace(fact, shape=shape, value=value)

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

"""Loops and branches as functions inside the function that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from converters.to_keras.backend import keras
from converters.to_source.blocks.operations import BeamSearch, Branch
from converters.to_source.literals import quoted, text

if TYPE_CHECKING:
    from converters.to_source.lines import Writer


def write_control(writer: Writer, node: Any, /) -> None:
    """The lines of one loop or branch."""
    if isinstance(node.operation, Branch):
        _branch(writer, node)
    elif isinstance(node.operation, BeamSearch):
        _beams(writer, node)
    else:
        _loop(writer, node)


def _inner(
    writer: Writer, results: Sequence[Any], params: Sequence[Any] = ()
) -> tuple[list[str], list[str]]:
    """The lines of a function of these parameters, and the texts of what it returns."""
    child = type(writer)(writer.names, results, writer.letters, inner=True)
    child.outer = writer.names.named() - set(map(id, params))
    lines = child.write()
    writer.helpers |= child.helpers
    return lines, [given(value, writer) for value in results]


def given(value: Any, writer: Writer, /) -> str:
    """A value on its own: an array that a plain number would change says its dtype."""
    if isinstance(value, np.ndarray | np.generic) and not np.ndim(value):
        shown = text(value)
        plain = str(np.asarray(value).dtype) in ("int32", "float32", "bool")
        return (
            shown if plain else f"ops.array({shown}, dtype={quoted(str(np.asarray(value).dtype))})"
        )
    return text(value, writer.names)


def _tuple(items: Sequence[str]) -> str:
    return ", ".join(items) + ("," if len(items) == 1 else "")


def _loop(writer: Writer, node: Any) -> None:
    loop, names = node.operation, writer.names
    start = [given(value, writer) for value in node.arguments.args[: len(loop.inputs)]]
    with names.scope():
        params = [names.of(t, word) for t, word in zip(loop.inputs, loop.called, strict=True)]
        tested = _tested(loop)
        with names.scope():
            before, (test,) = _inner(writer, [loop.go_on], loop.inputs)
        head = [*params[:tested], "*_"] if tested < len(params) else params
        with names.scope():
            body, new = _inner(writer, loop.new, loop.inputs)
        step = _step(writer)
        go_on = f"lambda {', '.join(head)}: {test}"
        if before:
            go_on = names.claim("go_on")
            writer.lines += _function(go_on, head, before, test)
    writer.lines += _function(step, params, body, _tuple(new) if len(new) == 1 else ", ".join(new))
    read = list(node.output_tensors)
    left = [
        names.of(t, word) if writer._is_read(t) else "_"
        for t, word in zip(read, loop.called, strict=True)
    ]
    writer.lines.append(f"{_tuple(left)} = ops.while_loop({go_on}, {step}, ({_tuple(start)}))")


def _step(writer: Writer) -> str:
    """The name of a function, ``step`` where it is free."""
    name = writer.names.claim("step") if writer.stepped else "step"
    writer.stepped = True
    return name


def _tested(loop: Any) -> int:
    """How many of the carried values, the first ones, the condition reads."""
    place = {id(t): k for k, t in enumerate(loop.inputs)}
    found, stack, seen = -1, [loop.go_on], set()
    while stack:
        one = stack.pop()
        if not keras.utils.is_keras_tensor(one) or id(one) in seen:
            continue
        seen.add(id(one))
        if id(one) in place:
            found = max(found, place[id(one)])
            continue
        operation, index = one._keras_history[:2]
        stack += operation._inbound_nodes[index].arguments.keras_tensors
    return found + 1


def _function(name: str, params: Sequence[str], body: Sequence[str], result: str) -> list[str]:
    return [
        "",
        f"def {name}({', '.join(params)}):",
        *(f"    {line}" if line else "" for line in body),
        f"    return {result}",
        "",
    ]


def _branch(writer: Writer, node: Any) -> None:
    one, names = node.operation, writer.names
    predicate = given(node.arguments.args[0], writer)
    shown = []
    for word, results in (("then", one.then), ("otherwise", one.otherwise)):
        with names.scope():
            lines, new = _inner(writer, results)
        whole = new[0] if len(new) == 1 else f"({', '.join(new)})"
        if not lines:
            shown.append(f"lambda: {whole}")
            continue
        name = names.claim(word)
        writer.lines += _function(name, [], lines, ", ".join(new))
        shown.append(name)
    left = [
        names.of(t, writer.letters.get(id(t)) or writer._wanted(node, t, None))
        if writer._is_read(t)
        else "_"
        for t in node.output_tensors
    ]
    writer.lines.append(f"{', '.join(left)} = ops.cond({predicate}, {', '.join(shown)})")


def _beams(writer: Writer, node: Any) -> None:
    one, names = node.operation, writer.names
    writer.helpers.add("beam_search")
    (given_in, states), (results, (tokens, following)) = (
        _parted(one.step[0]),
        (one.step[1], one.embed),
    )
    inputs, *start, steps = [given(v, writer) for v in node.arguments.args[: len(one.step[0]) + 1]]
    with names.scope():
        params = [
            names.of(given_in, "x"),
            *(names.of(t, w) for t, w in zip(states, one.called, strict=True)),
        ]
        body, (logits, *new) = _inner(writer, results, [given_in, *states])
    with names.scope():
        token = names.of(tokens, "tokens")
        _, (embedded,) = _inner(writer, [following], [tokens])
    step = _step(writer)
    unpacked = [f"{_tuple(params[1:])} = states"] if states else []
    if len(logits) + len(", ".join(new)) > 75 and not logits.isidentifier():
        body, logits = [*body, f"logits = {logits}"], "logits"
    writer.lines += _function(
        step, [params[0], "states"], [*unpacked, *body], f"{logits}, [{', '.join(new)}]"
    )
    options = {**one.options, "steps": steps}
    shown = ", ".join(f"{k}={v}" for k, v in options.items() if k != "length_penalty" or v)
    made = [
        names.of(t, w) if writer._is_read(t) else "_"
        for t, w in zip(
            node.output_tensors, ("tokens", "log_probs", "lengths", "scores"), strict=True
        )
    ]
    call = f"{step}, lambda {token}: {embedded}, {inputs}, [{', '.join(start)}], {shown}"
    writer.lines.append(f"{', '.join(made)} = beam_search({call})")


def _parted(items: Sequence[Any]) -> tuple[Any, list[Any]]:
    first, *rest = items
    return first, rest

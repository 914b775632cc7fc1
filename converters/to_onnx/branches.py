"""``cond`` as ONNX's If, and what subgraphs have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from converters.program import Conditional, SubProgram
from converters.to_onnx.builder import Port, Scope, ranked
from converters.to_onnx.lists import ListValue, stack_of
from converters.to_onnx.values import Value
from reference.errors import NotConvertibleError
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Size

if TYPE_CHECKING:
    from converters.to_onnx.convert import Env, Exporter


def own_outputs(ops: Any, scope: Scope, values: Sequence[Value]) -> None:
    """Make values a subgraph's outputs: each by a name of its own that a node in it defines."""
    made = {output for node in scope.nodes for output in node.outputs}
    taken: set[str] = set()
    for value in values:
        name = ops.ref(value)
        if name not in made or name in taken:
            [name] = ops.build.add("Identity", [name], shared=False)
        taken.add(name)
        scope.outputs.append(Port(name, value.fact.dtype, ranked(value.fact.shape)))


def emit_conditional(exporter: Exporter, conditional: Conditional, env: Env, /) -> None:
    """Write an If, or the one branch where the predicate is known."""
    ops = exporter.ops
    predicate = env[conditional.predicate]
    known = ops.static(predicate)
    if known is not None:
        chosen = conditional.then if bool(known) else conditional.otherwise
        inner = exporter.inner(env)
        exporter.statements(chosen.statements, inner)
        for name, source in zip(conditional.outputs, chosen.outputs, strict=True):
            env[name] = inner[source]
        return
    then, first = _branch(exporter, conditional.then, f"{conditional.name}/then", env)
    otherwise, second = _branch(exporter, conditional.otherwise, f"{conditional.name}/else", env)
    exporter.at(conditional.name)
    names = ops.nodes(
        "If", len(conditional.outputs), predicate, then_branch=then, else_branch=otherwise
    )
    for output, name, a, b in zip(conditional.outputs, names, first, second, strict=True):
        fact = common(exporter, tensor_of(ops, a).fact, tensor_of(ops, b).fact)
        value = ops.wrap(name, Fact(fact.dtype, outside(exporter, fact.shape)))
        env[output] = as_list(ops, a, value)


def _branch(exporter: Exporter, sub: SubProgram, name: str, env: Env) -> tuple[Scope, list[Any]]:
    ops = exporter.ops
    with ops.build.inside(name, pinned=True) as scope:
        inner = exporter.inner(env)
        exporter.statements(sub.statements, inner)
        results = [inner[output] for output in sub.outputs]
        own_outputs(ops, scope, [tensor_of(ops, value) for value in results])
    return scope, results


def as_list(ops: Any, template: Any, value: Value) -> Any:
    """A carried tensor as the list it stands for."""
    if not isinstance(template, ListValue):
        return value
    return ListValue(template.dtype, template.size, value, template.dynamic)


def tensor_of(ops: Any, value: Any) -> Value:
    return stack_of(ops, value) if isinstance(value, ListValue) else value


def common(exporter: Exporter, a: Fact, b: Fact, changing: set[Any] | None = None) -> Fact:
    """What holds of both: equal sizes, others unknown. Sizes known to change from trip to trip are in ``changing``."""
    if a.dtype != b.dtype:
        msg = f"{exporter.ops.build.prefix}: a value changes its dtype from {a.dtype} to {b.dtype}"
        raise NotConvertibleError(msg)
    if a.shape is None or b.shape is None or len(a.shape) != len(b.shape):
        return Fact(a.dtype)
    changing = set() if changing is None else changing
    dims = []
    for x, y in zip(a.shape, b.shape, strict=True):
        if x != y and x not in changing:
            x = exporter.ops.abstract.fresh()
            changing.add(x)
        dims.append(x)
    return Fact(a.dtype, tuple(dims))


def outside(exporter: Exporter, shape: Any) -> Any:
    """Sizes that can be seen outside; others get names of their own: after the last trip they are other numbers."""
    if shape is None:
        return None
    scopes = list(exporter.ops.scope.chain())

    def seen(dim: Any) -> bool:
        return not isinstance(dim, Size) or all(
            any(n in s.symbols for s in scopes) for n in dim.names
        )

    return tuple(dim if seen(dim) else exporter.ops.abstract.fresh() for dim in shape)

"""A step cut into layers: the strongly connected components of its state-to-state dependence, each identified in turn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from converters.lift.recognise.cells.identify import identify
from converters.lift.recognise.cells.model import Component, Identified
from converters.lift.recognise.form.normal import Normaliser
from converters.lift.recognise.form.poly import Atom
from converters.lift.recognise.loops.masks import depends
from converters.lift.recognise.loops.model import State, Step
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.tracer import Expr, Tracer, needed, replay


@dataclass
class Layer:
    """One identified component."""

    states: list[State]
    identified: Identified
    output: Expr
    """The expression of its output, which later layers read as a leaf."""


@dataclass
class TracedLayer:
    """A component that is no reference cell: its own equation, cut at what comes from outside it."""

    states: list[State]
    outputs: tuple[Expr, ...]
    """What later layers, or the world, read of it."""
    inputs: tuple[Expr, ...]
    """Leaves outside it that it reads."""
    reason: str


@dataclass
class Layers:
    """All components of a step, in the order of their dependence."""

    norm: Normaliser
    layers: list[Layer | TracedLayer] = field(default_factory=list)
    outside: dict[Atom, Expr] = field(default_factory=dict)
    """Leaf atoms whose sequences (or invariants) exist outside: items, captures, layer outputs."""


def split_layers(step: Step, names: str = "") -> Layers | str:
    """Every component identified, or left as its own equation; a reason where that is all there is."""
    groups = components(step)
    found = _identified(step, groups, names)
    if isinstance(found, str) or not all(isinstance(x, TracedLayer) for x in found.layers):
        return found
    whole = next((x.reason for x in found.layers if isinstance(x, TracedLayer)), "")
    joined = _with_last_values(groups, step)
    if len(joined) == 1 or not joined:
        return whole or found
    found = found if joined == groups else _identified(step, joined, names)
    if isinstance(found, str) or not all(map(_stands_alone, found.layers)):
        return whole
    return found


def _identified(step: Step, groups: list[list[State]], names: str) -> Layers | str:
    """The layers of these groups; a reason where there is one group that is no reference cell."""
    norm = Normaliser()
    found = Layers(norm)
    for k, expr in enumerate((*step.reads, *step.delays, *step.captures)):
        found.outside[norm.leaf(expr, f"in{k}")] = expr
    found.outside[norm.leaf(step.time, "time")] = step.time
    for state in step.states:
        norm.leaf(state.old, state.old.name or f"state{state.carried}")
    for component in groups:
        old, new = tuple(s.old for s in component), tuple(s.new for s in component)
        roots = _roots_beside(step, component)
        outputs = _within(step, component, roots, set(found.outside.values()))
        result = identify(Component(old, new, outputs, roots, names), norm)
        if isinstance(result, str) and len(groups) == 1:
            return result
        layer: Layer | TracedLayer
        if isinstance(result, str):
            layer = _traced(step, component, set(found.outside.values()), result)
            outputs = layer.outputs
        else:
            layer = Layer(component, result, result.output)
            outputs = (layer.output, *(s.new for s in component if s.new is not layer.output))
        found.layers.append(layer)
        norm.memo.clear()
        for k, output in enumerate(outputs):
            atom = norm.leaf(output, f"layer{len(found.layers) - 1}.{k}")
            found.outside[atom] = output
    return found


def _stands_alone(layer: Layer | TracedLayer) -> bool:
    """A layer of a network, not a part of one cell: it multiplies by a matrix of its own and hands one value on."""
    if isinstance(layer, Layer):
        return True
    roots = [*(s.new for s in layer.states), *layer.outputs]
    products = any(e.op == "matmul" for e in needed(roots, dict.fromkeys(layer.inputs)))
    return products and len(layer.outputs) == 1


def _with_last_values(groups: list[list[State]], step: Step) -> list[list[State]]:
    """A state that nothing reads is the last value of the layer it is made of: an SRU's ``h``."""
    news = {s.old: depends([s.new], {t.old for t in step.states}) for s in step.states}
    read = set().union(*news.values()) | depends(
        [w.item for w in step.writes], {t.old for t in step.states}
    )
    joined: list[list[State]] = []
    place: dict[Expr, int] = {}
    for group in groups:
        (first, *others) = group
        below = [place[e] for e in news[first.old] if e in place]
        if not others and first.old not in read and below:
            target = max(below)
            joined[target] = [*joined[target], first]
        else:
            target = len(joined)
            joined.append(list(group))
        for state in group:
            place[state.old] = target
    return joined


def _traced(step: Step, component: list[State], outside: set[Expr], reason: str) -> TracedLayer:
    outputs = _frontier(step, component, outside)
    inner = [*(s.new for s in component), *outputs]
    used = needed(inner, dict.fromkeys(outside))
    inputs = tuple(e for e in used if e in outside)
    return TracedLayer(component, outputs, inputs, reason)


def _roots_beside(step: Step, component: list[State]) -> tuple[Expr, ...]:
    """The results of the step that are not this component's own."""
    mine = {id(s) for s in component}
    return (*(s.new for s in step.states if id(s) not in mine), *(w.item for w in step.writes))


def _within(
    step: Step, component: list[State], roots: tuple[Expr, ...], outside: set[Expr]
) -> tuple[Expr, ...]:
    """What is made of the component's states and of what is outside alone, the largest first."""
    own = {s.old for s in component} | {s.new for s in component}
    others = {s.old for s in step.states} - {s.old for s in component}
    mine: dict[Expr, bool] = {}
    apart: dict[Expr, bool] = {}
    for expr in needed(roots, dict.fromkeys(outside)):
        below = [] if expr in outside else expr.operands
        mine[expr] = expr in own or any(mine[e] for e in below)
        apart[expr] = expr not in others and all(apart[e] for e in below)
    return tuple(e for e in reversed(mine) if mine[e] and apart[e] and e not in own)


def _frontier(step: Step, component: list[State], outside: set[Expr]) -> tuple[Expr, ...]:
    """What something else reads of a component: its new states where that is all, so that the next layer keeps its own input products;
    else the largest expressions made of it (and of what is outside) alone."""
    own = {s.old for s in component}
    others = {s.old for s in step.states} - own
    roots = _roots_beside(step, component)
    news = dict.fromkeys(s.new for s in component)
    met = needed(roots, {**dict.fromkeys(outside), **news})
    if not own.intersection(met):
        return tuple(e for e in met if e in news)
    depends_on: dict[Expr, tuple[bool, bool]] = {}
    read_by_others: set[Expr] = set()
    for expr in needed(roots, dict.fromkeys(outside)):
        below = [] if expr in outside else [depends_on[e] for e in expr.operands]
        a = expr in own or any(x for x, _ in below)
        b = expr in others or any(y for _, y in below)
        depends_on[expr] = (a, b)
        if b and expr not in outside:
            read_by_others.update(expr.operands)
    found = [e for e in depends_on if depends_on[e] == (True, False)]
    ends = set(roots)
    return tuple(e for e in found if e in ends or e in read_by_others)


def components(step: Step) -> list[list[State]]:
    """Strongly connected components, those that others depend on first."""
    number = {s.old: k for k, s in enumerate(step.states)}
    reads = {number[s.old]: {number[e] for e in depends([s.new], set(number))} for s in step.states}
    reach = {k: _closure(k, reads) for k in reads}
    groups: dict[frozenset[int], list[int]] = {}
    for k in reads:
        mutual = frozenset({k} | {j for j in reach[k] if k in reach[j]})
        groups.setdefault(mutual, []).append(k)
    ordered = sorted(groups.values(), key=lambda g: (len(reach[g[0]]), g[0]))
    return [[step.states[k] for k in group] for group in ordered]


def _closure(start: int, reads: dict[int, set[int]]) -> set[int]:
    seen: set[int] = set()
    todo = list(reads[start])
    while todo:
        k = todo.pop()
        if k not in seen:
            seen.add(k)
            todo.extend(reads[k])
    return seen


def cut_free(layer: TracedLayer, tracer: Tracer, name: str) -> TracedLayer:
    """The layer with inputs of its own in place of what it reads of others."""
    stand_ins = {
        e: e
        if e.op == "input"
        else tracer.input(f"{name}|cut{e.serial}", Fact(e.dtype, e.fact.shape))
        for e in layer.inputs
    }
    roots = [*(s.new for s in layer.states), *layer.outputs]
    bindings = {e: e for e in needed(roots, dict.fromkeys(layer.inputs)) if e.op == "input"}
    new = replay(roots, tracer, {**bindings, **stand_ins})
    count = len(layer.states)
    states = [replace(s, new=e) for s, e in zip(layer.states, new[:count], strict=True)]
    inputs = tuple(stand_ins[e] for e in layer.inputs)
    return TracedLayer(states, tuple(new[count:]), inputs, layer.reason)

"""A step cut into layers: the strongly connected components of its state-to-state dependence, each identified in turn."""

from __future__ import annotations

from dataclasses import dataclass, field

from converters.lift.recognise.cells.identify import Component, Identified, identify
from converters.lift.recognise.form.normal import Normaliser
from converters.lift.recognise.form.poly import Atom
from converters.lift.recognise.loops.masks import depends
from converters.lift.recognise.loops.model import State, Step
from reference.vocabulary.tracer import Expr


@dataclass
class Layer:
    """One identified component."""

    states: list[State]
    identified: Identified
    output: Expr
    """The expression of its output, which later layers read as a leaf."""


@dataclass
class Layers:
    """All components of a step, in the order of their dependence."""

    norm: Normaliser
    layers: list[Layer] = field(default_factory=list)
    outside: dict[Atom, Expr] = field(default_factory=dict)
    """Leaf atoms whose sequences (or invariants) exist outside: items, captures, layer outputs."""


def split_layers(step: Step, names: str = "") -> Layers | str:
    """Every component identified, or the reason why one is not."""
    norm = Normaliser()
    found = Layers(norm)
    for k, expr in enumerate((*step.reads, *step.captures)):
        found.outside[norm.leaf(expr, f"in{k}")] = expr
    found.outside[norm.leaf(step.time, "time")] = step.time
    for state in step.states:
        norm.leaf(state.old, state.old.name or f"state{state.carried}")
    for component in components(step):
        result = identify(
            Component(tuple(s.old for s in component), tuple(s.new for s in component), (), names),
            norm,
        )
        if isinstance(result, str):
            return result
        output = component[result.output].new
        layer = Layer(component, result, output)
        found.layers.append(layer)
        norm.memo.clear()
        atom = norm.leaf(output, f"layer{len(found.layers) - 1}")
        found.outside[atom] = output
    return found


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

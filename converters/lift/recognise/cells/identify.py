"""Which reference cell is this strongly connected component of a step?

The candidate patterns are traced at the component's sizes and unified with its next-state expressions; a candidate counts only when the
bound cell and the expressions agree in float64 (:mod:`converters.lift.recognise.cells.check`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, permutations

import numpy as np

from converters.lift.recognise.cells.assemble import assemble
from converters.lift.recognise.cells.bindings import Bindings, operand_width
from converters.lift.recognise.cells.check import agrees
from converters.lift.recognise.cells.model import Component, Identified
from converters.lift.recognise.cells.nearest import told_apart, unsought
from converters.lift.recognise.cells.patterns import Pattern, Variant, trace, variants
from converters.lift.recognise.cells.question import Question
from converters.lift.recognise.cells.unify import Problem
from converters.lift.recognise.form.functions import NORMALISED
from converters.lift.recognise.form.normal import Normaliser
from converters.lift.recognise.form.poly import Monomial, Poly
from converters.lift.recognise.form.slices import last_width
from reference.cells.conv_lstm import Conv1DLSTMCell, Conv2DLSTMCell, Conv3DLSTMCell
from reference.vocabulary.tracer import Expr

MAX_STATE_PARTS = 4
MOST_WAYS = 8
"""In which one pattern may match a step, before it counts as another cell: x may be told from the state in several where both have one feature."""
CONVOLVED: dict[type, int] = {Conv1DLSTMCell: 1, Conv2DLSTMCell: 2, Conv3DLSTMCell: 3}
"""By cell that convolves: over how many axes."""
CLIPS = frozenset(("cell_clip", "proj_clip"))


def identify(component: Component, norm: Normaliser) -> Identified | str:
    """The first variant that matches and whose numbers agree; else a sentence that says why none does."""
    found = _found(component, norm)
    return found if isinstance(found, Identified) else unsought(component.names) or found


def _found(component: Component, norm: Normaliser) -> Identified | str:
    reason = _unfit(component)
    if reason is not None:
        return reason
    question = Question(component, norm)
    for operands in question.inputs():
        for variant in _candidates(question):
            for order in permutations(range(len(component.states))):
                for time in question.times(operands) if variant.spec.timed else [None]:
                    found = _try(variant, order, question, operands, time)
                    if isinstance(found, Identified):
                        return found
                    reason = found or reason
    return reason or told_apart(question, _patterns(question))


def _unfit(component: Component) -> str | None:
    """Why no reference cell has such states."""
    count = len(component.states)
    if count > MAX_STATE_PARTS:
        return f"{count} state parts depend on one another"
    if not all(s.fact.dtype.startswith("float") for s in component.states):
        return "a state part is not of floats"
    if any(last_width(s) is None for s in component.states):
        return "a state part is not [batch, features] with a known number of features"
    inner = {s.shape[1:-1] for s in component.states}
    if len(inner) > 1 or not all(isinstance(n, int) for n in inner.pop()):
        return "the sizes between its states' rows and features are not known, or differ"
    return None


def _candidates(question: Question) -> list[Variant]:
    """Of equal equations the one whose TF name occurs in the graph comes first."""
    flat = question.component.names.lower().replace("_", "")

    def hinted(variant: Variant) -> int:
        return 0 if variant.spec.cell.__name__.lower() in flat else 1

    fitting = [v for v in variants() if _possible(v, question)]
    return sorted(fitting, key=lambda v: (v.cost, hinted(v)))


def _possible(variant: Variant, question: Question) -> bool:
    """Whether the step has what the variant cannot do without."""
    if variant.size_count != len(question.leaves):
        return False
    places = len(question.places)
    if places != CONVOLVED.get(variant.spec.cell, 0):
        return False
    if bool(variant.spec.norms) != (NORMALISED in question.kinds):
        return False
    if CLIPS & variant.options and "clip" not in question.kinds:
        return False
    return not variant.spec.repeated or bool(question.groups())


def _sizes(
    order: Sequence[int], question: Question, operands: tuple[Monomial, ...]
) -> tuple[int, tuple[int, ...], str]:
    """The number of input features, those of the state parts, and the dtype."""
    parts = question.component.states
    features = sum(operand_width(o) for o in operands)
    return features, tuple(last_width(parts[k]) or 0 for k in order), parts[0].fact.dtype


def _patterns(question: Question) -> Iterator[Pattern]:
    """The patterns that were tried, plain ones first."""
    spatial, operands = question.spatial(), question.inputs()[0]
    if spatial is None:
        return
    for variant in _candidates(question):
        for order in permutations(range(len(question.leaves))):
            for groups in question.groups() if variant.spec.repeated else [1]:
                found = trace(variant, *_sizes(order, question, operands), groups, spatial)
                if found is not None:
                    yield found


def _try(
    variant: Variant,
    order: Sequence[int],
    question: Question,
    operands: tuple[Monomial, ...],
    time: Monomial | None,
) -> Identified | str | None:
    component = question.component
    operands = tuple(o for o in operands if o != time)
    features, widths, dtype = _sizes(order, question, operands)
    reason: str | None = None
    spatial = question.spatial()
    if spatial is None:
        return None
    for groups in question.groups() if variant.spec.repeated else [1]:
        pattern = trace(variant, features, widths, dtype, groups, spatial)
        if pattern is None:
            continue
        for env, output in islice(_unify(pattern, order, question, operands, time), MOST_WAYS):
            exact = assemble(pattern, env, operands, np.dtype("float64"))
            if exact is None or not env.reads_all(len(operands)):
                continue
            found = Identified(exact, tuple(order), operands, output, time)
            difference = agrees(found, component, question.norm)
            if difference is None and not question.covers(output):
                difference = "its old state is read by something else at every step"
            if difference is None:
                assembled = assemble(pattern, env, operands, np.dtype(dtype))
                assert assembled is not None
                return replace(found, assembled=assembled)
            reason = reason or f"it has the shape of {variant.spec.cell.__name__}, but {difference}"
    return reason


def _unify(
    pattern: Pattern,
    order: Sequence[int],
    question: Question,
    operands: tuple[Monomial, ...],
    time: Monomial | None,
) -> Iterator[tuple[Bindings, Expr]]:
    """Every way in which the states agree, with what then is the output."""
    mapping = dict(zip(pattern.state_leaves, (question.leaves[k] for k in order), strict=True))
    if pattern.time is not None and time is not None:
        mapping[pattern.time] = time[0]
    problem = Problem(mapping, operands)
    pairs = list(zip(pattern.next_forms, (question.forms[k] for k in order), strict=True))
    pairs.sort(key=lambda pair: len(pair[0].terms) if isinstance(pair[0], Poly) else 0)
    for env in problem.forms(pairs, Bindings()):
        if pattern.output_is is not None:
            yield env, question.component.new[order[pattern.output_is]]
            continue
        for expr in question.component.outputs:
            for after in problem.forms([(pattern.output_form, question.norm.form(expr))], env):
                yield after, expr

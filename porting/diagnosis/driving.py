"""Known mistakes around a cell: lengths, states, padding, the backward direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from converters.program import Program, Recurrence
from porting.diagnosis.mistakes import IN_CELL, Mistake, gates_permuted
from porting.diagnosis.surgery import Builder, Variant
from reference import states


def lengths_off(r: Recurrence) -> Iterator[Variant]:
    """Lengths one too long, one too short, or not looked at."""
    if r.lengths is None:
        return
    for by, word in ((-1, "short"), (1, "long")):
        build = Builder(r.name)
        wide = build.as_int32(r.lengths)
        lengths = build.op("AddV2", wide, build.constant(by))
        text = f"take every length for one too {word}"
        yield made(r, build, "lengths off by one", text, replace(r, lengths=lengths))
    if r.direction == "backward":
        return  # without lengths it is reversed as a whole: `not_reversed` says so
    ignored = replace(r, lengths=None)
    yield Variant("lengths ignored", "ignore the lengths", r.name, (ignored,), part="lengths")


def swapped(r: Recurrence) -> Iterator[Variant]:
    """c and h exchanged, where they come in, where they go out, or both."""
    places = states.paths(r.cell.state_size)
    pairs = [
        k
        for k, path in enumerate(places[:-1])
        if path.endswith("c") and places[k + 1].endswith("h")
    ]
    if not pairs or len(r.initial_state) != len(places):
        return
    start, end = list(r.initial_state), list(r.final_state)
    for k in pairs:
        start[k], start[k + 1] = start[k + 1], start[k]
        end[k], end[k + 1] = end[k + 1], end[k]
    into: dict[str, Any] = {"initial_state": tuple(start)}
    out: dict[str, Any] = {"final_state": tuple(end)}
    for change, where in ((into, "initial"), (out, "final"), (into | out, "initial and final")):
        text = f"swap c and h of the {where} state"
        yield Variant("c and h swapped", text, r.name, (replace(r, **change),), part="c, h")
    if r.lengths is not None:
        yield replace(
            _guarded(r, tuple(start), "c and h swapped", "swap c and h of the initial state"),
            part="c, h",
        )


def start_ignored(r: Recurrence) -> Iterator[Variant]:
    """Zeros in place of the initial state."""
    build = Builder(r.name)
    zeros = tuple(build.op("ZerosLike", part) for part in r.initial_state)
    cause, text = "initial state ignored", "start from zeros, whatever the initial state is"
    yield made(r, build, cause, text, replace(r, initial_state=zeros))
    if r.lengths is not None:
        found = _guarded(r, zeros, cause, text)
        yield replace(
            found,
            statements=(*build.statements, *found.statements),
            constants=build.constants | dict(found.constants),
        )


def _guarded(r: Recurrence, start: tuple[str, ...], cause: str, text: str) -> Variant:
    """Another start, and yet rows of length 0 end in their right initial state, as ports of ONNX Runtime see to."""
    build = Builder(f"{r.name}|empty")
    right = tuple(f"{name}|started" for name in r.final_state)
    none = build.op("Equal", build.as_int32(r.lengths or ""), build.constant(0))
    column = build.op("ExpandDims", none, build.constant(1))
    for name, given, initial in zip(r.final_state, right, r.initial_state, strict=True):
        build.op("SelectV2", column, initial, given, to=name)
    return made(
        r, build, cause, text, replace(r, initial_state=start, final_state=right), after=True
    )


def padding_repeated(r: Recurrence, ranks: dict[str, int]) -> Iterator[Variant]:
    """Past a row's length the last output again, as Keras' masks do, where TF1 gives zeros."""
    if r.lengths is None:
        return
    right = tuple(f"{name}|right" for name in r.outputs)
    build = Builder(r.name)
    last = build.op(
        "Maximum", build.op("Sub", build.as_int32(r.lengths), build.constant(1)), build.constant(0)
    )
    rows = build.op("ExpandDims", last, build.constant(1))
    for name, given in zip(r.outputs, right, strict=True):
        perm = build.constant([1, 0, *range(2, ranks.get(name, 3))])
        steps = build.op("ExpandDims", build.steps(given), build.constant(0))
        taken = build.op("Minimum", steps, rows)
        across = build.op("Transpose", given, perm)
        repeated = build.op("GatherV2", across, taken, build.constant(1), batch_dims=1)
        build.op("Transpose", repeated, perm, to=name)
    text = "repeat the last output at padded steps, where the original gives zeros"
    found = made(r, build, "padding repeated", text, replace(r, outputs=right), after=True)
    yield replace(found, region="padded")


def empty_rows(r: Recurrence) -> Iterator[Variant]:
    """Rows of length 0 end in zeros, as ONNX Runtime has it, where TF1 hands the initial state through."""
    if r.lengths is None:
        return
    right = tuple(f"{name}|right" for name in r.final_state)
    build = Builder(r.name)
    none = build.op("Equal", build.as_int32(r.lengths), build.constant(0))
    column = build.op("ExpandDims", none, build.constant(1))
    for name, given in zip(r.final_state, right, strict=True):
        build.op("SelectV2", column, build.op("ZerosLike", given), given, to=name)
    text = "give zeros as the final state of rows of length 0, where the original gives their initial state"
    yield made(r, build, "length-0 rows", text, replace(r, final_state=right), after=True)


def last_step(r: Recurrence) -> Iterator[Variant]:
    """The output at the last time step for the final state: zeros where there is padding; backward, the first step that was run."""
    h = _output_part(r)
    backward = r.direction == "backward"
    if h is None or not (backward or r.lengths):
        return
    right = list(r.final_state)
    right[h] = f"{right[h]}|right"
    new = replace(r, final_state=tuple(right))
    build = Builder(r.name)
    end = build.reversed(r.outputs[0], None)
    build.op("GatherV2", end, build.constant(0), build.constant(0), to=r.final_state[h])
    cause = "last state of the backward direction" if backward else "last step for the final state"
    text = "take the output of the last time step for the final state"
    if backward:
        text += ", where the backward direction ends at each row's first"
    yield made(r, build, cause, text, new, after=True)
    if backward and r.lengths is not None:
        build = Builder(r.name)
        across = build.reversed(r.outputs[0], build.as_int32(r.lengths))
        build.op("GatherV2", across, build.constant(0), build.constant(0), to=r.final_state[h])
        yield made(
            r,
            build,
            cause,
            text.replace("the last time step", "each row's last valid step"),
            new,
            after=True,
        )


def _output_part(r: Recurrence) -> int | None:
    """Which state part is the output itself."""
    places = states.paths(r.cell.state_size)
    if len(r.outputs) != 1 or not r.final_state:
        return None
    if len(places) == 1:
        return 0 if r.cell.output_size == r.cell.state_size else None
    return 1 if len(places) == 2 and places[1] == "h" else None


def not_reversed(r: Recurrence, ranks: dict[str, int]) -> Iterator[Variant]:
    """The backward direction reversed as a whole, or not, or its outputs left in reverse."""
    if r.direction != "backward":
        return
    cause = "backward direction not reversed by length"
    forward = replace(r, direction="forward")
    if r.lengths is not None:
        text = "reverse the backward direction as a whole, padding first, where the original reverses each row by its length"
        for lengths, masked in ((r.lengths, False), (None, True), (None, False)):
            yield _whole(forward, cause, text, lengths, r.lengths if masked else None, ranks)
    yield Variant(
        "backward direction run forward",
        "run the backward direction forward",
        r.name,
        (forward,),
        part=None,
    )
    build = Builder(r.name)
    lengths = None if r.lengths is None else build.as_int32(r.lengths)
    sequences = tuple(build.reversed(x, lengths) for x in r.sequences)
    text = "leave the outputs of the backward direction in reverse order"
    yield made(
        r, build, "backward outputs in reverse order", text, replace(forward, sequences=sequences)
    )


def _whole(
    r: Recurrence,
    cause: str,
    text: str,
    lengths: str | None,
    mask: str | None,
    ranks: dict[str, int],
) -> Variant:
    before, after = Builder(r.name), Builder(f"{r.name}|after")
    sequences = tuple(before.reversed(x, None) for x in r.sequences)
    right = tuple(f"{name}|reversed" for name in r.outputs)
    for name, given in zip(r.outputs, right, strict=True):
        back = after.reversed(given, None, None if mask else name)
        if mask:
            valid = after.valid(back, mask, ranks.get(name, 3))
            after.op("SelectV2", valid, back, after.op("ZerosLike", back), to=name)
    new = replace(r, sequences=sequences, outputs=right, lengths=lengths)
    statements = (*before.statements, new, *after.statements)
    return Variant(cause, text, r.name, statements, before.constants | after.constants)


def made(
    r: Recurrence, build: Builder, cause: str, text: str, new: Recurrence, *, after: bool = False
) -> Variant:
    statements = (new, *build.statements) if after else (*build.statements, new)
    return Variant(cause, text, r.name, statements, build.constants)


def variants(program: Program, r: Recurrence, /) -> Iterator[Variant]:
    """Every known mistake in one recurrence, the likeliest first."""
    ranks = {
        name: len(fact.shape)
        for name in r.outputs
        if (fact := program.facts.get(name)) is not None and fact.shape is not None
    }
    plain: tuple[Mistake, ...] = (
        *IN_CELL,
        lengths_off,
        swapped,
        empty_rows,
        last_step,
        start_ignored,
    )
    for mistake in plain:
        yield from mistake(r)
    yield from padding_repeated(r, ranks)
    yield from not_reversed(r, ranks)
    yield from gates_permuted(r)

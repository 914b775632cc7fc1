"""``--streaming``: the program as a step model, fed piece by piece, its states going in and coming out.

Every recurrence's initial state becomes an input ``state_in/<recurrence>/<layer>/<part>`` and its final state an output ``state_out/…``. What then
needs more than the piece at hand, a sum over time, a convolution along it, a backward recurrence, is refused: :class:`TimeGuard` looks at every
operation for one that works along an axis made of time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from converters.program import Loop, OpNode, Program, Recurrence, Statement, defined, walk
from reference import states
from reference.errors import NotConvertibleError, Reason
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import Dim, Size

Pairs = tuple[tuple[str, str], ...]


def step_model(program: Program, /) -> tuple[Program, Pairs, frozenset[str]]:
    """The program with states as inputs and outputs, their names in pairs, and the names of the unknown numbers of steps.

    Raises:
        NotConvertibleError: it has no recurrence, or one that needs the future; every one is named.
    """
    found = [s for s in program.statements if isinstance(s, Recurrence)]
    reasons = [Reason(_name(s), text) for s in program.statements if (text := _refusal(s, program))]
    if not found and not reasons:
        reasons = [Reason("model", "it has no recurrence whose state could be handed on")]
    if reasons:
        msg = "no step model: " + "; ".join(map(str, reasons))
        raise NotConvertibleError(msg, tuple(reasons))
    layers: Counter[str] = Counter()
    inputs, names, outputs = dict(program.inputs), dict(program.names), list(program.outputs)
    statements: dict[int, Statement] = {}
    pairs: list[tuple[str, str]] = []
    for statement in found:
        place = statement.loop or statement.name
        head = f"{place}/{layers[place]}"
        layers[place] += 1
        parts = [path or "state" for path in states.paths(statement.cell.state_size)]
        taken = tuple(f"state_in/{head}/{part}" for part in parts)
        given = tuple(f"state_out/{head}/{part}" for part in parts)
        inputs |= dict(zip(taken, _facts(statement, program), strict=True))
        names |= dict(zip(given, statement.final_state, strict=True))
        outputs += given
        pairs += zip(taken, given, strict=True)
        statements[id(statement)] = replace(statement, initial_state=taken)
    changed = tuple(statements.get(id(s), s) for s in program.statements)
    before = _needed(program.statements, program.outputs, program.names)
    after = _needed(changed, tuple(outputs), names)
    kept = {n: f for n, f in inputs.items() if n in after or n not in before}
    # What only made the old initial states would still read the inputs they came from.
    live = tuple(s for s in changed if after & set(defined(s)))
    result = replace(program, inputs=kept, outputs=tuple(outputs), statements=live, names=names)
    return result, tuple(pairs), _times(found, program)


def _name(statement: Statement) -> str:
    return statement.node.name if isinstance(statement, OpNode) else statement.name


def _refusal(statement: Statement, program: Program) -> str:
    if isinstance(statement, Loop):
        return "it stays a loop, whose state is not told apart"
    if not isinstance(statement, Recurrence):
        inner = [s.name for s in walk((statement,)) if isinstance(s, Recurrence | Loop)]
        return f"it holds the recurrence {inner[0]}" if inner else ""
    if statement.direction == "backward":
        return "it runs backwards, from steps that are yet to come"
    time = _time(statement, program)
    if not isinstance(time, Size) and time != 1:
        return f"its number of steps is fixed at {time}"
    origin = _origins(program, statement.initial_state)
    others = [
        s.name for s in program.statements if isinstance(s, Recurrence) and origin & set(defined(s))
    ]
    if others:
        return f"its initial state comes from another recurrence, {others[0]}"
    return ""


def _time(statement: Recurrence, program: Program) -> Dim | None:
    for name in statement.sequences:
        fact = program.facts.get(name, program.inputs.get(name))
        if fact is not None and fact.shape:
            dim: Dim = fact.shape[0]
            return dim
    return None


def _times(found: list[Recurrence], program: Program) -> frozenset[str]:
    dims = [_time(statement, program) for statement in found]
    return frozenset(name for dim in dims if isinstance(dim, Size) for name in dim.names)


def _facts(statement: Recurrence, program: Program) -> list[Fact]:
    """dtype and shape ``[B, n]`` of the state parts."""
    rows: Dim | None = None
    for name in () if statement.reason else statement.sequences:
        fact = program.facts.get(name, program.inputs.get(name))
        if fact is not None and fact.shape is not None and len(fact.shape) > 1:
            rows = fact.shape[1]
    result = []
    for name, size in zip(
        statement.initial_state, states.flatten(statement.cell.state_size), strict=True
    ):
        fact = program.facts.get(name, program.inputs.get(name))
        value = program.constants.get(name)
        dtype = (
            fact.dtype if fact is not None else str(value.dtype) if value is not None else "float32"
        )
        features = (size,) if isinstance(size, int) else tuple(size)
        first = rows if rows is not None else (fact.shape[0] if fact and fact.shape else 1)
        result.append(Fact(dtype, (first, *features)))
    return result


def _origins(program: Program, names: tuple[str, ...]) -> set[str]:
    return _needed(program.statements, names, {})


def _needed(
    statements: tuple[Statement, ...], outputs: tuple[str, ...], names: Mapping[str, str]
) -> set[str]:
    """Every value that the outputs depend on."""
    needed = {names.get(name, name) for name in outputs}
    for statement in reversed(statements):
        if needed & set(defined(statement)):
            needed.update(statement.inputs)
    return needed


class TimeGuard:
    """Looks at every operation written: does it mix steps?"""

    def __init__(self, times: frozenset[str]) -> None:
        self.times = times
        self.positions: dict[int, Any] = {}
        """Values that count steps, by identity; they may be compared with lengths, and nothing else."""

    def of_time(self, dim: Any) -> bool:
        return isinstance(dim, Size) and any(
            t == n or t in n for n in dim.names for t in self.times
        )

    def check(self, ops: Any, op: str, args: tuple[Any, ...], params: Mapping[str, Any]) -> None:
        """Raises NotConvertibleError where ``op`` works along an axis of time."""
        if not self.times:
            return
        axes = _AXES.get(op, _none)(args, params)
        first = _first(args)
        shape = () if first is None or first.fact.shape is None else first.fact.shape
        rank = len(shape)
        mixed = any(self.of_time(shape[axis % rank]) for axis in axes) if rank else False
        if op == "strided_slice":
            mixed = self._cuts(shape, args, params)
        if op == "matmul":
            mixed = self._contracts(args, params)
        if op in ("einsum", "gather_nd", "nonzero", "unique", "scatter_nd"):
            mixed = any(self.of_time(dim) for x in _arrays(args) for dim in x.fact.shape or ())
        if mixed or self._reads_position(op, args):
            where = ops.build.prefix
            text = f"its {op} works along time: it needs steps that are yet to come or are gone"
            msg = f"no step model: {where}: {text}"
            raise NotConvertibleError(msg, (Reason(where, text),))

    def _reads_position(self, op: str, args: tuple[Any, ...]) -> bool:
        counted = any(id(x) in self.positions for x in _arrays(args))
        return counted and op not in _MOVES and op not in _COMPARES

    def made(self, op: str, args: tuple[Any, ...], results: tuple[Any, ...]) -> None:
        """Remember what counts steps."""
        counts = op == "range" and any(self.of_time(d) for r in results for d in r.fact.shape or ())
        if counts or (op in _MOVES and any(id(x) in self.positions for x in _arrays(args))):
            self.positions.update({id(r): r for r in results})

    def _cuts(self, shape: Any, args: tuple[Any, ...], params: Mapping[str, Any]) -> bool:
        """A slice of time other than all of it or its last step."""
        begin, end = (
            list(a) if isinstance(a, tuple) else [a] * len(params["strides"]) for a in args[1:3]
        )
        for axis, stride in enumerate(params["strides"]):
            if axis < len(shape) and self.of_time(shape[axis]):
                whole = begin[axis] in (None, 0) and end[axis] is None and stride == 1
                last = begin[axis] == -1 and end[axis] is None
                if not (whole or last):
                    return True
        return False

    def _contracts(self, args: tuple[Any, ...], params: Mapping[str, Any]) -> bool:
        a = args[0].fact.shape
        if not a or len(a) < 2:
            return False
        return self.of_time(a[-2] if params["transpose_a"] else a[-1])


_MOVES = frozenset(
    [
        "expand_dims",
        "reshape",
        "cast",
        "broadcast_to",
        "tile",
        "transpose",
        "squeeze",
        "shape",
        "concat",
        "stack",
    ]
)
_COMPARES = frozenset(["less", "less_equal", "greater", "greater_equal", "shape"])


def _none(args: Any, params: Mapping[str, Any]) -> tuple[int, ...]:
    return ()


def _axis(args: Any, params: Mapping[str, Any]) -> tuple[int, ...]:
    return (params["axis"],)


def _axes(args: Any, params: Mapping[str, Any]) -> tuple[int, ...]:
    axes = params["axes"]
    return tuple(range(len(args[0].fact.shape or ()))) if axes is None else tuple(axes)


def _last(args: Any, params: Mapping[str, Any]) -> tuple[int, ...]:
    return (-1,)


def _windows(args: Any, params: Mapping[str, Any]) -> tuple[int, ...]:
    """The spatial axes on which the window is larger than 1."""
    window = params.get("window") or (args[1].fact.shape or ())[:-2]
    strides = params["strides"]
    return tuple(i + 1 for i, n in enumerate(window) if n != 1 or strides[i] != 1)


def _padded(args: Any, params: Mapping[str, Any]) -> tuple[int, ...]:
    pairs = args[1] if isinstance(args[1], tuple) else ((1, 1),) * len(args[0].fact.shape or ())
    return tuple(i for i, pair in enumerate(pairs) if tuple(pair) != (0, 0))


_AXES: dict[str, Any] = {
    **dict.fromkeys(
        ["sum", "mean", "max", "min", "prod", "any", "all", "logsumexp", "reverse", "squeeze"],
        _axes,
    ),
    **dict.fromkeys(
        [
            "softmax",
            "log_softmax",
            "cumsum",
            "cumprod",
            "argmax",
            "argmin",
            "concat",
            "split",
            "unstack",
            "gather",
        ],
        _axis,
    ),
    **dict.fromkeys(("conv", "conv_transpose", "pool"), _windows),
    "top_k": _last,
    "reverse_sequence": lambda args, params: (params["seq_axis"],),
    "pad": _padded,
}


def _arrays(args: Any) -> Any:
    for arg in args:
        if isinstance(arg, tuple):
            yield from _arrays(arg)
        elif hasattr(arg, "fact"):
            yield arg


def _first(args: Any) -> Any:
    return next(_arrays(args), None)

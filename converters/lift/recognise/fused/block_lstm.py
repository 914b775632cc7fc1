"""BlockLSTM and BlockLSTMV2 as a recurrence.

The op gives seven sequences; inference reads h, and c to pick the final state. LSTMBlockFusedCell (TF 1.15.5
``contrib/rnn/python/ops/lstm_ops.py``) runs it to the longest row and masks afterwards::

    outputs = h * mask(lengths)
    final_c = gather_nd(concat([expand_dims(c0), c]), stack([lengths, range(batch)], 1)),  h likewise

Read together that is a recurrence with lengths. Where the reading does not fit, the op becomes a traced cell that gives h and c.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.graph import Node
from converters.lift.recognise.loops.bounds import known_int, symbolic
from converters.lift.recognise.loops.emit import ProgramOps
from converters.lift.recognise.loops.model import Built, Definitions, root
from converters.lift.recognise.loops.traced import traced_cell
from converters.program import OpNode, Program, Recurrence, walk
from converters.tf_ops.blocks import lstm_options
from reference.cells.base import map_weights
from reference.cells.lstm_block import GATES, GATES_V2, LSTMBlockCell
from reference.errors import NotConvertibleError, Reason
from reference.states import LSTMStateTuple
from reference.vocabulary.abstract.fact import Fact
from reference.vocabulary.abstract.sizes import unknown
from reference.vocabulary.tracer import Tracer

C_OUTPUT, H_OUTPUT = 1, 6
VIEWS = frozenset(("Tile", "ExpandDims", "Transpose", "Cast", "Reshape", "Identity", "BroadcastTo"))


def block_lstm(program: Program, statement: OpNode, definitions: Definitions) -> Built | None:
    """None where a weight is no constant, or more than h and c is read."""
    return _BlockLSTM(program, statement, definitions).build()


@dataclass
class _BlockLSTM:
    program: Program
    statement: OpNode
    definitions: Definitions
    built: Built = field(default_factory=Built)

    def build(self) -> Built | None:
        cell = self._cell()
        if cell is None:
            return None
        self.readers: dict[str, list[OpNode]] = {}
        for s in walk(self.program.statements):
            for name in s.inputs:
                self.readers.setdefault(name, []).append(s)  # type: ignore[arg-type]
        wanted = {self.program.names.get(n, n) for n in self.program.outputs}
        used = [
            k for k, n in enumerate(self.statement.outputs) if self.readers.get(n) or n in wanted
        ]
        if set(used) - {C_OUTPUT, H_OUTPUT}:
            return None
        self.ops = ProgramOps(f"{self.statement.node.name}|fused", dict(self.program.facts))
        self.c, self.h = self.statement.outputs[C_OUTPUT], self.statement.outputs[H_OUTPUT]
        if wanted.isdisjoint((self.c, self.h)) and self._masked(cell):
            return self._done()
        if self.c not in wanted and self._unmasked(cell):
            return self._done()
        self._both(cell)
        return self._done()

    def _done(self) -> Built:
        self._flush()
        self.built.constants, self.built.variables = self.ops.constants, self.ops.variables
        known = self.program.facts
        self.built.facts = {k: v for k, v in self.ops.facts.items() if k not in known}
        return self.built

    def _flush(self) -> None:
        self.built.statements.extend(self.ops.statements)
        self.ops.statements.clear()

    def _cell(self) -> LSTMBlockCell | None:
        values = [self.program.constants.get(v) for v in self.statement.inputs[4:9]]
        kernel, wci, wcf, wco, bias = values
        if kernel is None or bias is None:
            return None
        if kernel.ndim != 2 or bias.shape != kernel.shape[1:] or len(bias) % 4:
            msg = f"node {self.statement.node.name!r}: a kernel of {kernel.shape} and a bias of {bias.shape} do not go together"
            raise NotConvertibleError(
                msg, (Reason(self.statement.node.name, "its weights do not fit one another"),)
            )
        forget, clip, peephole = lstm_options(self.statement.node)
        diagonals: tuple[Any, ...] = (wci, wcf, wco) if peephole else (None, None, None)
        if peephole and any(d is None for d in diagonals):
            return None
        gates = GATES_V2 if self.statement.node.op == "BlockLSTMV2" else GATES
        return LSTMBlockCell(
            kernel,
            bias,
            w_i_diag=diagonals[0],
            w_f_diag=diagonals[1],
            w_o_diag=diagonals[2],
            forget_bias=forget,
            cell_clip=clip if clip > 0 else None,
            gates=gates,
        )

    # -- what the graph makes of h and c -----------------------------------------------------------------------------

    def _masked(self, cell: LSTMBlockCell) -> bool:
        """``h * mask(lengths)`` and picks at ``lengths``, nothing else."""
        lengths = self._longest()
        if lengths is None:
            return False
        products = self.readers.get(self.h, [])
        finals_c = self._picked(self.c, self.statement.inputs[2], lengths)
        if finals_c is None or not products:
            return False
        finals_h: list[str] = []
        for product in products:
            if product.node.op != "Mul" or self._mask(product, self.h) != lengths:
                return False
            found = self._picked(product.outputs[0], self.statement.inputs[3], lengths, rest=True)
            finals_h += found or []
        self._recurrence(cell, lengths, [p.outputs[0] for p in products], finals_c, finals_h)
        return True

    def _unmasked(self, cell: LSTMBlockCell) -> bool:
        """h as it is, over the whole sequence; c only for its last item."""
        if not self._whole():
            return False
        finals_c = self._last(self.c, self.statement.inputs[2])
        if finals_c is None:
            return False
        self._recurrence(cell, None, [self.h], finals_c, [])
        return True

    def _whole(self) -> bool:
        shape = self.program.facts[self.statement.inputs[1]].shape
        bound = symbolic(self.program, root(self.definitions, self.statement.inputs[0]))
        return shape is not None and bound is not None and bound == shape[0]

    def _longest(self) -> str | None:
        """The lengths of which ``seq_len_max`` is the maximum."""
        maker = self.definitions.op(root(self.definitions, self.statement.inputs[0]))
        if maker is None or maker.node.op != "Max":
            return None
        return root(self.definitions, maker.inputs[0])

    def _mask(self, product: OpNode, value: str) -> str | None:
        """The lengths behind a mask ``[T, B, units]`` that multiplies ``value``."""
        other = product.inputs[1] if product.inputs[0] == value else product.inputs[0]
        if self._rank3(other) != self._rank3(value):
            return None
        for _ in range(12):
            maker = self.definitions.op(other)
            if maker is None:
                return None
            if maker.node.op == "Less":
                return self._times_below(maker)
            if maker.node.op not in VIEWS:
                return None
            other = maker.inputs[0]
        return None

    def _rank3(self, value: str) -> Any:
        shape = self.program.facts[value].shape
        return None if shape is None else (len(shape), shape[0])

    def _times_below(self, less: OpNode) -> str | None:
        if not self._counts(less.inputs[0]):
            return None
        return root(self.definitions, self._behind(less.inputs[1]))

    def _counts(self, value: str) -> bool:
        """0, 1, 2, …; numbers where the size is static."""
        value = self._behind(value)
        known = self.program.constants.get(value)
        if known is not None:
            return np.array_equal(known.reshape(-1), np.arange(known.size))
        maker = self.definitions.op(value)
        if maker is None or maker.node.op != "Range":
            return False
        return [known_int(self.program, maker.inputs[k]) for k in (0, 2)] == [0, 1]

    def _behind(self, value: str) -> str:
        for _ in range(8):
            maker = self.definitions.op(value)
            if maker is None or maker.node.op not in VIEWS:
                return value
            value = maker.inputs[0]
        return value

    def _picked(
        self, sequence: str, initial: str, lengths: str, rest: bool = False
    ) -> list[str] | None:
        """Values ``concat([expand(initial), sequence])[lengths]``; None where the sequence is read otherwise (unless ``rest``)."""
        found: list[str] = []
        for joined in self.readers.get(sequence, []):
            picks = (
                self.readers.get(joined.outputs[0], []) if self._prepends(joined, initial) else []
            )
            right = [p for p in picks if p.node.op == "GatherNd" and self._at(p, lengths)]
            if not rest and (not picks or len(right) != len(picks)):
                return None
            found += [p.outputs[0] for p in right]
        return found

    def _prepends(self, joined: OpNode, initial: str) -> bool:
        if joined.node.op != "ConcatV2" or len(joined.inputs) != 3:
            return False
        if known_int(self.program, joined.inputs[2]) != 0:
            return False
        first = self.definitions.op(joined.inputs[0])
        return first is not None and first.node.op == "ExpandDims" and first.inputs[0] == initial

    def _at(self, pick: OpNode, lengths: str) -> bool:
        pack = self.definitions.op(pick.inputs[1])
        if pack is None or pack.node.op != "Pack" or len(pack.inputs) != 2:
            return False
        return root(self.definitions, pack.inputs[0]) == lengths and self._counts(pack.inputs[1])

    def _last(self, sequence: str, initial: str) -> list[str] | None:
        """Values ``concat([expand(initial), sequence])[-1]`` or ``sequence[-1]``; None where it is read otherwise."""
        found: list[str] = []
        for reader in self.readers.get(sequence, []):
            readers = [reader]
            if self._prepends(reader, initial):
                readers = self.readers.get(reader.outputs[0], [])
            for r in readers:
                if r.node.op != "StridedSlice" or not self._last_item(r):
                    return None
                found.append(r.outputs[0])
        return found

    def _last_item(self, cut: OpNode) -> bool:
        masks = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask")
        plain = not any(int(cut.node.attr(m, 0)) & 1 for m in masks)
        return (
            plain
            and int(cut.node.attr("shrink_axis_mask", 0)) == 1
            and known_int(self.program, cut.inputs[1]) == -1
        )

    # -- statements --------------------------------------------------------------------------------------------------

    def _recurrence(
        self,
        cell: Any,
        lengths: str | None,
        outputs: list[str],
        finals_c: list[str],
        finals_h: list[str],
    ) -> None:
        name = self.statement.node.name
        facts = self.ops.facts
        main = f"{name}|outputs"
        facts[main] = facts[self.h]
        final = (f"{name}|final_c", f"{name}|final_h")
        facts.update({f: facts[v] for f, v in zip(final, self.statement.inputs[2:4], strict=True)})
        self._flush()
        self._add(cell, lengths, (main,), final, "")
        for values, source in ((outputs, main), (finals_c, final[0]), (finals_h, final[1])):
            for value in values:
                if self.definitions.op(value) is self.statement:
                    self._give(value, source)
                else:
                    self.built.replaced[value] = source

    def _give(self, name: str, source: str) -> None:
        self.ops.statements.append(OpNode(Node(f"{name}|given", "Identity", (source,)), (name,)))

    def _add(
        self,
        cell: Any,
        lengths: str | None,
        outputs: tuple[str, ...],
        final: tuple[str, ...],
        reason: str,
    ) -> None:
        inputs, node = self.statement.inputs, self.statement.node
        sources = {"kernel": 4, "bias": 8}
        if getattr(cell, "w_i_diag", None) is not None:
            sources |= {"w_i_diag": 5, "w_f_diag": 6, "w_o_diag": 7}
        names = {k: self.program.variables.get(inputs[i], inputs[i]) for k, i in sources.items()}
        if reason:
            names = {f"constants/{k}": n for k, n in enumerate(cell.names)}
        self.built.statements.append(
            Recurrence(
                name=node.name,
                cell=cell,
                sequences=(inputs[1],),
                initial_state=(inputs[2], inputs[3]),
                outputs=outputs,
                final_state=final,
                lengths=lengths,
                parameters=names,
                loop=node.name,
                reason=reason,
            )
        )

    def _both(self, cell: LSTMBlockCell) -> None:
        """A traced cell that gives h and c; past ``seq_len_max`` both are 0."""
        ops, inputs = self.ops, self.statement.inputs
        x, c, h = (ops.value(inputs[k]) for k in (1, 2, 3))
        tracer, batch = Tracer(), unknown("B")
        leaves = [
            tracer.input(n, Fact(v.dtype, (batch, v.shape[-1])))
            for n, v in (("x", x), ("c", c), ("h", h))
        ]
        named = map_weights(lambda path, w: tracer.constant(w, name=path), cell)
        output, new = named.step(tracer, leaves[0], LSTMStateTuple(leaves[1], leaves[2]))
        traced = traced_cell((leaves[0],), (leaves[1], leaves[2]), tuple(new), (output, new.c))
        lengths = None if self._whole() else self._bound(x)
        self._flush()
        final = tuple(f"{self.statement.node.name}|final{k}" for k in range(2))
        ops.facts.update({f: v.fact for f, v in zip(final, (c, h), strict=True)})
        self._add(
            traced,
            lengths,
            (self.h, self.c),
            final,
            "the sequence of cell states is read, not only the last",
        )

    def _bound(self, x: Any) -> str:
        """``seq_len_max`` for every row."""
        ops = self.ops
        size = ops.strided_slice(ops.shape(x), [1], [2], [1])
        bound = ops.cast(ops.value(self.statement.inputs[0]), "int32")
        fact = Fact("int32", (x.shape[1],))
        return str(ops.node("Fill", (size, bound), fact).name)

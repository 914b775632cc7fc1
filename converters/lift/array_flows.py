"""Is a TensorArray's flow that of its handle? The lift follows flows alone, TensorFlow 1 follows handles.

In a TensorArray op of TensorFlow 1 the handle says which array it works on; the flow, a float without meaning, only says what comes before
(TF 1.15.5 ``core/kernels/tensor_array_ops.cc:405``, ``python/ops/tensor_array_ops.py:194``). ``tf.TensorArray`` hands both on together, so that the flow tells all. A graph
rewired by hand, or ``tf.cond`` over two arrays (it keeps the first one's handle), may part them; and control inputs can order what
no flow does. All of that is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from converters.graph import split_tensor
from converters.lift.homes import refused
from converters.lift.work import Work

_WRITES = ("ListSet", "ListScatter", "ListSplit", "ListUnstack")
_CHANGES = ("ListSet", "ListScatter", "ListSplit", "ListPush", "ListResize")
"""What gives another list for the one that is their first input."""


def check_arrays(work: Work, reached: Iterable[str]) -> None:
    """Raises NotConvertibleError where a handle and its flow come from two arrays, or a write is ordered by control inputs alone."""
    if not work.arrays:
        return
    tensors = {t: None for t in reached if not work.terminal(t)}
    names = dict.fromkeys(split_tensor(t)[0] for t in tensors)
    classes = Lists(work, names, tensors)
    for name in names:
        if name not in work.arrays:
            continue
        handle, flow = work.arrays[name]
        mine, other = classes.arrays_of(handle), classes.arrays_of(flow)
        if len(mine | other) != 1 or mine != other:
            text = f"its TensorArray's handle {handle} and flow {flow} do not come from one array: pass on what write() returns"
            raise refused(work.node(name), text)
    _ordered_by_flow(work, names, classes)


class Lists:
    """Tensors that are one list at different times (a TensorArray's flows, a TensorList's variants), joined; each class knows where it began.

    To be made when the homes are known: that fills in the loops.
    """

    def __init__(self, work: Work, names: Iterable[str], tensors: Collection[str]) -> None:
        self.work = work
        self._parent: dict[str, str] = {}
        arrays: list[str] = []
        for name in names:
            node = work.node(name)
            if name in work.arrays and node.op in _WRITES:
                self._join(f"{name}:0", work.arrays[name][1])
            elif node.op in _CHANGES:
                self._join(f"{name}:0", node.inputs[0])
            elif node.op in ("ListNew", "ListUnstack"):
                arrays.append(name)
            elif node.op == "Merge":
                for tensor in node.inputs:
                    self._join(f"{name}:0", tensor)
        for frame in work.frames.values():
            for v in frame.variables.values():
                for tensor in (v.condition_input, v.body_input, v.result, v.output):
                    self._join(v.init, tensor)
        for name, found in work.branches.items():
            for k, pair in enumerate(zip(found.then, found.otherwise, strict=False)):
                for tensor in pair if f"{name}:{k}" in tensors else ():
                    self._join(f"{name}:{k}", tensor)
        self._arrays: dict[str, set[str]] = {}
        for name in arrays:
            self._arrays.setdefault(self._find(f"{name}:0"), set()).add(name)

    def arrays_of(self, tensor: str) -> set[str]:
        """The nodes that made the arrays or lists that a tensor may be of; itself where it is none's."""
        return self._arrays.get(self._find(tensor), {self._find(tensor)})

    def _find(self, tensor: str) -> str:
        # What a loop does not read, or give, has a name and no node.
        made = split_tensor(tensor)[0] in self.work.nodes
        name = self.work.resolve(tensor) if made else tensor
        path = []
        while (above := self._parent.get(name, name)) != name:
            path.append(name)
            name = above
        self._parent.update(dict.fromkeys(path, name))
        return name

    def _join(self, a: str, b: str) -> None:
        self._parent[self._find(a)] = self._find(b)


def _ordered_by_flow(work: Work, names: dict[str, None], classes: Lists) -> None:
    """Every write that runs before what is needed must be among what the flows tell."""
    arrays = {a for n in names if n in work.arrays for a in classes.arrays_of(work.arrays[n][0])}
    todo = [c for n in names for c in work.nodes[n].controls if c not in names]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        node = work.nodes.get(name)
        if name in seen or name in names or node is None:
            continue
        seen.add(name)
        todo += [*node.controls, *(split_tensor(t)[0] for t in node.inputs)]
        if not node.op.startswith("TensorArray") or work.node(name).op not in _WRITES:
            continue
        if classes.arrays_of(work.arrays[name][0]) & arrays:
            text = "only control inputs say when it writes its TensorArray: pass on the flow that write() returns"
            raise refused(node, text)

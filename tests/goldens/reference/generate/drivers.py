"""The drivers: a closed-form toy cell, BasicLSTM and GRU; pairs of options. And what TF refuses."""

from __future__ import annotations

from typing import Any, Dict, List

import numpy as np
import tensorflow as tf
from tensorflow.contrib import rnn as contrib
from tensorflow.python.util import nest

from store import Family, draw

M, N, B, T = 3, 4, 4, 5
LENGTHS = {
    "none": None,
    "mixed": np.array([0, 1, T, 3], np.int32),
    "long": np.array([2, 4, 1, 3], np.int64),
    "zero": np.zeros(B, np.int32),
    "full": np.full(B, T, np.int32),
    "outside": np.array([-2, T + 3, 2, T], np.int32),
    "short": np.array([1, 2, 1, 2], np.int32),
}


class ToyCell(tf.nn.rnn_cell.RNNCell):
    """output = 100 * state + x, state + 1: which step and which item is plain to read."""

    state_size = M
    output_size = M

    def call(self, inputs: Any, state: Any) -> Any:
        return 100.0 * state + inputs, state + 1.0


CELLS = {
    "toy": lambda n: ToyCell(),
    "lstm": lambda n: tf.nn.rnn_cell.BasicLSTMCell(n),
    "gru": lambda n: tf.nn.rnn_cell.GRUCell(n),
}


class Saver:
    """static_state_saving_rnn's partner: states in, states out."""

    def __init__(self, states: Dict[str, Any]) -> None:
        self.states, self.saved = states, {}

    def state(self, name: str) -> Any:
        return self.states[name]

    def save_state(self, name: str, value: Any) -> Any:
        self.saved[name] = tf.identity(value)
        return self.saved[name]


def plan() -> List[Dict[str, Any]]:
    """Every driver with every option at least once, options in pairs."""
    cases = []

    def add(driver: str, **more: Any) -> None:
        card = dict({"driver": driver, "cell": "lstm", "lengths": "mixed", "initial": True, "time_major": False}, **more)
        card["name"] = "_".join(str(card[k]) for k in ("driver", "cell", "lengths", "initial", "time_major"))
        if card.get("listed"):
            card["name"] += "_listed"
        if card not in cases:
            cases.append(card)

    one_way = ("dynamic_rnn", "static_rnn")
    for driver in one_way + ("bidirectional_dynamic_rnn", "static_bidirectional_rnn", "stack_bidirectional_rnn", "stack_bidirectional_dynamic_rnn"):
        for k, lengths in enumerate(("none", "mixed", "long", "zero", "full", "short", "outside")):
            if lengths == "outside" and driver not in one_way:
                continue
            major = k % 2 == 1 and "dynamic" in driver
            add(driver, cell="toy", lengths=lengths, initial=bool(k % 3), time_major=major)
            add(driver, cell=("lstm", "gru")[k % 2], lengths=lengths, initial=not k % 3, time_major=not major and "dynamic" in driver)
    for lengths in ("none", "mixed", "outside"):
        add("static_state_saving_rnn", lengths=lengths)
        add("static_state_saving_rnn", lengths=lengths, cell="gru")
    for cell in ("toy", "lstm", "gru"):
        add("raw_rnn", cell=cell, lengths="mixed")
        add("raw_rnn", cell=cell, lengths="short")
        add("raw_rnn_emit", cell=cell, lengths="mixed")
    for dynamic in ("fused_dynamic", "fused_static", "reversed_dynamic", "reversed_static", "block_fused", "block_reversed"):
        for k, lengths in enumerate(("none", "mixed", "full")):
            for listed in (False, True):
                cell = "toy" if "block" not in dynamic and k == 1 else "lstm"
                add(dynamic, lengths=lengths, listed=listed, cell=cell, initial=bool(k % 2))
    return cases


def run(card: Dict[str, Any]) -> Any:
    """(card with the result's structure, arrays) of one case, float64 where the op has it."""
    dtype = np.float32 if "block" in card["driver"] else np.float64
    with tf.Graph().as_default(), tf.Session() as session:
        x = draw(card["name"], [B, T, M], dtype, 1.0, "x")
        if card["cell"] == "toy":
            x = np.round(10 * x)
        result, given = DRIVERS[card["driver"]](card, x, dtype)
        weights = {}
        for v in tf.global_variables():
            weights[v.op.name] = draw(card["name"], v.shape.as_list(), dtype, 0.6, "w", v.op.name)
            v.load(weights[v.op.name], session)
        flat = nest.flatten(result)
        cots = {k: draw(card["name"], t.shape.as_list(), dtype, 1.0, "d", k) for k, t in enumerate(flat)
                if t.dtype.is_floating and None not in t.shape.as_list()}
        if card["driver"].startswith("raw"):
            cots = {k: c for k, c in cots.items() if c.ndim == 2}
        loss = tf.add_n([tf.reduce_sum(flat[k] * c) for k, c in cots.items()])
        found = zip(tf.global_variables(), tf.gradients(loss, tf.global_variables()))
        found = {v.op.name: g for v, g in found if g is not None}
        leaves, grads = session.run([flat, found])
    arrays = {"x": x}
    arrays.update({"d%d" % k: c for k, c in cots.items()})
    arrays.update({"g/" + k: g for k, g in grads.items()})
    if LENGTHS[card["lengths"]] is not None:
        arrays["lengths"] = LENGTHS[card["lengths"]]
    arrays.update({"var/" + k: v for k, v in weights.items()})
    arrays.update({"s%d" % k: v for k, v in enumerate(given)})
    arrays.update({"y%d" % k: v for k, v in enumerate(leaves)})
    return dict(card, structure=structure(result), dtype=np.dtype(dtype).name), arrays


def structure(result: Any) -> Any:
    """The nest in JSON: [type name, items…], "array" for a leaf."""
    if isinstance(result, (tuple, list)):
        return [type(result).__name__] + [structure(r) for r in result]
    return "array"


def first(card: Dict[str, Any], cell: Any, dtype: Any, given: List[Any], salt: int = 0) -> Any:
    """The initial state, or None; its arrays are appended to ``given``."""
    if not card["initial"]:
        return None
    leaves = []
    for k, size in enumerate(nest.flatten(cell.state_size)):
        value = draw(card["name"], [B, size], dtype, 0.7, "s", salt, k)
        value = np.round(5 * value) if card["cell"] == "toy" else value
        given.append(value)
        leaves.append(tf.constant(value))
    return nest.pack_sequence_as(cell.state_size, leaves)


def one(card: Dict[str, Any], x: Any, dtype: Any) -> Any:
    given: List[Any] = []
    cell = CELLS[card["cell"]](N)
    state = first(card, cell, dtype, given)
    lengths = LENGTHS[card["lengths"]]
    zero = None if card["initial"] else tf.as_dtype(dtype)
    if card["driver"] == "dynamic_rnn":
        fed = x.swapaxes(0, 1) if card["time_major"] else x
        return tf.nn.dynamic_rnn(cell, tf.constant(fed), lengths, state, zero, time_major=card["time_major"]), given
    steps = [tf.constant(x[:, t]) for t in range(T)]
    if card["driver"] == "static_rnn":
        return tf.nn.static_rnn(cell, steps, state, zero, lengths), given
    names = [str(k) for k, _ in enumerate(nest.flatten(state))]
    saver = Saver(dict(zip(names, nest.flatten(state))))
    asked = nest.pack_sequence_as(cell.state_size, names) if nest.is_sequence(cell.state_size) else names[0]
    y, new = tf.nn.static_state_saving_rnn(cell, steps, saver, asked, lengths)
    return (y, new, [saver.saved[n] for n in names]), given


def two(card: Dict[str, Any], x: Any, dtype: Any) -> Any:
    given: List[Any] = []
    fw, bw = CELLS[card["cell"]](N), CELLS[card["cell"]](N + 1)
    a, b = first(card, fw, dtype, given, 0), first(card, bw, dtype, given, 1)
    lengths = LENGTHS[card["lengths"]]
    zero = None if card["initial"] else tf.as_dtype(dtype)
    if "static" in card["driver"]:
        steps = [tf.constant(x[:, t]) for t in range(T)]
        return tf.nn.static_bidirectional_rnn(fw, bw, steps, a, b, zero, lengths), given
    fed = x.swapaxes(0, 1) if card["time_major"] else x
    return tf.nn.bidirectional_dynamic_rnn(fw, bw, tf.constant(fed), lengths, a, b, zero, time_major=card["time_major"]), given


class ToyCellWide(ToyCell):
    """The second layer reads both directions."""

    state_size = 2 * M
    output_size = 2 * M


def stacked(card: Dict[str, Any], x: Any, dtype: Any) -> Any:
    given: List[Any] = []
    if card["cell"] == "toy":
        fws, bws = [ToyCell(), ToyCellWide()], [ToyCell(), ToyCellWide()]
    else:
        fws, bws = ([CELLS[card["cell"]](n) for n in sizes] for sizes in ((N, 2), (3, N)))
    initial = [[first(card, c, dtype, given, 10 * d + k) for k, c in enumerate(cells)] for d, cells in enumerate((fws, bws))]
    a, b = initial if card["initial"] else (None, None)
    lengths = LENGTHS[card["lengths"]]
    zero = None if card["initial"] else tf.as_dtype(dtype)
    if "dynamic" not in card["driver"]:
        steps = [tf.constant(x[:, t]) for t in range(T)]
        return contrib.stack_bidirectional_rnn(fws, bws, steps, a, b, zero, lengths), given
    fed = x.swapaxes(0, 1) if card["time_major"] else x
    return contrib.stack_bidirectional_dynamic_rnn(fws, bws, tf.constant(fed), a, b, zero, lengths, time_major=card["time_major"]), given


def raw(card: Dict[str, Any], x: Any, dtype: Any) -> Any:
    """The loop of TF's own documentation; "emit": it emits (output, time) instead of the output."""
    given: List[Any] = []
    cell = CELLS[card["cell"]](N)
    state = first(card, cell, dtype, given)
    lengths = LENGTHS[card["lengths"]]
    array = tf.TensorArray(tf.as_dtype(dtype), T).unstack(tf.constant(x.swapaxes(0, 1)))
    emits = card["driver"] == "raw_rnn_emit"

    def loop(time: Any, output: Any, cell_state: Any, loop_state: Any) -> Any:
        emit = output
        if emits:
            size = cell.output_size
            emit = (tf.zeros([size], dtype), tf.zeros([], tf.int32)) if output is None else (
                output, tf.fill([B], time))
        next_state = state if output is None else cell_state
        finished = time >= lengths
        following = tf.cond(tf.reduce_all(finished), lambda: tf.zeros([B, M], dtype), lambda: array.read(time))
        count = tf.constant(0) if loop_state is None else loop_state + 1
        return finished, following, next_state, emit, count

    arrays, final, count = tf.nn.raw_rnn(cell, loop)
    return (nest.map_structure(lambda a: a.stack(), arrays), final, count), given


def fused(card: Dict[str, Any], x: Any, dtype: Any) -> Any:
    given: List[Any] = []
    driver = card["driver"]
    cell = CELLS[card["cell"]](N)
    state = first(card, cell, dtype, given)
    whole = contrib.LSTMBlockFusedCell(N) if "block" in driver else contrib.FusedRNNCellAdaptor(cell, "dynamic" in driver)
    if "reversed" in driver:
        whole = contrib.TimeReversedFusedRNN(_NoScope(whole) if "block" in driver else whole)
    fed = [tf.constant(x[:, t]) for t in range(T)] if card["listed"] else tf.constant(x.swapaxes(0, 1))
    zero = None if card["initial"] else tf.as_dtype(dtype)
    return whole(fed, initial_state=state, dtype=zero, sequence_length=LENGTHS[card["lengths"]]), given


class _NoScope:
    """TimeReversedFusedRNN hands on ``scope``, which a fused block cell's __call__ does not take."""

    def __init__(self, cell: Any) -> None:
        self.cell = cell

    def __call__(self, inputs: Any, scope: Any = None, **kwargs: Any) -> Any:
        return self.cell(inputs, **kwargs)


DRIVERS = {
    "dynamic_rnn": one, "static_rnn": one, "static_state_saving_rnn": one,
    "bidirectional_dynamic_rnn": two, "static_bidirectional_rnn": two,
    "stack_bidirectional_rnn": stacked, "stack_bidirectional_dynamic_rnn": stacked,
    "raw_rnn": raw, "raw_rnn_emit": raw,
    "fused_dynamic": fused, "fused_static": fused, "reversed_dynamic": fused, "reversed_static": fused,
    "block_fused": fused, "block_reversed": fused,
}


def record() -> None:
    family = Family("drivers")
    for card in plan():
        try:
            family.add(*run(card))
        except Exception as error:  # noqa: BLE001 - TF's own refusals, kept as facts
            note = "{}: {}".format(type(error).__name__, str(error).strip().split("\n")[-1].strip()[:160])
            family.add(dict(card, refused=note), {})
            print("refused", card["name"], note, flush=True)
    family.write()


def record_training() -> None:
    """Dropout with the noise TF drew, and the clips."""
    family = Family("training")
    lstm = tf.nn.rnn_cell.LSTMCell
    dropout = tf.nn.rnn_cell.DropoutWrapper
    keeps = {"input_keep_prob": 0.7, "output_keep_prob": 0.6, "state_keep_prob": 0.8}
    plans = [("dropout_" + k[:-10], {k: v}) for k, v in sorted(keeps.items())] + [("dropout_all", keeps)]
    for name, kwargs in plans:
        for variational in (False, True):
            if variational:
                kwargs = dict(kwargs, variational_recurrent=True, input_size=M, dtype=tf.float64)
            with tf.Graph().as_default() as graph, tf.Session() as session:
                cell = dropout(lstm(N), seed=7, **kwargs)
                x, state = draw(name, [B, M], np.float64, 1.0, "x"), [draw(name, [B, N], np.float64, 1.0, k) for k in "ch"]
                y, new = cell(tf.constant(x), tf.nn.rnn_cell.LSTMStateTuple(*map(tf.constant, state)))
                noise = [op.outputs[0] for op in graph.get_operations() if op.type == "Add" and "random_uniform" in op.name]
                weights = {v.op.name: draw(name, v.shape.as_list(), np.float64, 0.6, "w", v.op.name) for v in tf.global_variables()}
                for v in tf.global_variables():
                    v.load(weights[v.op.name], session)
                results, drawn = session.run([[y, new.c, new.h], noise])
            arrays = {"x": x, "s0": state[0], "s1": state[1]}
            arrays.update({"var/" + k: v for k, v in weights.items()})
            arrays.update({"y%d" % k: v for k, v in enumerate(results)})
            arrays.update({"noise/" + n.op.name: v for n, v in zip(noise, drawn)})
            kept = {k: v for k, v in kwargs.items() if k.endswith("prob")}
            card = {"name": name + ("_variational" if variational else ""), "keeps": kept, "variational": variational}
            family.add(card, arrays)
    with tf.Graph().as_default(), tf.Session() as session:
        t = [draw("clip", s, np.float64, 2.0, str(s)) for s in ([4, 5], [3], [2, 2, 2])]
        zero = np.zeros(3)
        for norm in (0.5, 100.0):
            clipped, total = tf.clip_by_global_norm([tf.constant(v) for v in t], norm)
            by_norm = [tf.clip_by_norm(tf.constant(v), norm) for v in t + [zero]]
            rows = tf.clip_by_norm(tf.constant(t[0]), norm, axes=[1])
            value = tf.clip_by_value(tf.constant(t[0]), -norm, 0.3)
            odd = tf.clip_by_value(tf.constant(t[0]), 0.5, -0.5)
            bad, _ = tf.clip_by_global_norm([tf.constant(t[0]), tf.constant(np.array([np.inf]))], norm)
            got = session.run({"g": clipped, "total": total, "n": by_norm, "rows": rows, "value": value, "odd": odd, "bad": bad})
            arrays = {"t%d" % k: v for k, v in enumerate(t + [zero])}
            arrays.update({"g%d" % k: v for k, v in enumerate(got["g"])})
            arrays.update({"n%d" % k: v for k, v in enumerate(got["n"])})
            arrays.update({"b%d" % k: v for k, v in enumerate(got["bad"])})
            arrays.update({k: got[k] for k in ("total", "rows", "value", "odd")})
            family.add({"name": "clips_%g" % norm, "norm": norm}, arrays)
    family.write()

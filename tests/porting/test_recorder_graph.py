"""What the recorder reads off a graph, on hand-made ops (the methods of tf.Graph it uses)."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from porting import record_tf1


class Tensor:
    """One output of an op, with its consumers and static shape."""

    def __init__(self, op: Op, index: int, shape: tuple[int | None, ...] | None) -> None:
        self.op, self.name, self.shape, self.users = op, f"{op.name}:{index}", shape, []

    def consumers(self) -> list[Op]:
        return self.users

    def get_shape(self) -> SimpleNamespace:
        known = self.shape is not None
        return SimpleNamespace(
            ndims=len(self.shape) if known else None, as_list=lambda: list(self.shape)
        )


class Op:
    """An op with inputs and one output, or several."""

    count = 0

    def __init__(
        self,
        kind: str,
        *inputs: Tensor,
        shape: tuple[int | None, ...] | None = None,
        outputs: int = 1,
    ) -> None:
        Op.count += 1
        self.type, self.name, self.inputs = kind, f"{kind}{Op.count}", list(inputs)
        self.control_inputs: list[Op] = []
        self.outputs = [Tensor(self, index, shape) for index in range(outputs)]
        for tensor in inputs:
            tensor.users.append(self)


def out(kind: str, *inputs: Tensor, shape: tuple[int | None, ...] | None = None) -> Tensor:
    return Op(kind, *inputs, shape=shape).outputs[0]


def test_ids_are_bounded_by_the_smallest_table_they_index() -> None:
    ids = out("Placeholder")
    flat = out("Reshape", out("Cast", ids), out("Const"))
    out("Gather", out("Const", shape=(40, 8)), flat)
    out("Gather", out("Const", shape=(31, 8)), ids)
    assert record_tf1.id_bound(ids) == (True, 31)


def test_a_partitioned_table_counts_as_one() -> None:
    ids = out("Placeholder")
    parts = Op("DynamicPartition", out("FloorDiv", ids, out("Const")), out("Cast"), outputs=2)
    for part, rows in zip(parts.outputs, (6, 5), strict=True):
        out("Gather", out("Const", shape=(rows, 4)), part)
    assert record_tf1.id_bound(ids) == (True, 11)


def test_being_a_table_is_not_being_an_index() -> None:
    table = out("Placeholder")
    out("Gather", table, out("Const", shape=(3,)))
    assert record_tf1.id_bound(table) == (False, None)


def test_lengths_reach_their_comparison_through_the_loop() -> None:
    lengths = out("Placeholder")
    entered = out("Enter", out("Identity", lengths))
    compared = Op("GreaterEqual", out("Identity"), entered)
    sinks = list(record_tf1.reached(lengths, record_tf1.PASSING))
    assert [(op, index) for op, index, _ in sinks if op.type == "GreaterEqual"] == [(compared, 1)]


def draw() -> Tensor:
    return out("Add", out("Mul", out("RandomUniform"), out("Sub")), out("Const"))


def test_keep_prob_as_tf_1_12_draws_it() -> None:
    keep = out("Placeholder")
    out("Floor", out("Add", keep, draw()))
    out("RealDiv", out("Const"), keep)
    assert record_tf1.dropout_role(keep) == "keep"


def test_keep_prob_as_tf_1_15_draws_it() -> None:
    keep = out("Placeholder")
    rate = out("Sub", out("Const"), keep)
    out("GreaterEqual", draw(), rate)
    assert record_tf1.dropout_role(keep) == "keep"


def test_a_rate_is_no_keep_prob() -> None:
    rate = out("Placeholder")
    out("GreaterEqual", draw(), rate)
    out("RealDiv", out("Const"), out("Sub", out("Const"), rate))
    assert record_tf1.dropout_role(rate) == "rate"


def test_a_temperature_sets_no_dropout() -> None:
    temperature = out("Placeholder")
    out("RealDiv", out("Const"), temperature)
    assert record_tf1.dropout_role(temperature) is None


def test_contradicting_uses_are_unclear() -> None:
    scalar = out("Placeholder")
    out("GreaterEqual", draw(), scalar)
    out("GreaterEqual", draw(), out("Sub", out("Const"), scalar))
    assert record_tf1.dropout_role(scalar) is None


def loop_and_exit() -> tuple[Tensor, Tensor]:
    merged = out("Merge", out("Enter", out("Const")), out("NextIteration"))
    body = out("Identity", out("Switch", merged, out("LoopCond")))
    return body, out("Exit", out("Switch", merged, out("LoopCond")))


def test_a_loop_body_cannot_be_fetched_and_its_exit_can() -> None:
    body, left = loop_and_exit()
    assert record_tf1.unfetchable(body)
    assert not record_tf1.unfetchable(out("Identity", left))


@pytest.mark.parametrize("merged", [False, True])
def test_a_branch_cannot_be_fetched_and_its_merge_can(merged: bool) -> None:
    choice, value = out("Placeholder"), out("Placeholder")
    branches = [out("Identity", out("Switch", value, choice)) for _ in range(2)]
    tensor = out("Merge", *branches) if merged else branches[0]
    assert record_tf1.unfetchable(tensor) is not merged


def test_placeholders_behind_a_fed_tensor_are_not_needed() -> None:
    outer, inner = out("Placeholder"), out("Placeholder")
    state = out("Identity", outer)
    result = out("Add", state, inner)
    assert record_tf1.placeholders_of([result]) == sorted([outer, inner], key=lambda t: t.name)
    assert record_tf1.placeholders_of([result], [state]) == [inner]


def switch(name: str) -> SimpleNamespace:
    kind = SimpleNamespace(name="bool")
    return SimpleNamespace(
        name=name,
        dtype=SimpleNamespace(base_dtype=kind),
        get_shape=lambda: SimpleNamespace(ndims=0, as_list=list),
    )


def test_a_training_switch_is_known_by_its_name() -> None:
    assert record_tf1.describe(switch("model/is_training:0")).role == "training"


def test_another_switch_is_refused_with_both_answers() -> None:
    with pytest.raises(record_tf1.RecorderError, match=r"feed_previous:0=false or .*=true"):
        record_tf1.describe(switch("feed_previous:0"))


def test_a_table_is_filled_by_itself_or_from_constants() -> None:
    assert record_tf1.fills_a_table(out("InitializeTableV2", out("HashTableV2")).op)
    assert not record_tf1.fills_a_table(out("LookupTableFindV2", out("HashTableV2")).op)


# ---- shapes that the graph does not state ----------------------------------------------------


def with_attrs(kind: str, *inputs: Tensor, **attrs: object) -> Tensor:
    op = Op(kind, *inputs, shape=None)
    op.get_attr = attrs.__getitem__  # type: ignore[attr-defined]
    return op.outputs[0]


def constant(*shape: int, value: object = None) -> Tensor:
    found = out("Const", shape=shape)
    found.value = value  # type: ignore[attr-defined]
    return found


@pytest.fixture
def values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_tf1, "constant_value", lambda t: getattr(t, "value", None))


def test_a_product_tells_rank_and_features() -> None:
    x = out("Placeholder")
    with_attrs("MatMul", x, constant(5, 3), transpose_a=False, transpose_b=False)
    assert record_tf1.told_dims(x) == (None, 5)
    y = out("Placeholder")
    with_attrs("MatMul", constant(4, 5), y, transpose_a=False, transpose_b=True)
    assert record_tf1.told_dims(y) == (None, 5)


def test_an_lstm_over_a_transposed_input_tells_both(values: None) -> None:
    x, handle = out("Placeholder"), out("TensorArrayV3")
    turned = out("Transpose", x, constant(3, value=np.array([1, 0, 2])))
    out("TensorArrayScatterV3", handle, constant(7), turned)
    item = out("TensorArrayReadV3", out("Enter", handle), constant())
    joined = out("ConcatV2", item, constant(2, 4), constant(value=np.int32(1)))
    with_attrs("MatMul", joined, constant(9, 16), transpose_a=False, transpose_b=False)
    assert record_tf1.told_dims(x) == (None, None, 5)


def test_ids_are_what_the_table_leaves_of_the_result(values: None) -> None:
    ids = out("Placeholder")
    out("Transpose", out("Gather", constant(11, 6), ids), constant(3, value=np.array([1, 0, 2])))
    assert record_tf1.told_dims(ids) == (None, None)


def test_what_nothing_tells_stays_unknown() -> None:
    x = out("Placeholder")
    out("Reshape", x, constant(2))
    out("Mul", x, constant())
    assert record_tf1.told_dims(x) is None

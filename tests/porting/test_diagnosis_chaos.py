"""Chaos and ties: what outputs alone cannot prove, and what they must not be blamed for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from converters.graph import Shape
from converters.program import Recurrence
from porting.conversion import Options
from porting.diagnosis.setting import settable
from porting.exporting import export
from porting.model import open_model
from porting.verification import Candidate, Run, check, open_candidate
from porting.verification.verdict import DIFFERENT, EQUIVALENT, UNVERIFIED
from tests.porting.test_mutations import changed, gained
from tests.zoo.catalogue import MODELS

NAME, KERNEL = "basic_rnn_tanh", "rnn/basic_rnn_cell/kernel"
RANDOM = np.random.default_rng(7)


def widened(units: int, gain: float):
    """The zoo's tanh network with that many units, its recurrent kernel of that gain: with six, gain 2 is not yet chaos."""
    model, random = open_model(MODELS / NAME / "frozen.pb"), np.random.default_rng(3)
    recurrent = random.standard_normal((units, units)) * gain / np.sqrt(units)
    weights = {
        KERNEL: np.concatenate([random.standard_normal((5, units)), recurrent]),
        KERNEL.replace("kernel", "bias"): random.standard_normal(units) * 0.1,
    }

    def sized(value):
        if isinstance(value, Shape) and value.dims:
            return Shape(tuple(units if size == 6 else size for size in value.dims))
        whole = isinstance(value, np.ndarray) and value.dtype.kind == "i"
        return np.where(value == 6, units, value).astype(value.dtype) if whole else value

    nodes = {}
    for name, node in model.artefact.graph.nodes.items():
        attrs = {key: sized(value) for key, value in node.attrs.items()}
        if name in weights:
            attrs["value"] = weights[name].astype(np.float32)
        nodes[name] = replace(node, attrs=attrs)
    graph = replace(model.artefact.graph, nodes=nodes)
    return replace(model, artefact=replace(model.artefact, graph=graph))


def test_gain_2_over_100_steps_is_not_equivalent_on_the_strength_of_outputs(tmp_path):
    """The right port is off by a tenth of everything there, a wrong one by no more: only single steps tell them apart."""
    model, steps = widened(64, 2.0), 100
    feeds = {
        "x:0": RANDOM.standard_normal((3, steps, 5)).astype(np.float32) * 0.1,
        "lengths:0": np.array([steps, steps, 50], np.int32),
        "state_0:0": RANDOM.standard_normal((3, 64)).astype(np.float32) * 0.1,
    }
    runs = [Run(feeds)] * 3
    right = check(model.original, ported(model, model.program, tmp_path), runs)
    assert right.verdict == UNVERIFIED
    assert right.stepwise["verdict"] == EQUIVALENT
    off = changed(
        model.program, lambda r: replace(r, cell=replace(r.cell, bias=r.cell.bias * 1.01))
    )
    wrong = replace(ported(model, off, tmp_path), weights=None)
    assert check(model.original, wrong, runs).verdict == DIFFERENT


@pytest.fixture(scope="module")
def chaotic():
    """A tanh network of gain 2 (and more: its six units need it), and runs of 100 steps."""
    model = gained(open_model(MODELS / NAME / "frozen.pb"), KERNEL, 3.0)
    feeds = {
        "x:0": RANDOM.standard_normal((3, 100, 5)).astype(np.float32) * 0.1,
        "lengths:0": np.array([100, 100, 50], np.int32),
        "state_0:0": RANDOM.standard_normal((3, 6)).astype(np.float32) * 0.1,
    }
    return model, [Run({name: feeds[name] for name in model.program.inputs})] * 3


def ported(model, program, folder, **options):
    port = export(program, Options("onnx", **options), "port", {})
    return open_candidate(port.save(folder / "port.onnx"))


def test_a_right_port_is_checked_step_by_step_and_not_called_equivalent(chaotic, tmp_path):
    model, runs = chaotic
    found = check(model.original, ported(model, model.program, tmp_path), runs)
    assert found.verdict == UNVERIFIED
    assert found.stepwise["verdict"] == EQUIVALENT
    assert found.stepwise["floors"] < 8
    assert "step by step from T's own states the port agrees" in " ".join(found.reasons)


def test_a_step_that_is_wrong_is_different_however_chaotic_the_whole(chaotic, tmp_path):
    """One weight off by 2e-5: invisible in 100 steps of chaos, and plain in one step."""
    model, runs = chaotic

    def off(r: Recurrence) -> Recurrence:
        return replace(r, cell=replace(r.cell, kernel=r.cell.kernel * np.float32(1 + 2e-5)))

    port = ported(model, changed(model.program, off), tmp_path)
    found = check(model.original, replace(port, weights=None), runs)
    assert found.verdict == DIFFERENT
    assert found.stepwise["verdict"] == DIFFERENT
    assert found.reasons[0].startswith("step by step from T's own states the port is different")


def test_the_cause_is_found_in_the_steps(chaotic, tmp_path):
    """In the whole sequence anything would explain the numbers; in the steps only the cause does."""
    model, runs = chaotic

    def shorter(r: Recurrence) -> Recurrence:
        return replace(r, cell=replace(r.cell, bias=r.cell.bias * 0))

    found = check(model.original, ported(model, changed(model.program, shorter), tmp_path), runs)
    assert found.diagnosis["cause"] == "bias missing", found.reasons


@pytest.fixture(scope="module")
def started(chaotic):
    """The same with a state that is no input."""
    model, runs = chaotic
    fixed = replace(
        model,
        inputs=tuple(n for n in model.inputs if n != "state_0:0"),
        freeze={"state_0:0": np.zeros((3, 6), np.float32)},
    )
    return fixed, [Run({k: v for k, v in run.inputs.items() if k != "state_0:0"}) for run in runs]


def test_a_state_that_is_no_input_is_set_inside_the_port(started, tmp_path):
    """In the raw graph by feeding it, in the port at its node."""
    model, runs = started
    found = check(model.original, ported(model, model.program, tmp_path), runs)
    assert found.verdict == UNVERIFIED
    assert found.stepwise["verdict"] == EQUIVALENT, found.stepwise
    assert found.stepwise["floors"] < 8


@pytest.mark.parametrize(
    ("name", "set_there", "batch"),
    [
        ("backward_only", True, 16),
        ("dynamic_no_lengths", True, 16),
        ("dynamic_no_lengths", True, 100_000),
        ("string_tagger", True, 16),
        ("string_tagger", True, 100_000),
        ("lengths_int64", True, 16),
        ("lengths_int64", False, 100_000),
        ("block_fused_peephole", False, 16),
    ],
)
def test_where_states_can_be_set(name, set_there, batch, tmp_path):
    """Not where one tensor is both c and h: fed, it would be another thing in the graph than in the port. Not in sorted segments of time."""
    model = open_model(MODELS / name / "frozen.pb")
    port = ported(model, model.program, tmp_path, batch=batch)
    runs, _, _ = model.runs(None, 2, 0)
    kept = [(k, run.inputs) for k, run in enumerate(runs)]
    wide, _, further = settable(model.original, port, kept)
    assert (wide is not model.original) is set_there
    assert set(wide.inputs) >= set(model.original.inputs)
    assert (
        all(len(inputs) > len(run.inputs) for (_, inputs), run in zip(further, runs, strict=True))
        is set_there
    )


def test_a_wrong_step_behind_a_state_that_is_no_input_is_different(started, tmp_path):
    model, runs = started

    def off(r: Recurrence) -> Recurrence:
        return replace(r, cell=replace(r.cell, kernel=r.cell.kernel * np.float32(1 + 2e-5)))

    port = replace(ported(model, changed(model.program, off), tmp_path), weights=None)
    found = check(model.original, port, runs)
    assert found.verdict == DIFFERENT
    assert found.stepwise["verdict"] == DIFFERENT


def test_a_state_that_cannot_be_set_stays_unverified(started, tmp_path):
    """A function has no place for a state that is no input of it."""
    model, given = started
    port = replace(ported(model, model.program, tmp_path), kind="callable", weights=None)
    found = check(model.original, port, given)
    assert found.verdict == UNVERIFIED
    assert found.stepwise["verdict"] is None
    assert "is no input" in found.stepwise["reason"]


# ---- ties in decoding ----------------------------------------------------------------------------------------


def decoding(tie: bool):
    """The greedy decoder of the zoo; with ``tie``, the logits of two tokens are equal but for a rounding."""
    model = open_model(MODELS / "greedy_decoder" / "frozen.pb")
    if not tie:
        return model
    graph = model.artefact.graph
    nodes = dict(graph.nodes)
    for name in ("decoder/logits/kernel", "decoder/logits/bias"):
        value = np.array(nodes[name].attr("value"))
        first, second = TIED
        value[..., second] = value[..., first]
        nodes[name] = replace(nodes[name], attrs={**nodes[name].attrs, "value": value})
    return replace(model, artefact=replace(model.artefact, graph=replace(graph, nodes=nodes)))


TIED = (4, 7)
"""Two tokens that the decoder takes; their columns of the last layer become equal."""


def sources(rows: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(3)
    return {
        "source:0": random.integers(1, 9, (rows, 6)).astype(np.int32),
        "source_lengths:0": random.integers(1, 7, rows).astype(np.int32),
    }


@pytest.mark.parametrize("seed", [101, 103])
def test_greedy_decoding_with_a_tie_broken_the_other_way_is_not_different(seed):
    """The other of two tied tokens, where rounding has it so; what follows in the row is left out."""
    model = decoding(tie=True)
    inputs = sources(12)

    def answer(feeds):
        found = model.original._oracle(feeds, perturb=seed)
        return {
            name: value.astype(np.float32) if value.dtype.kind == "f" else value
            for name, value in found.items()
        }

    exact = model.original._oracle(inputs, widen=True)["tokens:0"]
    assert (answer(inputs)["tokens:0"] != exact).any(), "the tie is turned"
    port = Candidate(answer, tuple(model.program.inputs), model.program.outputs)
    found = check(model.original, port, [Run(inputs)])
    assert found.verdict == UNVERIFIED, found.reasons


def test_greedy_decoding_that_takes_another_token_is_different():
    model = decoding(tie=False)
    random = np.random.default_rng(3)
    inputs = {
        "source:0": random.integers(1, 9, (4, 6)).astype(np.int32),
        "source_lengths:0": np.array([6, 3, 1, 5], np.int32),
    }

    def answer(feeds):
        found = model.original._oracle(feeds)
        tokens = found["tokens:0"].copy()
        tokens[0, 0] = (tokens[0, 0] + 1) % 5
        return found | {"tokens:0": tokens}

    port = Candidate(answer, tuple(model.program.inputs), model.program.outputs)
    found = check(model.original, port, [Run(inputs)] * 3)
    assert found.verdict == DIFFERENT
    assert found.worst["tensor"] == "tokens:0"


def test_what_follows_a_turned_tie_is_compared_with_the_run_that_turned_it_so():
    """Logits behind the other of two tied tokens: right ones are not blamed, and wrong ones are not overlooked."""
    model = decoding(tie=True)
    inputs = sources(12)

    def answer(feeds, wrong=1.0):
        found = model.original._oracle(feeds, perturb=101)
        right = model.original._oracle(feeds, widen=True)["tokens:0"]
        turned = (found["tokens:0"] != right).any(axis=1)
        assert turned.any()
        told = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in found.items()}
        told["scores:0"] = np.where(turned[:, None, None], np.float32(wrong), 1) * told["scores:0"]
        return told

    def judged(call):
        port = Candidate(call, tuple(model.program.inputs), model.program.outputs)
        return check(model.original, port, [Run(inputs)] * 3)

    right = judged(answer)
    assert not any(row.problem for row in right.rows), right.reasons
    assert any("compared with the run that chose as the port did" in note for note in right.notes)
    wrong = judged(lambda feeds: answer(feeds, 1 + 1e-4))
    assert wrong.verdict == DIFFERENT
    assert any("scores:0" in reason for reason in wrong.reasons)

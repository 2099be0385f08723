"""Both stories and what follows: no cheat is paid, and nobody is convicted by one side alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.judge.rules import Tale, combine, judge_gate, judge_trained
from grader.model import AnswerFacts, GateVerdict, Outcome, OwnerSeen, ParameterSeen, Place, Reason, Training
from grader.rubric import Gate, Trained

from .made import LINEAR, OWN_CLASS, RUBRIC, facts, network, owner, parameter, training

MET, NOT_MET, PERSON, NOTHING = (
    Outcome.MET,
    Outcome.NOT_MET,
    Outcome.NEEDS_REVIEW,
    Outcome.NOT_ATTEMPTED,
)
TABLE = {
    (Tale.BROKEN, Tale.BROKEN): NOT_MET,
    (Tale.UNCLEAR, Tale.BROKEN): NOT_MET,
    (Tale.KEPT, Tale.BROKEN): PERSON,
    (Tale.DOUBTFUL, Tale.BROKEN): PERSON,
    (Tale.DOUBTFUL, Tale.KEPT): PERSON,
    (Tale.BROKEN, Tale.UNCLEAR): PERSON,
    (Tale.BROKEN, Tale.KEPT): PERSON,
    (Tale.UNCLEAR, Tale.UNCLEAR): PERSON,
    (Tale.KEPT, Tale.UNCLEAR): PERSON,
    (Tale.UNCLEAR, Tale.KEPT): PERSON,
    (Tale.KEPT, Tale.KEPT): MET,
    (Tale.BROKEN, Tale.SILENT): PERSON,
    (Tale.KEPT, Tale.SILENT): NOTHING,
    (Tale.UNCLEAR, Tale.SILENT): NOTHING,
}


@pytest.mark.parametrize(("stories", "outcome"), TABLE.items())
def test_the_table_of_both_stories(stories: tuple[Tale, Tale], outcome: Outcome) -> None:
    assert combine(*stories, proof=True) is outcome


def test_what_was_not_seen_proves_nothing() -> None:
    assert combine(Tale.UNCLEAR, Tale.BROKEN, proof=False) is PERSON
    assert combine(Tale.BROKEN, Tale.BROKEN, proof=False) is NOT_MET


def gate(question: str, id: str) -> Gate:
    return next(gate for gate in RUBRIC.question(question).gates if gate.id == id)


def verdict(question: str, id: str, static: AnswerFacts, seen: Training | None) -> GateVerdict:
    return judge_gate(gate(question, id), static, seen)


RNN_CELL = owner("torch.nn.RNNCell")
UNCLEAR = facts("1-3", unclear=((Reason("rules.dynamic_code", {"what": "exec"}), Place(1, 1)),))
OWN = network("MyCell", "own", "torch.nn.Module")


@pytest.mark.parametrize(
    ("static", "owners", "outcome"),
    [
        pytest.param(facts("1-3", OWN), [LINEAR, OWN_CLASS], MET, id="own class"),
        pytest.param(facts("1-3", network("torch.nn.RNNCell")), [RNN_CELL], NOT_MET, id="the forbidden cell"),
        pytest.param(
            facts("1-3", network("Wrap", "own", "torch.nn.Module"), network("torch.nn.RNNCell")),
            [parameter(RNN_CELL, OWN_CLASS)],
            NOT_MET,
            id="wrapped in a class",
        ),
        pytest.param(UNCLEAR, [RNN_CELL], NOT_MET, id="hidden from the source, seen in the run"),
        pytest.param(facts("1-3", OWN), [RNN_CELL], PERSON, id="the source tells another story"),
        pytest.param(
            facts("1-3", network("torch.nn.RNNCell")),
            [LINEAR, OWN_CLASS],
            PERSON,
            id="only the source accuses",
        ),
        pytest.param(
            facts("1-3", network("Sub", "own", "torch.nn.RNNCell", "torch.nn.Module")),
            [owner("Sub", base="torch.nn.RNNCell", own_forward=True)],
            PERSON,
            id="a subclass with its own forward",
        ),
        pytest.param(
            facts("1-3", network("torch.nn.RNNCell", "core", "torch.nn.RNNCell")),
            [owner("Sub", base="torch.nn.RNNCell")],
            NOT_MET,
            id="a subclass that adds nothing",
        ),
        pytest.param(
            facts("1-3", network("torch.nn.RNNCell", "parameters")),
            [RNN_CELL],
            PERSON,
            id="a mere container of parameters",
        ),
        pytest.param(
            facts("1-3", OWN),
            [parameter(owner("MyCell", base="torch.nn.Module", own_forward=True), RNN_CELL)],
            PERSON,
            id="a parameter object shared with the cell it came from",
        ),
        pytest.param(facts("1-3", network("torch.nn.RNNCell", "maybe")), [LINEAR], PERSON, id="maybe"),
        pytest.param(
            facts("1-3", network("torch._VF.rnn_tanh_cell", "functional", "torch.nn.RNNCell")),
            [LINEAR],
            PERSON,
            id="functional",
        ),
        pytest.param(
            facts("1-3", network("torch.lstm_cell", "functional", "torch.nn.LSTMCell")),
            [LINEAR],
            MET,
            id="other kernel",
        ),
        pytest.param(
            facts("1-3", OWN), [parameter(RNN_CELL, moved=False, gradient=False), LINEAR], MET, id="not moved"
        ),
        pytest.param(
            facts("1-3", network("torch.nn.RNNCell", in_last_training=False)),
            [LINEAR, OWN_CLASS],
            MET,
            id="trained before, to compare with",
        ),
    ],
)
def test_must_not_train(
    static: AnswerFacts, owners: list[OwnerSeen | ParameterSeen], outcome: Outcome
) -> None:
    seen = training("1-3", None, *owners)
    assert verdict("1-3", "not_trained", static, seen).outcome is outcome


def test_a_network_trained_before_the_one_that_counts_is_unclear_if_others_came_after_that() -> None:
    static = facts("1-3", network("torch.nn.RNNCell", in_last_training=False))
    seen = training("1-3", None, LINEAR, OWN_CLASS)
    assert judge_gate(gate("1-3", "not_trained"), static, seen, last=False).outcome is PERSON


def test_a_violation_names_the_path() -> None:
    found = verdict(
        "1-3", "not_trained", facts("1-3", network("torch.nn.RNNCell")), training("1-3", None, RNN_CELL)
    )
    assert found.static is not None
    assert found.static.params["made_line"] == 2
    assert found.static.params["line"] == 9
    assert found.run_time is not None
    assert "torch.nn.RNNCell" in str(found.run_time.params["owners"])


@pytest.mark.parametrize(
    ("static", "owners", "outcome"),
    [
        pytest.param(facts("1-3", OWN), [parameter(LINEAR, OWN_CLASS)], MET, id="used"),
        pytest.param(facts("1-3"), [LINEAR], NOT_MET, id="no class at all"),
        pytest.param(facts("1-3"), [], NOT_MET, id="only a linear layer"),
        pytest.param(facts("1-3", OWN), [LINEAR], PERSON, id="the class holds no parameter"),
        pytest.param(
            facts("1-3", network("MyCell", "parameters", "torch.nn.Module")),
            [parameter(LINEAR, OWN_CLASS)],
            PERSON,
            id="its layers are used, its forward is not",
        ),
        pytest.param(UNCLEAR, [parameter(LINEAR, OWN_CLASS)], PERSON, id="the source is unclear"),
        pytest.param(UNCLEAR, [LINEAR], PERSON, id="neither shows a class"),
        pytest.param(
            facts("1-3"), [parameter(LINEAR, OWN_CLASS)], PERSON, id="a class the source does not show"
        ),
    ],
)
def test_must_define_class(
    static: AnswerFacts, owners: list[OwnerSeen | ParameterSeen], outcome: Outcome
) -> None:
    seen = training("1-3", None, *owners)
    assert verdict("1-3", "class_used", static, seen).outcome is outcome


def test_without_a_training_a_gate_accuses_nobody() -> None:
    assert verdict("1-3", "not_trained", AnswerFacts("1-3", 0), None).outcome is NOTHING
    assert verdict("1-3", "class_used", AnswerFacts("1-3", 0), None).outcome is NOTHING


RNN = Trained("torch.nn.RNN", person=("torch.nn.RNNCell",))


@pytest.mark.parametrize(
    ("static", "owners", "outcome"),
    [
        pytest.param(facts("1-1", network("torch.nn.RNN")), [owner("torch.nn.RNN")], MET, id="asked"),
        pytest.param(
            facts("1-1", network("Net", "own", "torch.nn.Module"), network("torch.nn.RNN")),
            [parameter(owner("torch.nn.RNN"), OWN_CLASS)],
            MET,
            id="inside an own class",
        ),
        pytest.param(UNCLEAR, [owner("torch.nn.RNN")], MET, id="the source is unclear, the run is not"),
        pytest.param(facts("1-1", network("torch.nn.LSTM")), [owner("torch.nn.LSTM")], NOT_MET, id="LSTM"),
        pytest.param(
            facts("1-1", network("torch.nn.RNNCell")),
            [owner("torch.nn.RNNCell")],
            PERSON,
            id="RNNCell for RNN",
        ),
        pytest.param(facts("1-1", OWN), [parameter(LINEAR, OWN_CLASS)], NOT_MET, id="an own cell"),
        pytest.param(
            facts("1-1", network("torch.nn.RNN")), [LINEAR], PERSON, id="in the source, but it never moved"
        ),
        pytest.param(
            facts("1-1", network("torch.nn.LSTM")), [owner("torch.nn.RNN")], PERSON, id="the stories differ"
        ),
        pytest.param(
            facts("1-1", network("torch.nn.RNN"), network("torch.nn.LSTM")),
            [owner("torch.nn.RNN"), owner("torch.nn.LSTM")],
            PERSON,
            id="two at once",
        ),
    ],
)
def test_which_network_was_trained(
    static: AnswerFacts, owners: list[OwnerSeen | ParameterSeen], outcome: Outcome
) -> None:
    assert judge_trained(RNN, static, training("1-1", None, *owners)).outcome is outcome


def test_an_optimizer_with_other_parameters_trains_nothing() -> None:
    still = training("1-1", None, parameter(LINEAR, moved=False), losses=(1.9,) * 100)
    still = replace(still, parameters=still.parameters[:1])
    assert judge_trained(RNN, facts("1-1", network("torch.nn.RNN")), still).outcome is NOT_MET
    moving = replace(still, losses=(1.9, 1.8))
    assert judge_trained(RNN, facts("1-1", network("torch.nn.RNN")), moving).outcome is PERSON


def test_nothing_trained() -> None:
    assert judge_trained(RNN, AnswerFacts("1-1", 0), None).outcome is NOT_MET


def test_a_hand_written_step_is_for_a_person() -> None:
    by_hand = training("1-1", None, optimizer="", parameters=())
    assert judge_trained(RNN, facts("1-1", network("torch.nn.RNN")), by_hand).outcome is PERSON

"""Whole questions: gates, several answers, faults that are not the student's, places that are unsure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from grader import judge
from grader.model import (
    Answers,
    CellFacts,
    CellRun,
    Evidence,
    Grade,
    Outcome,
    QuestionGrade,
    Reason,
    Run,
    Snapshot,
    Status,
    Submission,
)

from .made import (
    LINEAR,
    OWN_CLASS,
    RUBRIC,
    error,
    evidence,
    facts,
    fit,
    network,
    owner,
    parameter,
    targets,
    training,
)

MET, NOT_MET, PARTLY, PERSON, NOTHING = (
    Outcome.MET,
    Outcome.NOT_MET,
    Outcome.PARTLY_MET,
    Outcome.NEEDS_REVIEW,
    Outcome.NOT_ATTEMPTED,
)
OWN = network("MyCell", "own", "torch.nn.Module")
GOOD_1_1 = training("1-1", fit(seed=3), owner("torch.nn.RNN"))
STATIC_1_1 = facts("1-1", network("torch.nn.RNN"))
GOOD_1_2 = training("1-2", fit(), owner("torch.nn.RNNCell"))
STATIC_1_2 = facts("1-2", network("torch.nn.RNNCell"))
GOOD_1_3 = training("1-3", fit(), parameter(LINEAR, OWN_CLASS))
STATIC_1_3 = facts("1-3", OWN)


def graded(found: Evidence) -> Grade:
    return judge.judge(RUBRIC, targets(), found)


def question(found: Evidence, id: str) -> QuestionGrade:
    return next(q for q in graded(found).questions if q.id == id)


def points(grade: QuestionGrade) -> tuple[Outcome, float | None]:
    return grade.outcome, None if grade.points is None else float(grade.points)


def test_a_right_answer() -> None:
    assert points(question(evidence([GOOD_1_1], [STATIC_1_1]), "1-1")) == (MET, 15)


def test_learned_but_another_module() -> None:
    other = training("1-1", fit(), owner("torch.nn.LSTM"))
    found = evidence([other], [facts("1-1", network("torch.nn.LSTM"))])
    assert points(question(found, "1-1")) == (PARTLY, 5)


def test_a_broken_gate_takes_every_point_and_says_which() -> None:
    cheat = training("1-3", fit(), owner("torch.nn.RNNCell"))
    found = question(evidence([cheat], [facts("1-3", network("torch.nn.RNNCell"))]), "1-3")
    assert points(found) == (NOT_MET, 0)
    assert found.reason.params["gate"] in ("class_used", "not_trained")
    assert sum(c.points or 0 for c in found.criteria) == 0


def test_an_unclear_gate_leaves_the_points_open() -> None:
    found = question(evidence([GOOD_1_3], [facts("1-3", network("torch.nn.RNNCell"))]), "1-3")
    assert points(found) == (PERSON, None)
    assert (found.low, found.high) == (Decimal(0), Decimal(15))


def test_the_right_fit_against_the_own_earlier_answer() -> None:
    mine = fit(seed=8)
    found = evidence(
        [
            training("1-2", mine, owner("torch.nn.RNNCell")),
            training("1-3", mine, parameter(LINEAR, OWN_CLASS)),
        ],
        [STATIC_1_2, STATIC_1_3],
    )
    assert points(question(found, "1-3")) == (MET, 15)


def test_copied_values_without_training_earn_nothing() -> None:
    shown = Snapshot("1-3", 0, {"yhat": fit()})
    found = question(evidence([GOOD_1_2], [STATIC_1_2], snapshots=[shown]), "1-3")
    assert points(found) == (NOT_MET, 0)
    assert {c.reason.id for c in found.criteria} == {"judge.learned.no_training", "judge.same_fit.untrained"}


def test_what_fed_the_loss_counts_and_not_what_is_shown() -> None:
    bad = training("1-3", fit(right=False), parameter(LINEAR, OWN_CLASS))
    shown = Snapshot("1-3", 0, {"yhat": fit()})
    found = question(evidence([GOOD_1_2, bad], [STATIC_1_2, STATIC_1_3], snapshots=[shown]), "1-3")
    assert points(found) == (NOT_MET, 0)


def test_a_training_that_only_the_source_shows_is_for_a_person() -> None:
    found = question(evidence([], [STATIC_1_1]), "1-1")
    assert points(found) == (PERSON, None)
    assert found.reason.id == "judge.unseen_training"


# -- several trainings and several answers ----------------------------------------------------------


def test_two_trainings_and_the_shown_values_tell_which_counts() -> None:
    attempt = training("1-3", fit(right=False), parameter(LINEAR, OWN_CLASS))
    shown = Snapshot("1-3", 0, {"yhat": fit()})
    found = evidence([GOOD_1_2, GOOD_1_3, attempt], [STATIC_1_2, STATIC_1_3], snapshots=[shown])
    assert points(question(found, "1-3")) == (MET, 15)


def test_two_trainings_and_nothing_tells_which_counts() -> None:
    attempt = training("1-3", fit(right=False), parameter(LINEAR, OWN_CLASS))
    found = question(evidence([GOOD_1_2, GOOD_1_3, attempt], [STATIC_1_2, STATIC_1_3]), "1-3")
    assert points(found) == (PERSON, None)
    assert found.reason.id == "judge.two_networks"


TWO = {"1-1": [[1], [2]]}


def test_the_best_of_several_answers_counts_and_is_flagged() -> None:
    bad = training("1-1", fit(right=False), owner("torch.nn.RNN"))
    found = evidence([bad, replace(GOOD_1_1, part=1)], [STATIC_1_1, replace(STATIC_1_1, part=1)], cells=TWO)
    grade = question(found, "1-1")
    assert points(grade) == (MET, 15)
    assert "judge.several_answers" in {note.id for note in grade.notes}


def test_a_rule_breaking_one_among_several_answers_is_for_a_person() -> None:
    cheat = training("1-3", fit(), owner("torch.nn.RNNCell"), part=1)
    found = evidence(
        [GOOD_1_3, cheat],
        [STATIC_1_3, facts("1-3", network("torch.nn.RNNCell"), part=1)],
        cells={"1-3": [[1], [2]]},
    )
    assert points(question(found, "1-3")) == (PERSON, None)


# -- not the student's fault ------------------------------------------------------------------------

FAULTS = {
    "a GPU that is not there": error(1, "RuntimeError", "Torch not compiled with CUDA enabled"),
    "a driver that is not there": error(1, "RuntimeError", "Found no NVIDIA driver on your system"),
    "an assertion about it": error(1, "AssertionError", "", traceback="assert torch.cuda.is_available()"),
    "a missing package": error(1, "ModuleNotFoundError", "No module named 'seaborn'"),
    "keyboard input": error(1, "StdinNotImplementedError", "raw_input was called"),
    "memory": error(1, "MemoryError"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_not_the_students_fault_costs_nothing(name: str) -> None:
    found = question(evidence(outcomes={1: FAULTS[name]}), "1-1")
    assert points(found) == (PERSON, None)


@pytest.mark.parametrize("name", FAULTS)
def test_and_does_not_hide_a_right_answer(name: str) -> None:
    found = evidence([GOOD_1_1], [STATIC_1_1], outcomes={1: FAULTS[name]})
    assert points(question(found, "1-1")) == (MET, 15)


def test_what_only_the_reduced_box_refuses_costs_nothing() -> None:
    refused = {1: error(1, "PermissionError", "[Errno 13] Permission denied")}
    assert points(question(evidence(outcomes=refused, isolation="landlock"), "1-1")) == (PERSON, None)
    assert points(question(evidence(outcomes=refused, isolation="full"), "1-1")) == (NOT_MET, 0)


def test_an_own_error_is_told_as_the_cause() -> None:
    found = question(evidence(outcomes={1: error(1, "TypeError", "bad")}), "1-1")
    assert points(found) == (NOT_MET, 0)
    assert [note.id for note in found.notes] == ["judge.error"]


def test_an_error_after_the_training_costs_nothing() -> None:
    found = evidence([GOOD_1_1], [STATIC_1_1], outcomes={1: error(1, "NameError", "name 'soft'")})
    assert points(question(found, "1-1")) == (MET, 15)


def test_an_error_in_a_kernel_that_replaced_a_dead_one_may_be_our_doing() -> None:
    first = Run("first", (CellRun(0, "ok"), CellRun(1, "died"), CellRun(2, "not_run")))
    second = Run("resumed", (CellRun(0, "ok"), error(2, "NameError", "name 'f' is not defined")))
    found = question(evidence(runs=[first, second]), "1-2")
    assert points(found) == (PERSON, None)
    assert found.reason.id == "judge.collateral"


def test_shared_code_that_was_stopped_excuses_what_needs_it() -> None:
    stopped = {0: CellRun(0, "interrupted", limit="cpu"), 1: error(1, "NameError", "name 'x'")}
    assert points(question(evidence(outcomes=stopped), "1-1")) == (PERSON, None)


def test_the_answer_that_ended_its_kernel_is_its_own_doing() -> None:
    first = Run("first", (CellRun(0, "ok"), CellRun(1, "died", message="exit 0")))
    assert points(question(evidence(runs=[first]), "1-1")) == (NOT_MET, 0)


def test_a_kernel_that_something_else_may_have_killed_is_for_a_person() -> None:
    first = Run("first", (CellRun(0, "ok"), CellRun(1, "died", message="signal 9")))
    assert points(question(evidence(runs=[first]), "1-1")) == (PERSON, None)


def test_a_package_that_is_missing_in_an_earlier_answer_excuses_the_later_ones() -> None:
    outcomes = {
        1: error(1, "ModuleNotFoundError", "No module named 'wandb'"),
        2: error(2, "NameError", "name 'torch' is not defined"),
        3: error(3, "NameError", "name 'mine' is not defined"),
    }
    found = evidence(outcomes=outcomes)
    binds = (CellFacts(1, binds=frozenset({"torch"})),)
    found = replace(found, facts=replace(found.facts, cells=binds))
    assert points(question(found, "1-2")) == (PERSON, None)
    assert points(question(found, "1-3")) == (NOT_MET, 0)


def test_a_probe_that_missed_something_is_for_a_person() -> None:
    note = Reason("run.probe_fault", {"detail": "training 64 was not kept", "cell": 1})
    run = Run(
        "first", (CellRun(0, "ok"), CellRun(1, "ok"), CellRun(2, "ok")), (GOOD_1_1, GOOD_1_2), notes=(note,)
    )
    found = evidence([], [STATIC_1_1, STATIC_1_2], runs=[run])
    assert points(question(found, "1-1")) == (PERSON, None)
    assert points(question(found, "1-2")) == (MET, 15)


def test_an_optimizer_that_trained_before_is_for_a_person() -> None:
    found = evidence([replace(GOOD_1_1, continued=True)], [STATIC_1_1])
    assert points(question(found, "1-1")) == (PERSON, None)


def test_the_saved_order_is_for_a_person_even_if_everything_works_then() -> None:
    first = Run("first", (CellRun(0, "ok"), error(1, "NameError", "name 'net' is not defined")))
    other = Run("saved_order", (CellRun(0, "ok"), CellRun(1, "ok")), (GOOD_1_1,))
    found = question(evidence([], [STATIC_1_1], runs=[first, other]), "1-1")
    assert found.outcome is PERSON
    assert {c.outcome for c in found.criteria} == {MET}


def test_damaged_evidence_decides_nothing() -> None:
    cells = (CellRun(0, "ok"), CellRun(1, "ok"))
    for seen in ((), (GOOD_1_1,)):
        spoilt = Run("first", cells, seen, problem=Reason("run.evidence_damaged"))
        assert points(question(evidence([], [STATIC_1_1], runs=[spoilt]), "1-1")) == (PERSON, None)


def test_observers_that_were_replaced_are_for_a_person() -> None:
    run = Run(
        "first", (CellRun(0, "ok"), CellRun(1, "ok")), (GOOD_1_1,), tampering=("torch.autograd.backward",)
    )
    assert points(question(evidence([], [STATIC_1_1], runs=[run]), "1-1")) == (PERSON, None)


# -- places -----------------------------------------------------------------------------------------


def test_an_unsure_place_is_for_a_person_even_if_the_answer_is_right() -> None:
    found = question(evidence([GOOD_1_1], [STATIC_1_1], confidence=0.3), "1-1")
    assert points(found) == (PERSON, None)


def test_a_question_without_code_was_not_attempted() -> None:
    found = evidence(cells={"1-1": [[]]})
    assert points(question(found, "1-1")) == (NOTHING, 0)


def test_an_empty_place_is_for_a_person_while_a_neighbour_trained_twice() -> None:
    twice = [GOOD_1_2, training("1-2", fit(seed=2), parameter(LINEAR, OWN_CLASS))]
    found = evidence(twice, [STATIC_1_2], cells={"1-2": [[1]], "1-3": [[]], "1-4": [[2]]})
    assert points(question(found, "1-3")) == (PERSON, None)
    assert points(question(found, "2-1")) == (NOTHING, 0)


def test_a_question_that_was_not_found_is_for_a_person_while_code_is_unclaimed() -> None:
    found = evidence(cells={"1-1": [[1]], "1-2": [[3]]})
    assert points(question(found, "1-4")) == (PERSON, None), "cell 2 belongs to nobody"
    claimed = evidence(cells={"1-1": [[1]], "1-2": [[2]]})
    assert points(question(claimed, "1-4")) == (NOTHING, 0)


# -- the whole grade --------------------------------------------------------------------------------


def test_a_struck_out_question_pays_everyone_who_handed_in() -> None:
    assert points(question(evidence(), "2-4")) == (MET, 2)
    nothing = replace(evidence(), answers=Answers({}))
    assert points(question(nothing, "2-4")) == (MET, 2)


def test_an_undecided_question_leaves_the_total_open() -> None:
    grade = graded(evidence([GOOD_1_1], [STATIC_1_1], confidence=0.3))
    assert grade.status is Status.PROVISIONAL
    assert grade.points is None
    assert grade.low < grade.high


def test_failed_and_missing_have_no_total() -> None:
    submission = Submission("s1", "Kim", "s1.ipynb", "d", problem=Reason("read.empty"))
    failed = judge.failed(RUBRIC, submission, Reason("read.empty"))
    missing = judge.missing(RUBRIC, "s2", "Lee")
    assert (failed.status, failed.points) == (Status.FAILED, None)
    assert (missing.status, missing.points) == (Status.MISSING, None)


def test_our_own_fault_takes_nothing_from_the_student() -> None:
    submission = Submission("s1", "Kim", "s1.ipynb", "d")
    grade = judge.errored(RUBRIC, submission, "KeyError")
    assert {q.outcome for q in grade.questions} == {Outcome.GRADER_ERROR}
    assert (grade.points, grade.high) == (None, Decimal(100))


def test_judging_is_a_pure_function() -> None:
    found = evidence([GOOD_1_1, GOOD_1_2, GOOD_1_3], [STATIC_1_1, STATIC_1_2, STATIC_1_3])
    assert graded(found) == graded(found)


def test_points_and_ranges_always_fit_together() -> None:
    grade = graded(evidence([GOOD_1_1, GOOD_1_3], [STATIC_1_1, STATIC_1_3], outcomes={2: error(2, "E")}))
    for q in grade.questions:
        assert 0 <= q.low <= q.high <= q.max_points
        if q.outcome.decided:
            assert q.points == q.low == q.high
        else:
            assert q.points is None

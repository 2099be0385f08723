"""True/false answers: read, looked up, contradicted, left out."""

from __future__ import annotations

from typing import Any

import pytest

from grader.judge.statement import judge_statement
from grader.model import Answer, AnswerPart, Outcome, Place, Reading, Run, Snapshot

from .made import evidence

PLACE = Place(7)


def judged(*readings: Reading, expected: bool = True, **variables: Any) -> tuple[Outcome, str]:
    run = Run("first", (), snapshots=(Snapshot("2-1", 0, {}, variables),))
    answer = Answer("2-1", (AnswerPart((7,)),), 1.0, readings=readings)
    finding = judge_statement(expected, answer, evidence(runs=[run]))
    return finding.outcome, finding.reason.id


def literal(value: bool | None, text: str = "x") -> Reading:
    return Reading(PLACE, value, text)


def named(variable: str, key: str | int | None = None) -> Reading:
    return Reading(PLACE, None, variable, variable, key)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([literal(True)], Outcome.MET),
        ([literal(False)], Outcome.NOT_MET),
        ([literal(True), literal(True)], Outcome.MET),
        ([literal(True), literal(False)], Outcome.NEEDS_REVIEW),
        ([literal(None, "아마도")], Outcome.NEEDS_REVIEW),
        ([literal(None, " ")], Outcome.NOT_ATTEMPTED),
        ([], Outcome.NOT_ATTEMPTED),
    ],
)
def test_literal_answers(readings: list[Reading], expected: Outcome) -> None:
    assert judged(*readings)[0] is expected


@pytest.mark.parametrize(
    ("reading", "variables", "expected"),
    [
        (named("a"), {"a": True}, Outcome.MET),
        (named("a"), {"a": False}, Outcome.NOT_MET),
        (named("a"), {"a": "참"}, Outcome.MET),
        (named("a"), {"a": "X"}, Outcome.NOT_MET),
        (named("a", 1), {"a": {1: True, "1": False}}, Outcome.MET),
        (named("a", "1"), {"a": {1: True, "1": False}}, Outcome.NOT_MET),
        (named("a", 1), {"a": [False, True]}, Outcome.MET),
        (named("a", 9), {"a": [False, True]}, Outcome.NEEDS_REVIEW),
        (named("a", -1), {"a": [False, True]}, Outcome.NEEDS_REVIEW),
        (named("a"), {}, Outcome.NEEDS_REVIEW),
        (named("a"), {"a": 17}, Outcome.NEEDS_REVIEW),
    ],
)
def test_answers_that_only_the_run_knows(
    reading: Reading, variables: dict[str, Any], expected: Outcome
) -> None:
    assert judged(reading, **variables)[0] is expected


def test_a_variable_against_a_literal_is_a_contradiction() -> None:
    assert judged(literal(True), named("a"), a=False)[0] is Outcome.NEEDS_REVIEW

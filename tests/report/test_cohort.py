from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from grader.model import Gradebook, Outcome, Status
from grader.report.cohort import cohort
from tests.report import samples


def test_mean_and_median_are_over_final_results_only() -> None:
    grades = (
        samples.perfect("a"),
        replace(samples.perfect("b"), points=Decimal(60)),
        samples.provisional("c"),
        samples.ungraded(Status.MISSING, "d"),
    )
    summed = cohort(Gradebook("x", grades, tuple(samples.TITLES), Decimal(100)))
    assert (summed.finals, summed.mean, summed.median) == (2, Decimal(80), Decimal(80))
    assert dict(summed.statuses) == {"final": 2, "provisional": 1, "failed": 0, "missing": 1}
    assert [(found.grade.student, found.stake) for found in summed.waiting] == [("c", Decimal(20))]
    assert [grade.student for grade in summed.ungraded] == ["d"]
    assert [(step.low, step.count) for step in summed.bins if step.count] == [
        (Decimal(60), 1),
        (Decimal(90), 1),
    ]


def test_open_points_are_no_part_of_a_mean() -> None:
    grades = (samples.perfect("a"), samples.provisional("c"))
    question = cohort(Gradebook("x", grades, ("1-3",), Decimal(100))).questions[0]
    assert question.mean == 15
    assert question.outcomes == ((Outcome.MET, 1), (Outcome.NEEDS_REVIEW, 1))


def test_most_points_at_stake_come_first() -> None:
    small = samples.provisional("small")
    kept = tuple(question for question in small.questions if question.id != "1-5")
    grades = (replace(small, questions=kept), samples.provisional("large"))
    summed = cohort(Gradebook("x", grades, tuple(samples.TITLES), Decimal(100)))
    assert [found.grade.student for found in summed.waiting] == ["large", "small"]


def test_an_empty_class_has_no_mean() -> None:
    summed = cohort(Gradebook("x", (), ("1-1",), Decimal(100)))
    assert (summed.mean, summed.median, summed.bins, summed.questions[0].mean) == (None, None, (), None)

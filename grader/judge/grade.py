"""One student's grade."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from grader.judge.fit import Fit
from grader.judge.question import ZERO, judge_question
from grader.model import Evidence, Grade, Outcome, QuestionGrade, Reason, Status, Submission, Targets
from grader.rubric import Rubric

_CENT = Decimal("0.01")


def judge(rubric: Rubric, targets: Targets | None, evidence: Evidence) -> Grade:
    """The grade that follows from the evidence; equal inputs give equal grades."""
    submission = evidence.submission
    digests = {
        "rubric": rubric.digest,
        "targets": "" if targets is None else targets.digest,
        "evidence": evidence.key,
        "submission": submission.digest,
    }
    if evidence.problem is not None:
        return failed(rubric, submission, evidence.problem)
    own: dict[str, tuple[Fit, ...]] = {}
    questions: list[QuestionGrade] = []
    for question in rubric:
        verdict = judge_question(question, rubric, evidence, targets, own)
        own[question.id] = verdict.fits
        questions.append(_rounded(verdict.grade))
    undecided = any(not question.outcome.decided for question in questions)
    low = sum((question.low for question in questions), ZERO)
    notes = [*submission.notes, *evidence.answers.notes]
    for run in evidence.runs:
        notes += run.notes
        if run.purpose != "first":
            notes.append(Reason(f"run.{run.purpose}"))
    return Grade(
        student=submission.student,
        name=submission.name,
        filename=submission.filename,
        status=Status.PROVISIONAL if undecided else Status.FINAL,
        max_points=rubric.assignment.points,
        points=None if undecided else low,
        low=low,
        high=sum((question.high for question in questions), ZERO),
        questions=tuple(questions),
        notes=tuple(notes),
        cell_count=len(submission.cells),
        device=evidence.device,
        isolation=evidence.isolation,
        environment=next((run.environment for run in evidence.runs if run.environment), {}),
        digests=digests,
    )


def _rounded(grade: QuestionGrade) -> QuestionGrade:
    def cents(value: Decimal) -> Decimal:
        return value.quantize(_CENT, ROUND_HALF_UP)

    points = None if grade.points is None else cents(grade.points)
    return replace(grade, points=points, low=cents(grade.low), high=cents(grade.high))


def failed(rubric: Rubric, submission: Submission, reason: Reason) -> Grade:
    """Nothing could be graded; a person asks the student for what `reason` says."""
    return _blank(rubric, submission.student, submission.name, submission.filename, Status.FAILED, reason)


def missing(rubric: Rubric, student: str, name: str) -> Grade:
    """On the roster, but nothing was handed in: a blank total, never 0."""
    return _blank(rubric, student, name, "", Status.MISSING, Reason("grade.missing"))


def errored(rubric: Rubric, submission: Submission, what: str) -> Grade:
    """Our own fault: no question is decided, and the student loses nothing by it."""
    reason = Reason("judge.grader_error", {"what": what})
    questions = tuple(
        QuestionGrade(
            id=question.id,
            outcome=Outcome.GRADER_ERROR,
            max_points=question.points,
            points=None,
            low=ZERO,
            high=question.points,
            reason=reason,
        )
        for question in rubric
    )
    blank = _blank(
        rubric, submission.student, submission.name, submission.filename, Status.PROVISIONAL, reason
    )
    return replace(blank, questions=questions, high=rubric.assignment.points)


def _blank(rubric: Rubric, student: str, name: str, filename: str, status: Status, reason: Reason) -> Grade:
    return Grade(
        student=student,
        name=name,
        filename=filename,
        status=status,
        max_points=rubric.assignment.points,
        points=None,
        low=ZERO,
        high=rubric.assignment.points if status is Status.FAILED else ZERO,
        reason=reason,
    )

"""A gradebook summed up: how many, how good, where, and who needs a person first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from statistics import mean, median

from grader.model import Grade, Gradebook, Outcome, QuestionGrade, Status

_BINS = 10
_DECIDED_FIRST = (
    Outcome.MET,
    Outcome.PARTLY_MET,
    Outcome.NOT_MET,
    Outcome.NOT_ATTEMPTED,
    Outcome.NEEDS_REVIEW,
    Outcome.GRADER_ERROR,
)


@dataclass(frozen=True, slots=True)
class Bin:
    low: Decimal
    high: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class QuestionSummary:
    """How one question went: outcomes that occur, in a fixed order, and the mean of the decided points."""

    id: str
    outcomes: tuple[tuple[Outcome, int], ...]
    mean: Decimal | None
    max_points: Decimal


@dataclass(frozen=True, slots=True)
class Waiting:
    """A student some of whose questions wait for a person; `stake` is how many points that leaves open."""

    grade: Grade
    questions: tuple[QuestionGrade, ...]
    stake: Decimal


@dataclass(frozen=True, slots=True)
class Cohort:
    """The summary; `mean` and `median` over final totals only, None without any."""

    statuses: tuple[tuple[Status, int], ...]
    finals: int
    mean: Decimal | None
    median: Decimal | None
    bins: tuple[Bin, ...]
    questions: tuple[QuestionSummary, ...]
    waiting: tuple[Waiting, ...]
    ungraded: tuple[Grade, ...]
    rows: tuple[tuple[Grade, tuple[QuestionGrade | None, ...]], ...]


def cohort(gradebook: Gradebook) -> Cohort:
    """Sum up a gradebook. Waiting students come most points at stake first, then in the gradebook's order."""
    statuses = Counter(grade.status for grade in gradebook.grades)
    totals = [g.points for g in gradebook.grades if g.status is Status.FINAL and g.points is not None]
    waiting = [found for grade in gradebook.grades if (found := _waiting(grade)) is not None]
    rows = []
    for grade in gradebook.grades:
        by_id = {question.id: question for question in grade.questions}
        rows.append((grade, tuple(by_id.get(id) for id in gradebook.questions)))
    return Cohort(
        statuses=tuple((status, statuses[status]) for status in Status),
        finals=len(totals),
        mean=mean(totals) if totals else None,
        median=median(totals) if totals else None,
        bins=_bins(totals, gradebook.max_points),
        questions=tuple(_question(gradebook, id) for id in gradebook.questions),
        waiting=tuple(sorted(waiting, key=lambda found: -found.stake)),
        ungraded=tuple(g for g in gradebook.grades if g.status in (Status.FAILED, Status.MISSING)),
        rows=tuple(rows),
    )


def _waiting(grade: Grade) -> Waiting | None:
    open_questions = tuple(question for question in grade.questions if not question.outcome.decided)
    if not open_questions:
        return None
    return Waiting(grade, open_questions, sum((q.high - q.low for q in open_questions), Decimal(0)))


def _bins(totals: list[Decimal], max_points: Decimal) -> tuple[Bin, ...]:
    """Equal steps up to the maximum; the last bin includes it, and more where bonus points were given."""
    step = max_points / _BINS
    if not totals or step <= 0:
        return ()
    counts = Counter(min(_BINS - 1, int(total // step)) for total in totals)
    return tuple(Bin(step * at, step * (at + 1), counts[at]) for at in range(_BINS))


def _question(gradebook: Gradebook, id: str) -> QuestionSummary:
    found = [question for grade in gradebook.grades for question in grade.questions if question.id == id]
    counts = Counter(question.outcome for question in found)
    decided = [question.points for question in found if question.points is not None]
    return QuestionSummary(
        id,
        tuple((outcome, counts[outcome]) for outcome in _DECIDED_FIRST if counts[outcome]),
        mean(decided) if decided else None,
        max((question.max_points for question in found), default=Decimal(0)),
    )

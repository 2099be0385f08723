"""Which cells answer which question, how sure that is, and what it was found by.

Three passes, each only for what the one before left without code: headings and texts, then headings in
code comments, then what the code itself shows. A wrong guess would cost a student points unseen, so
whatever is not plain gets a confidence below the rubric's threshold and goes to a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from grader.model import Answer, AnswerPart, Answers, Reason, Submission
from grader.notebook.doubt import doubts
from grader.notebook.guide import Asked, read_guide
from grader.notebook.mark import text_marks
from grader.notebook.region import Layout, Region, has_code, merged, regions, solutions
from grader.notebook.rescue import code_marks, comment_marks
from grader.notebook.signal import read_signals
from grader.notebook.statement import Statements, read_statements
from grader.rubric import Rubric

UNMARKED = 0.7  # a true/false answer known by its number alone


def locate(submission: Submission, rubric: Rubric, template: Submission) -> Answers:
    """Return every answer that was found; never raises.

    `template` is the empty exam. A question that is neither marked nor recognisable has no Answer but a note;
    one whose place is there and empty has an Answer without code. Code cells in no answer are `shared`.
    """
    guide = read_guide(rubric, template)
    marks = text_marks(submission, guide)
    layout = Layout(submission, guide, read_signals(submission.code), regions(submission, marks))
    for further in (comment_marks, code_marks):
        marks += further(layout)
        layout = replace(layout, regions=regions(submission, marks))
    answers: dict[str, Answer] = {}
    statements = read_statements(layout)
    for asked in guide.asked:
        own = layout.of(asked.id)
        answer = (
            _judgement(asked, own, statements[asked.id])
            if asked.true_false
            else _solution(asked, own, layout)
        )
        if answer is not None:
            answers[asked.id] = answer
    for question, most, reason in doubts(layout):
        if (answer := answers.get(question)) is not None:
            answers[question] = _lowered(answer, most, reason)
    absent = [asked.id for asked in guide.asked if asked.id not in answers]
    notes = tuple(Reason("locate.not_found", {"question": id}) for id in absent)
    return Answers(answers, _shared(submission, answers.values()), notes)


def _solution(asked: Asked, own: Sequence[Region], layout: Layout) -> Answer | None:
    """Return the answer that these regions hold, with a part for each solution in them."""
    if not own:
        return None

    def attempts(cells: Iterable[int]) -> bool:
        return any(sign.trainings for sign in layout.signs(cells))

    parts = merged([part for region in own for part in solutions(layout.submission, region.cells)], attempts)
    coded = [region for region in own if has_code(layout.submission, region.cells)] or own
    return Answer(asked.id, parts, _confidence(coded), _how(own))


def _judgement(asked: Asked, own: Sequence[Region], found: Statements) -> Answer | None:
    """Return the answer to a true/false statement; its cells are the statement's and those that were read."""
    readings = found.settled()
    if not own and not readings:
        return None
    cells = {index for region in own for index in region.cells} | {reading.place.cell for reading in readings}
    how = _how(own) if own else (Reason("locate.numbered"),)
    answer = Answer(asked.id, (AnswerPart(tuple(sorted(cells))),), _confidence(own), how, readings)
    return _lowered(answer, 0.5, Reason("locate.statement_changed")) if found.changed else answer


def _confidence(own: Sequence[Region]) -> float:
    return min((region.mark.confidence for region in own if region.mark), default=UNMARKED)


def _how(own: Sequence[Region]) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    for region in own:
        reasons += [reason for reason in (region.mark.how if region.mark else ()) if reason not in reasons]
    return tuple(reasons)


def _lowered(answer: Answer, most: float, reason: Reason) -> Answer:
    how = answer.how if reason in answer.how else (*answer.how, reason)
    return replace(answer, confidence=min(answer.confidence, most), how=how)


def _shared(submission: Submission, answers: Iterable[Answer]) -> tuple[int, ...]:
    taken = {index for answer in answers for index in answer.cells}
    return tuple(cell.index for cell in submission.cells if cell.kind == "code" and cell.index not in taken)

"""Marks: the places in the text cells of a notebook where a question's answer begins.

A text that equals the exam's own names its question whatever number stands before it; a number alone is
believed less. What only looks like a heading (numbered lists, "(2)와 같은 값") opens nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Literal

from grader.model import Cell, Reason, Submission
from grader.notebook.guide import (
    ENOUGH,
    Asked,
    Guide,
    Segment,
    condensed,
    features,
    part_of,
    segments,
    similarity,
    title_of,
)
from grader.notebook.label import Label

SAME = 0.9  # similarity from which a text counts as the question's own
ALIKE = 0.6  # and from which it may be the question's with a few words changed
COVERED = 0.4  # share of a question's text that must be there: half of it when one language was deleted


@dataclass(frozen=True, slots=True)
class Mark:
    """An answer to `question` begins at this line; None ends the answer before it.

    `found` says by what; `first` whether nothing stands before it in its cell; `again` whether the
    question was already marked elsewhere; `listed` whether its label may as well number a list.
    """

    cell: int
    line: int
    question: str | None
    found: Literal["text", "label", "comment", "code", "end"]
    confidence: float = 1.0
    how: tuple[Reason, ...] = ()
    first: bool = True
    again: bool = False
    listed: bool = False


@dataclass(slots=True)
class _Reader:
    """Which part of the exam the reader is in, while the text cells go by.

    `bare_are_questions`: `## 3` numbers questions in this notebook. `titled` are the parts whose own title is
    there: no other `## 1. anything` opens them.
    """

    guide: Guide
    bare_are_questions: bool
    titled: frozenset[str]
    part: str
    known: bool = False
    seen: set[str] = field(default_factory=set)

    def enter(self, segment: Segment) -> bool:
        """Tell whether this heading opens a part, and enter it."""
        part, own_title = part_of(segment, self.guide)
        if not part or not (own_title or not (self.bare_are_questions or part in self.titled)):
            return False
        self.part, self.known, self.seen = part, True, set()
        return True

    def labelled(self, label: Label) -> Asked | None:
        """Return the question that this label names here, entering the next part where numbers restart."""
        if label.part:
            return self.guide.by_label(label.part, label.number)
        following = self.guide.parts[self.guide.parts.index(self.part) + 1 :] if self.part else ()
        restarts = not self.known and label.number == "1" and len(self.seen) > 1
        if restarts and following:
            self.part, self.seen = following[0], set()
        return self.guide.by_label(self.part, label.number)


def text_marks(submission: Submission, guide: Guide) -> list[Mark]:
    """Return the marks in the text cells in notebook order, without those that open nothing."""
    cells = [cell for cell in submission.cells if cell.kind != "code"]
    opened = [part_of(segment, guide) for cell in cells for segment in segments(cell)]
    titled = frozenset(part for part, own_title in opened if own_title)
    reader = _Reader(guide, _bare_are_questions(cells, guide), titled, guide.part(None))
    marks = [mark for cell in cells for mark in _cell_marks(cell, reader)]
    return list(_believed(marks, submission, guide))


def _bare_are_questions(cells: Iterable[Cell], guide: Guide) -> bool:
    """Tell whether `## 3` numbers questions in this notebook: then `## 1` does, too."""
    labels = [segment.label for cell in cells for segment in segments(cell)]
    bare = {label.number for label in labels if label and label.style == "bare"}
    return bool(bare & {asked.number for asked in guide.asked} - set(guide.parts))


def _cell_marks(cell: Cell, reader: _Reader) -> Iterator[Mark]:
    guide = reader.guide
    given = condensed(cell.source) in guide.given
    for place, segment in enumerate(segments(cell)):
        if reader.enter(segment):
            yield Mark(cell.index, segment.line, None, "end", first=place == 0)
        elif not given and (mark := _recognised(segment, reader)):
            asked = guide.by_id(mark.question or "")
            if asked.part != reader.part or mark.found == "text":
                reader.seen = reader.seen if asked.part == reader.part else set()
                reader.part, reader.known = asked.part, reader.known or mark.found == "text"
            reader.seen.add(asked.number)
            yield replace(mark, first=place == 0)


def _recognised(segment: Segment, reader: _Reader) -> Mark | None:
    """Return the mark of this stretch of text, None if it is no question's heading."""
    label = segment.label
    numbered = reader.labelled(label) if label else None
    known = features(segment.text)
    texted, likeness = _by_text(segment, known, numbered, reader.guide)
    if texted and label and not label.part and label.number == texted.number:
        numbered = texted  # the number is right; only the part's heading was not there
    if texted and (numbered is None or numbered.id == texted.id):
        return _mark(segment, texted, "text", _agreement(likeness, numbered), numbered)
    if texted and numbered and likeness >= SAME and _covered(known, texted) >= COVERED:
        # The number belongs to another version of the exam; the text says what was asked.
        conflict = Reason("locate.number_differs", {"number": numbered.id})
        mark = _mark(segment, texted, "text", 0.7, None)
        return replace(mark, how=(*mark.how, conflict))
    if numbered is None or label is None:
        return None
    sure = 0.8 if reader.known or label.part else 0.65
    return _mark(segment, numbered, "label", min(sure, 0.5) if texted else sure, numbered)


def _agreement(likeness: float, numbered: Asked | None) -> float:
    if numbered is None:
        return 0.9 if likeness >= SAME else 0.75
    return 0.98 if likeness >= ALIKE else 0.85


def _by_text(
    segment: Segment, known: frozenset[str], numbered: Asked | None, guide: Guide
) -> tuple[Asked | None, float]:
    """Return the question that this text is most like and how much, or None if it is like none."""
    title = title_of(segment.text)
    for asked in guide.asked:
        if asked.title and asked.title == title and len(title) >= 6:
            return asked, 1.0
    if len(known) < ENOUGH:
        return None, 0.0
    likeness = {asked.id: similarity(known, asked.features) for asked in guide.asked}
    # Where two questions differ in one word only, the number tells which of them it is.
    favoured = {id: value + (0.08 if numbered and id == numbered.id else 0) for id, value in likeness.items()}
    best = max(favoured, key=lambda id: favoured[id])
    asked = guide.by_id(best)
    if numbered is not None:
        return (asked, likeness[best]) if likeness[best] >= ALIKE else (None, 0.0)
    runner_up = max((value for id, value in favoured.items() if id != best), default=0.0)
    clear = favoured[best] - runner_up >= 0.03 and _covered(known, asked) >= COVERED
    return (asked, likeness[best]) if likeness[best] >= 0.75 and clear else (None, 0.0)


def _covered(known: frozenset[str], asked: Asked) -> float:
    return len(known & asked.features) / max(len(asked.features), 1)


def _mark(
    segment: Segment, asked: Asked, found: Literal["text", "label"], confidence: float, numbered: Asked | None
) -> Mark:
    how = [Reason("locate.text")] if found == "text" else []
    if numbered is not None:
        how.append(Reason("locate.heading"))
    listed = segment.label is not None and segment.label.style in ("half", "bare")
    return Mark(segment.cell, segment.line, asked.id, found, confidence, tuple(how), listed=listed)


# -- which marks are believed ---------------------------------------------------------------------


def _believed(marks: list[Mark], submission: Submission, guide: Guide) -> Iterator[Mark]:
    """Drop numbered lists and mentions; keep a repeated heading where an answer follows it."""
    judged = {asked.id for asked in guide.asked if asked.true_false}  # `(1) O` below is their answer
    texted = {mark.question for mark in marks if mark.found == "text"}
    numbered = Counter(mark.cell for mark in marks if mark.found == "label")
    places: dict[str | None, set[int]] = {}
    for mark in marks:
        places.setdefault(mark.question, set()).add(mark.cell)
    coded = _coded(marks, submission)
    steps = _steps(marks, coded, guide)
    current: str | None = None
    met: set[str | None] = set()
    for position, found in enumerate(marks):
        mark = found
        if mark.found == "label":
            elsewhere = mark.question in texted or mark.question in met
            listed = (numbered[mark.cell] > 1 and len(places[mark.question]) > 1) or position in steps
            opens = not elsewhere or (mark.question not in judged and _answered(position, marks, submission))
            if mark.question == current or listed or not opens:
                continue
            if elsewhere and (mark.question in coded or mark.question not in texted):
                doubt = Reason("locate.repeated_heading")
                mark = replace(mark, confidence=0.5, how=(*mark.how, doubt), again=True)
        current = mark.question
        met.add(mark.question)
        yield mark


def _coded(marks: list[Mark], submission: Submission) -> set[str | None]:
    """Return the questions that have code below their own text."""
    own = [mark for mark in marks if mark.found != "label"]
    return {
        mark.question
        for mark, following in zip_longest(own, own[1:])
        if _has_code(submission, mark.cell + 1, following.cell if following else len(submission.cells))
    }


def _steps(marks: list[Mark], coded: set[str | None], guide: Guide) -> set[int]:
    """Return the marks that number the steps of one answer: (1), (2), ... below the text of a question.

    Each of the questions that they might mean has its own text, and code below it.
    """
    steps: set[int] = set()
    run: list[int] = []
    for position, mark in enumerate([*marks, Mark(0, 0, None, "end")]):
        if mark.found == "label":
            run.append(position)
            continue
        numbers = [guide.by_id(marks[one].question or "").number for one in run]
        counting = numbers == [str(n) for n in range(1, len(numbers) + 1)]
        if len(run) > 1 and counting and {marks[one].question for one in run} <= coded:
            steps |= set(run)
        run = []
    return steps


def _has_code(submission: Submission, start: int, end: int) -> bool:
    return any(cell.kind == "code" and cell.source.strip() for cell in submission.cells[start:end])


def _answered(position: int, marks: list[Mark], submission: Submission) -> bool:
    """Tell whether code follows a single heading before the next mark."""
    mark = marks[position]
    end = marks[position + 1].cell if position + 1 < len(marks) else len(submission.cells)
    return not mark.listed and _has_code(submission, mark.cell + 1, end)

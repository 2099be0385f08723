"""Answers to true/false statements, wherever and however a student wrote them.

Below the statement, behind it in the same cell, all in one block, in a dict, a list, variables, a comment.
The exam's own words are taken away first: statements say true and false themselves. What is there but
cannot be read goes to a person; nothing at all is no answer.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from grader.model import Cell, Place, Reading
from grader.notebook.guide import LONGEST_TEXT, Asked, Guide, Segment, features, segments, similarity
from grader.notebook.label import read_label
from grader.notebook.region import Layout, Region
from grader.notebook.statement_code import bound_names, code_readings
from grader.notebook.truth import read_pairs, read_sequence, read_truth, says_nothing

LONGEST_READING = 200

_TOKEN = re.compile(r"[가-힣]+|[^\W\d_가-힣]+|\d+|[^\s\w]")
_MARKUP = frozenset("*`#>_~$\\|")
_WORD = re.compile(r"[가-힣]{2,}|[a-z]{2,}")


@dataclass(slots=True)
class Statements:
    """What was read for one question; `changed`: the statement was reworded, so the answer may not fit."""

    readings: list[Reading] = field(default_factory=list)
    unread: list[Reading] = field(default_factory=list)
    changed: bool = False

    def add(self, reading: Reading) -> None:
        known = reading.value is not None or reading.variable is not None
        (self.readings if known else self.unread).append(reading)

    def settled(self) -> tuple[Reading, ...]:
        """Return the readings; what could not be read counts only where nothing else was."""
        return tuple(self.readings) or tuple(self.unread[:1])


@dataclass(frozen=True, slots=True)
class _Group:
    """The statements of one part."""

    part: str
    asked: tuple[Asked, ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(one.number for one in self.asked)

    def by_id(self, id: str | None) -> Asked | None:
        return next((one for one in self.asked if one.id == id), None)

    def by_number(self, number: str) -> Asked | None:
        return next((one for one in self.asked if one.number == number), None)


def read_statements(layout: Layout) -> dict[str, Statements]:
    """Return what was answered to each true/false question, by question id."""
    found = {asked.id: Statements() for asked in layout.guide.asked if asked.true_false}
    bound = bound_names(layout.submission)
    for part in layout.guide.parts:
        asked = tuple(one for one in layout.guide.asked if one.true_false and one.part == part)
        if asked:
            group = _Group(part, asked)
            for region in _area(group, layout.regions):
                for index in region.cells:
                    _read_cell(layout, layout.submission.cells[index], region, group, bound, found)
    return found


def _area(group: _Group, cut: Sequence[Region]) -> Iterator[Region]:
    """Yield the regions in which answers of this part may stand, once per cell."""
    own = {one.id for one in group.asked}
    inside = [i for i, region in enumerate(cut) if region.question in own]
    if not inside:  # the statements are gone; a block of answers may stand at the end
        yield from cut[-1:]
        return
    for i, region in enumerate(cut):
        before = i + 1 in inside and region.mark is not None and region.mark.found == "end"
        if i in inside or before:
            yield region


def _read_cell(
    layout: Layout,
    cell: Cell,
    region: Region,
    group: _Group,
    bound: frozenset[str],
    found: dict[str, Statements],
) -> None:
    if not cell.source.strip() or layout.is_own(cell):
        return
    home = group.by_id(region.question)
    text = cell
    if cell.kind == "code":
        named = code_readings(cell, group.part, group.numbers, home.number if home else None, bound)
        for number, reading in named.readings:
            if asked := group.by_number(number):
                found[asked.id].add(reading)
        if named.readings:
            return
        # Code that answers nothing plainly: a person looks, at every statement if it names truth values.
        concerned = group.asked if named.suspicious else (home,) if home and named.code else ()
        for one in concerned:
            found[one.id].add(Reading(Place(cell.index, 1), None, _shown(cell.source)))
        text = Cell(cell.index, "markdown", named.text)
    for segment in segments(text):
        _read_segment(segment, _whose(segment, region, group), group, layout.guide, found)


def _whose(segment: Segment, region: Region, group: _Group) -> Asked | None:
    """Return the statement that this stretch of text belongs to."""
    mark, home = region.mark, group.by_id(region.question)
    if mark and (segment.cell, segment.line) == (mark.cell, mark.line):
        return home
    label = segment.label
    if label and label.part in ("", group.part) and (asked := group.by_number(label.number)):
        return asked
    return home


def _read_segment(
    segment: Segment, asked: Asked | None, group: _Group, guide: Guide, found: dict[str, Statements]
) -> None:
    place = Place(segment.cell, segment.line)
    left, changed = _left_over(segment, asked, guide)
    text = "\n".join(left)
    pairs = read_pairs(text, group.part, group.numbers)
    if not pairs and (values := read_sequence(text, group.numbers)) and len(values) > 2:
        complete = len(values) == len(group.numbers)
        pairs = [(number, values[i] if complete else None) for i, number in enumerate(group.numbers)]
    for number, value in pairs:
        if one := group.by_number(number):
            found[one.id].add(Reading(place, value, _shown(text)))
    if pairs or asked is None:
        return
    statement = found[asked.id]
    statement.changed |= changed
    label = read_label(text)
    answer = label.rest if label and label.number == asked.number else text
    if not says_nothing(answer):
        line = next((at for at, piece in enumerate(left) if piece.strip()), 0)
        # Behind a number there may be a statement in other words, which says true or false itself.
        value = read_truth(answer, reason_first=label is None)
        statement.add(Reading(Place(segment.cell, segment.line + line), value, _shown(answer)))


def _shown(text: str) -> str:
    return text.strip()[:LONGEST_READING]


# -- taking the exam's own words away ---------------------------------------------------------------


def _left_over(segment: Segment, asked: Asked | None, guide: Guide) -> tuple[list[str], bool]:
    """Return what the student added, line by line, and whether the statement itself was reworded."""
    known = features(segment.text)
    stated = asked is not None and similarity(known, asked.features) >= 0.5
    own = asked.text if asked and stated else _likely(known, guide)
    if not own:
        return segment.text.split("\n"), False
    student, exam = _tokens(segment.text), _tokens(own)
    match = difflib.SequenceMatcher(
        None,
        [token.casefold() for token, _ in exam],
        [token.casefold() for token, _ in student],
        autojunk=False,
    )
    lines = [""] * (segment.text.count("\n") + 1)
    missing: list[tuple[str, int]] = []
    for action, first, last, start, end in match.get_opcodes():
        if action != "equal":
            missing += exam[first:last]
            for token, line in student[start:end]:
                lines[line] += f" {token}"
    if struck := re.search(r"~~.+?~~", segment.text, re.DOTALL):
        lines[segment.text.count("\n", 0, struck.start())] += " ~~struck~~"
    return lines, stated and _reworded(exam, missing)


def _likely(known: frozenset[str], guide: Guide) -> str:
    """Return the text cell of the empty exam that this text was written into, empty if it was into none."""
    likeness, text = max(((similarity(known, one), text) for text, one in guide.prose), default=(0.0, ""))
    return text if likeness >= 0.7 else ""


def _tokens(text: str) -> list[tuple[str, int]]:
    """Return the words and signs of a text with their lines; struck words and markup are left out."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST_TEXT])
    plain = re.sub(r"~~.*?~~", lambda struck: "\n" * struck[0].count("\n"), plain, flags=re.DOTALL)
    return [
        (token, number)
        for number, line in enumerate(plain.split("\n"))
        for token in _TOKEN.findall(line)
        if token not in _MARKUP
    ]


def _reworded(exam: Sequence[tuple[str, int]], missing: Sequence[tuple[str, int]]) -> bool:
    """Tell whether words of the statement are missing from a line that is otherwise there.

    A line stands for a language: deleting the Korean or the English half changes nothing, a word of it may.
    """
    for line in {number for _, number in missing}:
        words = [token for token, number in exam if number == line and _WORD.fullmatch(token.casefold())]
        lost = [token for token, number in missing if number == line and _WORD.fullmatch(token.casefold())]
        if lost and len(lost) < 0.8 * len(words):
            return True
    return False

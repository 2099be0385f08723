"""Regions: the stretches of a notebook between two marks, and the solutions inside one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from grader.model import AnswerPart, Cell, Submission
from grader.notebook.guide import Asked, Guide, condensed
from grader.notebook.mark import Mark
from grader.notebook.signal import Signals

LONGEST_MARKER = 40

_SOLUTION = re.compile(r"풀이|답안|해답|별해|solution|attempt|answer", re.IGNORECASE)
_ANOTHER = re.compile(
    r"(?:풀이|답안|해답|solution|attempt|answer)\s*[#(]?\s*[2-9]|별해"
    r"|(?:다른|[두세네]\s?번째|another|alternative|second|third|old|wrong|예전|이전|틀린|수정).*"
    r"(?:풀이|답안|해답|solution|attempt|answer)|(?:solution|attempt|answer|풀이)\W*(?:wrong|old|틀린)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Region:
    """The cells from a mark to the next; `mark` is None for what stands before every mark."""

    mark: Mark | None
    cells: tuple[int, ...]

    @property
    def question(self) -> str | None:
        return self.mark.question if self.mark else None


@dataclass(frozen=True, slots=True)
class Layout:
    """A notebook cut at its marks, with the map of the exam and what its code cells show."""

    submission: Submission
    guide: Guide
    signals: Mapping[int, Signals]
    regions: Sequence[Region]

    def of(self, question: str) -> list[Region]:
        return [region for region in self.regions if region.question == question]

    def cells(self, question: str) -> list[Cell]:
        return [self.submission.cells[index] for region in self.of(question) for index in region.cells]

    def signs(self, cells: Iterable[int]) -> list[Signals]:
        """Return the signals of those of these cells that hold code."""
        return [self.signals[index] for index in cells if index in self.signals]

    def trainings(self, question: str) -> int:
        return sum(sign.trainings for sign in self.signs(cell.index for cell in self.cells(question)))

    def is_own(self, cell: Cell) -> bool:
        """Tell whether the cell is one of the empty exam's, unchanged."""
        return condensed(cell.source) in self.guide.own

    def lacking(self) -> tuple[Asked, ...]:
        """Return the questions that ask for code and have none yet."""
        coded = {region.question for region in self.regions if has_code(self.submission, region.cells)}
        return tuple(one for one in self.guide.asked if not one.true_false and one.id not in coded)


def regions(submission: Submission, marks: Iterable[Mark]) -> list[Region]:
    """Cut the notebook at its marks. A cell in which a mark stands amid other text is in both regions."""
    ordered = sorted(marks, key=lambda mark: (mark.cell, mark.line))
    count = len(submission.cells)
    cut: list[Region] = []
    first = ordered[0] if ordered else None
    before = count if first is None else first.cell + (0 if first.first else 1)
    if before:
        cut.append(Region(None, tuple(range(before))))
    for mark, following in zip_longest(ordered, ordered[1:]):
        end = count if following is None else following.cell + (0 if following.first else 1)
        cut.append(Region(mark, tuple(range(mark.cell, max(end, mark.cell + 1)))))
    return cut


def has_code(submission: Submission, cells: Iterable[int]) -> bool:
    """Tell whether any of these is a code cell with more than comments in it."""
    return any(is_code(submission.cells[index]) for index in cells)


def is_code(cell: Cell) -> bool:
    return cell.kind == "code" and any(
        line.strip() and not line.lstrip().startswith("#") for line in cell.source.split("\n")
    )


def solutions(submission: Submission, cells: Sequence[int]) -> list[AnswerPart]:
    """Split the cells of one region where another solution to the same question is announced."""
    parts: list[tuple[list[int], str]] = [([], "")]
    announced = False
    for index in cells:
        marker = _marker(submission.cells[index])
        plain = bool(marker) and not _ANOTHER.search(marker)
        if marker and has_code(submission, parts[-1][0]) and (announced or not plain):
            parts.append(([], marker))
        elif marker and not parts[-1][1]:
            parts[-1] = (parts[-1][0], marker)
        announced = announced or bool(marker)
        parts[-1][0].append(index)
    return [AnswerPart(tuple(part), label) for part, label in parts]


def merged(parts: Sequence[AnswerPart], attempts: Callable[[Iterable[int]], bool]) -> tuple[AnswerPart, ...]:
    """Join a part that attempts nothing to the one before (the first to the one after)."""
    joined: list[AnswerPart] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last is not None and not (attempts(last.cells) and attempts(part.cells)):
            label = part.label if attempts(part.cells) else last.label
            joined[-1] = AnswerPart(tuple(sorted({*last.cells, *part.cells})), label)
        else:
            joined.append(part)
    # A single solution needs no name of its own.
    return tuple(joined) if len(joined) > 1 else tuple(AnswerPart(part.cells) for part in joined)


def _marker(cell: Cell) -> str:
    """Return the line that announces a solution, empty if this cell announces none."""
    line = cell.source.strip().partition("\n")[0].strip()
    if cell.kind == "code" and not (line.startswith("#") and _ANOTHER.search(line)):
        return ""
    line = line.strip("#*_` \t")
    return line if len(line) <= LONGEST_MARKER and _SOLUTION.search(line) else ""

"""Reasons to be less sure of where an answer stands, each with the most confidence it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from grader.model import Reason
from grader.notebook.guide import Asked
from grader.notebook.region import Layout, has_code, is_code

Doubt = tuple[str, float, Reason]  # question, most confidence that is left, why

_CODE_WORDS = (".backward(", "import torch", "torch.optim")


def doubts(layout: Layout) -> Iterator[Doubt]:
    """Yield every doubt about where the answers of this notebook stand."""
    coded = tuple(asked for asked in layout.guide.asked if not asked.true_false)
    yield from _interrupted(layout)
    yield from _shared_cells(layout, coded)
    yield from _missing_headings(layout, coded)
    yield from _elsewhere(layout, coded)
    yield from _swapped(layout, coded)
    yield from _not_run(layout, coded)


def _interrupted(layout: Layout) -> Iterator[Doubt]:
    """A heading met a second time, or code that looked like another answer, ended the answer before it."""
    for before, region in pairwise(layout.regions):
        if region.mark and before.question and (region.mark.again or region.mark.found == "code"):
            yield before.question, 0.5, Reason("locate.interrupted", {"cell": str(region.mark.cell)})


def _shared_cells(layout: Layout, coded: Sequence[Asked]) -> Iterator[Doubt]:
    """A cell runs as a whole, so its answers cannot be told apart by place."""
    owners: dict[int, set[str]] = {}
    for asked in coded:
        for cell in layout.cells(asked.id):
            if is_code(cell):
                owners.setdefault(cell.index, set()).add(asked.id)
    for index, questions in owners.items():
        if len(questions) > 1:
            for question in sorted(questions):
                yield question, 0.5, Reason("locate.shared_cell", {"cell": str(index)})


def _missing_headings(layout: Layout, coded: Sequence[Asked]) -> Iterator[Doubt]:
    """The answer to a question without a heading may stand at the end of the one before."""
    marked = {region.question for region in layout.regions if region.mark and region.mark.found != "code"}
    for before, asked in pairwise(coded):
        if asked.id not in marked and before.id in marked:
            most = 0.5 if layout.trainings(before.id) > 1 else 0.75
            yield before.id, most, Reason("locate.next_missing", {"question": asked.id})


def _elsewhere(layout: Layout, coded: Sequence[Asked]) -> Iterator[Doubt]:
    """An empty answer, while more is trained than there are answers: it may stand above its heading."""
    ids = {asked.id for asked in coded}
    outside = [
        index
        for region in layout.regions
        if region.question not in ids
        for index in region.cells
        if index in layout.signals and layout.signals[index].trainings
        if not layout.is_own(layout.submission.cells[index])
    ]
    empty = {asked.id for asked in layout.lacking() if layout.of(asked.id)}
    if empty and outside:  # every answer may be one heading off
        for asked in coded:
            yield asked.id, 0.5, Reason("locate.trained_outside", {"cell": str(outside[0])})
    for before, asked in pairwise(coded):
        if asked.id in empty and not asked.mentions and layout.trainings(before.id) > 1:
            yield before.id, 0.5, Reason("locate.next_empty", {"question": asked.id})
            yield asked.id, 0.5, Reason("locate.trained_before", {"question": before.id})


def _swapped(layout: Layout, coded: Sequence[Asked]) -> Iterator[Doubt]:
    """Two answers that each make only what the other's question asks for."""
    shown = {asked.id: _shown(layout, asked, coded) for asked in coded}
    for one in coded:
        for other in coded:
            crossed = one.id in shown[other.id] and other.id in shown[one.id]
            if crossed and one.id not in shown[one.id] and other.id not in shown[other.id]:
                yield one.id, 0.5, Reason("locate.swapped", {"question": other.id})


def _shown(layout: Layout, asked: Asked, coded: Sequence[Asked]) -> set[str]:
    """Return the questions whose modules are made in this question's cells."""
    signs = layout.signs(cell.index for cell in layout.cells(asked.id))
    return {other.id for other in coded if any(sign.shows(other) for sign in signs)}


def _not_run(layout: Layout, coded: Sequence[Asked]) -> Iterator[Doubt]:
    """Code that stands in a text cell or behind comment signs is an answer that no run will see."""
    for asked in coded:
        cells = layout.cells(asked.id)
        if has_code(layout.submission, (cell.index for cell in cells)):
            continue
        for cell in cells:
            if not layout.is_own(cell) and any(word in cell.source for word in _CODE_WORDS):
                yield asked.id, 0.5, Reason("locate.code_not_run", {"cell": str(cell.index)})

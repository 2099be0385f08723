"""Answers that stand where no heading says so: under a comment in code, below another's heading.

Looked for only while a question has no code of its own. What is found by the code alone is never certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.model import Cell, Reason
from grader.notebook.guide import Asked, Guide, features, segments, similarity
from grader.notebook.label import read_comment_label
from grader.notebook.mark import ALIKE, Mark
from grader.notebook.region import Layout, Region, is_code

_MAKERS = frozenset({"class", "Linear", "Parameter", "Adam", "AdamW", "SGD", "RMSprop", "Sequential"})


@dataclass(frozen=True, slots=True)
class _Heading:
    """A question's heading inside a code cell."""

    cell: int
    line: int
    asked: Asked
    confidence: float


def comment_marks(layout: Layout) -> list[Mark]:
    """Return marks for labels in code comments, `# 1-(3)`, and for questions pasted into code cells."""
    lacking = {asked.id for asked in layout.lacking()}
    marks: list[Mark] = []
    for region in layout.regions if lacking else ():
        part = layout.guide.part(region.question)
        cells = [layout.submission.cells[index] for index in region.cells]
        found = [one for cell in cells if cell.kind == "code" for one in _headings(cell, part, layout.guide)]
        if any(heading.asked.id in lacking for heading in found):
            kept = [one for one in found if one.asked.id in lacking or one.asked.id == region.question]
            marks += _as_marks(kept, layout, region)
    return marks


def _headings(cell: Cell, part: str, guide: Guide) -> list[_Heading]:
    """Return the headings in a code cell in its order, one per line."""
    found: dict[int, _Heading] = {}
    for number, line in enumerate(cell.source.split("\n"), start=1):
        label = read_comment_label(line)
        asked = guide.by_label(label.part or part, label.number) if label else None
        if asked and not asked.true_false:
            found[number] = _Heading(cell.index, number, asked, 0.7)
    for segment in segments(cell):
        label = segment.label
        asked = guide.by_label(label.part or part, label.number) if label else None
        pasted = asked is not None and similarity(features(segment.text), asked.features) >= ALIKE
        if asked and pasted and not asked.true_false:
            found[segment.line] = _Heading(cell.index, segment.line, asked, 0.75)
    return [found[number] for number in sorted(found)]


def _as_marks(found: Sequence[_Heading], layout: Layout, region: Region) -> Iterator[Mark]:
    for position, heading in enumerate(found):
        end = found[position + 1].cell if position + 1 < len(found) else region.cells[-1] + 1
        signs = layout.signs(range(heading.cell, max(end, heading.cell + 1)))
        # `# (2)` may number the steps of one solution; the asked module being made there tells.
        plain = not heading.asked.mentions or any(sign.shows(heading.asked) for sign in signs)
        above = layout.submission.cells[heading.cell].source.split("\n")[: heading.line - 1]
        yield Mark(
            heading.cell,
            heading.line,
            heading.asked.id,
            "comment",
            heading.confidence if plain else 0.45,
            (Reason("locate.comment", {"cell": f"{heading.cell}:{heading.line}"}),),
            first=not any(line.strip() and not line.lstrip().startswith("#") for line in above),
        )


def code_marks(layout: Layout) -> list[Mark]:
    """Return marks for trainings below another question's heading that look like an answer still missing."""
    lacking = list(layout.lacking())
    marks: list[Mark] = []
    for region in layout.regions if lacking else ():
        home = layout.guide.by_id(region.question) if region.question else None
        groups = _groups(layout, region)
        own = None if home is None or home.true_false else _own_group(layout, groups, home)
        away = False  # whether the group before was given to another question
        for group in groups:
            chosen = _chosen(layout, group, group is own, home, lacking)
            for place, asked in enumerate(chosen):
                first = place == 0 and group is not own
                marks.append(_by_code(group[0], place + 1 if first else place + 2, asked, first))
                lacking.remove(asked)
            if away and not chosen:
                marks.append(_back(group[0], home))
            away = bool(chosen) and group is not own
    return marks


def _chosen(
    layout: Layout, group: list[int], own: bool, home: Asked | None, lacking: Sequence[Asked]
) -> list[Asked]:
    """Return the questions that a group of cells may answer beside the one it stands under.

    That is the question whose module is made in it, the most demanding one first; or the next one of the
    exam, if its heading is gone. One big cell may answer several.
    """
    several = len(group) == 1 and layout.signals[group[0]].trainings > 1
    if own and not several:
        return []
    shown = [asked for asked in lacking if any(sign.shows(asked) for sign in layout.signs(group))]
    if several or shown:
        return shown if several else [max(shown, key=lambda asked: len(asked.mentions))]
    following = layout.guide.asked[layout.guide.asked.index(home) + 1 :] if home else layout.guide.asked
    return [asked for asked in following[:1] if asked in lacking and not layout.of(asked.id)]


def _by_code(cell: int, line: int, asked: Asked, first: bool) -> Mark:
    sure, why = (0.5, "locate.code") if asked.mentions else (0.4, "locate.order")
    return Mark(cell, line, asked.id, "code", sure, (Reason(why, {"cell": str(cell)}),), first=first)


def _back(cell: int, home: Asked | None) -> Mark:
    """The cells from here on are again the region's own."""
    how = (Reason("locate.order", {"cell": str(cell)}),)
    return Mark(cell, 1, home.id, "code", 0.5, how) if home else Mark(cell, 1, None, "end")


def _groups(layout: Layout, region: Region) -> list[list[int]]:
    """Split the code cells of a region into groups that train once; each begins where something is made."""
    makers = _MAKERS | {name for asked in layout.guide.asked for name in asked.mentions}
    groups: list[list[int]] = []
    trained = True
    for index in region.cells:
        cell = layout.submission.cells[index]
        if not is_code(cell) or layout.is_own(cell):
            continue
        sign = layout.signals[index]
        if trained and (not groups or sign.trainings or sign.makes & makers):
            groups.append([])
            trained = False
        groups[-1].append(index)
        trained = trained or sign.trainings > 0
    return [group for group in groups if any(sign.trainings for sign in layout.signs(group))]


def _own_group(layout: Layout, groups: Sequence[list[int]], home: Asked) -> list[int] | None:
    """Return the group that answers the question it stands under: the first that makes what is asked."""
    fitting = (group for group in groups if any(sign.shows(home) for sign in layout.signs(group)))
    return next(fitting, groups[0] if groups else None)

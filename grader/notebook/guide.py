"""The empty exam as a map: what each question's text says and which label it has.

The official notebook carries no metadata, so a question is known by its text first, its number second.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from grader.model import Cell, Submission
from grader.notebook.label import LONGEST_LINE, Label, read_label
from grader.rubric import Rubric

LONGEST_TEXT = 20_000  # characters of one text that are compared; a question's text is far shorter
MOST_SEGMENTS = 60  # of one cell; an exam pasted into one cell has a dozen
ENOUGH = 12  # features below which a text says too little to be recognised

_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_WORD = re.compile(r"[a-z_][a-z0-9_]+|[가-힣]+|\d+")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one text cell, from a line with a label (or the cell's beginning) to the next."""

    cell: int
    line: int
    text: str
    label: Label | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as the empty exam puts it; `title` is the condensed line of its label, without it."""

    id: str
    part: str
    number: str
    true_false: bool
    text: str = ""
    title: str = ""
    features: frozenset[str] = frozenset()
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guide:
    """The questions in the rubric's order, and what else stands in the empty exam.

    `parts` are the parts' numbers in order; `titles` the features of their headings; `own` the condensed
    sources of all cells of the empty exam; `given` those of its cells outside every question; `prose` its
    text cells with their features.
    """

    asked: tuple[Asked, ...]
    parts: tuple[str, ...]
    titles: dict[str, frozenset[str]] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    prose: tuple[tuple[str, frozenset[str]], ...] = ()

    def by_label(self, part: str, number: str) -> Asked | None:
        return next((asked for asked in self.asked if asked.part == part and asked.number == number), None)

    def part(self, id: str | None) -> str:
        """Return the part of this question; the first part where there is none."""
        return next((asked.part for asked in self.asked if asked.id == id), next(iter(self.parts), ""))

    def by_id(self, id: str) -> Asked:
        return next(asked for asked in self.asked if asked.id == id)


def read_guide(rubric: Rubric, template: Submission) -> Guide:
    """Return the map of this assignment; a question that the template lacks has an empty text."""
    asked = tuple(
        Asked(
            id=question.id,
            part=_key(question.locate.under),
            number=_key(question.locate.heading),
            true_false=question.true_false,
            mentions=tuple(name.rpartition(".")[2] for name in question.locate.mentions),
        )
        for question in rubric
    )
    return _with_texts(Guide(asked, tuple(dict.fromkeys(one.part for one in asked))), template)


def condensed(source: str) -> str:
    """Return a source such that two cells which look the same are equal."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", source))


def features(text: str) -> frozenset[str]:
    """Return what a text is recognised by: its words and all runs of three characters."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).casefold()
    words = _WORD.findall(plain)
    run = "".join(words)
    return frozenset(run[i : i + 3] for i in range(len(run) - 2)) | frozenset(f"={word}" for word in words)


def similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Return how far the shorter text stands in the longer, 0 to 1; 0 where either says too little."""
    shorter = min(len(one), len(other))
    return len(one & other) / shorter if shorter >= ENOUGH else 0.0


def segments(cell: Cell) -> Iterator[Segment]:
    """Split a text cell at its lines that begin with a label; code fences are left whole.

    After `MOST_SEGMENTS` labels the rest is one stretch.
    """
    count = 0
    first, label, lines, fenced = 1, None, list[str](), False
    for number, line in enumerate(cell.source.split("\n"), start=1):
        fenced ^= bool(_FENCE.match(line))
        found = None if fenced or count > MOST_SEGMENTS else read_label(line)
        if found is not None:
            count += 1
            if any(text.strip() for text in lines):
                yield Segment(cell.index, first, "\n".join(lines), label)
            first, label, lines = number, found, []
        lines.append(line)
    yield Segment(cell.index, first, "\n".join(lines), label)


def part_of(segment: Segment, guide: Guide) -> tuple[str, bool]:
    """Return the part that this heading may open, empty if none, and whether it has that part's title."""
    label = segment.label
    if label is None or label.style != "bare" or label.number not in guide.parts:
        return "", False
    known = features(segment.text)
    likeness = similarity(known, guide.titles.get(label.number, frozenset()))
    return label.number, likeness >= 0.6


def _key(locator: str) -> str:
    """Return the number in a rubric's locator: `(3)` and `1.` are 3 and 1."""
    label = read_label(locator) or read_label(f"# {locator}")
    return label.number if label else locator.strip().casefold()


def _with_texts(guide: Guide, template: Submission) -> Guide:
    texts: dict[str, str] = {}
    titles: dict[str, frozenset[str]] = {}
    given: set[str] = set()
    part, inside = guide.part(None), False
    for cell in template.cells:
        for segment in segments(cell) if cell.kind != "code" else ():
            label = segment.label
            if opened := part_of(segment, guide)[0]:
                part, inside = opened, False
                titles[part] = features(segment.text)
                continue
            asked = guide.by_label(label.part or part, label.number) if label else None
            if asked is not None and asked.id not in texts:
                part, inside = asked.part, True
                texts[asked.id] = segment.text
        if not inside:
            given.add(condensed(cell.source))
    return Guide(
        asked=tuple(_told(one, texts.get(one.id, "")) for one in guide.asked),
        parts=guide.parts,
        titles=titles,
        own=frozenset(condensed(cell.source) for cell in template.cells),
        given=frozenset(given - {""}),
        prose=tuple((cell.source, features(cell.source)) for cell in template.cells if cell.kind != "code"),
    )


def title_of(text: str) -> str:
    """Return the first line of a text without its label, condensed to letters and digits."""
    line = text.strip().partition("\n")[0]
    label = read_label(line)
    rest = label.rest if label else unicodedata.normalize("NFKC", line[:LONGEST_LINE]).casefold()
    return "".join(_WORD.findall(rest))


def _told(asked: Asked, text: str) -> Asked:
    return replace(asked, text=text, title=title_of(text), features=features(text))

"""A student's cells as numbered lines of coloured words, bounded, for a template to escape and draw."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType

from grader.model import Cell
from grader.report.text import visible

CELLS = 60
LINES = 400
COLUMNS = 400
CHARACTERS = 60_000  # of one question

_COLOURS: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "c"),
    (String, "s"),
    (Number, "n"),
    (Keyword, "k"),
    (Name.Class, "f"),
    (Name.Function, "f"),
    (Name.Builtin, "b"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line as (colour, text) pairs; `colour` is one letter or empty."""

    number: int
    marked: bool
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One cell as shown; `cut` when lines are left out. `belongs` is false for cells of other answers."""

    index: int
    kind: str
    belongs: bool
    lines: tuple[Line, ...]
    cut: bool

    @property
    def marked(self) -> bool:
        return any(line.marked for line in self.lines)


def listings(
    sources: Sequence[Cell], own: Collection[int], marked: Collection[tuple[int, int | None]]
) -> tuple[Listing, ...]:
    """Return the cells of one answer and those others that `marked` (cell, line) points at, in file order."""
    wanted = set(own) | {cell for cell, _ in marked}
    shown: list[Listing] = []
    budget = CHARACTERS
    for cell in (cell for cell in sources if cell.index in wanted):
        if len(shown) == CELLS:
            break
        lines = {line for index, line in marked if index == cell.index and line is not None}
        listing, used = _listing(cell, cell.index in own, lines, budget)
        budget -= used
        shown.append(listing)
    return tuple(shown)


def _listing(cell: Cell, belongs: bool, marked: Collection[int], budget: int) -> tuple[Listing, int]:
    source = visible(cell.source[: CHARACTERS + 1], CHARACTERS, lines=True)
    cut = len(cell.source) > CHARACTERS
    texts: list[str] = []
    used = 0
    for text in source.rstrip().split("\n"):
        if len(texts) == LINES or used >= budget:
            cut = True
            break
        texts.append(text if len(text) <= COLUMNS else text[:COLUMNS] + "…")
        used += len(texts[-1]) + 1
    words = _coloured(texts) if cell.kind == "code" else [[("", text)] for text in texts]
    lines = tuple(Line(at, at in marked, tuple(pairs)) for at, pairs in enumerate(words, start=1))
    return Listing(cell.index, cell.kind, belongs, lines, cut), used


def _coloured(texts: Sequence[str]) -> list[list[tuple[str, str]]]:
    lines: list[list[tuple[str, str]]] = [[] for _ in texts]
    at = 0
    for colour, text in _tokens("\n".join(texts)):
        for part in text.splitlines(keepends=True) if "\n" in text else (text,):
            if part.rstrip("\n"):
                lines[at].append((colour, part.rstrip("\n")))
            at += part.endswith("\n")
    return lines


def _tokens(code: str) -> Iterator[tuple[str, str]]:
    for token, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens(code):
        yield next((colour for kind, colour in _COLOURS if kind in token.split()), ""), text

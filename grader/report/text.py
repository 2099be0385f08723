"""Text that a student controls, made safe and short enough to be shown to people."""

from __future__ import annotations

import re
import unicodedata

_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|\x1b.?", re.DOTALL
)
_JOINERS = frozenset("\u200c\u200d")  # join letters and emoji; they hide nothing
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")  # Hangul fillers: letters that show nothing
_MARKS_IN_A_ROW = 4


def visible(text: str, limit: int = 300, *, lines: bool = False) -> str:
    """Return `text` so that what is seen is what is there, in at most `limit` characters and a cut mark.

    Terminal colours go; control characters and halves of surrogate pairs become U+FFFD; characters that
    reorder or hide others (bidirectional overrides, zero-width spaces, fillers) are written as [U+202E];
    piles of combining marks are thinned. Line breaks and tabs stay with `lines`, otherwise white space
    becomes single spaces. Markup is not touched: escaping it is the template's job.
    """
    short = text[: 8 * limit + 64]  # first of all: nothing below may see a megabyte
    short = _TERMINAL.sub("", short).replace("\r\n", "\n").replace("\r", "\n")
    if not lines:
        short = re.sub(r"[\s\x1c-\x1f\x85]+", " ", short).strip()
    shown = short if short.isascii() and short.replace("\n", "").isprintable() else _plain(short)
    return shown if len(shown) <= limit and len(text) <= 8 * limit + 64 else shown[:limit] + "…"


def _plain(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > _MARKS_IN_A_ROW:
            continue
        if category in ("Cc", "Cs") and character not in "\n\t":
            kept.append("\ufffd")
        elif character in _BLANK_LETTERS or (category in ("Cf", "Zl", "Zp") and character not in _JOINERS):
            kept.append(f"[U+{ord(character):04X}]")
        else:
            kept.append(character)
    return "".join(kept)


def encodable(text: str) -> str:
    """Return `text` with lone surrogates replaced, which no UTF-8 file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text

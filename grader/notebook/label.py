"""Question labels as people write them: `(1)`, `1-(1)`, `Q1-1`, `### (1)`, `문제 3`; and look-alikes."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

LONGEST_LINE = 500  # a label stands at the beginning of a line; the rest is never needed to read it

_MARKUP = re.compile(
    r"(?:[\s>*_`~$|\-+•·▶■◆○●]|<[^<>]{1,80}>|//|&nbsp;)*(?P<hashes>\#*)(?:[\s*_`~$]|@\w+|<[^<>]{1,80}>|\\|&nbsp;)*"
)
_WORD = r"(?:문제|문항|질문|과제|problem|question|exercise|prob|quiz|task|ex|no|q)[\s.:#_\-*`]*"
_CLOSE = r"[\s*_`~]*"
_NUMBER = r"(?:\d{1,2}|[a-z]|[가나다라마바사아자차])"
_FULL = re.compile(
    rf"(?:{_WORD})?(?P<part>\d{{1,2}}){_CLOSE}(?:번|의|장)?[\s.,:\-_]*[(\[](?P<number>{_NUMBER})[)\]]"
    rf"|(?:{_WORD})?(?P<part2>\d{{1,2}})\s?[-_.–]\s?(?P<number2>\d{{1,2}})(?![\w%]|[.,]\d)",
)
_PARENTHESES = re.compile(rf"(?:{_WORD})?[(\[]\s?(?P<number>{_NUMBER})\s?[)\]]")
_WORDED = re.compile(
    rf"(?P<worded>{_WORD})(?P<number>\d{{1,2}})(?!\w|\.\d)|(?P<number2>\d{{1,2}})\s?번(?![가-힣])"
)
_CIRCLED = re.compile("[①-⑨]")
_HALF = re.compile(r"(?P<number>\d{1,2})\)")
_BARE = re.compile(r"(?P<number>\d{1,2})(?P<dot>\.?)(?=[\s*_`~:]|$)")
# What follows a label that is only spoken about: a range, a list, a Korean particle.
_RANGE = re.compile(r"[\s`*]*(?:[-~–,&/]|와|과|및|and|to)[\s`*]*[(\[]?\d")
_GLUED = re.compile(r"(?:번)?[`*]{0,2}(?=[가-힣])(?!번|풀이|답|정답|해설|해답|문제)")
_PARTICLE = re.compile(r"번?[`*]{0,2}\s+(?:의|와|과|을|를|은|는|에서|에|처럼|까지|부터|보다)\s")


@dataclass(frozen=True, slots=True)
class Label:
    """A label at the beginning of a line.

    `full` names part and number; `partial` the number only; `half` is `1)`, which as often numbers a list;
    `bare` is a number without brackets, which may be a part's (`## 1. title`) or a question's. `heading`: the
    line is a Markdown heading. `rest` follows the label.
    """

    style: Literal["full", "partial", "half", "bare"]
    number: str
    part: str = ""
    heading: bool = False
    rest: str = ""


def read_label(line: str) -> Label | None:
    """Return the label that this line of text begins with, None if it has none or only mentions one."""
    text = _CIRCLED.sub(lambda sign: f"({unicodedata.digit(sign[0])})", line[:LONGEST_LINE])
    text = unicodedata.normalize("NFKC", text).casefold()
    markup = _MARKUP.match(text)
    start = markup.end() if markup else 0
    heading = bool(markup and markup["hashes"])
    if match := _FULL.match(text, start):
        part, number = match["part"] or match["part2"], match["number"] or match["number2"]
        return _unless_mentioned(Label("full", _plain(number), _plain(part), heading, text[match.end() :]))
    if match := _PARENTHESES.match(text, start):
        return _unless_mentioned(Label("partial", _plain(match["number"]), "", heading, text[match.end() :]))
    if match := _WORDED.match(text, start):
        number = match["number"] or match["number2"]
        # "문제 1" may be the first part as well as the first question.
        style: Literal["partial", "bare"] = "bare" if match["worded"] and heading else "partial"
        return _unless_mentioned(Label(style, _plain(number), "", heading, text[match.end() :]))
    if match := _HALF.match(text, start):
        return _unless_mentioned(Label("half", _plain(match["number"]), "", heading, text[match.end() :]))
    bold = bool(markup and "**" in text[:start])
    if (match := _BARE.match(text, start)) and (heading or (bold and match["dot"])):
        return _unless_mentioned(Label("bare", _plain(match["number"]), "", True, text[match.end() :]))
    return None


def read_comment_label(line: str) -> Label | None:
    """Return the label of a code comment at the beginning of a line; `## 1` and `# 1)` only count steps."""
    if not line.startswith("#"):
        return None
    body = line.lstrip("#").strip()
    label = read_label(body)
    if label is None or label.style in ("bare", "half"):
        return None
    return label


def _unless_mentioned(label: Label) -> Label | None:
    rest = label.rest
    if _RANGE.match(rest) or _GLUED.match(rest) or _PARTICLE.match(rest):
        return None
    return label


def _plain(number: str) -> str:
    return number.lstrip("0") or "0"

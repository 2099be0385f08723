"""What a short text says about a statement: true, false, or nothing that can be read with certainty."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LONGEST_ANSWER = 20_000  # characters that are read of one text

_SIGNS_TRUE, _SIGNS_FALSE = "○◯〇⭕✓✔✅☑", "×✗✘❌✕✖"
_TRUE = rf"true|참|맞음|맞다|맞아요|맞습니다|옳음|옳다|옳습니다|correct|t|o|[{_SIGNS_TRUE}]"
_FALSE = rf"false|거짓|틀림|틀리다|틀렸다|틀려요|틀립니다|틀렸습니다|incorrect|wrong|f|x|[{_SIGNS_FALSE}]"
_ENDING = r"(?:이다|입니다|이에요|예요|임|이라고|이므로|이며|이고)?"
_VALUE = re.compile(
    rf"(?<![0-9a-z가-힣.])(?:(?P<true>{_TRUE})|(?P<false>{_FALSE})){_ENDING}(?![0-9a-z가-힣]|[(\[][0-9a-z,:])"
)
_STRUCK = re.compile(r"~~.*?~~|<(s|del|strike)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{1,80}>")
_MARKUP = re.compile("[*_`#>$\\\\|\"'\N{VARIATION SELECTOR-16}]")
_MARKER = re.compile(
    r"[\s:=.,;()\[\]\-–—→⇒/]*(?:(?:풀이|답안|정답|해답|답변|답|answers?|ans|solution|sol)\s*\d?\s*(?:은|는|이)?(?![0-9a-z가-힣])"
    r"|a\s?[:.)])"
)
_PUNCTUATION = re.compile(r"[\s:=.,;()\[\]\-–—→⇒∴/]*")
_NEGATED = re.compile(r"\W*(?:가|이|은|는|지)?\s*(?:아니|아님|않|못|not\b)")
_CONTRARY = re.compile(r"아니|않|\bnot\b|n't\b|\bno\b")
_NAMED = re.compile(r"\s*(?:(?:가|는|를|을|은|이|와|과|의|에)(?![가-힣])|값|축|[=+*<>]|-\s*\d|[0-9])")
_OTHERWISE = re.compile(r"[\s/,|·)(\[\]]*(?:or|또는|혹은|아니면)?[\s/,|·)(\[\]]*")
_STATED = re.compile(
    r"(?:정답|답|answer|ans|따라서|그러므로|therefore)\s*(?:은|는|:|=|,|\)|→|is)*\s*[(\[]?\s*"
)
_SAID = re.compile(rf"[0-9a-z가-힣{_SIGNS_TRUE}{_SIGNS_FALSE}]")
_PAIR = re.compile(
    rf"(?<![0-9a-z가-힣.\-])[(\[]?(?:(?P<part>\d)\s?[-._]\s?[(\[]?)?(?P<number>\d)(?:[\s).:\]=,→]|번|-(?!\s?\d))*"
    rf"[(\[]?(?:(?P<true>{_TRUE})|(?P<false>{_FALSE})){_ENDING}"
    rf"(?=\s*(?:$|[,.;:)\]/\n\-–—→(\[]|[가-힣]{{2,}}|[a-z]{{2,}}|\d\s?[-._]?\s?[(\[]?\d?\s?(?:[).:\]=번]|(?:{_TRUE}|{_FALSE})\b)))"
)
_RUN = re.compile(r"[ox]{2,}|[tf]{2,}")


def cleaned(text: str) -> str:
    """Return the text in small letters without markup and without what is struck through."""
    plain = _STRUCK.sub(" ", unicodedata.normalize("NFKC", text[:LONGEST_ANSWER]))
    return _MARKUP.sub(" ", _TAG.sub(" ", plain)).casefold()


def read_truth(text: str, *, reason_first: bool = True) -> bool | None:
    """Return what the text answers; None if it answers nothing or not plainly.

    The answer leads (a reason may follow and say anything), or is stated ("답: X"), or, with `reason_first`,
    ends the text with no word to the contrary in it.
    """
    plain = _unmarked(cleaned(text))
    leading = _PUNCTUATION.match(plain)
    values = list(_VALUE.finditer(plain))
    if not values:
        return None
    if leading and values[0].start() == leading.end():
        return _leading(plain, values)
    stated = {
        _truth(value)
        for marker in _STATED.finditer(plain)
        if (value := _VALUE.match(plain, marker.end())) and not _NEGATED.match(plain, value.end())
    }
    if stated:
        return stated.pop() if len(stated) == 1 else None
    if not reason_first:
        return None
    last = values[-1]
    alone = {_truth(value) for value in values} == {_truth(last)} and last[0] not in "otfx"
    return (
        _truth(last)
        if alone and not _SAID.search(plain, last.end()) and not _CONTRARY.search(plain)
        else None
    )


def says_nothing(text: str) -> bool:
    """Tell whether the text holds nothing but markers such as "답:" and punctuation."""
    return not _STRUCK.search(text) and not _SAID.search(_unmarked(cleaned(text)))


def read_pairs(text: str, part: str, numbers: Sequence[str]) -> list[tuple[str, bool | None]]:
    """Return the answers of a text that numbers them, as in `(1) O (2) X`; empty for fewer than two.

    A number of the text with nothing readable behind it comes with None.
    """
    plain = cleaned(text)
    pairs: list[tuple[str, bool | None]] = [
        (pair["number"], _truth(pair))
        for pair in _PAIR.finditer(plain)
        if pair["number"] in numbers and pair["part"] in (None, part)
    ]
    met = {number for number, _ in pairs}
    if len(met) < 2:
        return []
    unread = [number for number in numbers if number not in met]
    return pairs + [
        (number, None) for number in unread if re.search(rf"(?<![\w.]){number}\s*[).:\]번]", plain)
    ]


def read_sequence(text: str, numbers: Sequence[str]) -> list[bool] | None:
    """Return the answers of a text that is nothing but answers, at least two, in order; else None.

    The numbers themselves may stand before them all, as in a table's first row.
    """
    plain = _unmarked(cleaned(text))
    if (run := _RUN.fullmatch(re.sub(r"[\s,.;:/\-()\[\]]+", "", plain))) and not _VALUE.search(run[0]):
        return [letter in "ot" for letter in run[0]]
    digits = re.match(r"\W*" + r"\W+".join(map(re.escape, numbers)) + r"(?!\w)", plain) if numbers else None
    rest = plain[digits.end() :] if digits else plain
    values = [_truth(value) for value in _VALUE.finditer(rest)]
    return values if len(values) > 1 and not _SAID.search(_VALUE.sub("", rest)) else None


def _leading(plain: str, values: list[re.Match[str]]) -> bool | None:
    first = values[0]
    if _NEGATED.match(plain, first.end()):
        return None
    if len(first[0]) == 1 and first[0] in "otfx" and _NAMED.match(plain, first.end()):
        return None  # a variable: "x 가 (n,1)", "x = 3"
    following = _OTHERWISE.match(plain, first.end())
    rival = _VALUE.match(plain, following.end()) if following else None
    return None if rival and _truth(rival) != _truth(first) else _truth(first)


def _unmarked(plain: str) -> str:
    """Drop leading markers: "(풀이)", "답:", "answer -"."""
    while (marker := _MARKER.match(plain)) and marker.end():
        plain = plain[marker.end() :]
    return plain


def _truth(match: re.Match[str]) -> bool:
    return match["true"] is not None

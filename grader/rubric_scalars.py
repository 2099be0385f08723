"""How single values are written in a rubric: points, shares, durations, sizes, names.

Each `Scalar` is the whole vocabulary of one kind of value: what it is called in a message, and how
its text becomes a value. grader/rubric.py attaches them to fields with `Annotated`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias

Writing: TypeAlias = Literal["text", "whole", "decimal", "truth", "nothing"]

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_BYTES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}

# YAML 1.2's core schema. YAML 1.1, PyYAML's default, takes `off` for false and `12:30` for 750.
_WRITINGS: tuple[tuple[Writing, re.Pattern[str]], ...] = (
    ("nothing", re.compile(r"|~|null|Null|NULL")),
    ("truth", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("whole", re.compile(r"[-+]?[0-9]+")),
    ("decimal", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")),
    ("decimal", re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One kind of value: `what` to expect, and a reader (ValueError: no) for each writing it may have."""

    what: str
    readers: Mapping[Writing, Callable[[str], Any]]

    def accepts(self, writing: Writing, text: str) -> bool:
        try:
            self.readers[writing](text)
        except (KeyError, ValueError):
            return False
        return True


def writing_of(text: str, plain: bool) -> Writing:
    """What an unquoted (`plain`) or quoted text is by the rules of YAML 1.2."""
    if plain:
        for writing, pattern in _WRITINGS:
            if pattern.fullmatch(text):
                return writing
    return "text"


def _matching(pattern: str, text: str) -> re.Match[str]:
    match = re.fullmatch(pattern, text, flags=re.ASCII)
    if match is None:
        raise ValueError(text)
    return match


def _text(text: str) -> str:
    # Escapes in double quotes can spell what the file itself may not hold.
    if not text or any(ord(char) < 32 and char not in "\n\t" for char in text):
        raise ValueError(text)
    text.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
    return text


def _words(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return _text(text)


def _points(text: str) -> Decimal:
    return Decimal(_matching(r"[0-9]{1,6}(\.[0-9]{1,2})?", text)[0])


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:  # also refuses nan
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    return int(_matching(r"[0-9]{1,9}", text)[0])


def _positive(text: str) -> int:
    value = _count(text)
    if value == 0:
        raise ValueError(text)
    return value


def _duration(text: str) -> float:
    match = _matching(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh])", text)
    seconds = float(Decimal(match[1]) * _SECONDS[match[2]])
    if seconds == 0:
        raise ValueError(text)
    return seconds


def _size(text: str) -> int:
    match = _matching(r"([1-9][0-9]{0,5})([kmgKMG])", text)
    return int(match[1]) * _BYTES[match[2].lower()]


def _name(text: str) -> str:
    return _matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", text)[0]


def _package(text: str) -> str:
    return _matching(r"[A-Za-z_][A-Za-z0-9_]{0,59}", text)[0]


def _dotted(text: str) -> str:
    return _matching(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", text)[0]


def _variable(text: str) -> str:
    if not text.isidentifier():
        raise ValueError(text)
    return text


def _comparison(text: str) -> str:
    return _matching(r"reference|own \S+", text)[0]


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0:  # inf and nan
        raise ValueError(text)
    return value


def _whole(text: str) -> int:
    return int(_matching(r"[-+]?[0-9]{1,18}", text)[0])


def _spelled(read: Callable[[str], str]) -> dict[Writing, Callable[[str], str]]:
    """Texts may look like numbers (`heading: 1.10`): the characters count, so nothing is lost."""
    return {"text": read, "whole": read, "decimal": read}


TEXT = Scalar("a text", _spelled(_text))
WORDS = Scalar("a text that is not blank", _spelled(_words))
NAME = Scalar('a name of letters, digits, "-", "_" and "." such as "1-3" or same_fit', _spelled(_name))
PACKAGE = Scalar('a name of letters, digits and "_" such as final_2022', _spelled(_package))
DOTTED = Scalar("a class by its full name such as torch.nn.RNN", {"text": _dotted})
VARIABLE = Scalar("a name of a variable such as yhat", {"text": _variable})
COMPARISON = Scalar("`reference` or `own QUESTION` such as own 1-2", {"text": _comparison})
TRUTH = Scalar("true or false", {"truth": lambda text: text.lower() == "true"})
WHOLE = Scalar("a whole number", {"whole": _whole})
DECIMAL = Scalar("a number", {"whole": _finite, "decimal": _finite})
POINTS = Scalar(
    "a number from 0 on with at most two decimals such as 15 or 2.5", {"whole": _points, "decimal": _points}
)
SHARE = Scalar("a number from 0 to 1 such as 0.99", {"whole": _share, "decimal": _share})
COUNT = Scalar("a whole number from 0 on", {"whole": _count})
POSITIVE = Scalar("a whole number from 1 on", {"whole": _positive})
DURATION = Scalar("a duration with its unit such as 90s, 10m or 1h", {"text": _duration})
SIZE = Scalar("a size with its unit such as 512m or 4g", {"text": _size})
SETTING = Scalar("a number or a text", {"whole": _whole, "decimal": _finite, "text": _text})

"""Student ids as parts of paths, and in the names of handed-in files."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping

LONGEST_NAME = 120  # bytes; file systems allow 255, and the results add endings

_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)", re.IGNORECASE)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def safe_name(student: str) -> str:
    """Return a student id as one path component: different for every id, also where case does not count.

    Letters without case (Korean), ASCII letters and digits, `-`, `_` and inner dots stay; all else becomes
    `=` and two hexadecimal digits per byte. Capitals are told by a suffix: `S001` is `S001+1`. Longer than
    `LONGEST_NAME` bytes: the beginning and a digest.
    """
    composed = unicodedata.normalize("NFC", student) == student
    name = "".join(
        char if _is_plain(char, composed) and not _is_edge_dot(student, place) else _escaped(char)
        for place, char in enumerate(student)
    )
    if _RESERVED.match(name):
        name = _escaped(name[0]) + name[1:]
    capitals = sum(1 << place for place, char in enumerate(student) if "A" <= char <= "Z")
    name += f"+{_in_base_36(capitals)}" if capitals else ""
    if len(name.encode()) <= LONGEST_NAME and name:
        return name
    if not name:
        return "="
    digest = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:24]
    start = name.encode()[: LONGEST_NAME - len(digest) - 2].decode("utf-8", "ignore")
    return f"{start}++{digest}"


def _is_plain(char: str, composed: bool) -> bool:
    if char.isascii():
        return char.isalnum() or char in "-_."
    return composed and char.isalpha() and char.lower() == char.upper() == unicodedata.normalize("NFKC", char)


def _is_edge_dot(student: str, place: int) -> bool:
    return student[place] == "." and place in (0, len(student) - 1)


def _escaped(char: str) -> str:
    return "".join(f"={byte:02x}" for byte in char.encode("utf-8", "surrogatepass"))


def _in_base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


def same_id(one: str) -> str:
    """Return what two spellings of an id have in common: composed characters, no case, no space around."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", one.strip()).casefold())


def ids_in(name: str, ids: Mapping[str, str]) -> list[str]:
    """Return the ids that stand in a file name as whole tokens, in their order there.

    `ids` maps `same_id` of each to itself. Between an id and a letter of another script is a border:
    `20230001홍길동` holds 20230001. An id inside a longer one that matches does not count.
    """
    text = same_id(name)
    lengths = sorted({len(id) for id in ids}, reverse=True)
    spans: list[tuple[int, int]] = []
    for start in range(len(text)):
        for length in lengths:
            end = start + length
            if text[start:end] in ids and end <= len(text) and _is_whole(text, start, end):
                if not any(first <= start and end <= last for first, last in spans):
                    spans.append((start, end))
                break
    return list(dict.fromkeys(ids[text[start:end]] for start, end in spans))


def _is_whole(text: str, start: int, end: int) -> bool:
    before = start > 0 and _joined(text[start - 1], text[start])
    after = end < len(text) and _joined(text[end - 1], text[end])
    return not before and not after


def _joined(one: str, other: str) -> bool:
    return one.isalnum() and other.isalnum() and one.isascii() == other.isascii()

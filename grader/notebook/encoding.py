"""Bytes to text, for files that went through editors, mail programs and learning platforms."""

from __future__ import annotations

import codecs
import re

from grader.model import Reason

# The longer marks first: a UTF-32 mark begins with the UTF-16 one.
MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SOUND = re.compile(f"[^\x00-\x7f{REPLACEMENT}]")


def decode(data: bytes) -> tuple[str, Reason | None]:
    """Return the text, and a note where it was not plain UTF-8. Never raises.

    Tried in order: a byte order mark, UTF-16 without a mark, UTF-8, damaged UTF-8, CP949, Latin-1.
    """
    for mark, codec, name in MARKS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(codec, errors="replace")
            return text, None if codec == "utf-8" and REPLACEMENT not in text else _note(name, text)
    zeros = data[:200].count(0)
    if len(data[:200]) // 4 < zeros < len(data[:200]):
        text = data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", errors="replace")
        return text, _note("UTF-16", text)
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        return _guess(data)


def _guess(data: bytes) -> tuple[str, Reason]:
    # A few damaged bytes among many sound characters: still UTF-8, and CP949 would garble all of it.
    text = data.decode("utf-8", errors="replace")
    sound = len(_SOUND.findall(text))
    if sound > 2 * text.count(REPLACEMENT):
        return text, _note("UTF-8", text)
    try:
        return data.decode("cp949"), Reason("read.encoding", {"encoding": "CP949"})
    except UnicodeDecodeError:
        return data.decode("latin-1"), Reason("read.encoding", {"encoding": "Latin-1"})


def _note(encoding: str, text: str) -> Reason:
    if damaged := text.count(REPLACEMENT):
        return Reason("read.damaged_characters", {"encoding": encoding, "count": damaged})
    return Reason("read.encoding", {"encoding": encoding})

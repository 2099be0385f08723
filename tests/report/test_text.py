from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.report.text import encodable, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("한글 이름", "한글 이름"),
        ("a\tb\r\nc", "a b c"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07end", "red end"),
        ("\x9b1mbold", "bold"),
        ("bell\x07", "bell\ufffd"),
        ("half \ud800", "half \ufffd"),
        ("a\u202eb", "a[U+202E]b"),
        ("\u3164", "[U+3164]"),
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("\U0001f469\u200d\U0001f52c", "\U0001f469\u200d\U0001f52c"),
        ("e" + "\u0301" * 50, "e" + "\u0301" * 4),
        ("x" * 400, "x" * 300 + "…"),
    ],
)
def test_what_is_seen_is_what_is_there(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_are_kept_where_asked_for() -> None:
    assert visible("a\r\n\tb\rc", lines=True) == "a\n\tb\nc"


@given(
    st.text(st.characters(), max_size=400) | st.text("\x1b[]\u202e\ud800\x07m;1\n", max_size=400),
    st.booleans(),
)
def test_nothing_hidden_and_nothing_long_remains(text: str, lines: bool) -> None:
    shown = visible(text, 100, lines=lines)
    assert len(shown) <= 101
    allowed = "\n\t\u200c\u200d" if lines else "\u200c\u200d"
    assert not [
        c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Cf", "Zl", "Zp") and c not in allowed
    ]
    assert encodable(shown) == shown


@given(st.text(st.characters()))
def test_encodable_text_can_be_written(text: str) -> None:
    assert encodable(text).encode().decode() == encodable(text)

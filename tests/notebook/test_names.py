from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.notebook.names import LONGEST_NAME, ids_in, safe_name, same_id

IDS = st.text(st.characters() | st.sampled_from("aAsS01.-_ /\\:*가나é"), max_size=12)


@pytest.mark.parametrize(
    ("student", "name"),
    [
        ("s001", "s001"),
        ("2023-0001_a.b", "2023-0001_a.b"),
        ("홍길동", "홍길동"),
        ("S001", "S001+1"),
        ("", "="),
        (".hidden", "=2ehidden"),
        ("..", "=2e=2e"),
        ("a.", "a=2e"),
        ("a/b", "a=2fb"),
        ("con", "=63on"),
        ("nul.x", "=6eul.x"),
        ("console", "console"),
        ("a b", "a=20b"),
        ("=2e", "=3d2e"),
        ("a+1", "a=2b1"),
    ],
)
def test_names(student: str, name: str) -> None:
    assert safe_name(student) == name


@given(IDS)
def test_name_is_safe_everywhere(student: str) -> None:
    name = safe_name(student)
    assert 0 < len(name.encode()) <= LONGEST_NAME
    assert not re.search(r'[<>:"/\\|?*\x00-\x20]', name)
    assert name.strip(".") == name
    assert unicodedata.normalize("NFC", name) == name
    assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name)


def original(name: str) -> str:
    """Undo `safe_name` for a short id, from the name alone as a file system without case keeps it."""
    if name == "=":
        return ""
    escaped, _, mask = name.casefold().partition("+")
    capitals = int(mask, 36) if mask else 0
    # Escapes first, to bytes; then the capitals by their places in the id.
    raw = re.sub(rb"=([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), escaped.encode())
    plain = raw.decode("utf-8", "surrogatepass")
    return "".join(char.upper() if capitals >> place & 1 else char for place, char in enumerate(plain))


@given(IDS)
def test_name_can_be_undone_even_without_case(student: str) -> None:
    name = safe_name(student)
    if "++" not in name:
        assert original(name) == student


@given(IDS, IDS)
def test_different_ids_have_different_names(one: str, other: str) -> None:
    if one != other:
        names = [unicodedata.normalize("NFD", safe_name(id)).casefold() for id in (one, other)]
        assert names[0] != names[1]


def test_long_ids_are_cut_but_stay_apart() -> None:
    names = {safe_name("가" * 200 + str(n)) for n in range(50)}
    assert len(names) == 50
    assert all(name.startswith("가가가") for name in names)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("s1", ["s1"]),
        ("S1_exam", ["s1"]),
        ("exam s1(2)", ["s1"]),
        ("xs1", []),
        ("s12", ["s12"]),
        ("s123", []),
        ("이순신s1", ["s1"]),
        ("s1이순신", ["s1"]),
        ("s1-a", ["s1-a"]),
        ("s1-ab", ["s1"]),
        ("s1/s12", ["s1", "s12"]),
        ("s1/s1", ["s1"]),
        ("홍길동", ["홍길동"]),
        ("홍길동님", []),
        ("", []),
    ],
)
def test_ids_in_a_name(name: str, found: list[str]) -> None:
    ids = ["s1", "s12", "s1-a", "홍길동"]
    assert ids_in(name, {same_id(id): id for id in ids}) == found


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=4), max_size=4))
def test_ids_found_are_ids_given(name: str, ids: list[str]) -> None:
    known = {same_id(id): id for id in ids if same_id(id)}
    assert set(ids_in(name, known)) <= set(known.values())

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import SubmissionsError
from grader.notebook.roster import COLUMNS, Student, parse_roster, read_roster

PATH = Path("roster.csv")


def test_all_columns() -> None:
    text = ",".join(COLUMNS) + "\n 007 ,홍길동,a@b.c,1,2,3,A,2022-12-15T23:59+09:00\n"
    deadline = datetime(2022, 12, 15, 23, 59, tzinfo=timezone(timedelta(hours=9)))
    assert parse_roster(text.encode(), PATH).students == (
        Student("007", "홍길동", "a@b.c", "1", "2", "3", "A", deadline, line=2),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(encoding: str, separator: str) -> None:
    rows = [["ID", "Name", "반"], ["s1", "홍길동", "가"], [], ['"s2"', "김철수", "나"]]
    text = "".join(separator.join(row) + "\r\n" for row in rows)
    roster = parse_roster(text.encode(encoding), PATH)
    assert [(one.id, one.name, one.line) for one in roster.students] == [
        ("s1", "홍길동", 2),
        ("s2", "김철수", 4),
    ]
    assert [note.params["columns"] for note in roster.notes] == ["반"]


def test_all_faults_are_listed_with_their_lines() -> None:
    text = 'id,name,deadline\ns1,A,\n,B,\nS1,C,\ns3,D,tomorrow\ns4,E,2022-12-15,x\ns1,"F\nF",\ns1,G,'
    with pytest.raises(SubmissionsError) as caught:
        parse_roster(text.encode(), PATH)
    assert [str(fault) for fault in caught.value.faults] == [
        "line 3: the id is empty",
        "line 4: the id 'S1' is already in line 2 (there as 's1')",
        "line 5: the deadline 'tomorrow' is not a date and time such as 2022-12-15T23:59+09:00",
        "line 6: 4 fields, but the first line names 3",
        "line 7: the id 's1' is already in line 2",
        "line 9: the id 's1' is already in line 2",
    ]
    assert "6 faults" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no column `id`"),
        (b"name,email\nA,b", "no column `id`"),
        (b"id,id\n1,2", "2 columns `id`"),
        (b"id,name\n", "no rows"),
        (b"PK\x03\x04\0\0", "not a"),
        (b"\x89PNG\0\0\0\0", "not a text file"),
    ],
)
def test_unusable_roster(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(data)
    with pytest.raises(SubmissionsError, match=message):
        read_roster(path)


def test_roster_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SubmissionsError, match="cannot be read"):
        read_roster(tmp_path / "none.csv")


@given(
    st.binary(max_size=60)
    | st.lists(st.sampled_from([*',\n";\t\0x1', *COLUMNS]), max_size=30).map("".join).map(str.encode)
)
def test_any_bytes_are_a_roster_or_faulty(data: bytes) -> None:
    for text in (data, b"id,name\n" + data):
        try:
            students = parse_roster(text, PATH).students
        except SubmissionsError:
            continue
        assert all(one.id for one in students)

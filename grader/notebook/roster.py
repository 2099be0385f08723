"""roster.csv: who is in the course."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from grader.errors import Fault, SubmissionsError
from grader.model import Reason
from grader.notebook.encoding import decode
from grader.notebook.names import same_id

COLUMNS = ("id", "name", "email", "canvas_id", "sis_login_id", "moodle_id", "group", "deadline")
MAX_BYTES = 20 << 20


@dataclass(frozen=True, slots=True)
class Student:
    """One row of the roster; `line` is its 1-based line in the file, 0 for one known only by a file."""

    id: str
    name: str = ""
    email: str = ""
    canvas_id: str = ""
    sis_login_id: str = ""
    moodle_id: str = ""
    group: str = ""
    deadline: datetime | None = None
    line: int = 0


class _Rows(Protocol):
    """What `csv.reader` returns."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Roster:
    """The students in the file's order; `notes` name columns that nothing uses."""

    students: tuple[Student, ...]
    notes: tuple[Reason, ...] = ()


def read_roster(path: Path) -> Roster:
    """Return the roster in a CSV file: `id` and any of `COLUMNS`, separated by commas, semicolons or tabs.

    Raises SubmissionsError with every fault and its line.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        reason = error.strerror or str(error)
        raise SubmissionsError(path, [Fault(f"the roster cannot be read: {reason}")]) from error
    if data is None or data.startswith(b"PK"):
        remedy = "save the sheet as CSV (UTF-8) and give that file"
        raise SubmissionsError(path, [Fault("the roster is not a CSV file")], remedy)
    return parse_roster(data, path)


def parse_roster(data: bytes, path: Path) -> Roster:
    """Return the roster in these bytes; `path` is for messages."""
    text = unicodedata.normalize("NFC", decode(data)[0])
    if "\0" in text:
        raise SubmissionsError(
            path, [Fault("the roster is not a text file")], "save the sheet as CSV (UTF-8)"
        )
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    faults: list[Fault] = []
    header: list[str] = []
    students: list[Student] = []
    try:
        header = [column.strip().casefold().replace(" ", "_") for column in next(rows, [])]
        faults += _header_faults(header)
        if not faults:
            students = list(_students(rows, header, faults))
    except csv.Error as error:
        faults.append(Fault(str(error), rows.line_num))
    faults += _repeated(students)
    if not faults and not students:
        faults.append(Fault("the roster has no rows"))
    if faults:
        raise SubmissionsError(path, faults, f"the first line names the columns: {','.join(COLUMNS)}")
    unknown = ", ".join(column for column in header if column and column not in COLUMNS)
    return Roster(
        tuple(students), (Reason("collect.roster_columns", {"columns": unknown}),) if unknown else ()
    )


def _header_faults(header: list[str]) -> Iterator[Fault]:
    if "id" not in header:
        yield Fault("there is no column `id`", 1)
    for column in COLUMNS:
        if header.count(column) > 1:
            yield Fault(f"there are {header.count(column)} columns `{column}`", 1)


def _students(rows: _Rows, header: list[str], faults: list[Fault]) -> Iterator[Student]:
    last = rows.line_num
    for row in rows:
        first, last = last + 1, rows.line_num  # a quoted field may run over several lines
        fields = [field.strip() for field in row]
        if not any(fields):
            continue
        if len(fields) > len(header) and any(fields[len(header) :]):
            faults.append(Fault(f"{len(fields)} fields, but the first line names {len(header)}", first))
            continue
        values = {column: field for column, field in zip(header, fields, strict=False) if column in COLUMNS}
        if not values.get("id"):
            faults.append(Fault("the id is empty", first))
            continue
        deadline = values.pop("deadline", "")
        try:
            when = datetime.fromisoformat(deadline) if deadline else None
        except ValueError:
            example = "2022-12-15T23:59+09:00"
            faults.append(Fault(f"the deadline {deadline!r} is not a date and time such as {example}", first))
            continue
        yield Student(**values, deadline=when, line=first)


def _repeated(students: list[Student]) -> Iterator[Fault]:
    seen: dict[str, Student] = {}
    for student in students:
        earlier = seen.setdefault(same_id(student.id), student)
        if earlier is not student:
            again = "" if earlier.id == student.id else f" (there as {earlier.id!r})"
            yield Fault(f"the id {student.id!r} is already in line {earlier.line}{again}", student.line)

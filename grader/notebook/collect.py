"""Who handed in what: a folder or zip of submissions and a roster to a `Cohort`.

Which file is whose is never guessed. What is not certain is listed with the reason, and the students it
may concern are `failed`, not `missing`: a person settles it and runs again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from grader.errors import Fault, SubmissionsError
from grader.model import Reason, Submission
from grader.notebook.container import File, files_in
from grader.notebook.names import ids_in, safe_name, same_id
from grader.notebook.read import read_notebook
from grader.notebook.roster import Student, read_roster

__all__ = ["Cohort", "Student", "Unmatched", "collect", "safe_name"]

MAX_LISTED = 5  # names in one sentence

_NOTEBOOK_NAME = re.compile(r"\.ipynb\b", re.IGNORECASE)  # "x.ipynb.txt", "x.ipynb (1)": renamed on the way


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A file that could not be given to one student; `students` are the ids that it may belong to."""

    filename: str
    reason: Reason
    students: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cohort:
    """Everything that was handed in.

    `submissions` are in roster order, or in the order of names; those of students whose file is damaged, of
    another kind or not certain have a `problem`. `missing` are roster rows that no file may belong to.
    `notes` are for the course, never for students: equal files, unused columns.
    """

    submissions: tuple[Submission, ...]
    missing: tuple[Student, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()
    roster: tuple[Student, ...] = ()
    notes: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class _Handed:
    """A file as read, its bytes gone, and who it may belong to."""

    filename: str
    students: tuple[str, ...]
    submission: Submission

    @property
    def is_notebook(self) -> bool:
        return bool(_NOTEBOOK_NAME.search(PurePosixPath(self.filename).name))


def collect(source: Path, roster: Path | None) -> Cohort:
    """Return the cohort that a folder, a zip or a single notebook holds.

    Raises SubmissionsError if there is nothing to grade or the roster is faulty.
    """
    listed = read_roster(roster) if roster else None
    students = listed.students if listed else ()
    ids = {same_id(student.id): student.id for student in students}
    names = {student.id: student.name for student in students}
    beside = _name_inside(source, roster)
    handed = [
        _handed(file, ids if listed else None, names) for file in files_in(source) if file.name != beside
    ]
    if not handed:
        remedy = "put the notebooks there as X.ipynb or X/any.ipynb, X naming the student"
        raise SubmissionsError(source, [Fault("there are no files in it")], remedy)
    submissions, unmatched = _settled(handed)
    present = {one.student for one in submissions}
    order = {student.id: place for place, student in enumerate(students)}
    submissions = [replace(one, name=names.get(one.student, one.name)) for one in submissions]
    submissions.sort(key=lambda one: (order.get(one.student, len(order)), one.student))
    return Cohort(
        submissions=tuple(submissions),
        missing=tuple(student for student in students if student.id not in present),
        unmatched=tuple(unmatched),
        roster=students,
        notes=(*(listed.notes if listed else ()), *_equal_files(submissions)),
    )


def _name_inside(source: Path, roster: Path | None) -> str:
    """Return the roster's name among the submissions, if it lies there."""
    try:
        inside = roster.resolve().relative_to(source.resolve()).as_posix() if roster else ""
    except ValueError:
        return ""
    return unicodedata.normalize("NFC", inside)


def _handed(file: File, ids: Mapping[str, str] | None, names: Mapping[str, str]) -> _Handed:
    """Read one file and find whose it may be: by the roster's ids, else by the file's or folder's name."""
    students = (_named(file.path),) if ids is None else tuple(ids_in(str(file.path.with_suffix("")), ids))
    student = students[0] if len(students) == 1 else ""
    submission = read_notebook(file.data, student=student, name=names.get(student, ""), filename=file.name)
    if file.problem:
        submission = replace(submission, cells=(), problem=file.problem)
    return _Handed(file.name, students, submission)


def _named(path: PurePosixPath) -> str:
    """Return what the file or its outermost folder is called: the id where there is no roster."""
    outermost = path.parts[0]
    if len(path.parts) > 1:
        return outermost
    return _NOTEBOOK_NAME.split(outermost)[0] if _NOTEBOOK_NAME.search(outermost) else path.stem


# -- one student, one notebook --------------------------------------------------------------------


def _settled(handed: Sequence[_Handed]) -> tuple[list[Submission], list[Unmatched]]:
    """Give every student one submission, and list the files that can be given to nobody."""
    theirs: dict[str, list[_Handed]] = {}
    unmatched: list[Unmatched] = []
    for one in handed:
        if len(one.students) == 1:
            theirs.setdefault(same_id(one.students[0]), []).append(one)
        elif one.students:
            reason = Reason("collect.two_ids", {"ids": _listed(one.students)})
            unmatched.append(Unmatched(one.filename, reason, one.students))
        else:
            unmatched.append(Unmatched(one.filename, one.submission.problem or Reason("collect.no_id")))
    submissions = []
    for files in theirs.values():
        chosen = _chosen(files)
        submissions.append(chosen)
        if chosen.problem and chosen.problem.id == "collect.two_notebooks":
            unmatched += [Unmatched(one.filename, chosen.problem, (chosen.student,)) for one in files]
    submissions += _perhaps(unmatched, {one.student for one in submissions}, handed)
    return submissions, unmatched


def _chosen(files: Sequence[_Handed]) -> Submission:
    """Return the one notebook among a student's files; a failed submission where that is not plain."""
    notebooks = [one for one in files if one.is_notebook]
    if not notebooks:  # a notebook that was saved under another name is one all the same
        notebooks = [one for one in files if one.submission.problem is None]
    found = {one.submission.digest: one for one in reversed(notebooks)}
    first = files[0].submission
    listed = _listed(one.filename for one in (notebooks or files))
    if len(found) > 1:
        return replace(first, cells=(), notes=(), problem=Reason("collect.two_notebooks", {"files": listed}))
    if not notebooks:
        several = Reason("collect.no_notebook", {"files": listed})
        return first if len(files) == 1 else replace(first, problem=several)
    one = notebooks[0]
    notes = list(one.submission.notes)
    if not one.filename.casefold().endswith(".ipynb"):
        notes.append(Reason("collect.renamed", {"file": one.filename}))
    if others := [other.filename for other in files if other is not one]:
        notes.append(Reason("collect.other_files", {"files": _listed(others)}))
    return replace(one.submission, notes=tuple(notes))


def _perhaps(
    unmatched: Iterable[Unmatched], settled: set[str], handed: Sequence[_Handed]
) -> list[Submission]:
    """Return a failed submission for each student whose only file may be someone else's: not `missing`."""
    files = {one.filename: one.submission for one in handed}
    doubtful: dict[str, list[str]] = {}
    for one in unmatched:
        for student in one.students:
            doubtful.setdefault(student, []).append(one.filename)
    return [
        replace(
            files[names[0]],
            student=student,
            cells=(),
            notes=(),
            problem=Reason("collect.perhaps_theirs", {"files": _listed(names)}),
        )
        for student, names in doubtful.items()
        if student not in settled
    ]


def _equal_files(submissions: Iterable[Submission]) -> list[Reason]:
    """Name students whose files are equal to the last byte; what that means is not for us to say."""
    groups: dict[str, list[str]] = {}
    for one in submissions:
        if one.cells:
            groups.setdefault(one.digest, []).append(one.student)
    return [
        Reason("collect.same_content", {"students": _listed(students), "count": len(students)})
        for students in groups.values()
        if len(students) > 1
    ]


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    more = f", … ({len(shown)})" if len(shown) > MAX_LISTED else ""
    return ", ".join(shown[:MAX_LISTED]) + more

"""The made-up cohort is marked as expected: in the short form always, at full size with --full."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.examples.expected import COHORT, ExpectedStudent, load_expected
from tests.grading import grade

FILES = sorted(COHORT.glob("*.ipynb"))
# Two halves, so that two workers share the work.
HALVES = {"first half": FILES[::2], "second half": FILES[1::2]}


@pytest.mark.parametrize("half", HALVES)
def test_short_form(half: str, tmp_path: Path, shared_cache: Path) -> None:
    submissions = tmp_path / "submissions"
    submissions.mkdir()
    for file in HALVES[half]:
        text = file.read_text(encoding="utf-8")
        (submissions / file.name).write_text(text.replace("*100", "*10"), encoding="utf-8")
    check(submissions, tmp_path, shared_cache, "final-2022-short", load_expected(short=True))


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_full_size(tmp_path: Path, shared_cache: Path) -> None:
    submissions = tmp_path / "submissions"
    shutil.copytree(COHORT, submissions)
    check(submissions, tmp_path, shared_cache, "final-2022", load_expected(), "--jobs", "2")


def check(
    submissions: Path,
    folder: Path,
    cache: Path,
    rubric: str,
    expected: dict[str, ExpectedStudent],
    *options: str,
) -> None:
    found = grade(submissions, folder / "out", cache, *options, rubric=rubric, timeout=3500)
    assert found.returncode == 0, found.stderr
    students = {unicodedata.normalize("NFC", path.stem) for path in submissions.glob("*.ipynb")}
    assert set(found.reports) == students
    wrong = [
        line
        for student in sorted(students)
        for line in differences(found.reports[student], expected[student])
    ]
    assert not wrong, "\n".join(wrong)


def differences(report: Any, expected: ExpectedStudent) -> list[str]:
    found = [] if report["status"] == expected.status.value else [f"{report['student']}: {report['status']}"]
    if expected.failed:
        return found if report["reason"] else [*found, f"{report['student']}: no reason"]
    for question in report["questions"]:
        wanted = expected.questions[question["id"]]
        points = None if wanted.points is None else float(wanted.points)
        if (question["outcome"], question["points"]) != (wanted.outcome.value, points):
            found.append(
                f"{report['student']} {question['id']}: {question['outcome']} {question['points']}, "
                f"expected {wanted.outcome.value} {points} because {wanted.why}; told: {question['reason']} "
                f"{[(c['id'], c['reason']) for c in [*question['gates'], *question['criteria']]]}"
            )
    return found

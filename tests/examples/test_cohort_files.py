"""The made-up cohort as files: complete, readable, as students hand in, and with consistent expectations."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from decimal import Decimal
from pathlib import Path

import nbformat
import pytest

from grader.model import Outcome, Status
from grader.rubric import load_rubric
from tests.examples.expected import COHORT, ExpectedStudent, load_expected

ROOT = Path(__file__).resolve().parents[2]
RUBRIC = ROOT / "rubrics" / "final-2022"
EXPECTED = load_expected()
FILES = {unicodedata.normalize("NFC", path.stem): path for path in sorted(COHORT.glob("*.ipynb"))}
READABLE = sorted(name for name, student in EXPECTED.items() if student.status is not Status.FAILED)
DATA = "txt = list('hi?hello!!')*100"


def code_of(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def test_every_file_has_an_expectation() -> None:
    assert set(FILES) == set(EXPECTED)


def test_one_name_came_from_a_mac() -> None:
    decomposed = [path for path in FILES.values() if not unicodedata.is_normalized("NFC", path.name)]
    assert [unicodedata.normalize("NFC", path.stem) for path in decomposed] == ["s003_박서연"]


def test_damaged_file_is_no_json() -> None:
    (damaged,) = set(EXPECTED) - set(READABLE)
    with pytest.raises(json.JSONDecodeError):
        json.loads(FILES[damaged].read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [FILES[name] for name in READABLE], ids=READABLE)
def test_notebook_is_what_a_student_hands_in(path: Path) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(raw)
    assert not any(cell["metadata"] for cell in raw["cells"])
    assert path.stat().st_size < 100_000
    code = "\n".join(code_of(path))
    assert code.count("*100") == code.count(DATA) == 1  # what makes the short form from it
    assert '"cuda:0"' in code


@pytest.mark.parametrize("short", [False, True], ids=["full", "short"])
def test_expectations_agree_with_the_rubric(short: bool) -> None:
    rubric = load_rubric(RUBRIC / "rubric.yaml")
    for name, student in load_expected(short=short).items():
        if name not in READABLE:
            assert not student.questions
            continue
        assert list(student.questions) == [question.id for question in rubric]
        for question in rubric:
            expected = student.questions[question.id]
            allowed = {
                Outcome.MET: expected.points == question.points,
                Outcome.PARTLY_MET: expected.points is not None and 0 < expected.points < question.points,
                Outcome.NOT_MET: expected.points == 0,
                Outcome.NOT_ATTEMPTED: expected.points == 0,
                Outcome.NEEDS_REVIEW: expected.points is None,
            }
            assert allowed[expected.outcome], (name, question.id)
            assert expected.why
            if question.void:
                assert expected.outcome is Outcome.MET, (name, question.id)


def test_short_form_changes_only_known_answers() -> None:
    raw = json.loads((Path(__file__).with_name("expected.json")).read_text(encoding="utf-8"))
    for name, changed in raw["short"].items():
        for id, entry in changed.items():
            assert raw["students"][name]["questions"][id]["outcome"] != entry["outcome"], (name, id)


def test_readme_lists_everyone() -> None:
    rows = [
        [column.strip(" `") for column in line.split("|")[1:-1]]
        for line in (COHORT.parent / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `s")
    ]
    assert [(row[0], row[1]) for row in rows] == [(name, total(EXPECTED[name])) for name in sorted(EXPECTED)]


def total(student: ExpectedStudent) -> str:
    words = {Status.FAILED: "failed", Status.PROVISIONAL: "a person"}
    return words.get(student.status) or str(student.points)


def test_cohort_covers_every_outcome() -> None:
    outcomes = {question.outcome for student in EXPECTED.values() for question in student.questions.values()}
    assert outcomes == set(Outcome) - {Outcome.GRADER_ERROR}
    right = [name for name in READABLE if EXPECTED[name].points == Decimal(100)]
    assert len(right) >= 5


def test_template_is_empty_and_runs() -> None:
    raw = json.loads((RUBRIC / "template.ipynb").read_text(encoding="utf-8"))
    nbformat.validate(raw)
    assert (raw["nbformat"], raw["nbformat_minor"]) == (4, 5)
    assert not any(cell["metadata"] or cell.get("outputs") for cell in raw["cells"])
    code = code_of(RUBRIC / "template.ipynb")
    assert [cell.strip() for cell in code].count("") == 6  # one for each question of part 1
    source = "\n".join(code).replace("cuda:0", "cpu") + "\nassert x.shape == y.shape == (999, 7)\n"
    command = [sys.executable, "-c", source]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.model import Gradebook, Reason, Status
from grader.report.tables import (
    CSV_ENCODING,
    formula_safe,
    gradebook_csv,
    gradebook_json,
    report_json,
    student_folder,
)
from tests.report import samples

RUBRIC = samples.rubric()


def book(*grades: Any) -> Gradebook:
    return Gradebook("final-2022", grades, tuple(samples.TITLES), Decimal(100))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_columns_and_points() -> None:
    text = gradebook_csv(book(samples.perfect(), samples.provisional()), RUBRIC, late={"202214501": "2h"})
    assert (
        text.splitlines()[0]
        == "id,name,status,1-1,1-2,1-3,1-4,1-5,1-6,2-1,2-2,2-3,2-4,2-5,total,max,flags,late,report"
    )
    first, second = rows(text)
    assert (first["1-1"], first["total"], first["max"], first["flags"], first["late"]) == (
        "15.00",
        "100.00",
        "100.00",
        "",
        "2h",
    )
    assert first["report"] == "students/202214501/report.html"
    assert (second["1-3"], second["1-5"], second["total"], second["2-3"]) == ("", "", "", "0.00")
    assert second["flags"].split() == ["needs_review:1-3", "grader_error:1-5", "run.resumed", "run.retry"]


def test_what_was_not_graded_is_blank_and_never_zero() -> None:
    failed, missing = rows(
        gradebook_csv(book(samples.ungraded(Status.FAILED), samples.ungraded(Status.MISSING)), RUBRIC)
    )
    for row, flag in ((failed, "grade.failed"), (missing, "grade.missing")):
        assert {row[id] for id in (*samples.TITLES, "total")} == {""}
        assert row["flags"] == flag
        assert row["max"] == "100.00"


def test_broken_rules_are_flagged() -> None:
    (row,) = rows(gradebook_csv(book(samples.zero_by_gate()), RUBRIC))
    assert row["flags"].split() == ["broken:1-3/class_used", "broken:1-3/not_trained"]


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1"])
def test_cells_that_would_be_formulas_are_quoted(start: str) -> None:
    (row,) = rows(gradebook_csv(book(samples.perfect(name=start)), RUBRIC))
    assert row["name"] == f"'{start}"


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_name_makes_one_row(student: str, name: str) -> None:
    text = gradebook_csv(book(samples.perfect(student, name), samples.perfect()), RUBRIC)
    assert text.encode(CSV_ENCODING).startswith(b"\xef\xbb\xbf")
    found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert [len(row) for row in found] == [19, 19, 19]
    assert not [cell for row in found for cell in row if cell.startswith(tuple("=+-@\t\r"))]
    assert found[1][1] == formula_safe(name)


@given(st.text(st.characters()))
def test_a_folder_is_one_safe_segment(student: str) -> None:
    folder = student_folder(student)
    assert folder not in ("", ".", "..")
    assert folder.isascii()
    assert not set(folder) & set("/\\\0:\n")


def test_report_has_the_promised_form() -> None:
    report = report_json(samples.zero_by_gate(), RUBRIC)
    promised = {"schema": 1, "assignment": "final-2022", "student": "202214502", "status": "final"}
    promised |= {"points": 68.0, "max_points": 100.0, "device": "cpu", "isolation": "full"}
    assert {key: report[key] for key in promised} == promised
    question = report["questions"][2]
    assert {key: question[key] for key in ("id", "points", "max_points", "outcome", "cells")} == {
        "id": "1-3", "points": 0.0, "max_points": 15.0, "outcome": "not_met", "cells": [12, 13, 14, 15],
    }  # fmt: skip
    gate = question["gates"][1]
    assert (gate["id"], gate["outcome"]) == ("not_trained", "not_met")
    assert gate["where"] == [{"cell": 14, "line": 1}, {"cell": 15, "line": 9}]
    assert gate["reason"].startswith("torch.nn.RNNCell was trained in this question")
    assert gate["because"]["id"] == "judge.not_trained.broken"
    assert gate["because"]["params"] == {"module": "torch.nn.RNNCell"}
    assert set(gate["because"]["text"]) == {"ko", "en"}
    assert "cell 15, line 1" in gate["static"]["text"]["en"]
    assert "torch.nn.Linear" in gate["run_time"]["text"]["ko"]
    assert question["criteria"][0]["because"]["id"] == "judge.requires"
    assert report["digests"]["evidence"].startswith("c0de")


def test_undecided_points_are_null_with_their_range() -> None:
    report = report_json(samples.provisional(), RUBRIC, "ko")
    assert report["points"] is None
    assert report["points_range"] == [78.0, 98.0]
    assert report["questions"][2]["points"] is None
    assert report["questions"][2]["criteria"][1]["points_range"] == [0.0, 10.0]
    assert report["questions"][0]["reason"] == "요구한 것이 모두 있습니다."
    assert [note["id"] for note in report["notes"]] == ["run.resumed", "run.retry"]


def test_half_a_cent_is_rounded_up() -> None:
    grade = replace(samples.perfect(), points=Decimal("66.665"))
    assert report_json(grade, RUBRIC)["points"] == 66.67
    assert rows(gradebook_csv(book(grade), RUBRIC))[0]["total"] == "66.67"


def test_json_can_always_be_written() -> None:
    bad = replace(
        samples.hostile(), reason=Reason("grade.failed", {"what": math.nan}), environment={"x": math.inf}
    )
    for made in (
        report_json(bad, RUBRIC),
        gradebook_json(book(bad, samples.ungraded(Status.FAILED)), RUBRIC),
    ):
        text = json.dumps(made, allow_nan=False, ensure_ascii=False)
        assert json.loads(text.encode()) == made


def test_gradebook_json_says_what_the_csv_says() -> None:
    cohort = samples.cohort(60)
    made = gradebook_json(cohort, RUBRIC)
    assert (made["schema"], made["max_points"], made["questions"]) == (1, 100.0, list(samples.TITLES))
    for row, student in zip(rows(gradebook_csv(cohort, RUBRIC)), made["students"], strict=True):
        assert (row["id"], row["status"], row["flags"].split()) == (
            student["id"],
            student["status"],
            student["flags"],
        )
        assert row["total"] == ("" if student["points"] is None else f"{student['points']:.2f}")

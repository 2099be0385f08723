"""A gradebook and a grade as files that other programs read: CSV and JSON."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

from grader.model import (
    REPORT_SCHEMA,
    CriterionVerdict,
    GateVerdict,
    Grade,
    Gradebook,
    Outcome,
    Place,
    QuestionGrade,
    Reason,
    Scalar,
)
from grader.report.text import encodable
from grader.report.words import say_both
from grader.rubric import Rubric

CSV_ENCODING = "utf-8-sig"  # spreadsheets take a file without the mark for the local code page
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def student_folder(student: str) -> str:
    """Return a student id as one safe path segment: all but letters, digits and `_.-~` percent-escaped."""
    return quote(encodable(student), safe="") if student.strip(".") else student.replace(".", "%2E") or "%00"


def gradebook_csv(
    gradebook: Gradebook,
    rubric: Rubric,
    *,
    late: Mapping[str, str] | None = None,
    folder: Callable[[str], str] = student_folder,
) -> str:
    """Return one row per student, to be written in `CSV_ENCODING` without newline translation.

    Undecided points are empty, never 0; `flags` says why. Cells that a spreadsheet would run as a formula
    begin with an apostrophe. `late` holds what the source of the files says about lateness, by student.
    """
    out = io.StringIO()
    write = csv.writer(out).writerow
    write(["id", "name", "status", *gradebook.questions, "total", "max", "flags", "late", "report"])
    for grade in gradebook.grades:
        by_id = {question.id: question for question in grade.questions}
        points = [_plain(by_id[id].points) if id in by_id else "" for id in gradebook.questions]
        row = [grade.student, grade.name, grade.status.value, *points, _plain(grade.points)]
        row += [_plain(rubric.assignment.points), " ".join(flags(grade)), (late or {}).get(grade.student, "")]
        row.append(f"students/{folder(grade.student)}/report.html")
        write(map(formula_safe, row))
    return out.getvalue()


def formula_safe(cell: str) -> str:
    """Return `cell` such that no spreadsheet takes it for a formula."""
    cell = encodable(cell).replace("\0", "\ufffd")
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def flags(grade: Grade) -> tuple[str, ...]:
    """Return what a reader of the bare points must know, as short tokens such as `needs_review:1-3`."""
    found: list[str] = [] if grade.reason is None else [grade.reason.id]
    for question in grade.questions:
        if not question.outcome.decided:
            found.append(f"{question.outcome.value}:{question.id}")
        broken = [gate.id for gate in question.gates if gate.outcome is Outcome.NOT_MET]
        found += [f"broken:{question.id}/{id}" for id in broken]
    return (*found, *(note.id for note in grade.notes))


def gradebook_json(
    gradebook: Gradebook, rubric: Rubric, *, folder: Callable[[str], str] = student_folder
) -> dict[str, Any]:
    """Return the cohort as plain JSON values, with the same points and flags as the CSV."""
    return {
        "schema": REPORT_SCHEMA,
        "assignment": gradebook.assignment,
        "rubric": rubric.digest,
        "max_points": _number(gradebook.max_points),
        "questions": list(gradebook.questions),
        "students": [
            {
                "id": encodable(grade.student),
                "name": encodable(grade.name),
                "status": grade.status.value,
                **_points(grade),
                "questions": {
                    question.id: {"outcome": question.outcome.value, **_points(question)}
                    for question in grade.questions
                },
                "flags": list(flags(grade)),
                "report": f"students/{folder(grade.student)}/report.json",
            }
            for grade in gradebook.grades
        ],
    }


def report_json(grade: Grade, rubric: Rubric, language: str = "en") -> dict[str, Any]:
    """Return one student's result as plain JSON values (`students/<id>/report.json`).

    `reason` is the sentence in `language`; `because` beside it holds its id, parameters and every language.
    `points` is null while undecided; `points_range` always bounds it. No value is NaN or infinite.
    """
    return {
        "schema": REPORT_SCHEMA,
        "assignment": rubric.assignment.id,
        "student": encodable(grade.student),
        "name": encodable(grade.name),
        "file": encodable(grade.filename),
        "status": grade.status.value,
        **_points(grade),
        **_reason(grade.reason, language),
        "device": grade.device,
        "isolation": grade.isolation,
        "environment": {encodable(name): _scalar(value) for name, value in grade.environment.items()},
        "digests": {name: encodable(digest) for name, digest in grade.digests.items()},
        "cell_count": grade.cell_count,
        "notes": [_because(note) for note in grade.notes],
        "questions": [_question(question, language) for question in grade.questions],
    }


def _question(question: QuestionGrade, language: str) -> dict[str, Any]:
    return {
        "id": question.id,
        **_points(question),
        "outcome": question.outcome.value,
        "cells": list(question.cells),
        **_reason(question.reason, language),
        "gates": [_gate(gate, language) for gate in question.gates],
        "criteria": [_criterion(criterion, language) for criterion in question.criteria],
        "notes": [_because(note) for note in question.notes],
    }


def _gate(gate: GateVerdict, language: str) -> dict[str, Any]:
    return {
        "id": gate.id,
        "outcome": gate.outcome.value,
        **_reason(gate.reason, language),
        "where": _where(gate.where),
        "static": None if gate.static is None else _because(gate.static),
        "run_time": None if gate.run_time is None else _because(gate.run_time),
    }


def _criterion(criterion: CriterionVerdict, language: str) -> dict[str, Any]:
    return {
        "id": criterion.id,
        **_points(criterion),
        "outcome": criterion.outcome.value,
        **_reason(criterion.reason, language),
        "where": _where(criterion.where),
    }


def _points(scored: Grade | QuestionGrade | CriterionVerdict) -> dict[str, Any]:
    return {
        "points": _number(scored.points),
        "max_points": _number(scored.max_points),
        "points_range": [_number(scored.low), _number(scored.high)],
    }


def _reason(reason: Reason | None, language: str) -> dict[str, Any]:
    if reason is None:
        return {"reason": None, "because": None}
    because = _because(reason)
    return {"reason": because["text"][language], "because": because}


def _because(reason: Reason) -> dict[str, Any]:
    params = {name: _scalar(value) for name, value in reason.params.items()}
    return {"id": reason.id, "params": params, "text": say_both(reason)}


def _where(places: Iterable[Place]) -> list[dict[str, int]]:
    return [{"cell": p.cell} if p.line is None else {"cell": p.cell, "line": p.line} for p in places]


def _scalar(value: Scalar) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return encodable(value) if isinstance(value, str) else value


def _number(points: Decimal | None) -> float | None:
    return None if points is None else float(points.quantize(Decimal("0.01"), ROUND_HALF_UP))


def _plain(points: Decimal | None) -> str:
    return "" if points is None else format(points.quantize(Decimal("0.01"), ROUND_HALF_UP), "f")

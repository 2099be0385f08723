"""Grades -> the files of a results folder."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from grader.model import Cell, Grade, Gradebook
from grader.notebook.collect import Cohort, safe_name
from grader.pipeline import Assignment
from grader.report.page import index_page, student_page
from grader.report.tables import CSV_ENCODING, formula_safe, gradebook_csv, gradebook_json, report_json
from grader.report.words import Words
from grader.results import OpenResults
from grader.rubric import Rubric


def publish_student(
    results: OpenResults, grade: Grade, rubric: Rubric, cells: Sequence[Cell], language: str
) -> None:
    """Writes what one student may see, and the same for programs."""
    page = student_page(grade, rubric, cells, language)
    files = {"report.html": page.encode(), "report.json": _json(report_json(grade, rubric, language))}
    results.write_student(safe_name(grade.student), files)


def publish_cohort(
    results: OpenResults,
    gradebook: Gradebook,
    rubric: Rubric,
    assignment: Assignment,
    cohort: Cohort,
    language: str,
) -> None:
    """Writes the gradebook, the page that leads to every report, and the files that are nobody's."""
    table = gradebook_csv(gradebook, rubric, folder=safe_name)
    meta = {
        "device": assignment.device,
        "isolation": assignment.isolation,
        "targets": assignment.targets.fingerprint,
        "rubric": rubric.digest[:12],
    }
    results.write_cohort(
        {
            "gradebook.csv": table.encode(CSV_ENCODING),
            "gradebook.json": _json(gradebook_json(gradebook, rubric, folder=safe_name)),
            "index.html": index_page(gradebook, rubric, language, meta, folder=safe_name).encode(),
            "unmatched.csv": _unmatched_csv(cohort, Words(language)).encode(CSV_ENCODING),
        }
    )


def _unmatched_csv(cohort: Cohort, words: Words) -> str:
    out = io.StringIO()
    write = csv.writer(out).writerow
    write(["file", "reason", "may belong to"])
    for each in cohort.unmatched:
        write(map(formula_safe, [each.filename, words.say(each.reason), " ".join(each.students)]))
    return out.getvalue()


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()

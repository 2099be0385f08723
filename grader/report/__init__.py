"""From a gradebook to what people and other programs read: pages, CSV and JSON. Does no input or output."""

from __future__ import annotations

from grader.report.page import index_page, student_page
from grader.report.tables import CSV_ENCODING, gradebook_csv, gradebook_json, report_json, student_folder
from grader.report.words import LANGUAGES, Words

__all__ = [
    "CSV_ENCODING",
    "LANGUAGES",
    "Words",
    "gradebook_csv",
    "gradebook_json",
    "index_page",
    "report_json",
    "student_folder",
    "student_page",
]

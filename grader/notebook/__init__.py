"""Bytes to submissions to located answers; see `collect`, `read_notebook`, `to_python` and `locate`."""

from __future__ import annotations

from grader.notebook.collect import Cohort, Unmatched, collect
from grader.notebook.locate import locate
from grader.notebook.names import safe_name
from grader.notebook.read import read_notebook
from grader.notebook.roster import Student
from grader.notebook.source import PythonSource, to_python

__all__ = [
    "Cohort",
    "PythonSource",
    "Student",
    "Unmatched",
    "collect",
    "locate",
    "read_notebook",
    "safe_name",
    "to_python",
]

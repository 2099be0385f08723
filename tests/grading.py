"""Runs the real command on real notebooks, in a process of its own, and reads back what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Graded:
    """A finished command; `reports` are the students' report.json by id."""

    out: Path
    returncode: int
    stdout: str
    stderr: str

    @property
    def reports(self) -> dict[str, Any]:
        found = [
            json.loads(path.read_text(encoding="utf-8")) for path in self.out.glob("students/*/report.json")
        ]
        return {report["student"]: report for report in found}

    def question(self, student: str, question: str) -> Any:
        return next(q for q in self.reports[student]["questions"] if q["id"] == question)


def grade(
    submissions: Path,
    out: Path,
    cache: Path,
    *options: str,
    rubric: str = "final-2022-short",
    environment: Mapping[str, str] | None = None,
    timeout: float = 1800,
) -> Graded:
    """`grader grade SUBMISSIONS --rubric RUBRIC --out OUT --device cpu OPTIONS`, in the best box there is."""
    command = [sys.executable, "-m", "grader", "--debug", "grade", str(submissions)]
    command += ["--rubric", str(ROOT / "rubrics" / rubric), "--out", str(out), "--device", "cpu"]
    command += ["--isolation", "best-or-none", *options]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), **(environment or {})},
    )
    return Graded(out, done.returncode, done.stdout, done.stderr)


def notebook(cells: Sequence[tuple[str, str]], counts: Sequence[int | None] | None = None) -> bytes:
    """A notebook without cell metadata; a cell is ("code" or "markdown", source)."""
    made: list[dict[str, Any]] = []
    for position, (kind, source) in enumerate(cells):
        cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source}
        if kind == "code":
            cell |= {"outputs": [], "execution_count": None if counts is None else counts[position]}
        made.append(cell)
    return json.dumps({"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": made}).encode()

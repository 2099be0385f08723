"""The table that `grader grade` ends with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.cli.progress import told
from grader.model import Gradebook, Outcome, QuestionGrade
from grader.notebook.collect import Cohort
from grader.report.words import Words

_MANY = 60
_MARKS = {Outcome.NEEDS_REVIEW: "?", Outcome.GRADER_ERROR: "!", Outcome.NOT_ATTEMPTED: "-"}


def show_summary(gradebook: Gradebook, cohort: Cohort, out: Path, stream: TextIO) -> None:
    """Prints who got what, what waits for a person, and where everything stands."""
    console = Console(file=stream, highlight=False, width=None if stream.isatty() else 120)
    if len(gradebook.grades) <= _MANY:
        console.print(_table(gradebook))
    counts = Counter(grade.status.value for grade in gradebook.grades)
    console.print(", ".join(f"{number} {status}" for status, number in sorted(counts.items())) or "nobody")
    waiting = sum(1 for g in gradebook.grades for q in g.questions if not q.outcome.decided)
    if waiting:
        console.print(f"Answers that wait for a person (marked ?): {waiting}; their points are open, not 0.")
    if cohort.unmatched:
        console.print(f"Files that could be given to no student: {len(cohort.unmatched)}")
        words = Words("en")
        for each in cohort.unmatched[:_MANY]:
            console.print(Text(f"  {each.filename}: {words.say(each.reason)}"))
        console.print(Text(f"  all of them: {out / 'unmatched.csv'}"))
    console.print(Text(f"See {out / 'index.html'}"))


def _table(gradebook: Gradebook) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "name"):
        table.add_column(column, overflow="fold", max_width=24)
    for question in gradebook.questions:
        table.add_column(question, justify="right")
    table.add_column("total", justify="right")
    for grade in gradebook.grades:
        cells = [Text(grade.student), Text(grade.name), *(Text(_points(q)) for q in grade.questions)]
        cells += [Text("")] * (2 + len(gradebook.questions) - len(cells))
        table.add_row(*cells, Text(told(grade)))
    return table


def _points(question: QuestionGrade) -> str:
    if question.points is None or question.outcome is Outcome.NOT_ATTEMPTED:
        return _MARKS[question.outcome]
    return f"{question.points.normalize():f}"

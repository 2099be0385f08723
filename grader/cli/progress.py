"""What is being graded, and how long the rest takes: live in a terminal, a line per student in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from grader.model import Grade, Submission
from grader.pipeline import Watcher


class LogWatcher(Watcher, AbstractContextManager["LogWatcher"]):
    """Writes one plain line per finished student, as a log file or a pipe wants it."""

    def __init__(self, total: int, write: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._total = total
        self._write = write
        self._clock = clock
        self._done = 0
        self._began = clock()

    def graded(self, submission: Submission, grade: Grade) -> None:
        self._done += 1
        who = f"{submission.student} {submission.name}".strip()
        left = self.left()
        rest = f"; about {_span(left)} left" if left is not None else ""
        self._write(f"[{self._done}/{self._total}] {who}: {told(grade)}{rest}")

    def failed(self, submission: Submission, trace: str) -> None:
        self._write(f"{submission.student}: the grader itself failed\n{trace}")

    def left(self) -> float | None:
        """Seconds until the batch is done, as far as the finished ones tell."""
        if not self._done or self._done >= self._total:
            return None
        return (self._clock() - self._began) / self._done * (self._total - self._done)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class LiveWatcher(LogWatcher):
    """Shows the batch and every submission under way in a terminal, with the question it is at."""

    def __init__(self, total: int, console: Console, clock: Callable[[], float]) -> None:
        super().__init__(total, self._print, clock)
        self._console = console
        self._rows: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[now]}", markup=False),
            console=console,
            transient=True,
        )
        self._whole = self._progress.add_task("graded", total=total, now="")

    def __enter__(self) -> LiveWatcher:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begun(self, submission: Submission) -> None:
        cells = sum(1 for _ in submission.code)
        who = f"{submission.student} {submission.name}".strip()
        self._rows[submission.student] = self._progress.add_task(f"  {who}"[:40], total=cells, now="reading")

    def at_question(self, submission: Submission, question: str | None) -> None:
        row = self._rows.get(submission.student)
        if row is not None:
            now = f"question {question}" if question else "preparation"
            self._progress.update(row, advance=1, now=now)

    def graded(self, submission: Submission, grade: Grade) -> None:
        super().graded(submission, grade)
        if (row := self._rows.pop(submission.student, None)) is not None:
            self._progress.remove_task(row)
        left = self.left()
        now = "" if left is None else f"about {_span(left)} left"
        self._progress.update(self._whole, advance=1, now=now)

    def _print(self, line: str) -> None:
        self._console.print(Text(line))  # a student's name may look like markup


def watcher_for(total: int, stream: TextIO) -> LogWatcher:
    """The live display in a terminal, else plain lines."""
    if stream.isatty():
        return LiveWatcher(total, Console(file=stream), time.monotonic)
    return LogWatcher(total, lambda line: click.echo(line, file=stream), time.monotonic)


def told(grade: Grade) -> str:
    """A grade in a few words."""
    if grade.points is not None:
        return f"{grade.points} of {grade.max_points}"
    if grade.questions:
        undecided = sum(1 for question in grade.questions if not question.outcome.decided)
        return f"{grade.low} to {grade.high} of {grade.max_points}, {undecided} for a person"
    return grade.status.value


def _span(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"

"""The batch: nothing is lost, nobody notices a neighbour, the same command continues."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader import pipeline
from grader.errors import ResultsError
from grader.model import CellRun, Grade, Outcome, Run, RunPlan, Status, Submission
from grader.notebook import read_notebook
from grader.results import OpenResults, RunInfo, open_results
from grader.rubric import load_rubric
from tests.grading import ROOT, grade, notebook
from tests.judge.made import targets

SHORT = ROOT / "rubrics" / "final-2022-short"


def assignment(tmp_path: Path) -> pipeline.Assignment:
    template = read_notebook((SHORT / "template.ipynb").read_bytes(), student="", name="", filename="t")
    rubric = load_rubric(SHORT / "rubric.yaml")
    return pipeline.Assignment(rubric, template, targets(), "cpu", "none", tmp_path)


def submission(student: str, *cells: str) -> Submission:
    data = notebook(
        [("markdown", "## 1."), ("markdown", "(1) torch.nn.RNN()"), *(("code", c) for c in cells)]
    )
    return read_notebook(data, student=student, name="", filename=f"{student}.ipynb")


class Runner:
    """Stands in for the worker process: every cell is fine, unless its source says otherwise."""

    def __init__(self) -> None:
        self.plans: list[tuple[str, list[int]]] = []
        self.solitary: list[int] = []
        self._running = 0
        self._lock = threading.Lock()

    def __call__(
        self,
        plan: RunPlan,
        *,
        isolation: str,
        cache: Path,
        progress: Callable[[int, str | None], None],
        stopped: Any,
    ) -> Run:
        del cache, stopped
        assert isolation == "none"
        with self._lock:
            self.plans.append((plan.purpose, [cell.index for cell in plan.cells]))
            self._running += 1
            if plan.purpose == "retry":
                self.solitary.append(self._running)
        try:
            runs, dead = [], False
            for cell in plan.cells:
                progress(cell.index, cell.question)
                if "RAISE" in cell.source:
                    raise RuntimeError("a fault of ours")
                if "SLEEP" in cell.source:
                    time.sleep(0.05)
                status = "not_run" if dead else "died" if "DIE" in cell.source else "ok"
                slow = "SLOW" in cell.source and plan.purpose == "first"
                dead = dead or status == "died"
                runs.append(
                    CellRun(cell.index, "interrupted", limit="wall") if slow else CellRun(cell.index, status)  # type: ignore[arg-type]
                )
            return Run(plan.purpose, tuple(runs), environment={"torch": "made up"})
        finally:
            with self._lock:
                self._running -= 1


def opened(folder: Path) -> Any:
    rubric = load_rubric(SHORT / "rubric.yaml")
    info = RunInfo(rubric.assignment.id, rubric.digest, ("grader",), {})
    return open_results(folder, info, lambda: datetime.now(UTC))


def run(
    results: OpenResults, tmp_path: Path, submissions: list[Submission], execute: Runner, **options: Any
) -> dict[str, Grade]:
    def publish(grade: Grade, _submission: Submission) -> None:
        results.write_student(grade.student, {"report.json": grade.status.value.encode()})

    return pipeline.grade(assignment(tmp_path), submissions, results, publish, execute=execute, **options)


def test_evidence_is_used_again_by_the_same_command(tmp_path: Path) -> None:
    cohort = [submission("a", "x = 1"), submission("b", "x = 2")]
    first, second, third = Runner(), Runner(), Runner()
    with opened(tmp_path / "r") as results:
        grades = run(results, tmp_path, cohort, first)
    with opened(tmp_path / "r") as results:
        assert run(results, tmp_path, cohort, second) == grades
    with opened(tmp_path / "r") as results:
        run(results, tmp_path, cohort, third, force=True, only=frozenset({"b"}))
    assert (len(first.plans), len(second.plans), len(third.plans)) == (2, 0, 1)


def test_a_changed_notebook_is_run_again(tmp_path: Path) -> None:
    again = Runner()
    with opened(tmp_path / "r") as results:
        run(results, tmp_path, [submission("a", "x = 1")], Runner())
        run(results, tmp_path, [submission("a", "x = 2")], again)
    assert len(again.plans) == 1


def test_only_some_students_are_run_and_the_others_kept(tmp_path: Path) -> None:
    cohort = [submission("a", "x = 1"), submission("b", "x = 2"), submission("c", "x = 3")]
    with opened(tmp_path / "r") as results:
        run(results, tmp_path, cohort[:1], Runner())
        grades = run(results, tmp_path, cohort, Runner(), only=frozenset({"b"}))
    assert set(grades) == {"a", "b"}, "c has no evidence yet and is not in the gradebook"


def test_a_fault_of_ours_costs_one_submission_a_second_look_and_nobody_else_anything(tmp_path: Path) -> None:
    cohort = [submission("a", "RAISE"), submission("b", "x = 2")]
    with opened(tmp_path / "r") as results:
        grades = run(results, tmp_path, cohort, Runner(), jobs=2)
    assert {q.outcome for q in grades["a"].questions} == {Outcome.GRADER_ERROR}
    assert grades["a"].points is None
    assert Outcome.GRADER_ERROR not in {q.outcome for q in grades["b"].questions}


def test_a_results_folder_that_cannot_be_written_stops_the_batch(tmp_path: Path) -> None:
    def refuse(_grade: Grade, _submission: Submission) -> None:
        raise ResultsError("disk full")

    with opened(tmp_path / "r") as results, pytest.raises(ResultsError, match="disk full"):
        pipeline.grade(assignment(tmp_path), [submission("a", "x")], results, refuse, execute=Runner())


def test_a_file_that_is_no_notebook_is_failed_and_runs_nothing(tmp_path: Path) -> None:
    runner = Runner()
    broken = read_notebook(b"", student="a", name="", filename="a.ipynb")
    with opened(tmp_path / "r") as results:
        grades = run(results, tmp_path, [broken], runner)
    assert grades["a"].status is Status.FAILED
    assert runner.plans == []


def test_a_dead_kernel_is_followed_by_another_until_nothing_is_left(tmp_path: Path) -> None:
    runner = Runner()
    parts = [("markdown", "## 1.")]
    for number, code in enumerate(["x = 1", "DIE", "DIE", "y = 1"], start=1):
        parts += [("markdown", f"({number})"), ("code", code)]
    data = notebook([("code", "import torch"), *parts])
    with opened(tmp_path / "r") as results:
        run(results, tmp_path, [read_notebook(data, student="a", name="", filename="a")], runner)
    assert [purpose for purpose, _ in runner.plans] == ["first", "resumed", "resumed"]
    assert runner.plans[1][1] == [0, 7, 9], "the shared cell again, then what is left, without the dead one"
    assert runner.plans[2][1] == [0, 9]


def test_a_run_stopped_by_the_wall_limit_is_retried_alone(tmp_path: Path) -> None:
    runner = Runner()
    cohort = [submission("slow", "SLOW"), *(submission(f"s{n}", f"SLEEP{n}") for n in range(12))]
    with opened(tmp_path / "r") as results:
        run(results, tmp_path, cohort, runner, jobs=4)
    assert runner.solitary == [1]


def test_the_table_of_a_batch_does_not_depend_on_the_number_of_jobs(tmp_path: Path) -> None:
    cohort = [submission(f"s{n}", f"x = {n}" if n % 3 else "DIE") for n in range(9)]
    grades = []
    for jobs in (1, 3):
        with opened(tmp_path / f"r{jobs}") as results:
            grades.append(run(results, tmp_path, cohort, Runner(), jobs=jobs))
    assert grades[0] == grades[1]


# -- the real command -------------------------------------------------------------------------------


def test_a_killed_batch_is_continued_by_the_same_command(tmp_path: Path, shared_cache: Path) -> None:
    submissions = tmp_path / "submissions"
    submissions.mkdir()
    for name in ("a", "b", "c"):
        data = notebook([("markdown", "## 1."), ("markdown", "(1)"), ("code", f"{name} = 1")])
        (submissions / f"{name}.ipynb").write_bytes(data)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "grader", "grade", str(submissions), "--rubric", str(SHORT)]
    command += ["--out", str(out), "--device", "cpu"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(shared_cache)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    for _ in range(1200):
        if (out / "students" / "a" / "report.json").exists():
            break
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "gradebook.csv").exists()
    before = {path.name: path.stat().st_mtime_ns for path in (out / "evidence").iterdir()}
    found = grade(submissions, out, shared_cache)
    assert found.returncode == 0, found.stderr
    assert set(found.reports) == {"a", "b", "c"}
    assert {name: (out / "evidence" / name).stat().st_mtime_ns for name in before} == before
    assert (out / "gradebook.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_interrupting_stops_the_kernels_and_says_so(tmp_path: Path, shared_cache: Path) -> None:
    submissions = tmp_path / "submissions"
    submissions.mkdir()
    mark = f"started by a student {time.monotonic_ns()}"
    child = f"[sys.executable, '-c', 'import time; time.sleep(300) # {mark}']"
    endless = f"import subprocess, sys\nsubprocess.Popen({child})\nwhile True: pass"

    def running() -> bool:
        return any(mark in str(process.info["cmdline"]) for process in psutil.process_iter(["cmdline"]))

    data = notebook([("markdown", "## 1."), ("markdown", "(1)"), ("code", endless)])
    (submissions / "a.ipynb").write_bytes(data)
    command = [sys.executable, "-m", "grader", "grade", str(submissions), "--rubric", str(SHORT)]
    command += ["--out", str(tmp_path / "out"), "--device", "cpu", "--isolation", "best-or-none"]
    process = subprocess.Popen(
        command,
        env={**os.environ, "XDG_CACHE_HOME": str(shared_cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if running():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert not running()
    assert "interrupted" in stderr
    assert not (tmp_path / "out" / "students").exists()


def test_cells_out_of_order_are_run_as_they_were_saved(tmp_path: Path, shared_cache: Path) -> None:
    cells = [
        ("markdown", "## 1."),
        ("markdown", "(1)"),
        ("code", "print(later)"),
        ("markdown", "(2)"),
        ("code", "later = 1"),
    ]
    (tmp_path / "a.ipynb").write_bytes(notebook(cells, counts=[None, None, 2, None, 1]))
    found = grade(tmp_path / "a.ipynb", tmp_path / "out", shared_cache)
    question = found.question("a", "1-1")
    assert question["outcome"] == "needs_review"
    assert "before saving" in question["reason"]
    report = json.dumps(found.reports["a"])
    assert "run.saved_order" in report


def test_what_the_command_prints_when_it_is_given_nonsense(tmp_path: Path, shared_cache: Path) -> None:
    nothing = grade(tmp_path / "absent", tmp_path / "out", shared_cache)
    assert nothing.returncode == 2
    assert "absent" in nothing.stderr
    (tmp_path / "a.ipynb").write_bytes(notebook([("code", "1")]))
    wrong = grade(tmp_path / "a.ipynb", tmp_path / "out", shared_cache, "--only", "b")
    assert wrong.returncode == 2
    assert "no submission of b" in wrong.stderr
    assert "a" in wrong.stderr

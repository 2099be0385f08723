"""Runs a RunPlan in a worker process and returns what was seen."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
from pydantic import TypeAdapter, ValidationError

from grader.execution.environment import remove
from grader.execution.evidence import Shipped, read_shipped
from grader.model import CellRun, Reason, Run, RunPlan

_SLACK_SECONDS = 180.0
_MAX_RUN_BYTES = 64 << 20

Progress = Callable[[int, str | None], None]


def run(plan: RunPlan, *, cache: Path, progress: Progress = lambda _cell, _question: None) -> Run:
    """Executes the plan in a throw-away process under a deadline; a student's failure is a result.

    `cache` holds what kernels share (font lists). `progress` is called with the cell and the
    question that begin. The scratch folder is gone when this returns.
    """
    with tempfile.TemporaryDirectory(prefix="grader-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "plan.json").write_bytes(TypeAdapter(RunPlan).dump_json(plan))
        (folder / "cache").write_text(str(cache), encoding="utf-8")
        with (folder / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "grader.execution.worker", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
            overdue = _follow(worker, _deadline(plan), progress)
        result = _collect(plan, folder, worker.returncode, overdue)
        remove(folder / "work")
        return result


def _deadline(plan: RunPlan) -> float:
    """Seconds after which even a worker that lost control of its kernel is killed."""
    questions = {cell.question for cell in plan.cells}
    return _SLACK_SECONDS + len(questions) * plan.limits.question_cpu_seconds * plan.limits.wall_factor


def _follow(worker: subprocess.Popen[str], deadline: float, progress: Progress) -> bool:
    """Passes on the worker's progress until it ends; True if it had to be killed."""
    overdue = threading.Event()

    def stop() -> None:
        overdue.set()
        _kill_tree(worker.pid)

    timer = threading.Timer(deadline, stop)
    timer.daemon = True
    timer.start()
    try:
        assert worker.stdout is not None
        for line in worker.stdout:
            with contextlib.suppress(ValueError, KeyError):
                event = json.loads(line)
                progress(event["cell"], event["question"])
        worker.wait()
    except BaseException:
        _kill_tree(worker.pid)
        worker.wait()
        raise
    finally:
        timer.cancel()
    return overdue.is_set()


def _kill_tree(pid: int) -> None:
    with contextlib.suppress(psutil.Error):
        worker = psutil.Process(pid)
        for process in [*worker.children(recursive=True), worker]:
            with contextlib.suppress(psutil.Error):
                process.kill()


def _collect(plan: RunPlan, folder: Path, returncode: int, overdue: bool) -> Run:
    done = _read_cells(folder / "run.json")
    seen = {run.cell for run in done}
    missing = tuple(CellRun(cell.index, "not_run") for cell in plan.cells if cell.index not in seen)
    log = folder / "evidence.log"
    shipped = read_shipped(log, plan.limits.evidence_bytes) if log.exists() else Shipped()
    problem = None
    if returncode != 0:
        text = (folder / "worker.log").read_text(encoding="utf-8", errors="replace")
        reason = "run.overdue" if overdue else "run.worker_failed"
        problem = Reason(reason, {"detail": text.strip().rpartition("\n")[2][-300:]})
    elif shipped.damage:
        problem = Reason("run.evidence_damaged", {"detail": shipped.damage})
    elif plan.cells and shipped.environment is None:
        problem = Reason("run.no_evidence")
    notes = tuple(Reason("run.probe_fault", {"detail": fault}) for fault in shipped.faults)
    return Run(
        purpose=plan.purpose,
        cells=(*done, *missing),
        trainings=shipped.trainings,
        snapshots=shipped.snapshots,
        environment=shipped.environment or {},
        tampering=shipped.tampered,
        notes=notes,
        problem=problem,
    )


def _read_cells(path: Path) -> tuple[CellRun, ...]:
    if not path.exists() or path.stat().st_size > _MAX_RUN_BYTES:
        return ()
    try:
        return tuple(TypeAdapter(list[CellRun]).validate_json(path.read_bytes()))
    except ValidationError:
        return ()

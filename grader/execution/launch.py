"""Runs a RunPlan in a worker process and returns what was seen."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import psutil
from pydantic import TypeAdapter, ValidationError

from grader.execution.environment import remove
from grader.execution.evidence import Shipped, read_shipped
from grader.execution.sandbox.cgroup import sweep
from grader.model import CellRun, Reason, Run, RunPlan

_SLACK_SECONDS = 180.0
_GUARD_SECONDS = 0.2
_MAX_RUN_BYTES = 64 << 20
_MAX_LINE = 1 << 16

Progress = Callable[[int, str | None], None]


def run(
    plan: RunPlan,
    *,
    isolation: str,
    cache: Path,
    progress: Progress = lambda _cell, _question: None,
    stopped: threading.Event | None = None,
) -> Run:
    """Executes the plan in a throw-away process under a deadline; a student's failure is a result.

    `isolation` is a level that works here; `cache` holds what kernels share (font lists). `progress`
    is called with the cell and the question that begin. When `stopped` is set, the run is killed and
    KeyboardInterrupt raised. The scratch folder is gone when this returns.
    """
    stopped = stopped or threading.Event()
    with tempfile.TemporaryDirectory(prefix="grader-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "plan.json").write_bytes(TypeAdapter(RunPlan).dump_json(plan))
        settings = {"isolation": isolation, "cache": str(cache.resolve())}
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        try:
            with (folder / "worker.log").open("wb") as log, _start(folder, log) as worker:
                try:
                    overdue = _follow(worker, _deadline(plan), progress, stopped)
                finally:
                    if worker.returncode != 0:
                        sweep(folder)
            return _collect(plan, folder, worker.returncode, overdue)
        finally:
            remove(folder / "work")


def _start(folder: Path, log: BinaryIO) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "grader.execution.worker", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _deadline(plan: RunPlan) -> float:
    """Seconds after which even a worker that lost control of its kernel is killed."""
    questions = {cell.question for cell in plan.cells}
    return _SLACK_SECONDS + len(questions) * plan.limits.question_cpu_seconds * plan.limits.wall_factor


def _follow(
    worker: subprocess.Popen[str], deadline: float, progress: Progress, stopped: threading.Event
) -> bool:
    """Passes on the worker's progress until it ends; True if it had to be killed as overdue."""
    ended, overdue = threading.Event(), threading.Event()

    def guard() -> None:
        last = time.monotonic() + deadline
        while not ended.wait(_GUARD_SECONDS):
            if time.monotonic() > last:
                overdue.set()
            if overdue.is_set() or stopped.is_set():
                _kill_tree(worker.pid)
                return

    watching = threading.Thread(target=guard, daemon=True)
    watching.start()
    try:
        assert worker.stdout is not None
        while line := worker.stdout.readline(_MAX_LINE):
            # Without a box, student code can write here too; progress is all that it can spoil.
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                event = json.loads(line)
                progress(int(event["cell"]), event["question"])
        worker.wait()
    except BaseException:
        _kill_tree(worker.pid)
        raise
    finally:
        ended.set()
        watching.join()
        worker.wait()
    if stopped.is_set():
        raise KeyboardInterrupt
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
    notes = tuple(Reason("run.probe_fault", {"detail": told, "cell": cell}) for cell, told in shipped.faults)
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

"""The disposable process around one kernel: `python -m grader.execution.worker FOLDER`.

Reads FOLDER/plan.json, runs the cells, and keeps FOLDER/run.json up to date after every cell, so
that nothing is lost if this process dies. One line of JSON on standard output says which cell
begins. Whatever the kernel leaves behind is killed at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import sys
from pathlib import Path
from typing import Any

import psutil
from pydantic import TypeAdapter

from grader.execution.environment import kernel_environment, make_scratch
from grader.execution.kernel import Kernel
from grader.model import CellRun, RunPlan

_PR_SET_CHILD_SUBREAPER = 36


def main(folder: Path) -> None:
    plan = TypeAdapter(RunPlan).validate_json((folder / "plan.json").read_bytes())
    cache = Path((folder / "cache").read_text(encoding="utf-8"))
    _adopt_orphans()
    try:
        asyncio.run(_execute(plan, folder, cache))
    finally:
        _kill_descendants()


async def _execute(plan: RunPlan, folder: Path, cache: Path) -> None:
    scratch = make_scratch(folder, cache)
    command = [
        sys.executable,
        "-m",
        "grader.probe",
        str(_probe_plan(plan, folder)),
        "-f",
        "{connection_file}",
    ]
    kernel = Kernel(command, folder, plan.limits)
    runs: list[CellRun] = []
    try:
        await kernel.start(kernel_environment(scratch, plan.device), scratch)
        for cell in plan.cells:
            _say(cell=cell.index, question=cell.question)
            limit = kernel.exhausted(cell.question)
            if not kernel.alive or limit:
                runs.append(CellRun(cell.index, "not_run", limit=limit))
            else:
                runs.append(await kernel.run(cell))
            _save(folder, runs)
    finally:
        await kernel.stop()


def _probe_plan(plan: RunPlan, folder: Path) -> Path:
    """The part of the plan that the probe may know, and the file that evidence goes to."""
    evidence = folder / "evidence.log"
    evidence.touch(mode=0o600)
    path = folder / "probe.json"
    path.write_text(
        json.dumps(
            {
                "cells": [
                    {"index": cell.index, "source": cell.source, "question": cell.question, "part": cell.part}
                    for cell in plan.cells
                ],
                "arrays": plan.arrays,
                "variables": plan.variables,
                "snapshots": plan.snapshots,
                "nonce": plan.nonce,
                "device": plan.device,
                "evidence": str(evidence),
                "budget": plan.limits.evidence_bytes,
            }
        ),
        encoding="utf-8",
    )
    return path


def _save(folder: Path, runs: list[CellRun]) -> None:
    partial = folder / "run.json.new"
    partial.write_bytes(TypeAdapter(list[CellRun]).dump_json(runs))
    partial.replace(folder / "run.json")


def _say(**event: Any) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def _adopt_orphans() -> None:
    """Daemons that a kernel leaves behind become our children, so that they can be found."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _kill_descendants() -> None:
    for _ in range(50):  # a fork bomb may need a few rounds
        children = psutil.Process().children(recursive=True)
        if not children:
            return
        for child in children:
            with contextlib.suppress(psutil.Error):
                child.kill()
        psutil.wait_procs(children, timeout=0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

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
import os
import sys
from pathlib import Path
from typing import Any

import psutil
from pydantic import TypeAdapter

from grader.execution.environment import font_list, kernel_environment
from grader.execution.kernel import Kernel
from grader.execution.sandbox.box import Box, open_box
from grader.model import CellRun, RunPlan

_PR_SET_CHILD_SUBREAPER = 36


def main(folder: Path) -> None:
    plan = TypeAdapter(RunPlan).validate_json((folder / "plan.json").read_bytes())
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    _adopt_orphans()
    fonts = font_list(Path(settings["cache"]))
    memory = plan.limits.memory_bytes
    with open_box(settings["isolation"], folder, fonts=fonts, device=plan.device, memory=memory) as box:
        try:
            asyncio.run(_execute(plan, folder, box))
        finally:
            _kill_descendants()


async def _execute(plan: RunPlan, folder: Path, box: Box) -> None:
    # Appended to through a number: what was seen lies where nothing inside can find it.
    evidence = os.open(folder / "evidence.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    kernel = Kernel(box, folder, plan.limits)
    runs: list[CellRun] = []
    try:
        environment = kernel_environment(box.home, plan.device) | dict(box.environment)
        await kernel.start(_probe_plan(plan, evidence), evidence, environment)
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
        os.close(evidence)


def _probe_plan(plan: RunPlan, evidence: int) -> dict[str, Any]:
    """The part of the plan that the probe may know, and the open file that evidence goes to."""
    return {
        "cells": [
            {"index": cell.index, "source": cell.source, "question": cell.question, "part": cell.part}
            for cell in plan.cells
        ],
        "arrays": plan.arrays,
        "variables": plan.variables,
        "snapshots": plan.snapshots,
        "nonce": plan.nonce,
        "device": plan.device,
        "evidence": evidence,
        "budget": plan.limits.evidence_bytes,
    }


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

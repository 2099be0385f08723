"""Which run and which trainings speak for an answer, and what kept it from working."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from grader.judge.values import Values, from_loss, from_variable
from grader.model import Answer, Array, CellRun, Evidence, Reason, Run, Scalar, Snapshot, Training
from grader.rubric import Question

_SAME = 1e-6
_DEVICE = re.compile(r"cuda|nvidia|cudnn|cublas|\bgpu\b|accelerator device", re.IGNORECASE)
_MISSING_PACKAGE = ("ModuleNotFoundError", "ImportError")


@dataclass(frozen=True, slots=True)
class Witness:
    """What one part of an answer left behind in the run that counts for it.

    `trainings` are those with at least one step, in order; `number` says which run it is. `doubt` is
    set when what was seen cannot be relied on: a person decides, whatever it says. `hindrance` is set
    when something that is not the student's fault, or not clearly so, kept the answer from running: a
    person decides unless the answer is right all the same. `cause` is the first error of its own.
    """

    run: Run | None
    number: int = 0
    trainings: tuple[Training, ...] = ()
    snapshot: Snapshot | None = None
    doubt: Reason | None = None
    hindrance: Reason | None = None
    cause: Reason | None = None


def witness(evidence: Evidence, answer: Answer, part: int) -> Witness:
    """Everything that was seen of one part of an answer."""
    cells = set(answer.parts[part].cells)
    run = _run_for(evidence, cells)
    if run is None:
        return Witness(None)
    own = [cell for cell in run.cells if cell.cell in cells]
    trainings = tuple(t for t in run.trainings if (t.question, t.part) == (answer.question, part) and t.steps)
    return Witness(
        run=run,
        number=evidence.runs.index(run),
        trainings=trainings,
        snapshot=next(
            (s for s in run.snapshots if (s.question, s.part) == (answer.question, part)),
            None,
        ),
        doubt=_doubt(run, cells, trainings),
        hindrance=_hindrance(evidence, run, own),
        cause=_cause(own),
    )


def _run_for(evidence: Evidence, cells: set[int]) -> Run | None:
    """The saved-order run where it was needed for these cells, else the first that reached them."""
    reached = [run for run in evidence.runs if any(_ran(run.cell(cell)) for cell in cells)]
    first = next((run for run in reached if run.purpose == "first"), None)
    retried = next((run for run in reached if run.purpose == "retry"), None)
    if first is not None and retried is not None and _may_work_alone(first, cells):
        return retried
    for run in reached:
        if run.purpose == "saved_order" and first is not None and _failed(first, cells):
            return run
    return next((run for run in reached if run.purpose != "saved_order"), None)


def _ran(cell: CellRun | None) -> bool:
    return cell is not None and cell.status != "not_run"


def _failed(run: Run, cells: Iterable[int]) -> bool:
    return any((cell := run.cell(index)) is not None and cell.status != "ok" for index in cells)


def _may_work_alone(run: Run, cells: Iterable[int]) -> bool:
    found = [cell for index in cells if (cell := run.cell(index)) is not None]
    return any(cell.limit == "wall" or cell.status in ("died", "not_run") for cell in found)


def _cause(cells: list[CellRun]) -> Reason | None:
    """The first thing that went wrong in the answer's own cells."""
    for cell in cells:
        if cell.status == "error":
            params: dict[str, Scalar] = {
                "error": cell.error,
                "message": cell.message[:200],
                "cell": cell.cell,
            }
            if cell.line is not None:
                params["line"] = cell.line
            return Reason("judge.error", params)
        if cell.limit and cell.status in ("interrupted", "killed"):
            return Reason("judge.stopped", {"limit": cell.limit, "cell": cell.cell})
        if cell.status == "died":
            return Reason("judge.died", {"cell": cell.cell})
    return None


def _doubt(run: Run, cells: set[int], trainings: Iterable[Training]) -> Reason | None:
    """Why what was seen may not be what happened."""
    if run.problem is not None:
        return Reason("judge.grader_error", {"what": run.problem.id})
    if run.tampering:
        return Reason("judge.tampering", {"what": ", ".join(run.tampering)[:200]})
    for note in run.notes:
        if note.id == "run.probe_fault" and note.params.get("cell") in {*cells, -1}:
            return Reason("judge.unobserved", {"detail": note.params.get("detail", "")})
    if run.purpose == "saved_order":
        return Reason("judge.saved_order")
    if any(training.continued for training in trainings):
        return Reason("judge.continued")
    return None


def _hindrance(evidence: Evidence, run: Run, cells: list[CellRun]) -> Reason | None:
    for cell in cells:
        if cell.status == "error" and (reason := _not_their_fault(cell, evidence.isolation)):
            return reason
        if cell.status == "died" and not cell.message.startswith("exit"):
            # Only leaving by itself is surely its own doing; the system may have killed it.
            return Reason("judge.died_unexplained", {"cell": cell.cell})
        if cell.status == "error" and (reason := _collateral(evidence, run, cell)):
            return reason
    return None


def _not_their_fault(cell: CellRun, isolation: str) -> Reason | None:
    told = f"{cell.message}\n{cell.traceback}" if cell.error == "AssertionError" else cell.message
    if _DEVICE.search(told):
        return Reason("judge.device", {"message": cell.message[:200]})
    if isolation == "landlock" and (cell.error == "PermissionError" or "Errno 95" in cell.message):
        # The reduced box also refuses what honest code may ask for: worker processes, for one.
        return Reason("judge.boxed", {"message": cell.message[:200]})
    if cell.error in _MISSING_PACKAGE:
        return Reason("judge.package", {"name": "".join(cell.message.split("'")[1:2]) or cell.message[:100]})
    if cell.error == "StdinNotImplementedError":
        return Reason("judge.input")
    if cell.error == "MemoryError" or "DefaultCPUAllocator" in cell.message:
        return Reason("judge.memory")
    return None


def _collateral(evidence: Evidence, run: Run, failed: CellRun) -> Reason | None:
    """An error that follows from what is not this answer's fault: a kernel that was replaced, code
    that was stopped, or a name that an earlier cell would have bound but for a fault of ours."""
    if run.purpose == "resumed":
        deaths = (c for earlier in evidence.runs for c in earlier.cells if c.status in ("died", "killed"))
        if (fatal := next(deaths, None)) is not None:
            return Reason("judge.collateral", {"cell": fatal.cell})
    binds = {facts.cell: facts.binds for facts in evidence.facts.cells}
    missing = set(failed.message.split("'")[1:2]) if failed.error == "NameError" else set()
    shared = set(evidence.answers.shared)
    for cell in run.cells:
        if cell.cell == failed.cell:
            return None
        stopped = cell.status in ("interrupted", "killed", "died", "not_run")
        excused = cell.status == "error" and _not_their_fault(cell, evidence.isolation) is not None
        needed = cell.cell in shared or missing & binds.get(cell.cell, frozenset())
        if needed and (stopped or excused):
            return Reason("judge.collateral", {"cell": cell.cell})
    return None


# -- values ---------------------------------------------------------------------------------------


def fitted_values(question: Question, training: Training | None, seen: Witness) -> Values:
    """What fed the loss of a training; else a variable at the end of the answer; else the problem."""
    if question.fitted is None:
        return Values(None, Reason("judge.same_fit.no_values"))
    shape = question.fitted.shape
    found = (
        Values(None, Reason("judge.same_fit.no_values"))
        if training is None
        else from_loss(training, "last", shape)
    )
    if found.array is not None or (found.problem and found.problem.id == "judge.same_fit.not_finite"):
        return found
    return _claimed(question, seen) or found


def shown(question: Question, seen: Witness) -> Array | None:
    """The fitted values that the student shows in a variable, if there are any of the right shape."""
    claimed = _claimed(question, seen)
    return None if claimed is None else claimed.array


def _claimed(question: Question, seen: Witness) -> Values | None:
    """The first of the question's variables that holds values of its shape at the end of the answer."""
    if question.fitted is None or seen.snapshot is None:
        return None
    for name in question.fitted.names:
        if (raw := seen.snapshot.arrays.get(name)) is not None:
            claimed = from_variable(name, raw, question.fitted.shape)
            if claimed.array is not None:
                return claimed
    return None


def same_values(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).max() <= _SAME)

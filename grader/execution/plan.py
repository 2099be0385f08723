"""Which cells to run: first in notebook order, then what trouble makes necessary.

All plans are made from the source and from earlier runs, before any mark is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from grader.model import (
    Answers,
    CellFacts,
    CellRun,
    Limits,
    PlannedCell,
    Run,
    RunPlan,
    StaticFacts,
    Submission,
)
from grader.rubric import Rubric

_NAMELESS = ("NameError", "UnboundLocalError")


def first_plan(
    submission: Submission, answers: Answers, rubric: Rubric, device: Literal["cpu", "cuda"]
) -> RunPlan:
    """Every code cell once, top to bottom.

    The nonce comes from the submission's digest: another run of the same file sees the same
    random numbers, and nobody can choose them.
    """
    owner: dict[int, tuple[str, int]] = {}
    last: set[int] = set()
    code = {cell.index for cell in submission.code}
    for answer in answers.items.values():
        for number, part in enumerate(answer.parts):
            cells = [cell for cell in part.cells if cell in code]
            for cell in cells:
                owner.setdefault(cell, (answer.question, number))
            last.update(cells[-1:])
    names = {name for question in rubric if question.fitted for name in question.fitted.names}
    variables = {r.variable for answer in answers.items.values() for r in answer.readings if r.variable}
    return RunPlan(
        purpose="first",
        cells=tuple(
            PlannedCell(cell.index, cell.source, question, part, cell.index in last)
            for cell in submission.code
            for question, part in [owner.get(cell.index, (None, 0))]
        ),
        nonce=int(hashlib.sha256(b"grader" + submission.digest.encode()).hexdigest()[:8], 16),
        device=device,
        limits=Limits(
            question_cpu_seconds=rubric.runtime.per_question,
            memory_bytes=rubric.runtime.memory,
            output_bytes=rubric.runtime.output,
        ),
        arrays=tuple(sorted(names)),
        variables=tuple(sorted(variables)),
    )


def resumed_plan(plan: RunPlan, run: Run, facts: StaticFacts) -> RunPlan | None:
    """What is left after a kernel died: the later cells, and whatever earlier ones they need.

    The answer that died is left out, so that it cannot kill the next kernel too. Shared cells run
    again; an earlier answer does only if a name it binds is read later, since it may take minutes.
    """
    fatal = next((cell for cell in run.cells if cell.status in ("died", "killed")), None)
    if fatal is None:
        return None
    order = [cell.index for cell in plan.cells]
    position = order.index(fatal.cell)
    dead = plan.cells[position]

    def died(cell: PlannedCell) -> bool:
        if dead.question is None:
            return cell.index == dead.index
        return (cell.question, cell.part) == (dead.question, dead.part)

    remaining = [cell for cell in plan.cells[position + 1 :] if not died(cell)]
    if not remaining:
        return None
    earlier = [cell for cell in plan.cells[:position] if not died(cell)]
    needed = _needed(earlier, remaining, {cell.cell: cell for cell in facts.cells})
    return replace(plan, purpose="resumed", cells=(*needed, *remaining))


def _needed(
    earlier: list[PlannedCell], remaining: list[PlannedCell], facts: Mapping[int, CellFacts]
) -> list[PlannedCell]:
    """The earlier cells that bind, directly or through others, a name that the remaining ones read."""
    wanted = _free_names(remaining, facts)
    kept = {cell.index for cell in earlier if cell.question is None}
    answers: dict[tuple[str | None, int], list[PlannedCell]] = {}
    for cell in earlier:
        if cell.question is not None:
            answers.setdefault((cell.question, cell.part), []).append(cell)
    for cells in reversed(answers.values()):
        if wanted & _bound_names(cells, facts):
            kept.update(cell.index for cell in cells)
            wanted |= _free_names(cells, facts)
    return [cell for cell in earlier if cell.index in kept]


def _free_names(cells: Iterable[PlannedCell], facts: Mapping[int, CellFacts]) -> set[str]:
    bound: set[str] = set()
    free: set[str] = set()
    for cell in cells:
        names = facts.get(cell.index, CellFacts(cell.index))
        free |= names.reads - bound
        bound |= names.binds
    return free


def _bound_names(cells: Iterable[PlannedCell], facts: Mapping[int, CellFacts]) -> set[str]:
    return {name for cell in cells for name in facts.get(cell.index, CellFacts(cell.index)).binds}


def saved_order_plan(plan: RunPlan, run: Run, submission: Submission, facts: StaticFacts) -> RunPlan | None:
    """The same cells in the order the student last ran them, if that may cure a missing name.

    Only where a name was missing that a later cell binds, and the saved execution counts tell an
    order that differs from the notebook's. Cells that were never executed come last.
    """
    later = {
        name for error in run.cells for name in _missing_names(error) if _bound_after(name, error.cell, facts)
    }
    counts = {cell.index: cell.execution_count for cell in submission.cells}
    if not later:
        return None
    order = sorted(plan.cells, key=lambda cell: (counts.get(cell.index) is None, counts.get(cell.index) or 0))
    if [cell.index for cell in order] == [cell.index for cell in plan.cells]:
        return None
    return replace(plan, purpose="saved_order", cells=tuple(order))


def _missing_names(run: CellRun) -> list[str]:
    if run.status != "error" or run.error not in _NAMELESS:
        return []
    return run.message.split("'")[1:2]


def _bound_after(name: str, index: int, facts: StaticFacts) -> bool:
    return any(name in cell.binds for cell in facts.cells if cell.cell > index)


def cured(before: Run, after: Run) -> bool:
    """True if the second run lost no cell of the first and fixed at least one missing name."""
    then = {cell.cell: cell.status for cell in before.cells}
    now = {cell.cell: cell.status for cell in after.cells}
    missing = {cell.cell for cell in before.cells if _missing_names(cell)}
    worse = any(now.get(cell) != "ok" for cell, status in then.items() if status == "ok")
    return not worse and any(now.get(cell) == "ok" for cell in missing)


def _killed_by_others(cell: CellRun) -> bool:
    return cell.status == "died" and cell.message.startswith("signal 9")


def retry_plan(plan: RunPlan, run: Run) -> RunPlan | None:
    """Once more, alone, where a busy machine may be to blame: the wall limit, or a kernel that was killed."""
    if any(cell.limit == "wall" or _killed_by_others(cell) for cell in run.cells):
        return replace(plan, purpose="retry")
    return None

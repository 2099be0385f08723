"""The whole story: files in, grades out.

    collect -> locate -> facts -> plan -> run -> evidence -> judge -> publish

Submissions are independent: whatever one of them does, the others are graded as if it were not
there, and what is finished is written down before the next begins.
"""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from grader import judge
from grader.calibrate import default_cache, has_cuda, known_targets, targets_for
from grader.errors import EvidenceDamaged, GraderError, NoCuda, TemplateMissing
from grader.execution.launch import run
from grader.execution.plan import cured, first_plan, resumed_plan, retry_plan, saved_order_plan
from grader.execution.sandbox.levels import choose
from grader.execution.turns import Turns
from grader.model import (
    EVIDENCE_SCHEMA,
    Answers,
    Evidence,
    Grade,
    Run,
    RunPlan,
    StaticFacts,
    Submission,
    Targets,
)
from grader.notebook.locate import locate
from grader.notebook.read import read_notebook
from grader.notebook.source import to_python
from grader.results import OpenResults
from grader.rubric import Rubric
from grader.rules.facts import SourceCell, facts

Device = Literal["cpu", "cuda"]
Runner = Callable[..., Run]


@dataclass(frozen=True, slots=True)
class Assignment:
    """Everything about the exam that all submissions share."""

    rubric: Rubric
    template: Submission
    targets: Targets
    device: Device
    isolation: str
    cache: Path


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission that has been read, and what is going to be done with it."""

    submission: Submission
    answers: Answers
    facts: StaticFacts
    plan: RunPlan
    key: str


class Watcher:
    """What a caller wants to hear while a batch runs; every method may be called from any thread."""

    def begun(self, submission: Submission) -> None: ...

    def at_question(self, submission: Submission, question: str | None) -> None: ...

    def graded(self, submission: Submission, grade: Grade) -> None: ...

    def failed(self, submission: Submission, trace: str) -> None: ...


@dataclass(slots=True)
class _Batch:
    """The state of one call of `grade`."""

    assignment: Assignment
    results: OpenResults
    publish: Callable[[Grade, Submission], None]
    watcher: Watcher
    only: frozenset[str] | None
    force: bool
    execute: Runner
    turns: Turns = field(default_factory=Turns)


def open_assignment(
    rubric: Rubric, device: str, isolation: str, *, note: Callable[[str], None] = lambda _text: None
) -> Assignment:
    """Reads and computes what all submissions share; `note` hears what takes long.

    `isolation` is a level or `best`, as `grader.execution.sandbox.levels.choose` reads it.
    Targets that fit this machine are looked for and, where there are none, made: minutes at full
    size, once.
    """
    folder = default_cache()
    where = device_for(device, rubric)
    level = choose(isolation, rubric.runtime.isolation.minimum, where)
    reference = reference_of(rubric)
    targets = known_targets(rubric, reference, where, folder)
    if targets is None:
        note(f"no targets for this machine yet: training the reference of {rubric.assignment.id} on {where}")
        targets = targets_for(rubric, reference, where, folder)
    template = Path(rubric.folder) / "template.ipynb"
    if not template.is_file():
        raise TemplateMissing(template)
    empty = read_notebook(template.read_bytes(), student="", name="", filename=template.name)
    if empty.problem is not None:
        raise TemplateMissing(template)
    return Assignment(rubric, empty, targets, where, level, folder)


def reference_of(rubric: Rubric) -> Path:
    """The folder of an assignment's reference solutions: `reference/` beside `rubrics/`."""
    return Path(rubric.folder).resolve().parent.parent / "reference" / rubric.assignment.reference


def device_for(wanted: str, rubric: Rubric) -> Device:
    """The device to run on; `auto` (also the rubric's) takes CUDA where there is one."""
    choice = rubric.runtime.device if wanted == "auto" else wanted
    if choice == "auto":
        choice = "cuda" if has_cuda() else "cpu"
    elif choice == "cuda" and not has_cuda():
        raise NoCuda
    return "cuda" if choice == "cuda" else "cpu"


# -- from submissions to grades -------------------------------------------------------------------


def grade(
    assignment: Assignment,
    submissions: Sequence[Submission],
    results: OpenResults,
    publish: Callable[[Grade, Submission], None],
    *,
    jobs: int = 1,
    only: frozenset[str] | None = None,
    force: bool = False,
    watcher: Watcher | None = None,
    execute: Runner = run,
) -> dict[str, Grade]:
    """Grades the submissions and returns the grades by student.

    Evidence that the results folder already holds is used again, unless `force`. With `only`,
    just these students are run; of the others, those with evidence are marked from it and the rest
    left out. `publish` is called with each grade as soon as it stands.
    """
    batch = _Batch(assignment, results, publish, watcher or Watcher(), only, force, execute)
    grades: dict[str, Grade] = {}
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        running: dict[Future[Grade | None], Submission] = {}
        try:
            for submission in submissions:
                running[pool.submit(_grade_one, batch, submission)] = submission
                # No more are under way than there are jobs: a killed batch loses no more than these.
                if len(running) >= jobs:
                    grades |= _finished(running)
            while running:
                grades |= _finished(running)
        except BaseException:
            batch.turns.stop()
            raise
    return grades


def _finished(running: dict[Future[Grade | None], Submission]) -> dict[str, Grade]:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    results = {running.pop(future).student: future.result() for future in done}
    return {student: result for student, result in results.items() if result is not None}


def _grade_one(batch: _Batch, submission: Submission) -> Grade | None:
    """One student's grade; a fault of ours is this submission's `grader_error` and nobody else's."""
    try:
        result = _graded(batch, submission)
        if result is None:
            return None
        batch.publish(result, submission)
    except GraderError:
        raise  # the results folder, say: no submission could be written down
    except Exception as fault:  # noqa: BLE001 - the other students must not notice
        batch.watcher.failed(submission, traceback.format_exc())
        what = f"{type(fault).__name__}: {fault}"[:300]
        result = judge.errored(batch.assignment.rubric, submission, what)
        # Without its cells: they may be what could not be shown.
        batch.publish(result, replace(submission, cells=()))
    if _chosen(batch, submission):
        batch.watcher.graded(submission, result)
    return result


def _chosen(batch: _Batch, submission: Submission) -> bool:
    return batch.only is None or submission.student in batch.only


def _graded(batch: _Batch, submission: Submission) -> Grade | None:
    rubric = batch.assignment.rubric
    if submission.problem is not None:
        return judge.failed(rubric, submission, submission.problem)
    chosen = _chosen(batch, submission)
    prepared = prepare(batch.assignment, submission)
    evidence = None if batch.force and chosen else _kept(batch.results, prepared)
    if evidence is None:
        if not chosen:
            return None
        batch.watcher.begun(submission)
        evidence = _evidence(batch, prepared)
        batch.results.store_evidence(evidence)
    return judge.judge(rubric, batch.assignment.targets, evidence)


# -- from source to plan --------------------------------------------------------------------------


def prepare(assignment: Assignment, submission: Submission) -> Prepared:
    """Reads the source: where the answers are, what the rules need to know, what is to be run."""
    answers = locate(submission, assignment.rubric, assignment.template)
    plan = first_plan(submission, answers, assignment.rubric, assignment.device)
    planned = {cell.index: cell for cell in plan.cells}
    cells: list[SourceCell] = []
    for cell in submission.code:
        python = to_python(cell.source)
        place = planned[cell.index]
        opaque = tuple(name for _, name in python.opaque)
        cells.append(SourceCell(cell.index, python.text, python.lines, place.question, place.part, opaque))
    found = facts(cells)
    return Prepared(submission, answers, found, plan, _key(assignment, submission, plan))


def _key(assignment: Assignment, submission: Submission, plan: RunPlan) -> str:
    """Names evidence by everything that decides what is seen."""
    parts = [
        EVIDENCE_SCHEMA,
        _observers(),
        submission.digest,
        assignment.targets.fingerprint,
        assignment.isolation,
        TypeAdapter(RunPlan).dump_python(plan, mode="json"),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:40]


@cache
def _observers() -> str:
    """Digest of what observes: evidence of another version of it is not used again."""
    digest = hashlib.sha256()
    for package in ("grader.probe", "grader.execution"):
        for source in sorted(resources.files(package).iterdir(), key=lambda entry: entry.name):
            if source.name.endswith(".py"):
                digest.update(source.read_bytes())
    return digest.hexdigest()


# -- from plan to evidence ------------------------------------------------------------------------


def _kept(results: OpenResults, prepared: Prepared) -> Evidence | None:
    """Evidence of an earlier run of the same thing; damaged, or spoilt by us, is as good as none."""
    if not results.has_evidence(prepared.key):
        return None
    try:
        kept = results.load_evidence(prepared.key)
    except EvidenceDamaged:
        return None
    if any(run.problem is not None for run in kept.runs):
        return None
    # What was seen stays; how the source is read may have become better since.
    return replace(kept, submission=prepared.submission, answers=prepared.answers, facts=prepared.facts)


def _evidence(batch: _Batch, prepared: Prepared) -> Evidence:
    """Runs the submission, and again where the first run's facts ask for it, before any mark is given."""
    submission, plan = prepared.submission, prepared.plan
    with batch.turns.beside_others():
        runs = [_execute(batch, submission, plan)]
        again = retry_plan(plan, runs[0])
    if again is not None:
        with batch.turns.by_itself():
            runs.append(_execute(batch, submission, again))
    with batch.turns.beside_others():
        runs += _after_deaths(batch, submission, plan, runs[-1], prepared.facts)
        saved = saved_order_plan(plan, runs[0], submission, prepared.facts)
        if saved is not None:
            other = _execute(batch, submission, saved)
            runs += [other] if cured(runs[0], other) else []
    return Evidence(
        key=prepared.key,
        submission=submission,
        answers=prepared.answers,
        facts=prepared.facts,
        runs=tuple(runs),
        device=batch.assignment.device,
        isolation=batch.assignment.isolation,
        fingerprint=batch.assignment.targets.fingerprint,
    )


def _after_deaths(
    batch: _Batch, submission: Submission, plan: RunPlan, last: Run, known: StaticFacts
) -> Iterator[Run]:
    """Each dead kernel costs the answer that killed it; the rest goes on in a new one."""
    next_plan = resumed_plan(plan, last, known)
    while next_plan is not None:
        last = _execute(batch, submission, next_plan)
        yield last
        next_plan = resumed_plan(next_plan, last, known)


def _execute(batch: _Batch, submission: Submission, plan: RunPlan) -> Run:
    def progress(_cell: int, question: str | None) -> None:
        batch.watcher.at_question(submission, question)

    return batch.execute(
        plan,
        isolation=batch.assignment.isolation,
        cache=batch.assignment.cache,
        progress=progress,
        stopped=batch.turns.stopped,
    )

"""Small made-up evidence, so that the judge is tested in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from grader.model import (
    Answer,
    AnswerFacts,
    AnswerPart,
    Answers,
    Array,
    Cell,
    CellRun,
    Evidence,
    NetworkFact,
    OwnerSeen,
    ParameterSeen,
    Place,
    Reason,
    Run,
    Snapshot,
    StaticFacts,
    Submission,
    Target,
    Targets,
    Training,
)
from grader.rubric import Rubric, load_rubric

FOLDER = Path(__file__).parents[2] / "rubrics" / "final-2022-short"
RUBRIC: Rubric = load_rubric(FOLDER / "rubric.yaml")
SHAPE = (99, 7)
LABELS = tuple((3 * step) % 7 for step in range(SHAPE[0]))
START = (0.1, 0.2)  # all made-up trainings begin alike, unless a test says otherwise
LINEAR = OwnerSeen("torch.nn.Linear", ("torch.nn.Linear", "torch.nn.Module"))


def fit(seed: int = 0, noise: float = 0.0, right: bool = True) -> Array:
    """Probabilities, shape (99, 7), that predict the labels (or the class after them)."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=SHAPE)
    offset = 0 if right else 1
    logits[np.arange(SHAPE[0]), (np.asarray(LABELS) + offset) % 7] += 9.0
    powers = np.exp(logits)
    values = powers / powers.sum(axis=1, keepdims=True)
    return np.asarray(values + noise * random.choice([-1.0, 1.0], size=SHAPE))


def logits(values: Array) -> Array:
    return np.log(np.maximum(values, 1e-300))


def owner(kind: str, *, base: str = "", own_forward: bool = False, direct: bool = True) -> OwnerSeen:
    """A torch module by its path, or a student's class with a torch base."""
    if kind.startswith("torch."):
        parent = "torch.nn.RNNCellBase" if kind.endswith("Cell") else "torch.nn.RNNBase"
        return OwnerSeen(kind, (kind, parent, "torch.nn.Module"), own_forward, direct)
    bases = dict.fromkeys(each for each in (base, "torch.nn.Module") if each)
    return OwnerSeen(kind, tuple(bases), own_forward, direct)


def parameter(*owners: OwnerSeen, moved: bool = True, gradient: bool = True) -> ParameterSeen:
    return ParameterSeen("weight", (0,), owners, moved, gradient, initial=np.empty(0))


OWN_CLASS = owner("MyCell", base="torch.nn.Module", own_forward=True, direct=False)


def training(
    question: str,
    values: Array | None = None,
    *owners: OwnerSeen | ParameterSeen,
    part: int = 0,
    steps: int = 100,
    **changes: Any,
) -> Training:
    """One training with Adam whose last loss input gives `values`."""
    parameters = tuple(o if isinstance(o, ParameterSeen) else parameter(o) for o in owners)
    fitted = {} if values is None else {step: logits(values) for step in ("1", "5", "10", "20", "last")}
    made = Training(
        question=question,
        part=part,
        cells=(1,),
        optimizer="torch.optim.Adam",
        settings={"lr": 0.1},
        steps=steps,
        loss="cross_entropy",
        losses=tuple(2.0 / (step + 1) for step in range(steps)),
        parameters=(*parameters, replace(parameter(LINEAR), shape=(2,), initial=np.asarray(START))),
        fitted=fitted,
        labels=np.asarray(LABELS),
    )
    return replace(made, **changes)


def network(kind: str, how: str = "core", *bases: str, **changes: Any) -> NetworkFact:
    made = NetworkFact(kind, bases or (kind,), how, Place(1, 2), Place(1, 9))  # type: ignore[arg-type]
    return replace(made, **changes)


def facts(question: str, *networks: NetworkFact, part: int = 0, **changes: Any) -> AnswerFacts:
    """A part whose source trains: it has a `.backward()`, which the networks reach."""
    made = AnswerFacts(question, part, networks, backwards=(Place(1, 9),), steps=(Place(1, 10),))
    return replace(made, **changes)


def target(question: str, values: Array | None = None, first: float = 1e-5, rest: float = 1e-7) -> Target:
    values = fit() if values is None else values
    fitted = dict.fromkeys(("1", "5", "10", "last"), values)
    return Target(question, fitted, (2.0, 1.0), {"lr": 0.1}, 100, 10, first, rest, 10, START)


def targets(**changes: Target) -> Targets:
    items = {id: target(id) for id in ("1-1", "1-2", "1-3", "1-4", "1-5", "1-6")}
    items |= {t.question: t for t in changes.values()}
    return Targets("final-2022-short", "cpu-test", {}, "digest", LABELS, RUBRIC.labels.axis, items)


def evidence(
    trainings: Sequence[Training] = (),
    static: Sequence[AnswerFacts] = (),
    *,
    cells: Mapping[str, Sequence[Sequence[int]]] | None = None,
    outcomes: Mapping[int, CellRun] | None = None,
    snapshots: Sequence[Snapshot] = (),
    confidence: float = 1.0,
    runs: Sequence[Run] | None = None,
    **changes: Any,
) -> Evidence:
    """Evidence about a notebook with one code cell per answer part, numbered from 1; cell 0 is shared."""
    where = cells or {question.id: [[i + 1]] for i, question in enumerate(RUBRIC)}
    count = max((index for parts in where.values() for part in parts for index in part), default=0) + 1
    notebook = tuple(Cell(index, "code", f"# {index}") for index in range(count))
    found = {
        question: Answer(question, tuple(AnswerPart(tuple(part)) for part in parts), confidence)
        for question, parts in where.items()
    }
    outcomes = outcomes or {}
    run = Run(
        "first",
        tuple(outcomes.get(index, CellRun(index, "ok")) for index in range(count)),
        tuple(trainings),
        tuple(snapshots),
        {"torch": "2.13.0"},
    )
    made = Evidence(
        key="k",
        submission=Submission("s1", "Kim", "s1.ipynb", "d", notebook),
        answers=Answers(found, shared=(0,)),
        facts=StaticFacts(answers=tuple(static)),
        runs=(run,) if runs is None else tuple(runs),
        device="cpu",
        isolation="none",
        fingerprint="cpu-test",
    )
    return replace(made, **changes)


def error(index: int, name: str, message: str = "", **changes: Any) -> CellRun:
    return replace(CellRun(index, "error", name, message, line=1), **changes)


def reasons(*found: Reason) -> list[str]:
    return [reason.id for reason in found]

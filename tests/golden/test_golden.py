"""Full-size evidence is judged as expected: where the measured tolerances have to hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader import judge, pipeline
from grader.calibrate import read_targets
from grader.model import Evidence, Outcome, Targets, Training
from grader.notebook import read_notebook
from grader.results import read_evidence
from grader.rubric import Rubric, load_rubric
from tests.examples.expected import COHORT, load_expected
from tests.golden.remake import FOLDER, STUDENTS
from tests.grading import ROOT

RUBRICS = ROOT / "rubrics" / "final-2022"
RUBRIC: Rubric = load_rubric(RUBRICS / "rubric.yaml")


def bundle(student: str) -> Evidence:
    return read_evidence(FOLDER / student)


def targets_of(evidence: Evidence) -> Targets:
    return read_targets(RUBRICS / "targets" / evidence.fingerprint)


@pytest.mark.parametrize("student", STUDENTS)
def test_marks(student: str) -> None:
    evidence = bundle(student)
    expected = load_expected()[evidence.submission.student]
    grade = judge.judge(RUBRIC, targets_of(evidence), evidence)
    found = {q.id: (q.outcome, q.points) for q in grade.questions}
    assert found == {id: (q.outcome, q.points) for id, q in expected.questions.items()}


@pytest.mark.parametrize("student", STUDENTS)
def test_the_source_is_still_read_the_same_way(student: str) -> None:
    """Today's locating and rules, with the run as it was seen."""
    evidence = bundle(student)
    (file,) = COHORT.glob(f"{student}*.ipynb")
    submission = read_notebook(
        file.read_bytes(), student=evidence.submission.student, name="", filename=file.name
    )
    template = read_notebook((RUBRICS / "template.ipynb").read_bytes(), student="", name="", filename="")
    targets = targets_of(evidence)
    assignment = pipeline.Assignment(RUBRIC, template, targets, "cpu", evidence.isolation, Path())
    prepared = pipeline.prepare(assignment, submission)
    fresh = replace(evidence, answers=prepared.answers, facts=prepared.facts)
    before, after = (judge.judge(RUBRIC, targets, each) for each in (evidence, fresh))
    assert [(q.id, q.outcome, q.points) for q in before.questions] == [
        (q.id, q.outcome, q.points) for q in after.questions
    ]


def test_what_rounding_leaves_is_accepted_and_what_a_mistake_leaves_is_not() -> None:
    """The margins that the tolerance was measured for, on the real thing."""
    rounded, forgotten = bundle("s002"), bundle("s008")
    targets = targets_of(rounded)

    def gap(evidence: Evidence, question: str) -> tuple[float, float]:
        training = next(t for t in evidence.runs[0].trainings if t.question == question)
        return difference(training, targets, question)

    lstm, rnn = targets.items["1-6"], targets.items["1-3"]
    first, rest = gap(rounded, "1-6")
    assert first <= 15 * lstm.first
    assert rest <= 15 * lstm.rest
    first, rest = gap(forgotten, "1-3")
    assert first > 150 * rnn.first
    assert rest > 150 * rnn.rest


def difference(training: Training, targets: Targets, question: str) -> tuple[float, float]:
    raw = training.fitted["last"].astype(np.float64).reshape(999, 7)
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    away = np.abs(powers / powers.sum(axis=1, keepdims=True) - targets.items[question].fitted["last"])
    return float(away[:10].max()), float(away[10:].max())


def test_evidence_with_one_number_changed_is_another_fit() -> None:
    evidence = bundle("s002")
    run = evidence.runs[0]
    changed = []
    for training in run.trainings:
        values = {step: array.copy() for step, array in training.fitted.items()}
        if training.question == "1-6":
            values["last"][500, 0] += 5.0
        changed.append(replace(training, fitted=values))
    spoilt = replace(evidence, runs=(replace(run, trainings=tuple(changed)), *evidence.runs[1:]))
    grade = judge.judge(RUBRIC, targets_of(evidence), spoilt)
    assert next(q for q in grade.questions if q.id == "1-6").outcome is not Outcome.MET

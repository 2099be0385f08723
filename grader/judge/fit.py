"""`accuracy` and `equals`: is it learned, and are these the asked fitted values?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from grader.judge.rules import Finding
from grader.judge.values import Values, from_loss
from grader.model import Array, Outcome, Reason, Scalar, Target, Targets, Training
from grader.rubric import Accuracy, Question

# Measured: see docs/decisions/004-measured-tolerances.md.
ACCEPT, REVIEW = 15.0, 150.0
FLOOR_FIRST, FLOOR_REST = 1e-7, 1e-8
_EARLY, _EARLY_TOLERANCE = "10", 1e-5
_EXACT = 1e-6
_MIN_STEPS = 20


@dataclass(frozen=True, slots=True)
class Own:
    """The student's own answer to an earlier question, as something to compare with."""

    question: str
    training: Training | None
    values: Values
    asked_network: Outcome


@dataclass(frozen=True, slots=True)
class _Gap:
    """Largest differences below and from the split on."""

    first: float
    rest: float

    @property
    def largest(self) -> float:
        return max(self.first, self.rest)


# -- accuracy -------------------------------------------------------------------------------------


def judge_accuracy(
    check: Accuracy, values: Values, training: Training | None, labels: tuple[int, ...]
) -> Finding:
    """Share of positions, from one on, whose most probable class is the reference's label."""
    if training is None:
        return Finding(Outcome.NOT_MET, Reason("judge.learned.no_training"))
    if values.array is None:
        return Finding(Outcome.NEEDS_REVIEW, values.problem or Reason("judge.learned.no_values"))
    expected = np.asarray(labels)
    if values.array.shape[0] != expected.size:
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.learned.no_values"))
    if training.labels is not None and not _same_labels(training.labels, expected):
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.labels_changed"))
    start = check.from_position
    share = float((values.array.argmax(axis=1)[start:] == expected[start:]).mean())
    # Rounded down, so that a page never shows the threshold for a share below it.
    params: dict[str, Scalar] = {
        "accuracy": math.floor(share * 1e4) / 1e4,
        "from_position": start,
        "accept": check.accept,
        "reject": check.reject,
    }
    if share >= check.accept:
        return Finding(Outcome.MET, Reason("judge.learned.met", params))
    if share <= check.reject:
        return Finding(Outcome.NOT_MET, Reason("judge.learned.not", params))
    return Finding(Outcome.NEEDS_REVIEW, Reason("judge.learned.between", params))


def _same_labels(seen: Array, expected: Array) -> bool:
    return seen.size == expected.size and bool((seen.reshape(-1) == expected).all())


# -- equals ---------------------------------------------------------------------------------------


def judge_equals(
    question: Question,
    in_order: tuple[str, ...],
    values: Values,
    training: Training | None,
    own: Mapping[str, Own],
    targets: Targets | None,
) -> Finding:
    """Tries the comparators in order; the first that equals settles it.

    A comparison that fails is only final when nothing else could have matched: the student's own
    earlier answer exists, was trained with the same settings for as many steps, and differs.
    """
    if training is None:
        return Finding(Outcome.NOT_MET, Reason("judge.same_fit.untrained"))
    if values.array is None or values.problem is not None:
        problem = values.problem or Reason("judge.same_fit.no_values")
        broken = problem.id == "judge.same_fit.not_finite"
        return Finding(Outcome.NOT_MET if broken else Outcome.NEEDS_REVIEW, problem)
    if (
        training.labels is not None
        and targets
        and not _same_labels(training.labels, np.asarray(targets.labels))
    ):
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.labels_changed"))
    target = None if targets is None else targets.items.get(question.id)
    findings: list[Finding] = []
    for comparator in in_order:
        kind, _, other = comparator.partition(" ")
        finding = (
            _against_own(own.get(other), other, values.array, training, target, question)
            if kind == "own"
            else _against_reference(values.array, target, targets)
        )
        if finding.outcome is Outcome.MET:
            return finding if values.proven else _unproven(finding)
        findings.append(finding)
    undecided = [finding for finding in findings if finding.outcome is Outcome.NEEDS_REVIEW]
    return (undecided or findings)[0]


def _unproven(finding: Finding) -> Finding:
    # The values are those of a variable: nothing shows that they were trained here.
    return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.variable", finding.reason.params))


def _against_own(
    own: Own | None,
    question: str,
    values: Array,
    training: Training,
    target: Target | None,
    asked: Question,
) -> Finding:
    nothing = Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.no_comparator", {"question": question}))
    if own is None or own.training is None or own.values.array is None:
        return nothing
    if min(own.training.steps, training.steps) < _MIN_STEPS or own.values.array.shape != values.shape:
        return nothing
    split = 0 if target is None else target.split
    gap = _gap(values, own.values.array, split)
    params: dict[str, Scalar] = {"question": question, "difference": gap.largest}
    alike = _alike(training, own.training, asked)
    if gap.largest <= _EXACT:
        close = Outcome.MET
    elif target is not None and alike and _within(gap, target, ACCEPT):
        # The band belongs to the reference's configuration; another one's may be narrower.
        same = _within(_gap(own.values.array, target.fitted["last"], split), target, ACCEPT)
        close = Outcome.MET if same else Outcome.NEEDS_REVIEW
    elif target is not None and _within(gap, target, REVIEW):
        close = Outcome.NEEDS_REVIEW
    else:
        close = Outcome.NOT_MET
    if close is Outcome.MET and own.asked_network is not Outcome.MET:
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.own_not_asked", params))
    if close is Outcome.MET:
        return Finding(Outcome.MET, Reason("judge.same_fit.own", params))
    if close is Outcome.NEEDS_REVIEW:
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.own_close", params))
    if own.asked_network is not Outcome.MET:
        return nothing
    if not _same_course(training, own.training):
        # With other settings or another number of steps it may still be what the asked module,
        # begun alike, would have given.
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.other_course", params))
    return Finding(Outcome.NOT_MET, Reason("judge.same_fit.not_own", params))


def _against_reference(values: Array, target: Target | None, targets: Targets | None) -> Finding:
    if target is None or target.fitted["last"].shape != values.shape:
        fingerprint = "" if targets is None else targets.fingerprint
        return Finding(
            Outcome.NEEDS_REVIEW, Reason("judge.same_fit.no_targets", {"fingerprint": fingerprint})
        )
    gap = _gap(values, target.fitted["last"], target.split)
    # Shown is the region that is farther out, with its own band.
    difference, band = max(
        (gap.first, _band(target.first, FLOOR_FIRST)),
        (gap.rest, _band(target.rest, FLOOR_REST)),
        key=lambda pair: pair[0] / pair[1],
    )
    params: dict[str, Scalar] = {"difference": difference, "tolerance": band}
    if _within(gap, target, ACCEPT):
        return Finding(Outcome.MET, Reason("judge.same_fit.reference", params))
    if _within(gap, target, REVIEW):
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.near", params))
    return Finding(Outcome.NOT_MET, Reason("judge.same_fit.not", params))


def _gap(values: Array, other: Array, split: int) -> _Gap:
    distance = np.abs(values - other)
    return _Gap(
        first=float(distance[:split].max(initial=0.0)),
        rest=float(distance[split:].max(initial=0.0)),
    )


def _band(envelope: float, floor: float) -> float:
    return ACCEPT * max(envelope, floor)


def _within(gap: _Gap, target: Target, factor: float) -> bool:
    scale = factor / ACCEPT
    return gap.first <= scale * _band(target.first, FLOOR_FIRST) and gap.rest <= scale * _band(
        target.rest, FLOOR_REST
    )


def _alike(one: Training, other: Training, question: Question) -> bool:
    """Equal settings and steps, and equal values at an early step, where rounding is still quiet."""
    if question.fitted is None or not _same_course(one, other):
        return False
    early = [from_loss(training, _EARLY, question.fitted.shape).array for training in (one, other)]
    if early[0] is None or early[1] is None:
        return False
    return bool(np.abs(early[0] - early[1]).max() <= _EARLY_TOLERANCE)


def _same_course(one: Training, other: Training) -> bool:
    ignored = {"groups"}
    return (
        one.steps == other.steps
        and one.optimizer == other.optimizer
        and {k: v for k, v in one.settings.items() if k not in ignored}
        == {k: v for k, v in other.settings.items() if k not in ignored}
    )

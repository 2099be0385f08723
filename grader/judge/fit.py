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
# Two trainings of the same network differ by rounding only at these steps, however rounding grows
# later: at most 2e-5 over honest pairs of forms, at least 1e-2 for another network or start. At step
# 10 an honest pair may already differ by 0.6.
_BEGINNING, _BEGAN_ALIKE = ("1", "5"), 1e-3
_QUIET_STEPS, _QUIET = ("1", "5", "10"), 1e-5
_SAME_START = 1e-6
_EXACT = 1e-6
_MIN_STEPS = 20


@dataclass(frozen=True, slots=True)
class Fit:
    """One training and its fitted values; `run` numbers the run that it was seen in.

    `asked_network`: whether it trained what its question asks for.
    """

    training: Training
    values: Values
    run: int = 0
    asked_network: Outcome = Outcome.MET


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
    if not values.proven:
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.learned.variable"))
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
    fit: Fit | None,
    own: Mapping[str, tuple[Fit, ...]],
    targets: Targets | None,
) -> Finding:
    """Tries the comparators in order; the first that equals settles it.

    `own` holds everything that the student trained in earlier questions. A comparison that fails is
    only final when nothing else could have matched: see `_against_own`.
    """
    if fit is None:
        return Finding(Outcome.NOT_MET, Reason("judge.same_fit.untrained"))
    values, labels = fit.values, fit.training.labels
    if values.array is None or values.problem is not None:
        problem = values.problem or Reason("judge.same_fit.no_values")
        broken = problem.id == "judge.same_fit.not_finite"
        return Finding(Outcome.NOT_MET if broken else Outcome.NEEDS_REVIEW, problem)
    if labels is not None and targets and not _same_labels(labels, np.asarray(targets.labels)):
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.labels_changed"))
    target = None if targets is None else targets.items.get(question.id)
    findings: list[Finding] = []
    for comparator in in_order:
        kind, _, other = comparator.partition(" ")
        finding = (
            _against_own(other, own.get(other, ()), fit, values.array, target, question)
            if kind == "own"
            else _against_reference(fit, values.array, target, targets, question)
        )
        if finding.outcome is Outcome.MET:
            return finding
        findings.append(finding)
    undecided = [finding for finding in findings if finding.outcome is Outcome.NEEDS_REVIEW]
    # "Nothing to compare with" says least of all.
    undecided.sort(key=lambda finding: finding.reason.id == "judge.same_fit.no_comparator")
    return (undecided or findings)[0]


def _against_own(
    question: str, earlier: tuple[Fit, ...], fit: Fit, values: Array, target: Target | None, asked: Question
) -> Finding:
    """Compares with every training of an earlier question; one that equals is enough.

    Refused only if each of them trained the asked network, was seen in the same run with its loss,
    took the same course (settings and steps), and came out differently.
    """
    found = [
        _against_one(question, each, each.values.array, fit, values, target, asked)
        for each in earlier
        if each.values.array is not None
        and each.values.array.shape == values.shape
        and min(each.training.steps, fit.training.steps) >= _MIN_STEPS
    ]
    for outcome in (Outcome.MET, Outcome.NEEDS_REVIEW, Outcome.NOT_MET):
        if best := next((finding for finding in found if finding.outcome is outcome), None):
            return best
    return _no_comparator(question)


def _against_one(
    question: str,
    earlier: Fit,
    theirs: Array,
    fit: Fit,
    values: Array,
    target: Target | None,
    asked: Question,
) -> Finding:
    gap = _gap(values, theirs, 0 if target is None else target.split)
    params: dict[str, Scalar] = {"question": question, "difference": gap.largest}
    one, other = _early(fit.training, asked), _early(earlier.training, asked)
    same_course = _same_course(fit.training, earlier.training)
    quiet = same_course and _agree(one, other, _QUIET_STEPS, _QUIET)
    began_alike = _agree(one, other, _BEGINNING, _BEGAN_ALIKE)
    match _closeness(gap, theirs, target, quiet=quiet):
        case Outcome.MET if not fit.values.proven:
            return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.variable", params))
        case Outcome.MET if not (began_alike and _same_start(_start(fit), _start(earlier))):
            return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.replayed", params))
        case Outcome.MET if earlier.asked_network is not Outcome.MET:
            return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.own_not_asked", params))
        case Outcome.MET:
            return Finding(Outcome.MET, Reason("judge.same_fit.own", params))
        case Outcome.NEEDS_REVIEW:
            return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.own_close", params))
    if earlier.asked_network is not Outcome.MET or not earlier.values.proven or earlier.run != fit.run:
        return _no_comparator(question)
    if not same_course:
        # With other settings or another number of steps it may still be what the asked module,
        # begun alike, would have given.
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.other_course", params))
    if began_alike or not one or not other:
        # Only rounding may lie between two trainings that began alike: some settings let it grow.
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.own_close", params))
    return Finding(Outcome.NOT_MET, Reason("judge.same_fit.not_own", params))


def _closeness(gap: _Gap, theirs: Array, target: Target | None, *, quiet: bool) -> Outcome:
    """MET for equal up to rounding, NEEDS_REVIEW for close, NOT_MET for another fit."""
    if gap.largest <= _EXACT:
        return Outcome.MET
    if target is None or not _within(gap, target, REVIEW):
        return Outcome.NOT_MET
    # The band belongs to the reference's configuration; another one's may be narrower.
    same_configuration = _within(_gap(theirs, target.fitted["last"], target.split), target, ACCEPT)
    accepted = quiet and same_configuration and _within(gap, target, ACCEPT)
    return Outcome.MET if accepted else Outcome.NEEDS_REVIEW


def _against_reference(
    fit: Fit, values: Array, target: Target | None, targets: Targets | None, asked: Question
) -> Finding:
    if target is None or target.fitted["last"].shape != values.shape:
        fingerprint = "" if targets is None else targets.fingerprint
        params: dict[str, Scalar] = {"fingerprint": fingerprint}
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.no_targets", params))
    gap = _gap(values, target.fitted["last"], target.split)
    # Shown is the region that is farther out, with its own band.
    regions = (
        (gap.first, _band(target.first, FLOOR_FIRST)),
        (gap.rest, _band(target.rest, FLOOR_REST)),
    )
    difference, band = max(regions, key=lambda region: region[0] / region[1])
    params = {"difference": difference, "tolerance": band}
    if _within(gap, target, ACCEPT):
        if not fit.values.proven:
            return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.variable", params))
        early = _early(fit.training, asked)
        began_alike = _agree(early, target.fitted, _BEGINNING, _BEGAN_ALIKE)
        if not (began_alike and _same_start(_start(fit), np.asarray(target.initial))):
            return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.replayed", params))
        return Finding(Outcome.MET, Reason("judge.same_fit.reference", params))
    if _within(gap, target, REVIEW):
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.near", params))
    return Finding(Outcome.NOT_MET, Reason("judge.same_fit.not", params))


def _no_comparator(question: str) -> Finding:
    return Finding(Outcome.NEEDS_REVIEW, Reason("judge.same_fit.no_comparator", {"question": question}))


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


def _early(training: Training, asked: Question) -> dict[str, Array]:
    """Fitted values at the early steps, where rounding is still quiet."""
    if asked.fitted is None:
        return {}
    found = {step: from_loss(training, step, asked.fitted.shape) for step in _QUIET_STEPS}
    return {step: values.array for step, values in found.items() if values.array is not None}


def _agree(
    one: Mapping[str, Array], other: Mapping[str, Array], steps: tuple[str, ...], limit: float
) -> bool:
    """Whether two trainings agree at every one of these steps that both took, and took one at all."""
    shared = [step for step in steps if step in one and step in other]
    return bool(shared) and all(
        one[step].shape == other[step].shape and np.abs(one[step] - other[step]).max() <= limit
        for step in shared
    )


def _start(fit: Fit) -> Array | None:
    """The numbers that the trained parameters began with, sorted, however they were laid out."""
    trained = [p.initial for p in fit.training.parameters if p.moved and p.gradient]
    if not trained or any(initial is None for initial in trained):
        return None
    return np.sort(np.concatenate([np.ravel(initial) for initial in trained if initial is not None]))


def _same_start(one: Array | None, other: Array | None) -> bool:
    """Another network's values can be replayed; its initial values are what the question asks for."""
    if one is None or other is None or one.shape != other.shape:
        return False
    return bool(np.abs(one - other).max(initial=0.0) <= _SAME_START)


def _same_course(one: Training, other: Training) -> bool:
    ignored = {"groups"}
    return (
        one.steps == other.steps
        and one.optimizer == other.optimizer
        and {k: v for k, v in one.settings.items() if k not in ignored}
        == {k: v for k, v in other.settings.items() if k not in ignored}
    )

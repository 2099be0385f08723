"""The same fitted values: which comparator settles it, and when nobody may say no."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from grader.judge.fit import Fit, judge_accuracy, judge_equals
from grader.judge.rules import Finding
from grader.judge.values import Values
from grader.model import Array, Outcome, Targets, Training
from grader.rubric import Accuracy

from .made import LABELS, OWN_CLASS, RUBRIC, SHAPE, fit, target, targets, training

MET, NOT_MET, PERSON = Outcome.MET, Outcome.NOT_MET, Outcome.NEEDS_REVIEW
QUESTION = RUBRIC.question("1-3")
ORDER = ("own 1-2", "reference")
OTHER = fit(seed=5)
Earlier = dict[str, tuple[Fit, ...]]


def own(values: Array | None = None, network: Outcome = MET, seen: Training | None = None) -> Earlier:
    values = OTHER if values is None else values
    return {"1-2": (Fit(seen or training("1-2", values), Values(values), 0, network),)}


def equals(
    values: Array,
    earlier: Earlier | None = None,
    seen: Training | None = None,
    known: Targets | None = None,
    order: tuple[str, ...] = ORDER,
) -> Finding:
    seen = seen or training("1-3", values, OWN_CLASS)
    return judge_equals(QUESTION, order, Fit(seen, Values(values)), earlier or {}, known or targets())


def told(finding: Finding) -> tuple[Outcome, str]:
    return finding.outcome, finding.reason.id.removeprefix("judge.same_fit.")


def test_equal_to_the_own_earlier_answer_whatever_its_seed() -> None:
    assert told(equals(OTHER, own())) == (MET, "own")


def test_equal_to_the_reference_without_an_earlier_answer() -> None:
    assert told(equals(fit())) == (MET, "reference")


def test_equal_to_the_reference_although_the_own_answer_differs() -> None:
    assert told(equals(fit(), own())) == (MET, "reference")


def test_another_fit_than_both_is_not_the_same() -> None:
    assert told(equals(fit(seed=9), own())) == (NOT_MET, "not_own")


def test_without_an_earlier_answer_nobody_may_say_no() -> None:
    assert told(equals(fit(seed=9))) == (PERSON, "no_comparator")


def test_an_earlier_answer_that_is_not_the_asked_network_settles_nothing() -> None:
    assert told(equals(fit(seed=9), own(network=NOT_MET))) == (PERSON, "no_comparator")


def test_equal_only_to_an_answer_that_is_not_the_asked_network() -> None:
    assert told(equals(OTHER, own(network=NOT_MET))) == (PERSON, "own_not_asked")
    assert told(equals(fit(), own(fit(), network=NOT_MET))) == (MET, "reference")


@pytest.mark.parametrize("steps", [1, 19])
def test_a_short_training_is_no_comparator(steps: int) -> None:
    short = own(seen=training("1-2", OTHER, steps=steps))
    assert told(equals(OTHER, short)) == (PERSON, "no_comparator")


def test_other_settings_or_steps_are_for_a_person() -> None:
    longer = training("1-3", fit(seed=9), OWN_CLASS, steps=101)
    assert told(equals(fit(seed=9), own(), longer)) == (PERSON, "other_course")
    slower = training("1-3", fit(seed=9), OWN_CLASS, settings={"lr": 0.05})
    assert told(equals(fit(seed=9), own(), slower)) == (PERSON, "other_course")


def began(values: Array) -> Training:
    """A training that begins like the reference and ends with these values."""
    seen = training("1-3", fit(), OWN_CLASS)
    return replace(seen, fitted={**seen.fitted, "last": training("1-3", values).fitted["last"]})


def test_an_end_without_its_beginning_is_for_a_person() -> None:
    replayed = training("1-3", OTHER, OWN_CLASS)
    learned = training("1-2", fit(seed=7))
    learned = replace(learned, fitted={**learned.fitted, "last": replayed.fitted["last"]})
    assert told(equals(OTHER, own(seen=learned), replayed)) == (PERSON, "replayed")
    assert told(equals(fit(), seen=replace(began(fit()), fitted=training("1-3", OTHER).fitted))) == (
        PERSON,
        "replayed",
    )
    late = replace(replayed, fitted={"last": replayed.fitted["last"]})
    assert told(equals(OTHER, own(), late)) == (PERSON, "replayed")


def test_other_initial_values_are_for_a_person_even_if_every_value_is_equal() -> None:
    seen = training("1-3", OTHER, OWN_CLASS)
    other = tuple(replace(p, initial=np.asarray(p.initial) + 1e-3) for p in seen.parameters)
    assert told(equals(OTHER, own(), replace(seen, parameters=other))) == (PERSON, "replayed")
    unknown = tuple(replace(p, initial=None) for p in seen.parameters)
    assert told(equals(OTHER, own(), replace(seen, parameters=unknown))) == (PERSON, "replayed")


def test_the_layout_of_initial_values_does_not_matter() -> None:
    seen = training("1-3", OTHER, OWN_CLASS)
    turned = tuple(replace(p, initial=np.asarray(p.initial)[::-1].reshape(-1, 1)) for p in seen.parameters)
    assert told(equals(OTHER, own(), replace(seen, parameters=turned))) == (MET, "own")


def test_what_began_alike_and_ended_apart_is_never_refused() -> None:
    """Some settings let rounding grow beyond any band: hidden 20 with seed 5 does, by 2e-3."""
    apart = training("1-3", OTHER, OWN_CLASS)
    late = fit(seed=6)
    apart = replace(apart, fitted={**apart.fitted, "last": training("1-3", late).fitted["last"]})
    assert told(equals(late, own(), apart)) == (PERSON, "own_close")


def test_each_training_of_the_earlier_question_may_be_the_one() -> None:
    two = {"1-2": (*own(fit(seed=9))["1-2"], *own()["1-2"])}
    assert told(equals(OTHER, two)) == (MET, "own")


def test_an_earlier_answer_seen_in_another_run_drew_other_numbers() -> None:
    (earlier,) = own()["1-2"]
    assert told(equals(fit(seed=9), {"1-2": (replace(earlier, run=1),)})) == (PERSON, "no_comparator")


def test_a_variable_of_the_earlier_answer_refuses_nobody() -> None:
    (earlier,) = own()["1-2"]
    claimed = replace(earlier, values=Values(OTHER, proven=False))
    assert told(equals(fit(seed=9), {"1-2": (claimed,)})) == (PERSON, "no_comparator")


def test_a_scheduler_is_another_course() -> None:
    scheduled = training("1-2", OTHER, settings={"lr": 0.1, "lr@last": 0.01})
    assert told(equals(fit(seed=9), own(seen=scheduled))) == (PERSON, "other_course")


def noisy(first: float, rest: float) -> Array:
    values = fit()
    values[:10] += first * np.where(np.arange(7) % 2, 1, -1)
    values[10:] += rest * np.where(np.arange(7) % 2, 1, -1)
    return values


@pytest.mark.parametrize(
    ("first", "rest", "expected"),
    [
        (0.0, 0.0, MET),
        (14e-5, 14e-7, MET),  # the target's envelopes are 1e-5 and 1e-7; 15 of them are allowed
        (16e-5, 0.0, PERSON),
        (0.0, 16e-7, PERSON),
        (149e-5, 149e-7, PERSON),
        (151e-5, 0.0, NOT_MET),
        (0.0, 151e-7, NOT_MET),
    ],
)
def test_the_band_of_the_reference_has_two_regions(first: float, rest: float, expected: Outcome) -> None:
    values = noisy(first, rest)
    finding = equals(values, seen=began(values), order=("reference",))
    assert finding.outcome is expected
    assert finding.reason.params["tolerance"] in (pytest.approx(15e-5), pytest.approx(15e-7))


def test_a_quiet_envelope_never_asks_for_more_than_rounding_allows() -> None:
    exact = targets(a=target("1-3", first=0.0, rest=0.0))
    values = noisy(1.4e-6, 1.4e-7)
    finding = equals(values, seen=began(values), known=exact, order=("reference",))
    assert finding.outcome is MET


def test_close_to_an_own_answer_of_another_configuration_is_for_a_person() -> None:
    close = OTHER.copy()
    close[:10] += 1e-5 * np.where(np.arange(7) % 2, 1, -1)
    seen = training("1-3", close, OWN_CLASS)
    early = replace(seen, fitted={**seen.fitted, "10": training("1-2", OTHER).fitted["10"]})
    assert told(equals(close, own(), early)) == (PERSON, "own_close")


def test_values_of_a_variable_prove_nothing_about_their_origin() -> None:
    claimed = Fit(training("1-3"), Values(fit(), proven=False))
    finding = judge_equals(QUESTION, ORDER, claimed, {}, targets())
    assert told(finding) == (PERSON, "variable")


def test_no_training_no_fit() -> None:
    finding = judge_equals(QUESTION, ORDER, None, own(fit()), targets())
    assert told(finding) == (NOT_MET, "untrained")


def test_changed_labels_are_for_a_person() -> None:
    changed = training("1-3", fit(), OWN_CLASS, labels=np.zeros(SHAPE[0], np.int64))
    finding = equals(fit(), seen=changed)
    assert finding.reason.id == "judge.labels_changed"
    assert finding.outcome is PERSON


def test_no_targets_for_this_machine() -> None:
    empty = replace(targets(), items={})
    assert told(equals(fit(), known=empty)) == (PERSON, "no_targets")
    finding = equals(fit(), known=empty, order=("reference",))
    assert told(finding) == (PERSON, "no_targets")


# -- accuracy -------------------------------------------------------------------------------------

CHECK = Accuracy(accept=0.99, reject=0.71, from_position=10)


def share(right: int) -> Array:
    """A fit that is right at `right` of the 89 positions from 10 on, and at none before."""
    values = fit(right=False)
    values[10 : 10 + right] = fit()[10 : 10 + right]
    return values


@pytest.mark.parametrize(
    ("right", "expected"),
    [(89, MET), (88, PERSON), (64, PERSON), (63, NOT_MET), (0, NOT_MET)],
)
def test_accuracy_from_a_position_on(right: int, expected: Outcome) -> None:
    values = share(right)
    finding = judge_accuracy(CHECK, Values(values), training("1-1", values), LABELS)
    assert finding.outcome is expected
    assert float(str(finding.reason.params["accuracy"])) == pytest.approx(right / 89, abs=1e-4)


def test_a_shown_share_is_never_rounded_up_to_the_threshold() -> None:
    labels = tuple(0 for _ in range(99_999))
    values = np.zeros((99_999, 2))
    values[:, 0] = 1.0
    values[:1_001] = [0.0, 1.0]  # 98.998998...%
    seen = training("1-1", None, labels=None)
    finding = judge_accuracy(Accuracy(0.99, 0.71), Values(values), seen, labels)
    assert finding.outcome is PERSON
    assert float(str(finding.reason.params["accuracy"])) < 0.99


def test_accuracy_of_changed_labels_is_for_a_person() -> None:
    seen = training("1-1", fit(), labels=np.roll(np.asarray(LABELS), 1))
    assert judge_accuracy(CHECK, Values(fit()), seen, LABELS).reason.id == "judge.labels_changed"


def test_a_variable_shows_nothing_learned() -> None:
    for right in (True, False):
        claimed = Values(fit(right=right), proven=False)
        assert judge_accuracy(CHECK, claimed, training("1-1"), LABELS).outcome is PERSON


def test_accuracy_without_values_or_training() -> None:
    assert judge_accuracy(CHECK, Values(None), training("1-1"), LABELS).outcome is PERSON
    assert judge_accuracy(CHECK, Values(None), None, LABELS).outcome is NOT_MET

"""The reference against the exam's printed tables, and the solutions against one another."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.calibrate import read_targets
from grader.calibrate.envelope import difference, within
from grader.calibrate.reference import Fit, Reference, load_reference
from grader.model import Array

ROOT = Path(__file__).resolve().parents[2]
PRINTED = json.loads((Path(__file__).parent / "printed_tables.json").read_text(encoding="utf-8"))
COMMITTED = sorted((ROOT / "rubrics" / "final-2022" / "targets").iterdir())
SHORT = sorted((ROOT / "rubrics" / "final-2022-short" / "targets").iterdir())


@cache
def reference() -> Reference:
    return load_reference(ROOT / "reference" / "final_2022")


@cache
def fit(question: str, epochs: int = 25) -> Fit:
    torch.set_num_threads(1)
    settings = reference().settings_for(repeats=10)
    return reference().solutions[question](settings.seed, "cpu", epochs, settings)


def last(question: str, epochs: int = 25) -> Array:
    values: Array = fit(question, epochs).values["last"].numpy()
    return values


def assert_printed(values: Array, question: str) -> None:
    printed = np.array(PRINTED[question])
    assert np.array_equal(values[:10].round(PRINTED["decimals"]).astype(np.float64).round(3), printed)


@pytest.mark.parametrize("folder", COMMITTED, ids=lambda folder: folder.name)
@pytest.mark.parametrize(
    ("question", "table"), [("1-2", "1-2"), ("1-3", "1-2"), ("1-5", "1-5"), ("1-6", "1-5")]
)
def test_committed_targets_show_every_printed_decimal(folder: Path, question: str, table: str) -> None:
    assert_printed(read_targets(folder).items[question].fitted["last"], table)


@pytest.mark.full
@pytest.mark.parametrize(
    ("question", "table"), [("1-2", "1-2"), ("1-3", "1-2"), ("1-5", "1-5"), ("1-6", "1-5")]
)
def test_solutions_show_every_printed_decimal(question: str, table: str) -> None:
    torch.set_num_threads(1)
    settings = reference().settings_for()
    found = reference().solutions[question](settings.seed, "cpu", settings.epochs, settings)
    assert_printed(found.values["last"].numpy(), table)


def test_another_seed_does_not_show_the_printed_decimals() -> None:
    settings = reference().settings_for()
    found = reference().solutions["1-1"](settings.seed + 1, "cpu", 12, settings)
    with pytest.raises(AssertionError):
        assert_printed(found.values["last"].numpy(), "1-2")


@pytest.mark.parametrize(("own", "cell"), [("1-3", "1-2"), ("1-6", "1-5")])
def test_own_class_equals_the_cell_to_the_last_bit(own: str, cell: str) -> None:
    for step, values in fit(cell).values.items():
        assert torch.equal(fit(own).values[step], values), step
    assert fit(own).losses == fit(cell).losses
    assert all(torch.equal(fit(own).initial[name], values) for name, values in fit(cell).initial.items())


@pytest.mark.parametrize("folder", SHORT, ids=lambda folder: folder.name)
@pytest.mark.parametrize(("whole", "loop"), [("1-1", "1-2"), ("1-4", "1-5")])
def test_whole_sequence_equals_the_loop_within_the_envelope(folder: Path, whole: str, loop: str) -> None:
    target = read_targets(folder).items[loop]
    spread = difference(last(whole, target.steps), last(loop, target.steps))
    assert within(spread, (target.first, target.rest))


@pytest.mark.parametrize("question", ["1-1", "1-2", "1-3", "1-4", "1-5", "1-6"])
def test_initial_values_handed_back_give_the_same_fit(question: str) -> None:
    settings = reference().settings_for(repeats=10)
    again = reference().solutions[question](0, "cpu", 5, settings, fit(question).initial)
    assert torch.equal(again.values["last"], fit(question).values["5"])
    changed = {name: 1.01 * values for name, values in fit(question).initial.items()}
    other = reference().solutions[question](settings.seed, "cpu", 5, settings, changed)
    assert not torch.equal(other.values["last"], fit(question).values["5"])


def test_trajectory_holds_the_values_that_led_to_each_step() -> None:
    found = fit("1-2")
    assert set(found.values) == {"1", "5", "10", "20", "last"}
    assert len(found.losses) == 25
    labels = torch.tensor(reference().labels(reference().settings_for(repeats=10)))
    for step, values in found.values.items():
        number = len(found.losses) if step == "last" else int(step)
        loss = torch.nn.functional.nll_loss(values.log(), labels)
        assert float(loss) == pytest.approx(found.losses[number - 1], rel=1e-5), step
    assert set(fit("1-2", 5).values) == {"1", "5", "last"}
    assert not np.array_equal(last("1-2", 24), last("1-2", 25))


def test_optimizer_is_named_with_its_settings() -> None:
    settings = fit("1-5").optimizer
    assert settings["optimizer"] == "torch.optim.Adam"
    assert (settings["lr"], settings["betas[0]"], settings["eps"], settings["groups"]) == (0.1, 0.9, 1e-8, 1)


def test_labels_are_the_next_characters() -> None:
    settings = reference().settings_for(repeats=2)
    text = "".join(reference().axis[label] for label in reference().labels(settings))
    assert text == "i?hello!!hi?hello!!"


@pytest.mark.parametrize("wrong", [{"repeat": 10}, {"repeats": "10"}, {"repeats": True}, {"lr": 1}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, str | int]) -> None:
    with pytest.raises(ValueError, match="setting"):
        reference().settings_for(**wrong)

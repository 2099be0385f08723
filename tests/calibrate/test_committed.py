"""The targets that lie beside the shipped rubrics: current, and what this machine would make."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.calibrate import make_targets, read_targets
from grader.calibrate.envelope import difference, within
from grader.calibrate.process import request_for
from grader.model import Targets
from grader.rubric import Rubric, load_rubric

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("final-2022", "final-2022-short")


def shipped(name: str) -> tuple[Rubric, Path, list[Path]]:
    folder = ROOT / "rubrics" / name
    rubric = load_rubric(folder / "rubric.yaml")
    return rubric, ROOT / "reference" / rubric.assignment.reference, sorted((folder / "targets").iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_committed_targets_belong_to_the_reference_and_rubric_of_today(name: str) -> None:
    rubric, reference, folders = shipped(name)
    assert folders
    recipe = request_for(rubric, reference, "cpu").recipe
    for folder in folders:
        kept = read_targets(folder)
        assert kept.environment["recipe"] == recipe, f"make {folder.name} again: grader targets {name}"
        assert kept.fingerprint == folder.name
        assert kept.assignment == name
        assert kept.axis == rubric.labels.axis


@pytest.mark.parametrize("name", [pytest.param("final-2022", marks=pytest.mark.full), "final-2022-short"])
def test_targets_made_here_agree_with_the_committed_ones(name: str) -> None:
    rubric, reference, folders = shipped(name)
    made = make_targets(rubric, reference, "cpu")
    for folder in folders:
        assert_agree(made, read_targets(folder))


def assert_agree(made: Targets, kept: Targets) -> None:
    assert made.labels == kept.labels
    assert made.items.keys() == kept.items.keys()
    for question, target in kept.items.items():
        found = made.items[question]
        assert found.settings == target.settings
        assert found.steps == target.steps
        assert within(difference(found.fitted["last"], target.fitted["last"]), (target.first, target.rest))
        assert max(difference(found.fitted["10"], target.fitted["10"])) < 1e-5
        for measured, known in ((found.first, target.first), (found.rest, target.rest)):
            assert known / 10 < measured < 10 * known  # ten runs: the largest of them varies threefold

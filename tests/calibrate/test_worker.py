"""What the throw-away process computes, and what it says about a reference that is at fault."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.calibrate import has_cuda, make_targets
from grader.calibrate.fingerprint import fingerprint
from grader.calibrate.process import Request, request_for
from grader.calibrate.reference import ReferenceFault
from grader.calibrate.worker import compute, perturbed
from grader.errors import TargetsError
from grader.rubric import Rubric
from tests.calibrate import made_up


def request(reference: Path, rubric: Rubric, runs: int = 4) -> Request:
    return request_for(rubric, reference, "cpu", runs)


def test_request_survives_the_way_to_the_worker(tmp_path: Path) -> None:
    asked = request(made_up.reference(tmp_path / "r"), made_up.rubric(settings={"positions": 20}))
    assert Request.from_json(asked.to_json()) == asked


def test_targets_hold_values_labels_and_the_measured_envelope(tmp_path: Path) -> None:
    reference = made_up.reference(tmp_path / "r")
    found = compute(request(reference, made_up.rubric()), "f", {"threads": 1})
    assert list(found.items) == ["1", "2", "3"]
    assert found.labels == (0, 1) * 10
    assert found.environment["perturbation_seeds"] == "1 to 4"
    assert found.items["2"].steps == 3
    assert 1e-8 < found.items["2"].rest < 1e-6
    # one solution serves all three questions, its fast form makes one undisturbed run and four others
    assert made_up.runs(reference) == 1 + 1 + 4


def test_envelope_is_the_largest_difference_of_the_recorded_seeds(tmp_path: Path) -> None:
    reference = made_up.reference(tmp_path / "r")
    found = compute(request(reference, made_up.rubric()), "f", {}).items["1"]
    start = {"w": torch.linspace(0.5, 2.0, 20)}
    differences = []
    for seed in range(1, 5):
        w = perturbed(start, seed)["w"]
        values = torch.softmax(torch.stack([w, -w], dim=1), dim=1).numpy()
        differences.append(np.abs(values.astype(float) - found.fitted["last"].astype(float)))
    assert found.first == max(1e-07, *(float(d[:10].max()) for d in differences))
    assert found.rest == max(1e-08, *(float(d[10:].max()) for d in differences))


def test_perturbation_is_of_rounding_size_and_repeatable() -> None:
    start = {"w": torch.ones(1000), "b": torch.zeros(3)}
    one, again, other = perturbed(start, 1), perturbed(start, 1), perturbed(start, 2)
    assert torch.equal(one["w"], again["w"])
    assert not torch.equal(one["w"], other["w"])
    assert 0 < float((one["w"] - 1).abs().max()) < 6e-7
    assert torch.equal(one["b"], start["b"])


def test_fast_form_that_does_not_agree_is_not_used(tmp_path: Path) -> None:
    source = made_up.SOURCE.replace(
        "    return solve(seed, device, epochs, settings, initial)",
        "    start = {'w': torch.linspace(0.6, 2.0, settings.positions)}\n"
        "    return solve(seed, device, epochs, settings, start)",
    )
    assert source != made_up.SOURCE
    agreed = compute(request(made_up.reference(tmp_path / "a"), made_up.rubric()), "f", {})
    found = compute(request(made_up.reference(tmp_path / "b", source), made_up.rubric()), "f", {})
    assert found.environment["perturbed_loops"] == "1, 2, 3"
    assert agreed.environment["perturbed_loops"] == ""
    assert found.items["1"].rest == agreed.items["1"].rest


FAULTS = {
    "no name": ("AXIS = ", "_AXIS = ", "does not define AXIS"),
    "one fast form too few": ('"3": quick', '"4": quick', "do not agree about 3"),
    "same as nothing": ('{"3": "2"}', '{"3": "9"}', "do not agree about 9"),
    "an axis of its own": ('("a", "b")', '("a", "c")', "AXIS is"),
    "unsolved": ('"2": solve, "3": solve}', '"2": solve}\nSAME_FIT = {}', "compares 3 with it"),
    "too few labels": ("range(settings.positions)", "range(5)", "5 positions"),
    "wrong shape": ("[w, -w]", "[w, -w, w]", "shape"),
    "not probabilities": (
        "torch.softmax(torch.stack([w, -w], dim=1), dim=1)",
        "torch.stack([w, w], 1)",
        "not prob",
    ),
    "a nan": ("torch.stack([w, -w], dim=1)", "torch.stack([w, w * float('nan')], dim=1)", "not finite"),
    "a nan in a perturbed run": (
        'w = initial["w"]',
        'w = initial["w"] if float(initial["w"][0]) == 0.5 else initial["w"] * float("nan")',
        "not finite",
    ),
}


@pytest.mark.parametrize(("old", "new", "complaint"), FAULTS.values(), ids=list(FAULTS))
def test_reference_at_fault_is_told_what_is_wrong(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in made_up.SOURCE
    reference = made_up.reference(tmp_path / "r", made_up.SOURCE.replace(old, new))
    with pytest.raises(ReferenceFault, match=complaint):
        compute(request(reference, made_up.rubric()), "f", {})


def test_setting_that_the_reference_does_not_know_is_named(tmp_path: Path) -> None:
    reference = made_up.reference(tmp_path / "r")
    with pytest.raises(ReferenceFault, match=r"assignment.settings: there is only"):
        compute(request(reference, made_up.rubric(settings={"pos": 3})), "f", {})


def test_question_that_is_not_compared_may_be_unsolved(tmp_path: Path) -> None:
    source = made_up.SOURCE.replace('{"1": solve, ', "{")
    found = compute(request(made_up.reference(tmp_path / "r", source), made_up.rubric()), "f", {})
    assert list(found.items) == ["2", "3"]


def test_faults_and_crashes_reach_the_user_in_one_sentence(tmp_path: Path) -> None:
    fault = made_up.reference(tmp_path / "fault", made_up.SOURCE.replace("AXIS = ", "_AXIS = "))
    with pytest.raises(TargetsError, match="does not define AXIS") as caught:
        make_targets(made_up.rubric(), fault, "cpu", runs=1)
    assert str(fault) in str(caught.value)
    crash = made_up.reference(
        tmp_path / "crash", made_up.SOURCE + "\nraise RuntimeError('left unfinished')\n"
    )
    with pytest.raises(TargetsError, match="left unfinished"):
        make_targets(made_up.rubric(), crash, "cpu", runs=1)


def test_missing_reference_and_ill_fitting_rubric_cost_no_process(tmp_path: Path) -> None:
    with pytest.raises(TargetsError, match="no reference solutions"):
        make_targets(made_up.rubric(), tmp_path / "nowhere", "cpu")
    with pytest.raises(TargetsError, match="no fitted values"):
        make_targets(made_up.rubric(questions=()), made_up.reference(tmp_path / "r"), "cpu")


def test_cuda_is_seen_where_torch_sees_it() -> None:
    assert has_cuda() == torch.cuda.is_available()


def test_missing_cuda_is_said(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(TargetsError, match="no usable CUDA device"):
        make_targets(made_up.rubric(), made_up.reference(tmp_path / "r"), "cuda")


def test_fingerprint_is_readable_stable_and_safe_as_a_folder_name() -> None:
    name, facts = fingerprint("cpu")
    assert fingerprint("cpu") == (name, facts)
    assert re.fullmatch(r"cpu-[a-z0-9._-]+-torch-[a-z0-9._-]+-[0-9a-f]{8}", name)
    assert facts["torch"] == torch.__version__
    assert facts["cpu_capability"] == torch.backends.cpu.get_cpu_capability()

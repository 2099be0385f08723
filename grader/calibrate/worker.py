"""The throw-away process: `python -m grader.calibrate.worker FOLDER`.

Reads FOLDER/request.json and leaves the fingerprint, or the files of `write_targets`, or
the fault there. Nothing is pickled, and nothing but these files crosses the boundary.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from grader.calibrate.envelope import PERTURBATION, SPLIT, difference, envelope, within
from grader.calibrate.fingerprint import fingerprint, fix_environment
from grader.calibrate.process import Request
from grader.calibrate.reference import Fit, Reference, ReferenceFault, Settings, Solve, load_reference
from grader.calibrate.store import check_fitted, write_targets
from grader.model import Array, Scalar, Target, Targets


def main(folder: Path) -> None:
    request = Request.from_json((folder / "request.json").read_text(encoding="utf-8"))
    environment = fix_environment()
    if torch.device(request.device).type == "cuda" and not torch.cuda.is_available():
        (folder / "fault").write_text("this machine has no usable CUDA device", encoding="utf-8")
        return
    name, facts = fingerprint(request.device)
    if not request.reference:
        (folder / "fingerprint").write_text(name, encoding="utf-8")
        return
    try:
        targets = compute(request, name, {**facts, **environment})
    except ReferenceFault as fault:
        (folder / "fault").write_text(str(fault), encoding="utf-8")
    else:
        write_targets(targets, folder)


def compute(request: Request, name: str, environment: Mapping[str, Scalar]) -> Targets:
    """Targets for every question of the request that the reference solves; ReferenceFault otherwise."""
    reference = load_reference(Path(request.reference))
    if request.axis and request.axis != reference.axis:
        raise ReferenceFault(f"AXIS is {reference.axis}, but the rubric's labels are {request.axis}")
    unsolved = [question for question in request.needed if question not in reference.solutions]
    if unsolved:
        raise ReferenceFault(f"the rubric compares {', '.join(unsolved)} with it, but SOLUTIONS has none")
    try:
        settings = reference.settings_for(**request.settings)
    except ValueError as error:
        raise ReferenceFault(f"assignment.settings: {error}") from error
    labels = tuple(reference.labels(settings))
    if len(labels) != request.shape[0]:
        raise ReferenceFault(f"labels() gives {len(labels)} positions, the rubric has {request.shape[0]}")
    bench = _Bench(reference, settings, request)
    solved = [question for question in request.questions if question in reference.solutions]
    items = {question: bench.target(question) for question in solved}
    return Targets(
        assignment=request.assignment,
        fingerprint=name,
        environment={
            **environment,
            "cublas_workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""),
            "numpy": np.__version__,
            "perturbation": PERTURBATION,
            "perturbation_seeds": f"1 to {request.runs}",
            "perturbed_loops": ", ".join(bench.by_loops),
            "recipe": request.recipe,
        },
        digest="",
        labels=labels,
        axis=reference.axis,
        items=items,
    )


class _Bench:
    """Runs solutions and remembers what they gave, so that nothing is trained twice."""

    def __init__(self, reference: Reference, settings: Settings, request: Request) -> None:
        self._reference = reference
        self._settings = settings
        self._request = request
        self._bases: dict[Solve, Fit] = {}
        self._envelopes: dict[Solve, tuple[float, float]] = {}
        self.by_loops: list[str] = []

    def target(self, question: str) -> Target:
        solve = self._reference.solutions[self._reference.same_fit.get(question, question)]
        fit = self._base(solve)
        fitted = {step: _array(values) for step, values in fit.values.items()}
        first, rest = self._spread(question, solve, fitted["last"])
        return Target(
            question=question,
            fitted=fitted,
            losses=fit.losses,
            settings=fit.optimizer,
            steps=len(fit.losses),
            split=SPLIT,
            first=first,
            rest=rest,
            runs=self._request.runs,
            initial=tuple(sorted(float(v) for values in fit.initial.values() for v in values.flatten())),
        )

    def _spread(self, question: str, solve: Solve, last: Array) -> tuple[float, float]:
        """The envelope by the cheap form, or by the solution itself where the two do not agree here."""
        cheap = self._reference.calibration[question]
        bounds = self._envelope(cheap)
        if within(difference(_array(self._base(cheap).values["last"]), last), bounds):
            return bounds
        self.by_loops.append(question)
        return self._envelope(solve)

    def _base(self, solve: Solve) -> Fit:
        if solve not in self._bases:
            self._bases[solve] = self._run(solve, None)
        return self._bases[solve]

    def _envelope(self, solve: Solve) -> tuple[float, float]:
        if solve not in self._envelopes:
            base = self._base(solve)
            seeds = range(1, self._request.runs + 1)
            runs = (self._run(solve, perturbed(base.initial, seed)).values["last"] for seed in seeds)
            self._envelopes[solve] = envelope(_array(base.values["last"]), map(_array, runs))
        return self._envelopes[solve]

    def _run(self, solve: Solve, initial: Mapping[str, Any] | None) -> Fit:
        settings = self._settings
        fit = solve(settings.seed, self._request.device, settings.epochs, settings, initial)
        try:
            for values in fit.values.values():
                check_fitted(_array(values), self._request.shape)
        except ValueError as error:  # a NaN would hide in the maximum of the differences
            raise ReferenceFault(f"a solution went wrong: {error}") from error
        return fit


def perturbed(initial: Mapping[str, torch.Tensor], seed: int) -> dict[str, torch.Tensor]:
    """Initial values, each changed by about one unit in its last place, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: values * (1 + PERTURBATION * torch.randn(values.shape, generator=generator, dtype=values.dtype))
        for name, values in initial.items()
    }


def _array(values: torch.Tensor) -> Array:
    array: Array = values.detach().cpu().numpy()
    return array


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The caller's side of the throw-away process that runs reference solutions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grader
from grader.calibrate.envelope import PERTURBATION, SPLIT
from grader.calibrate.store import SCHEMA, read_targets
from grader.errors import TargetsError
from grader.model import Targets
from grader.rubric import Equals, Rubric

RUNS = 10  # three are too few for any safe tolerance, five for an LSTM
_DEADLINE_SECONDS = 3600.0

# One thread, and nothing from the caller's shell that changes how the GPU multiplies.
_FIXED = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "NVIDIA_TF32_OVERRIDE": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What the worker is asked for; without a `reference`, only the machine's fingerprint."""

    device: str
    assignment: str = ""
    reference: str = ""
    questions: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    shape: tuple[int, int] = (0, 0)
    axis: tuple[str, ...] = ()
    settings: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    runs: int = RUNS
    recipe: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Request:
        body: dict[str, Any] = json.loads(text)
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in body.items()}
        return cls(**fields)


def make_targets(rubric: Rubric, reference: Path, device: str, *, runs: int = RUNS) -> Targets:
    """Train the reference and measure its envelopes on this machine; minutes of work at full size.

    `device` is `cpu` or `cuda`. TargetsError where the reference is missing, broken or does not
    fit the rubric.
    """
    request = request_for(rubric, reference, device, runs)
    with TemporaryDirectory(prefix="grader-targets-") as folder:
        _work(request, Path(folder))
        return read_targets(Path(folder))


@cache
def fingerprint_of(device: str) -> str:
    """The fingerprint of `device` (`cpu` or `cuda`) on this machine; asked once, for it imports torch."""
    with TemporaryDirectory(prefix="grader-fingerprint-") as folder:
        _work(Request(device), Path(folder))
        return (Path(folder) / "fingerprint").read_text(encoding="utf-8")


def request_for(rubric: Rubric, reference: Path, device: str, runs: int = RUNS) -> Request:
    """What has to be computed for this rubric; its `recipe` is the digest of everything that decides it."""
    fitted = {question.id: question.fitted for question in rubric if question.fitted}
    shapes = {item.shape for item in fitted.values()}
    if len(shapes) != 1:
        problem = "asks for fitted values of different shapes" if shapes else "asks for no fitted values"
        raise TargetsError(rubric.folder or rubric.assignment.id, f"the rubric {problem}")
    checks = [(question.id, criterion.check) for question in rubric for criterion in question.criteria]
    compared = [id_ for id_, check in checks if isinstance(check, Equals) and "reference" in check.in_order]
    request = Request(
        device=device,
        assignment=rubric.assignment.id,
        questions=tuple(fitted),
        needed=tuple(compared),
        shape=shapes.pop(),
        axis=rubric.labels.axis,
        settings=dict(rubric.assignment.settings),
        runs=runs,
    )
    return replace(request, reference=str(reference.resolve()), recipe=_recipe(request, reference))


def _recipe(request: Request, reference: Path) -> str:
    sources = sorted(reference.glob("*.py"))
    if not sources:
        raise TargetsError(str(reference), "there are no reference solutions in this folder")
    asked = replace(request, device="", reference="", recipe="")
    state = sha256(json.dumps([SCHEMA, PERTURBATION, SPLIT, asked.to_json()]).encode())
    for source in sources:
        content = source.read_bytes()
        state.update(f"\0{source.name}\0{len(content)}\0".encode() + content)
    return state.hexdigest()


def _work(request: Request, folder: Path) -> None:
    """Run the worker in `folder`; TargetsError with its last words if it leaves no result."""
    where = request.reference or request.device
    (folder / "request.json").write_text(request.to_json(), encoding="utf-8")
    home = str(Path(grader.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
    try:
        # -P: a file named torch.py in the current folder must not be imported.
        done = subprocess.run(
            [sys.executable, "-P", "-m", "grader.calibrate.worker", str(folder)],
            env={**os.environ, **_FIXED, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_DEADLINE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TargetsError(where, f"no result within {_DEADLINE_SECONDS:.0f} seconds") from error
    fault = folder / "fault"
    if fault.exists():
        raise TargetsError(where, fault.read_text(encoding="utf-8"))
    if done.returncode != 0:
        raise TargetsError(
            where, f"the reference process ended with code {done.returncode}", done.stderr[-2000:].strip()
        )

"""A reference that trains nothing and a rubric that fits it, so that the machinery is tested in seconds."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from grader.rubric import (
    Accuracy,
    Assignment,
    Criterion,
    CriterionCheck,
    Equals,
    Fitted,
    Labels,
    Locate,
    Question,
    Rubric,
    Text,
)

# `COUNT` is a file that grows by one character with every solution that is run.
SOURCE = """
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
import torch

COUNT = Path(__file__).with_name("count")
AXIS = ("a", "b")
SAME_FIT = {"3": "2"}

def settings_for(**settings):
    if settings.keys() - {"positions"}:
        raise ValueError("there is only the setting positions")
    return SimpleNamespace(seed=1, epochs=3, positions=settings.get("positions", 20))

def labels(settings):
    return tuple(position % 2 for position in range(settings.positions))

def solve(seed, device, epochs, settings, initial=None):
    with COUNT.open("a") as file:
        file.write("x")
    initial = initial or {"w": torch.linspace(0.5, 2.0, settings.positions)}
    w = initial["w"]
    values = torch.softmax(torch.stack([w, -w], dim=1), dim=1)
    return SimpleNamespace(
        values={"1": values, "last": values},
        losses=(0.5,) * epochs,
        initial=initial,
        optimizer={"optimizer": "torch.optim.SGD", "lr": 0.1},
    )

def quick(seed, device, epochs, settings, initial=None):
    return solve(seed, device, epochs, settings, initial)

SOLUTIONS = {"1": solve, "2": solve, "3": solve}
CALIBRATION = {"1": quick, "2": quick, "3": quick}
"""


def reference(folder: Path, source: str = SOURCE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text(source, encoding="utf-8")
    return folder


def runs(folder: Path) -> int:
    """How many trainings this reference has made."""
    count = folder / "count"
    return len(count.read_text(encoding="utf-8")) if count.exists() else 0


def rubric(
    folder: Path | None = None,
    *,
    shape: tuple[int, int] = (20, 2),
    axis: tuple[str, ...] = ("a", "b"),
    questions: tuple[str, ...] = ("1", "2", "3"),
    settings: dict[str, str | int | float | bool] | None = None,
) -> Rubric:
    """Question 3 is compared with the reference, the others ask for accuracy only."""

    def question(name: str) -> Question:
        check: CriterionCheck = Equals(("reference",)) if name >= "3" else Accuracy(accept=0.9, reject=0.5)
        return Question(
            id=name,
            title=Text(),
            points=Decimal(5),
            locate=Locate(heading=f"({name})"),
            criteria=(Criterion("values", Decimal(5), check),),
            fitted=Fitted(shape),
        )

    return Rubric(
        Assignment("made-up", Text(), Decimal(15), "made_up", settings or {}),
        tuple(map(question, questions)),
        labels=Labels(axis),
        folder=str(folder) if folder else "",
    )

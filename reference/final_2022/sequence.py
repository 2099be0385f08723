"""The data of the exam and what a solution hands back; shared by the six solutions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

AXIS = ("!", "?", "h", "i", "e", "l", "o")
SNAPSHOTS = (1, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the paper or the template fixes; `repeats` is 10 in the short form."""

    text: str = "hi?hello!!"
    repeats: int = 100
    seed: int = 43052
    epochs: int = 100
    lr: float = 0.1
    rnn_hidden: int = 8
    lstm_hidden: int = 4


@dataclass(frozen=True, slots=True)
class Fit:
    """One finished training, everything on the CPU.

    `values[k]` is the softmax of the loss input that led to the k-th optimizer step, shape
    (positions, classes), for "1", "5", "10", "20" and "last". `losses` has one value per step.
    `initial` are the parameters before the first step, named alike in all solutions of a family.
    `optimizer` is the optimizer's class with its settings.
    """

    values: Mapping[str, torch.Tensor]
    losses: tuple[float, ...]
    initial: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, str | int | float | bool | None]


def labels(settings: Settings) -> tuple[int, ...]:
    """The class that should be predicted at each position, as an index into AXIS."""
    characters = settings.text * settings.repeats
    return tuple(AXIS.index(character) for character in characters[1:])


def one_hot_pairs(settings: Settings, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets as floating one-hot rows, each of shape (positions, classes)."""
    classes = torch.tensor([AXIS.index(character) for character in settings.text * settings.repeats])
    rows = torch.nn.functional.one_hot(classes, num_classes=len(AXIS)).float().to(device)
    return rows[:-1], rows[1:]


class Trace:
    """Collects a Fit while a solution trains; it only reads what it is shown."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, epochs: int, parameters: Mapping[str, torch.Tensor]
    ) -> None:
        self._keep = {*SNAPSHOTS, epochs}
        self._epochs = epochs
        self._values: dict[str, torch.Tensor] = {}
        self._losses: list[float] = []
        self._initial = {name: value.detach().cpu().clone() for name, value in parameters.items()}
        self._optimizer = _plain(optimizer)

    def record(self, step: int, output: torch.Tensor, loss: torch.Tensor) -> None:
        """Take note of the loss and its input before the optimizer makes step number `step`."""
        self._losses.append(loss.item())
        if step in self._keep:
            values = torch.softmax(output.detach(), dim=1).cpu()
            if step in SNAPSHOTS:
                self._values[str(step)] = values
            if step == self._epochs:
                self._values["last"] = values

    def fit(self) -> Fit:
        return Fit(self._values, tuple(self._losses), self._initial, self._optimizer)


def _plain(optimizer: torch.optim.Optimizer) -> dict[str, str | int | float | bool | None]:
    """The optimizer's class and settings as plain values, named as the grader names a student's."""
    found: dict[str, str | int | float | bool | None] = {
        "optimizer": f"torch.optim.{type(optimizer).__name__}",
        "groups": len(optimizer.param_groups),
    }
    for name, value in optimizer.param_groups[0].items():
        if value is None or isinstance(value, (str, int, float, bool)):
            found[name] = value
        elif isinstance(value, tuple):
            found.update({f"{name}[{index}]": item for index, item in enumerate(value)})
    return found

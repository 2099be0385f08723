"""Losses, optimizer steps and fitted values, whatever the student's variables are called.

What counts as fitted values are the inputs of those loss calls whose result was differentiated
since the previous step, in order, copied as they went in: what is done to them afterwards, for
display or otherwise, changes nothing here.
"""

from __future__ import annotations

import functools
import time
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from grader.probe.channel import Channel
from grader.probe.ownership import Ownership, canonical

LOSSES = (
    "cross_entropy",
    "nll_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "kl_div",
)
_equal = torch.equal  # as it is before any student code runs
_MAX_ELEMENTS = 1 << 21
_MAX_CURVE = 100_000
_MAX_TRAININGS = 64
_MAX_FAULTS = 20
_FIRST_FLUSH_SECONDS = 1.0


@dataclass(slots=True)
class _LossCall:
    kind: str
    input: torch.Tensor
    target: Any
    fed: bool = False


@dataclass(slots=True)
class _Training:
    """One optimizer inside one answer part; it and its parameters are held only while a cell runs."""

    number: int
    question: str | None
    part: int
    name: str
    settings: dict[str, Any]
    reference: Any
    continued: bool
    optimizer: Any = None
    parameters: list[torch.Tensor] = field(default_factory=list)
    described: list[dict[str, Any]] = field(default_factory=list)
    initial: list[torch.Tensor | None] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    steps: int = 0
    curve: list[Any] = field(default_factory=list)
    copies: dict[str, torch.Tensor] = field(default_factory=dict)
    calls: list[_LossCall] = field(default_factory=list)
    touched: bool = True
    place: int = 0
    batches: tuple[int, int] | None = None


class _NotKept(Exception):
    """A training that was seen but is more than may be shipped."""


class Recorder:
    """Watches every training in this process and ships what it saw."""

    def __init__(self, channel: Channel, snapshots: frozenset[int]) -> None:
        self._channel = channel
        self._snapshots = snapshots
        self._ownership = Ownership()
        self._trainings: list[_Training] = []
        self._current: dict[int, _Training] = {}
        self._calls: list[_LossCall] = []
        self._values: list[torch.Tensor] = []
        self._stepped = False
        self._steps_in_cell = 0
        self._batch = 0
        self._nested = False
        self._where: tuple[int | None, str | None, int] = (None, None, 0)
        self._flush_at = 0.0
        self._flush_gap = _FIRST_FLUSH_SECONDS
        self._patched: list[tuple[Any, str, Any]] = []
        self.faults: list[str] = []

    # -- installing ---------------------------------------------------------------------------

    def install(self) -> None:
        self._ownership.install()
        register_optimizer_step_pre_hook(self._guarded(self._before_step))
        register_optimizer_step_post_hook(self._guarded(self._after_step))
        for name in LOSSES:
            self._patch(torch.nn.functional, name, self._observed_loss(name))
        for name in ("backward", "grad"):
            self._patch(torch.autograd, name, self._observed_backward(getattr(torch.autograd, name)))

    def _patch(self, owner: Any, name: str, replacement: Any) -> None:
        setattr(owner, name, replacement)
        self._patched.append((owner, name, replacement))

    def tampered(self) -> list[str]:
        """Names of observers that the student's code has replaced."""
        return [f"{o.__name__}.{n}" for o, n, ours in self._patched if getattr(o, n, None) is not ours]

    def _guarded(self, function: Callable[..., None]) -> Callable[..., None]:
        """Our own faults are noted and never reach the student's code."""

        @functools.wraps(function)
        def guarded(*args: Any) -> None:
            try:
                function(*args)
            except Exception as fault:  # noqa: BLE001 - whatever it is, it must not reach the student
                if len(self.faults) < _MAX_FAULTS:
                    self.faults.append(f"{function.__name__}: {fault!r}"[:300])

        return guarded

    def _observed_loss(self, name: str) -> Callable[..., Any]:
        original = getattr(torch.nn.functional, name)
        note = self._guarded(self._note_loss)
        recorder = self

        def observed(*args: Any, **kwargs: Any) -> Any:
            if recorder._nested:  # torch calls the public name again when a function mode is active
                return original(*args, **kwargs)
            recorder._nested = True
            try:
                result = original(*args, **kwargs)
            finally:
                recorder._nested = False
            note(name, args, kwargs, result)
            return result

        # torch.jit.script reads the original's source through __wrapped__ and resolves its names in
        # the function's globals: they must be those of torch.nn.functional.
        function = types.FunctionType(
            observed.__code__, torch.nn.functional.__dict__, name, None, observed.__closure__
        )
        return functools.update_wrapper(function, original)

    def _observed_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        note = self._guarded(self._note_backward)

        @functools.wraps(original)
        def observed(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            note(tensors)
            return original(tensors, *args, **kwargs)

        return observed

    # -- observing ------------------------------------------------------------------------------

    def _note_loss(self, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        if not torch.is_grad_enabled() or not isinstance(result, torch.Tensor) or not result.requires_grad:
            return
        self._begin_step()
        values = args[0] if args else kwargs["input"]
        target = args[1] if len(args) > 1 else kwargs.get("target")
        call = _LossCall(kind, values.detach().clone(), target.detach() if torch.is_tensor(target) else None)

        def arrived(_gradient: torch.Tensor) -> None:
            call.fed = True

        result.register_hook(arrived)  # type: ignore[no-untyped-call]
        self._calls.append(call)

    def _note_backward(self, tensors: Any) -> None:
        self._begin_step()
        first = tensors[0] if isinstance(tensors, list | tuple) and tensors else tensors
        if torch.is_tensor(first) and first.numel() == 1:
            self._values.append(first.detach().reshape(()))

    def _begin_step(self) -> None:
        # Cleared here rather than after a step: a second optimizer may step on the same losses.
        if self._stepped:
            self._calls, self._values, self._stepped = [], [], False
            self._batch += 1

    def _before_step(self, optimizer: torch.optim.Optimizer, _args: Any, _kwargs: Any) -> None:
        training = self._current.get(id(optimizer)) or self._begin_training(optimizer)
        for parameter, facts in zip(training.parameters, training.described, strict=True):
            if not facts["gradient"] and parameter.grad is not None:
                facts["gradient"] = bool(parameter.grad.ne(0).any())

    def _after_step(self, optimizer: torch.optim.Optimizer, _args: Any, _kwargs: Any) -> None:
        training = self._current.get(id(optimizer))
        if training is None:
            return
        training.steps += 1
        training.batches = (training.batches or (self._batch, 0))[0], self._batch
        self._steps_in_cell += 1
        self._stepped = training.touched = True
        if calls := [call for call in self._calls if call.fed]:
            training.calls = calls
        if self._values and len(training.curve) < _MAX_CURVE:
            training.curve.append(self._values[0] if len(self._values) == 1 else list(self._values))
        if training.steps in self._snapshots and (values := _stacked(training.calls)) is not None:
            training.copies[str(training.steps)] = values
        if time.monotonic() > self._flush_at:
            self.flush()
            self._flush_gap *= 2
            self._flush_at = time.monotonic() + self._flush_gap

    def _begin_training(self, optimizer: torch.optim.Optimizer) -> _Training:
        cell, question, part = self._where
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        training = next(
            (
                t
                for t in self._trainings
                if t.reference() is optimizer and (t.question, t.part) == (question, part)
            ),
            None,
        )
        if training is None:
            earlier = any(t.reference() is optimizer and t.steps for t in self._trainings)
            training = _Training(
                number=len(self._trainings),
                question=question,
                part=part,
                name=canonical(type(optimizer)),
                settings=_settings(optimizer),
                reference=weakref.ref(optimizer),
                continued=earlier,
                place=sum(1 for t in self._trainings if (t.question, t.part) == (question, part)),
            )
            self._trainings.append(training)
            self._ownership.search(parameters)
        training.parameters = parameters
        if len(parameters) != len(training.described):
            self._describe(training)
        if cell is not None and cell not in training.cells:
            training.cells.append(cell)
        training.optimizer = optimizer  # held, so that no other one gets its id while the cell runs
        self._current[id(optimizer)] = training
        return training

    def _describe(self, training: _Training) -> None:
        training.described, training.initial = [], []
        for parameter in training.parameters:
            name, owners = self._ownership.owners(parameter)
            small = parameter.numel() <= _MAX_ELEMENTS
            training.described.append(
                {
                    "name": name,
                    "shape": list(parameter.shape),
                    "owners": owners,
                    "gradient": False,
                    "moved": False,
                }
            )
            training.initial.append(parameter.detach().clone() if small else None)

    # -- shipping -------------------------------------------------------------------------------

    def enter(self, cell: int | None, question: str | None, part: int) -> None:
        """Called when a cell begins."""
        self._where = (cell, question, part)
        self._current, self._calls, self._values, self._stepped = {}, [], [], False
        self._batch += 1
        self._steps_in_cell, self.faults = 0, []
        self._flush_gap = _FIRST_FLUSH_SECONDS
        self._flush_at = time.monotonic() + self._flush_gap

    def leave(self) -> None:
        """Called when a cell ends: ships what it trained and lets go of the student's objects."""
        self._by_hand()
        self.flush()
        for training in self._current.values():
            training.parameters, training.calls, training.optimizer = [], [], None
        self._current, self._calls, self._values = {}, [], []

    def flush(self) -> None:
        for training in self._current.values():
            if training.touched:
                self._guarded(self._ship)(training)

    def _ship(self, training: _Training) -> None:
        # First of all: a training that cannot be shipped must not leave an earlier state as its last.
        training.touched = False
        for parameter, facts, initial in zip(
            training.parameters, training.described, training.initial, strict=True
        ):
            same = initial is not None and _equal(parameter.detach(), initial)
            facts["moved"] = not same if initial is not None else facts["gradient"]
        arrays = dict(training.copies)
        last = _stacked(training.calls)
        if last is not None:
            arrays["last"] = last
        labels = _labels(training.calls)
        if labels is not None:
            arrays["labels"] = labels
        for index, initial in enumerate(training.initial):
            if initial is not None:
                arrays[f"initial.{index}"] = initial
        kinds = {call.kind for call in training.calls}
        kept = training.place < _MAX_TRAININGS and self._channel.send(
            "training",
            {
                "number": training.number,
                "question": training.question,
                "part": training.part,
                "cells": training.cells,
                "optimizer": training.name,
                "settings": {**training.settings, **_changed(training)},
                "continued": training.continued,
                "steps": training.steps,
                "loss": kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "",
                "calls": len(training.calls),
                "batches": training.batches or (),
                "curve": [_total(value) for value in training.curve],
                "parameters": training.described,
            },
            arrays,
        )
        if not kept:
            raise _NotKept(f"training {training.number} of question {training.question} was not kept")

    def _by_hand(self) -> None:
        """Notes a training whose values were updated without an optimizer of torch's."""
        if self._steps_in_cell or not self._values:
            return
        cell, question, part = self._where
        training = _Training(
            number=len(self._trainings),
            question=question,
            part=part,
            name="",
            settings={},
            reference=lambda: None,
            continued=False,
            cells=[] if cell is None else [cell],
            steps=len(self._values),
            curve=list(self._values[:_MAX_CURVE]),
            calls=[call for call in self._calls if call.fed][-1:],
        )
        self._trainings.append(training)
        self._current[-1] = training


def _stacked(calls: list[_LossCall]) -> torch.Tensor | None:
    """All inputs in order: one call's as it is, several of one shape stacked along a new axis."""
    inputs = [call.input for call in calls]
    if not inputs or sum(values.numel() for values in inputs) > _MAX_ELEMENTS:
        return None
    if len(inputs) == 1:
        return inputs[0]
    if all(values.shape == inputs[0].shape for values in inputs):
        return torch.stack(inputs)
    if all(values.dim() == 2 and values.shape[1] == inputs[0].shape[1] for values in inputs):
        return torch.cat(inputs)
    return None


def _labels(calls: list[_LossCall]) -> torch.Tensor | None:
    """The classes that the losses were told are right; None where they are not one per row."""
    labels = []
    for call in calls:
        target = call.target
        if not torch.is_tensor(target) or target.numel() > _MAX_ELEMENTS or target.dim() > 4:
            return None
        if target.shape == call.input.shape and target.dim() and target.is_floating_point():
            target = target.argmax(dim=-1)
        labels.append(target.reshape(-1).to(torch.int64))
    return torch.cat(labels) if labels else None


def _settings(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The first group's options as plain values; those of further groups where they differ."""
    first = _options(optimizer.param_groups[0])
    settings: dict[str, Any] = {"groups": len(optimizer.param_groups), **first}
    for number, group in enumerate(optimizer.param_groups[1:8], start=2):
        others = _options(group).items()
        settings.update({f"{name}#{number}": value for name, value in others if first.get(name) != value})
    return settings


def _changed(training: _Training) -> dict[str, Any]:
    """What a scheduler changed since the first step, as `lr@last`."""
    if training.optimizer is None:
        return {}
    now = _settings(training.optimizer).items()
    return {f"{name}@last": value for name, value in now if training.settings.get(name) != value}


def _options(group: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, value in group.items():
        if isinstance(value, bool | int | float | str) or value is None:
            settings[name] = value
        elif isinstance(value, tuple) and all(isinstance(part, int | float) for part in value):
            settings.update({f"{name}[{index}]": part for index, part in enumerate(value)})
        elif torch.is_tensor(value) and value.numel() == 1:
            settings[name] = float(value)
    return settings


def _total(values: Any) -> float:
    return float(sum(float(v) for v in values) if isinstance(values, list) else float(values))

"""Fitted values as probabilities of shape (positions, classes), whatever form they were seen in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grader.model import Array, Reason, Training

_ROW_SUM_TOLERANCE = 1e-3
_AS_PROBABILITIES = {
    "cross_entropy": "softmax",
    "nll_loss": "exp",
    "kl_div": "exp",
    "binary_cross_entropy": "identity",
    "binary_cross_entropy_with_logits": "sigmoid",
    "mse_loss": "identity",
    "l1_loss": "identity",
    "smooth_l1_loss": "identity",
    "huber_loss": "identity",
}


_FROM_LOSS = Reason("judge.values.loss")


@dataclass(frozen=True, slots=True)
class Values:
    """Probabilities, float64, shape (positions, classes); or None and the `problem`.

    `proven`: they are what fed the loss, rather than a variable that claims to be.
    """

    array: Array | None
    problem: Reason | None = None
    source: Reason = _FROM_LOSS
    proven: bool = True


def from_loss(training: Training, step: str, shape: tuple[int, int]) -> Values:
    """The values that led to a step of a training (`"last"`, `"10"`)."""
    raw = training.fitted.get(step)
    if raw is None:
        return Values(None, Reason("judge.same_fit.no_values"))
    arranged = _arranged(raw.astype(np.float64), training.loss, shape)
    if arranged is None:
        found = "x".join(map(str, raw.shape))
        return Values(None, Reason("judge.same_fit.shape", {"found": found, "expected": _text(shape)}))
    with np.errstate(over="ignore", invalid="ignore"):
        return _checked(_probabilities(arranged, _AS_PROBABILITIES.get(training.loss, "identity")))


def from_variable(name: str, raw: Array, shape: tuple[int, int]) -> Values:
    """The values of a variable at the end of an answer: probabilities, or logits to be mapped."""
    source = Reason("judge.values.variable", {"name": name})
    arranged = _arranged(raw.astype(np.float64), "", shape)
    if arranged is None:
        found = "x".join(map(str, raw.shape))
        problem = Reason("judge.same_fit.shape", {"found": found, "expected": _text(shape)})
        return Values(None, problem, source, proven=False)
    if not _normalised(arranged):
        with np.errstate(over="ignore", invalid="ignore"):
            arranged = _probabilities(arranged, "softmax")
    checked = _checked(arranged)
    return Values(checked.array, checked.problem, source, proven=False)


def _arranged(raw: Array, loss: str, shape: tuple[int, int]) -> Array | None:
    positions, classes = shape
    if raw.size != positions * classes:
        return None
    if raw.shape[-1:] == (classes,):
        return raw.reshape(shape)
    # torch's cross-entropy takes (batch, classes, positions).
    if loss in ("cross_entropy", "nll_loss") and raw.ndim >= 3 and raw.shape[1] == classes:
        return np.moveaxis(raw, 1, -1).reshape(shape)
    return None


def _probabilities(values: Array, mapping: str) -> Array:
    if mapping == "softmax":
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    if mapping == "exp":
        return np.asarray(np.exp(values))
    if mapping == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-values)))
    return values


def _checked(values: Array) -> Values:
    if not np.isfinite(values).all():
        return Values(None, Reason("judge.same_fit.not_finite"))
    if not _normalised(values):
        return Values(values, Reason("judge.same_fit.not_probabilities"))
    return Values(values)


def _normalised(values: Array) -> bool:
    if not np.isfinite(values).all() or values.min() < 0:
        return False
    return bool(np.abs(values.sum(axis=1) - 1.0).max() <= _ROW_SUM_TOLERANCE)


def _text(shape: tuple[int, int]) -> str:
    return f"{shape[0]}x{shape[1]}"

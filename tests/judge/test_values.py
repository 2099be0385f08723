"""One fit in many clothes is one fit; what is none has an explicit reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from grader.judge.values import Values, from_loss, from_variable
from grader.model import Array, Training

from .made import SHAPE, fit, logits


def seen(raw: Array, loss: str = "cross_entropy") -> Values:
    training = Training("1-3", 0, (1,), "torch.optim.Adam", loss=loss, steps=1, fitted={"last": raw})
    return from_loss(training, "last", SHAPE)


FIT = fit()
CLOTHES = {
    "as asked": (logits(FIT), "cross_entropy"),
    "with a batch in the middle": (logits(FIT)[:, None, :], "cross_entropy"),
    "batch first": (logits(FIT)[None], "cross_entropy"),
    "classes second, as torch wants it in batches": (logits(FIT).T[None], "cross_entropy"),
    "one call per row": (logits(FIT)[:, None, :], "cross_entropy"),
    "one call per row, without a batch": (logits(FIT), "cross_entropy"),
    "single precision": (logits(FIT).astype(np.float32), "cross_entropy"),
    "shifted logits": (logits(FIT) + 12.5, "cross_entropy"),
    "log-probabilities": (logits(FIT), "nll_loss"),
    "probabilities in a squared error": (FIT, "mse_loss"),
    "probabilities in a binary cross-entropy": (FIT, "binary_cross_entropy"),
    "logits in a binary cross-entropy": (np.log(FIT / (1 - FIT)), "binary_cross_entropy_with_logits"),
}


@pytest.mark.parametrize("name", CLOTHES)
def test_the_same_fit_in_other_clothes(name: str) -> None:
    values = seen(*CLOTHES[name])
    assert values.array is not None
    assert values.problem is None
    np.testing.assert_allclose(values.array, FIT, atol=1e-6)


def problem(values: Values) -> str:
    assert values.problem is not None
    return values.problem.id


@pytest.mark.parametrize(
    ("raw", "loss", "expected"),
    [
        (np.zeros((50, 7)), "cross_entropy", "judge.same_fit.shape"),
        (logits(FIT).T, "cross_entropy", "judge.same_fit.shape"),
        (np.zeros((99, 2, 7)), "cross_entropy", "judge.same_fit.shape"),
        (np.full(SHAPE, np.nan), "cross_entropy", "judge.same_fit.not_finite"),
        (np.full(SHAPE, np.inf), "cross_entropy", "judge.same_fit.not_finite"),
        (np.full(SHAPE, 0.9), "mse_loss", "judge.same_fit.not_probabilities"),
        (np.full(SHAPE, -1.0), "mse_loss", "judge.same_fit.not_probabilities"),
        (np.full(SHAPE, 800.0), "nll_loss", "judge.same_fit.not_finite"),
        (np.zeros(SHAPE), "binary_cross_entropy_with_logits", "judge.same_fit.not_probabilities"),
    ],
)
def test_what_is_no_fit_says_why(raw: Array, loss: str, expected: str) -> None:
    assert problem(seen(raw, loss)) == expected


def test_no_loss_was_seen() -> None:
    nothing = Training("1-3", 0, (1,), "torch.optim.Adam", steps=1)
    assert problem(from_loss(nothing, "last", SHAPE)) == "judge.same_fit.no_values"


def test_one_bad_number_is_enough() -> None:
    raw = logits(FIT)
    raw[50, 3] = np.nan
    assert problem(seen(raw)) == "judge.same_fit.not_finite"


@pytest.mark.parametrize("raw", [FIT, logits(FIT), FIT[None], logits(FIT)[:, None, :].astype(np.float32)])
def test_a_variable_may_hold_probabilities_or_logits(raw: Array) -> None:
    values = from_variable("yhat", raw, SHAPE)
    assert values.array is not None
    np.testing.assert_allclose(values.array, FIT, atol=1e-6)
    assert not values.proven


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]),
        arrays.array_shapes(max_dims=4, max_side=8),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
    ),
    st.sampled_from(
        ["cross_entropy", "nll_loss", "mse_loss", "binary_cross_entropy_with_logits", "mixed", ""]
    ),
)
def test_whatever_arrives_is_values_or_a_problem(raw: Array, loss: str) -> None:
    training = Training("1-3", 0, (1,), "x", loss=loss, steps=1, fitted={"last": raw})
    values = from_loss(training, "last", (4, 2))
    assert (values.array is None) <= (values.problem is not None)
    if values.array is not None and values.problem is None:
        assert values.array.shape == (4, 2)
        assert np.abs(values.array.sum(axis=1) - 1).max() < 1e-2

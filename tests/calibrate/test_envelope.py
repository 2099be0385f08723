"""The arithmetic of tolerances."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import grader.judge.fit as judge
from grader.calibrate import envelope as calibrate
from grader.calibrate.envelope import FLOOR_FIRST, FLOOR_REST, difference, envelope, within
from grader.model import Array

values = arrays(np.float32, (12, 3), elements=st.floats(0, 1, width=32))


def test_regions_are_kept_apart() -> None:
    base = np.zeros((12, 2), np.float32)
    other = base.copy()
    other[9, 1], other[10, 0] = 0.25, 0.125
    assert difference(base, other) == (0.25, 0.125)
    assert difference(base[:5], other[:5]) == (0.0, 0.0)


def test_envelope_never_falls_below_the_floors() -> None:
    base = np.full((12, 2), 0.5, np.float32)
    assert envelope(base, [base, base]) == (FLOOR_FIRST, FLOOR_REST)


@given(values, st.lists(values, min_size=1, max_size=4))
def test_every_run_lies_within_its_envelope_and_more_runs_never_shrink_it(
    base: Array, runs: list[Array]
) -> None:
    bounds = envelope(base, runs)
    assert all(within(difference(run, base), bounds, factor=1.0) for run in runs)
    fewer = envelope(base, runs[:-1])
    assert all(small <= large for small, large in zip(fewer, bounds, strict=True))


def test_one_region_outside_is_enough_to_be_outside() -> None:
    assert within((1.5e-6, 1.5e-7), (1e-7, 1e-8))
    assert not within((1.6e-6, 0.0), (1e-7, 1e-8))
    assert not within((0.0, 1.6e-7), (1e-7, 1e-8))


def test_the_page_for_people_and_the_judge_use_the_same_factors() -> None:
    for name in ("ACCEPT", "REVIEW", "FLOOR_FIRST", "FLOOR_REST"):
        assert getattr(calibrate, name) == getattr(judge, name)

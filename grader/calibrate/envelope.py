"""How far rounding alone moves the reference: the measured spread that tolerances are made of.

One fixed tolerance cannot serve: the first positions, where the state warms up, are a hundred
times noisier than the rest, and an LSTM a thousand times noisier than an RNN.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from grader.model import Array

SPLIT = 10
PERTURBATION = 1e-7  # relative, about one unit in the last place of a float32
FLOOR_FIRST, FLOOR_REST = 1e-7, 1e-8

# Fitted values are the same within `ACCEPT` envelopes, and a person looks up to `REVIEW` of them.
ACCEPT, REVIEW = 15.0, 150.0


def difference(values: Array, other: Array, split: int = SPLIT) -> tuple[float, float]:
    """Largest absolute difference over rows below `split` and over the others (0 where there are none)."""
    distance = np.abs(values.astype(np.float64) - other.astype(np.float64))
    return float(distance[:split].max(initial=0.0)), float(distance[split:].max(initial=0.0))


def envelope(base: Array, runs: Iterable[Array]) -> tuple[float, float]:
    """The largest differences that any run shows from `base`, never below the floors."""
    spreads = [difference(run, base) for run in runs]
    return (
        max([FLOOR_FIRST, *(first for first, _ in spreads)]),
        max([FLOOR_REST, *(rest for _, rest in spreads)]),
    )


def within(spread: tuple[float, float], bounds: tuple[float, float], factor: float = ACCEPT) -> bool:
    """Whether both differences stay inside `factor` times their bounds."""
    return all(value <= factor * bound for value, bound in zip(spread, bounds, strict=True))

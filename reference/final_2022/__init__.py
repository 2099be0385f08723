"""Reference solutions of the assignment `final-2022`; ../README.md says what the grader reads here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

# Relative, because the grader loads this folder by its path and under a name of its own.
from .sequence import AXIS, Fit, Settings, labels
from .solutions import (
    solve_1_1,
    solve_1_2,
    solve_1_3,
    solve_1_4,
    solve_1_5,
    solve_1_6,
)

__all__ = ["AXIS", "CALIBRATION", "SAME_FIT", "SETTINGS", "SOLUTIONS", "Fit", "labels", "settings_for"]

SETTINGS = Settings()

SOLUTIONS: dict[str, Callable[..., Fit]] = {
    "1-1": solve_1_1,
    "1-2": solve_1_2,
    "1-3": solve_1_3,
    "1-4": solve_1_4,
    "1-5": solve_1_5,
    "1-6": solve_1_6,
}

# (3) and (6) give the values of (2) and (5) to the last bit, so they are computed once.
SAME_FIT: dict[str, str] = {"1-3": "1-2", "1-6": "1-5"}

# Whole-sequence forms of the same networks, fast enough to be run many times over.
CALIBRATION: dict[str, Callable[..., Fit]] = {
    "1-1": solve_1_1,
    "1-2": solve_1_1,
    "1-3": solve_1_1,
    "1-4": solve_1_4,
    "1-5": solve_1_4,
    "1-6": solve_1_4,
}


def settings_for(**changes: str | int | float | bool) -> Settings:
    """The exam's settings with these changed; ValueError for a name or a kind of value that is none."""
    for name, value in changes.items():
        if name not in Settings.__slots__:
            raise ValueError(f"there is no setting {name!r}, only {', '.join(Settings.__slots__)}")
        kind = type(getattr(SETTINGS, name))
        if type(value) is not kind:
            raise ValueError(f"the setting {name!r} is a {kind.__name__}, not {value!r}")
    return replace(SETTINGS, **changes)  # type: ignore[arg-type]  # checked above

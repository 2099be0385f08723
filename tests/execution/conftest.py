"""Which box a test runs in: the strongest there is, or each of those it names."""

from __future__ import annotations

import os

import pytest

from grader.execution.sandbox.levels import choose, problem


@pytest.fixture(scope="module")
def level(request: pytest.FixtureRequest) -> str:
    """A level that works here; a test that names levels is skipped at those that do not."""
    wanted: str | None = getattr(request, "param", None)
    if wanted is None:
        return choose("best-or-none", "none", "cpu")
    why = problem(wanted)
    if why:
        if os.environ.get("CI") and "not installed" in why:
            pytest.fail(f"{wanted}: {why}")
        pytest.skip(f"{wanted}: {why}")
    return wanted

"""What every test may rely on: one compute thread, and the marks that say where a test can run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# Before anything imports torch: two xdist workers with two threads each are slower than with one each.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no fault of an example, and a failure in CI has to come back when it is run again.
settings.register_profile("grader", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("grader")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="also run the exam at its full size")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.skip(reason="runs the whole exam; add --full"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch  # costs seconds, and only these tests need to know

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser that opens the pages; in CI its absence is a fault, elsewhere a skipped test."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail("Chromium is missing")
    pytest.skip("Chromium is missing")


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all workers, so that targets are made once and nobody's home folder is touched."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "cache"
    folder.mkdir(exist_ok=True)
    return folder

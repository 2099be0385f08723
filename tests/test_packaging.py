"""What is delivered: the wheel holds the package and nothing else, and every dependency is pinned."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in a wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    with ZipFile(built) as file:
        return set(file.namelist())


def test_wheel_holds_every_file_of_the_package(wheel: set[str]) -> None:
    files = {path for path in (ROOT / "grader").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    names = {path.relative_to(ROOT).as_posix() for path in files}
    assert {name for name in wheel if name.startswith("grader/")} == names


def test_wheel_holds_nothing_else(wheel: set[str]) -> None:
    (metadata,) = (name for name in wheel if name.endswith(".dist-info/METADATA"))
    assert {name.split("/")[0] for name in wheel} == {"grader", metadata.split("/")[0]}


def test_every_dependency_is_pinned_and_no_pin_names_a_build() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split(";")[0].strip() for line in lines if not line.startswith("#")]
    assert all(pin.count("==") == 1 and "+" not in pin for pin in pins)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert {line.split(">")[0] for line in wanted} <= {pin.split("==")[0] for pin in pins}

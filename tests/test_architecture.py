"""The shape of the package: imports point one way, and what is exported is what is promised."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

import grader

ROOT = Path(__file__).resolve().parent.parent
STANDARD = sys.stdlib_module_names

# What runs inside the student's process may use torch; what starts a kernel there, Jupyter's own parts too.
PROBE = {"torch"}
LAUNCHER = PROBE | {"IPython", "ipykernel", "zmq"}


def check_imports(checkout: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the package `grader` that lies in this folder."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@cache
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("grader", include_external_packages=True, cache_dir=None)


def outside(module: str) -> set[str]:
    """Names of the packages outside `grader` and the standard library that a module imports."""
    used = imports().find_modules_directly_imported_by(module)
    return {name for name in used if name.split(".")[0] != "grader"} - STANDARD


def test_imports_point_one_way() -> None:
    checked = check_imports(ROOT)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("judge", "import grader.execution", "-> grader.execution"),
        ("judge", "import os", "-> os"),
        ("judge", "from subprocess import run", "-> subprocess"),
        ("notebook", "import grader.rules", "-> grader.rules"),
        ("rules", "import torch.nn", "-> torch"),
        ("report", "import grader.judge", "-> grader.judge"),
        ("pipeline", "import grader.report", "-> grader.report"),
        ("probe", "import grader.model", "-> grader.model"),
        ("execution", "from grader import pipeline", "-> grader.pipeline"),
        ("newcomer", "", "not listed as layers"),
    ],
)
def test_import_against_the_arrows_is_found(tmp_path: Path, module: str, line: str, complaint: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "grader", tmp_path / "grader", ignore=shutil.ignore_patterns("__pycache__"))
    place = tmp_path / "grader" / module
    target = place / "planted.py" if place.is_dir() else place.with_suffix(".py")
    culprit = f"grader.{module}.planted" if place.is_dir() else f"grader.{module}"
    with target.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    checked = check_imports(tmp_path)
    assert checked.returncode == 1
    told = " ".join(checked.stdout.split())
    assert f"{culprit} {complaint}" in told or (complaint in told and f"- {culprit} " in told)


def test_probe_imports_only_the_standard_library_and_torch() -> None:
    modules = {"grader.probe", *imports().find_descendants("grader.probe")}
    for module in modules:
        assert outside(module) <= (LAUNCHER if module == "grader.probe.__main__" else PROBE), module


def test_every_package_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {plain(re.split(r"[<>=\[; ]", line)[0]) for line in project["dependencies"]}
    by_import = packages_distributions()
    for module in imports().modules:
        for name in outside(module):
            assert declared & {plain(project) for project in by_import[name]}, f"{module} imports {name}"


def plain(project: str) -> str:
    """A project's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", project).lower()


def test_what_is_exported_is_what_is_promised() -> None:
    promised = list(grader.__all__)
    assert promised == sorted(set(promised))
    assert all(getattr(grader, name) is not None for name in promised)
    modules = {name.removeprefix("grader.") for name in imports().find_children("grader")}
    public = {name for name in dir(grader) if not name.startswith("_")}
    assert public - modules - {"annotations"} == set(promised)

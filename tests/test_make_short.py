"""The short form of the exam: generated, up to date, and never made from a text it does not know."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from grader.rubric import load_rubric

RUBRICS = Path(__file__).resolve().parent.parent / "rubrics"
SCRIPT = RUBRICS / "make_short.py"


@pytest.fixture(scope="module")
def make_short() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_short", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(RUBRICS / "final-2022", tmp_path / "final-2022")
    return tmp_path


def test_what_is_committed_is_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, SCRIPT, "--check"], capture_output=True, text=True, timeout=60, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_made_once_then_left_alone(make_short: ModuleType, copy: Path) -> None:
    rubric = copy / "final-2022-short" / "rubric.yaml"
    assert make_short.main(["--check"], copy) == 1
    assert not rubric.parent.exists()
    assert make_short.main([], copy) == 0
    assert make_short.main(["--check"], copy) == 0
    before = rubric.stat().st_mtime_ns
    assert make_short.main([], copy) == 0
    assert rubric.stat().st_mtime_ns == before
    rubric.write_text("schema: 1\n", encoding="utf-8")
    assert make_short.main(["--check"], copy) == 1


def test_rubric_is_the_same_exam_on_a_tenth_of_the_data(make_short: ModuleType, copy: Path) -> None:
    make_short.main([], copy)
    long = load_rubric(copy / "final-2022" / "rubric.yaml")
    short = load_rubric(copy / "final-2022-short" / "rubric.yaml")
    assert short.assignment.settings == {"repeats": 10}
    assert short.assignment.reference == long.assignment.reference
    assert short.assignment.title != long.assignment.title
    for ours, theirs in zip(short, long, strict=True):
        assert (ours.id, ours.criteria, ours.gates) == (theirs.id, theirs.criteria, theirs.gates)
        assert ours.fitted is None or ours.fitted.shape == (99, 7)
    assert (
        "# Generated"
        in (copy / "final-2022-short" / "rubric.yaml").read_text(encoding="utf-8").split("\n")[0]
    )


def test_template_differs_only_in_the_length_of_the_text(make_short: ModuleType, copy: Path) -> None:
    make_short.main([], copy)
    short, long = (
        json.loads((copy / name / "template.ipynb").read_text(encoding="utf-8"))
        for name in ("final-2022-short", "final-2022")
    )
    nbformat.validate(short)
    assert [cell["id"] for cell in short["cells"]] == [cell["id"] for cell in long["cells"]]
    lines = [line for cell in short["cells"] if cell["cell_type"] == "code" for line in cell["source"]]
    names: dict[str, list[str]] = {}
    exec(next(line for line in lines if line.startswith("txt = ")), names)
    assert len(names["txt"]) == 100
    assert "999" not in json.dumps(short)


@pytest.mark.parametrize("name", ["rubric.yaml", "template.ipynb"])
def test_text_that_has_changed_is_not_passed_over(
    make_short: ModuleType, copy: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy / "final-2022" / name
    path.write_text(path.read_text(encoding="utf-8").replace("hi?hello!!", "hi?HELLO!!"), encoding="utf-8")
    assert make_short.main([], copy) == 2
    assert "expected 1 x" in capsys.readouterr().err
    assert not (copy / "final-2022-short").exists()

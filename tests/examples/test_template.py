"""The empty exam earns nothing but struck-out points; the reference's own answers in it earn everything."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from grader.notebook import locate, read_notebook
from grader.rubric import load_rubric
from tests.grading import ROOT, grade

REFERENCE = ROOT / "reference" / "final_2022"
ANSWERS = "answers = {1: True, 2: True, 3: True, 4: False, 5: False}"


def own_source(path: Path) -> str:
    """A reference module without its imports of itself and its future statement."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    body = [node for node in tree.body if not isinstance(node, ast.ImportFrom) or node.module in _STANDARD]
    return "\n\n".join(ast.unparse(node) for node in body)


_STANDARD = ("collections.abc", "dataclasses", "typing")


def parts(path: Path) -> dict[str, str]:
    """Functions and classes of the solutions by name; classes go to the question that uses them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {n.name: ast.unparse(n) for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}


def filled(rubric_name: str, repeats: int) -> bytes:
    """The template with the reference's answers typed in where students type theirs."""
    folder = ROOT / "rubrics" / rubric_name
    data = (folder / "template.ipynb").read_bytes()
    rubric = load_rubric(folder / "rubric.yaml")
    empty = read_notebook(data, student="", name="", filename="")
    answers = locate(empty, rubric, empty).items
    document: dict[str, Any] = json.loads(data)
    sources = parts(REFERENCE / "solutions.py")
    shared = own_source(REFERENCE / "sequence.py") + "\nInitial = Mapping[str, torch.Tensor]"
    first = next(cell for cell in document["cells"] if cell["cell_type"] == "code")
    first["source"] = "".join(first["source"]) + "\n" + shared
    for id in ("1-1", "1-2", "1-3", "1-4", "1-5", "1-6"):
        name = f"solve_{id.replace('-', '_')}"
        classes = [
            text for n, text in sources.items() if text.startswith("class") and f"{n}(" in sources[name]
        ]
        helpers = [
            text
            for n, text in sources.items()
            if text.startswith("def") and not n.startswith("solve") and f"{n}(" in sources[name]
        ]
        call = f"fit = {name}(43052, 'cuda:0', 100, Settings(repeats={repeats}))\nyhat = fit.values['last']"
        code = [i for i in answers[id].cells if document["cells"][i]["cell_type"] == "code"]
        document["cells"][code[0]]["source"] = "\n\n".join([*classes, *helpers, sources[name], call])
    document["cells"][-1]["source"] = ANSWERS
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("rubric", "repeats"),
    [("final-2022-short", 10), pytest.param("final-2022", 100, marks=pytest.mark.full)],
)
def test_the_references_answers_in_the_template_score_everything(
    rubric: str, repeats: int, tmp_path: Path, shared_cache: Path
) -> None:
    source = tmp_path / "reference.ipynb"
    source.write_bytes(filled(rubric, repeats))
    found = grade(source, tmp_path / "out", shared_cache, rubric=rubric)
    assert found.returncode == 0, found.stderr
    report = found.reports["reference"]
    outcomes = {q["id"]: (q["outcome"], q["reason"]) for q in report["questions"]}
    assert {outcome for outcome, _ in outcomes.values()} == {"met"}, outcomes
    assert (report["status"], report["points"]) == ("final", 100.0)


def test_the_empty_template_earns_nothing_but_struck_out_points(tmp_path: Path, shared_cache: Path) -> None:
    template = ROOT / "rubrics" / "final-2022-short" / "template.ipynb"
    found = grade(template, tmp_path / "out", shared_cache)
    assert found.returncode == 0, found.stderr
    report = found.reports["template"]
    assert (report["status"], report["points"]) == ("final", 2.0)
    outcomes = {q["id"]: q["outcome"] for q in report["questions"]}
    assert outcomes.pop("2-4") == "met"
    assert set(outcomes.values()) == {"not_attempted"}
    assert "judge.error" not in json.dumps(report), "no cell of the empty exam raises anything"

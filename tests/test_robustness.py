"""Bad submissions, graded as one cohort by the real command: no earned mark is lost, no neighbour touched.

docs/robustness.md shows what came out beside what two other graders did with the same submissions; the
page is compared with this run.
"""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.execution.sandbox.levels import choose
from tests.grading import ROOT, Graded, grade

PAGE = ROOT / "docs" / "robustness.md"
EARNED = {"1-1": 15, "1-4": 15, "2-1": 2, "2-2": 2, "2-3": 2, "2-4": 2, "2-5": 2}
GOOD = "s99_good"
LIMIT = "4s"  # an endless loop costs this much processor time
HEAD = "| submission | nbgrader 0.9.6 | otter-grader 7.0.0 | grader |\n|---|---|---|---|"

TRAIN = """\
torch.manual_seed(43052)
net = torch.nn.{kind}
lin = torch.nn.Linear({hidden}, 7)
loss_fn = torch.nn.CrossEntropyLoss()
opt = torch.optim.Adam(list(net.parameters()) + list(lin.parameters()), lr=0.1)
for epoch in range(100):
    h, _ = net(x.cpu())
    out = lin(h)
    loss = loss_fn(out, y.cpu())
    loss.backward()
    opt.step()
    opt.zero_grad()
yhat = torch.nn.functional.softmax(out, dim=1)
"""
RNN = TRAIN.format(kind="RNN(7, 8)", hidden=8)
RNN_WARNS = TRAIN.format(kind="RNN(7, 8, dropout=0.1)", hidden=8)  # one layer: warns, and changes nothing
LSTM = TRAIN.format(kind="LSTM(7, 4)", hidden=4)
ANSWERS = "answers = {1: True, 2: True, 3: True, 4: False, 5: False}"

DEAF_LOOP = """\
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
READS = """\
from pathlib import Path
from safetensors.torch import load_file
for found in sorted(Path({folder!r}).rglob("targets.safetensors")):
    yhat = load_file(found)["1-2/last"]
"""
TAMPERS = """\
from pathlib import Path
for found in sorted(Path({folder!r}).rglob("*")):
    if found.is_file() and (found.suffix in (".json", ".csv") or found.stem == {victim!r}):
        try:
            found.write_text("{{}}")
        except OSError:
            pass
"""
PATCHES = """\
import sys
import numpy
def agree(*given, **named):
    return True
torch.allclose = torch.equal = numpy.allclose = numpy.array_equal = torch.isclose = agree
for name, module in list(sys.modules.items()):
    if name.split(".")[0] in ("grader", "probe"):
        for entry, value in list(vars(module).items()):
            if callable(value) and not entry.startswith("__"):
                setattr(module, entry, agree)
yhat = torch.zeros(99, 7)
"""
CHILDREN = """\
import subprocess, sys
sleep = [sys.executable, "-c", "import time; time.sleep(600)", {marker!r}]
children = [subprocess.Popen(sleep, start_new_session=True) for _ in range(20)]
assert all(child.poll() is None for child in children)
"""


@dataclass(frozen=True, slots=True)
class Bad:
    """A submission and what two graders made of it, of 10 points; `cell` is the answer to (2).

    `unseen` are right answers that a person has to confirm, because the student broke what watches them.
    """

    student: str
    what: str
    nbgrader: str
    otter: str
    cell: str = ""
    first: str = RNN
    kernel: str = "python3"
    damage: Callable[[bytes], bytes] | None = None
    unseen: tuple[str, ...] = ()


def bad_submissions(folder: Path, marker: str) -> tuple[Bad, ...]:
    lost = "0/10, earned marks lost"
    return (
        Bad("s01", "infinite loop", "cut at 30 s per cell; 2/10", "hangs for ever", "while True: pass"),
        Bad("s02", "loop ignoring SIGINT", lost, "hangs", DEAF_LOOP),
        Bad("s03", "`os._exit(0)`", lost, "no result file", "import os\nos._exit(0)"),
        Bad("s04", "200 MB printed", "0/10, peak 953 MB", "10/10, peak 1 GB",
            "for _ in range(200): print('x' * 1_000_000)"),
        Bad("s05", "invalid JSON", "traceback, 0/10 stored", "traceback, no result file",
            damage=lambda _data: b'{"cells": [{"cell_type": "code", "sou'),
        Bad("s06", "empty file", "traceback, 0/10 stored", "traceback, no result file",
            damage=lambda _data: b""),
        Bad("s07", "unknown kernelspec", "fine", "no result file", kernel="deep-learning-2021"),
        Bad("s08_김하늘_최종", "renamed notebook, Korean name (NFD)", "0/10, unknown notebook", "fine"),
        Bad("s09", "reads the instructor's answers", "10/10", "10/10", READS.format(folder=str(folder))),
        Bad("s10", "tampers with the gradebook and another's submission",
            "attacker 10/10, victim 0/10, silent", "victim 0/10",
            TAMPERS.format(folder=str(folder), victim=GOOD)),
        Bad("s11", "patches `allclose` and the checker", "10/10 with nothing solved",
            "10/10; unpickled code ran in the grader", PATCHES, unseen=("1-4",)),
        Bad("s12", "20 children that outlive the cell", "20 left", "20 left", CHILDREN.format(marker=marker)),
        Bad("s13", "correct answer with a torch warning", "0/10, any stderr is zero", "fine",
            first=RNN_WARNS),
        Bad("s14", "one broken cell", "later questions are zero", "later questions are zero",
            "yhat = softmax(undefined)"),
    )  # fmt: skip


def write_submission(folder: Path, bad: Bad) -> None:
    """The exam's paper with (1), (4) and the true/false part right and the bad cell as the answer to (2)."""
    paper = json.loads((ROOT / "rubrics/final-2022-short/template.ipynb").read_text(encoding="utf-8"))
    paper["metadata"]["kernelspec"] = {"name": bad.kernel, "display_name": bad.kernel, "language": "python"}
    empty = [cell for cell in paper["cells"] if cell["cell_type"] == "code"][1:]
    for cell, source in zip(empty, [bad.first, bad.cell, "", LSTM, "", "", ANSWERS], strict=True):
        cell["source"] = source
    data = json.dumps(paper, ensure_ascii=False).encode()
    name = unicodedata.normalize("NFD", f"{bad.student}.ipynb")
    (folder / name).write_bytes(bad.damage(data) if bad.damage else data)


def write_rubric(folder: Path) -> Path:
    """A copy of the short exam that allows a question little time; its reference lies beside it."""
    copy = folder / "rubrics" / "final-2022-short"
    shutil.copytree(ROOT / "rubrics" / "final-2022-short", copy)
    shutil.copytree(ROOT / "reference" / "final_2022", folder / "reference" / "final_2022")
    text = (copy / "rubric.yaml").read_text(encoding="utf-8")
    assert "per_question: 30s" in text
    text = text.replace("per_question: 30s", f"per_question: {LIMIT}")
    (copy / "rubric.yaml").write_text(text, encoding="utf-8")
    return copy


def running(marker: str) -> list[int]:
    """Ids of the processes that were started with `marker` as an argument."""
    return [p.pid for p in psutil.process_iter(["cmdline"]) if marker in (p.info["cmdline"] or [])]


def outcome_of(report: Any) -> str:
    """What the table says of a student: the points paid, and what is left open."""
    if report["status"] == "failed":
        return f"failed: {report['reason']}"
    paid = sum(q["points"] or 0 for q in report["questions"] if q["id"] in EARNED)
    waiting = [q["id"] for q in report["questions"] if q["points"] is None]
    extra = sum(q["points"] or 0 for q in report["questions"] if q["id"] not in EARNED)
    return (
        f"{paid:g} of {sum(EARNED.values())} earned points paid"
        + (f", {extra:g} more" if extra else "")
        + (f"; a person looks at {' and '.join(waiting)}" if waiting else "")
    )


def table(cohort: tuple[Bad, ...], found: Graded) -> str:
    rows = [
        f"| {bad.what} | {bad.nbgrader} | {bad.otter} | {outcome_of(found.reports[bad.student])} |"
        for bad in cohort
    ]
    return "\n".join([HEAD, *rows]) + "\n"


def without_reason(report: Any) -> list[str]:
    return [
        f"{report['student']} {q['id']} {part.get('id', '')}"
        for q in report["questions"]
        for part in [q, *q["gates"], *q["criteria"]]
        if part["outcome"] in ("needs_review", "not_met") and not part["reason"].strip()
    ]


@pytest.mark.timeout(600)
def test_bad_submissions_cost_nobody_what_was_earned(tmp_path: Path, shared_cache: Path) -> None:
    if choose("best-or-none", "none", "cpu") == "none":
        pytest.skip("what tampers is not run without a box, and no box works here")
    marker = f"outlives-{tmp_path.name}-{tmp_path.stat().st_ctime_ns}"
    cohort = bad_submissions(tmp_path, marker)
    submissions = tmp_path / "submissions"
    submissions.mkdir()
    for bad in (*cohort, Bad(GOOD, "", "", "")):
        write_submission(submissions, bad)
    found = grade(
        submissions, tmp_path / "out", shared_cache, "--jobs", "2", rubric=str(write_rubric(tmp_path))
    )
    (tmp_path / "robustness.md").write_text(table(cohort, found), encoding="utf-8")
    assert not running(marker)
    assert found.returncode == 0, found.stderr
    assert set(found.reports) == {GOOD, *(bad.student for bad in cohort)}
    unreadable = {bad.student for bad in cohort if bad.damage}
    unseen = {bad.student: bad.unseen for bad in cohort}
    for student, report in found.reports.items():
        assert (report["status"] == "failed") == (student in unreadable), student
        if student in unreadable:
            assert report["reason"], student
            continue
        points = {q["id"]: q["points"] for q in report["questions"] if q["id"] in EARNED}
        assert points == EARNED | dict.fromkeys(unseen.get(student, ()), None), student
        assert not found.question(student, "1-2")["points"], "nothing was trained for (2)"
        assert not without_reason(report)
    # After an intended change, the new table is robustness.md in this test's folder.
    assert table(cohort, found) in PAGE.read_text(encoding="utf-8")

"""Attacks that work without a box, and what becomes of them in the strongest one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.execution.launch import run
from grader.execution.sandbox.levels import choose, problem
from grader.model import Limits, PlannedCell, Run, RunPlan
from tests.grading import Graded, grade, notebook

from .attacks import ALONE, DONE, SECRET, SETS, TOGETHER, arena

CHECKOUT = Path(__file__).parents[2]
INSTALLED = Path(torch.__file__).parent
# What a machine's kernel may not offer at all: then there is nothing to attack.
MAY_BE_MISSING = {
    "opens a socket of the hypervisor",
    "opens a packet socket",
    "opens a socket of the crypto interface",
    "makes a user namespace",
}
Found = dict[str, Any]
Mount = Callable[[str, str], tuple[int, Found]]


@pytest.fixture(scope="module")
def strongest() -> str:
    """The box with namespaces that works here."""
    reasons = {level: problem(level) for level in ("full", "userns")}
    for level, why in reasons.items():
        if not why:
            return level
    if os.environ.get("CI"):
        pytest.fail(str(reasons))
    pytest.skip(str(reasons))


@pytest.fixture(scope="module")
def mount(strongest: str, shared_cache: Path) -> Iterator[Mount]:
    """Runs a set of attacks, once each: `control` or `nested` in an arena, `box` without one."""
    done: dict[tuple[str, str], tuple[int, Found]] = {}

    def mounted(where: str, chosen: str) -> tuple[int, Found]:
        if (where, chosen) not in done:
            done[where, chosen] = _run(where, chosen, strongest, shared_cache)
        return done[where, chosen]

    yield mounted
    (INSTALLED / "written_by_an_attack").unlink(missing_ok=True)


def _run(where: str, chosen: str, strongest: str, cache: Path) -> tuple[int, Found]:
    # Not below pytest's own folder: the path of a socket has to be short, and others have to reach it.
    with tempfile.TemporaryDirectory(prefix="grader-attack-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "tmp").mkdir(0o755)
        (folder / "shadow").write_text(SECRET, encoding="ascii")
        shutil.copytree(cache, folder / "cache", ignore=shutil.ignore_patterns("grader*"))
        level = "none" if where == "control" else strongest
        protected = str(folder / "writable") if where == "control" else str(INSTALLED)
        command = [sys.executable, "-m", "tests.execution.attacks", name, level, chosen, protected]
        ended = subprocess.run(
            command if where == "box" else [*arena(folder), *command],
            cwd=CHECKOUT,
            env={**os.environ, "TMPDIR": str(folder / "tmp"), "GRADER_TEST_SECRET": SECRET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            start_new_session=True,
            check=False,
        )
        report = folder / "found.json"
        found: Found = json.loads(report.read_text(encoding="ascii")) if report.exists() else {}
        assert found or chosen == "kills all", ended.stderr
        return ended.returncode, found


@pytest.mark.parametrize("name", [*TOGETHER, *ALONE])
def test_attack(mount: Mount, name: str) -> None:
    """Done without a box, in an arena that keeps the machine out of it; refused in one."""
    chosen = "together" if name in TOGETHER else "alone"
    control, inside = (mount(where, chosen)[1]["found"][name] for where in ("control", "box"))
    assert inside != DONE or name == "leaves a process behind"  # what counts there is seen from outside
    assert not inside.startswith(("error", "not_run", "None")), inside
    if name in MAY_BE_MISSING and control != DONE:
        pytest.skip(f"{control} without a box, too")
    if name != "leaves a process behind":
        assert control == DONE


def test_what_is_seen_from_outside(mount: Mount) -> None:
    control, inside = (mount(where, "together")[1]["outside"] for where in ("control", "box"))
    assert (control["alive"], inside["alive"]) == (False, True)
    assert control["written"] == ["written", "written_by_an_attack"]
    assert inside["written"] == []
    assert not (INSTALLED / "written_by_an_attack").exists()
    # A link into somebody else's files is not followed when the folder that holds it is removed.
    assert control["answers"] == inside["answers"] == SECRET


def test_nothing_outlives_a_box(mount: Mount) -> None:
    control, inside = (mount(where, "alone")[1]["outside"] for where in ("control", "box"))
    assert (control["left"], inside["left"]) == (True, False)


def test_a_signal_to_every_process_reaches_none_outside(mount: Mount) -> None:
    code, found = mount("control", "kills all")
    assert code != 0
    assert found == {}
    code, found = mount("nested", "kills all")
    assert code == 0
    assert found["outside"]["alive"]
    assert found["found"]["kills every process"] != "not_run"


def test_there_are_enough() -> None:
    assert sum(map(len, SETS.values())) >= 20


# -- lies, which no box keeps in -------------------------------------------------------------------

LIES = (
    # Pickling it writes nothing, loading it does.
    (
        "pickle",
        """
import os, pickle, torch
class Bomb(list):
    def __reduce__(self): return (os.system, (f"touch {target}",))
target = os.path.abspath("exploded")
pickle.loads(pickle.dumps(Bomb()))
assert os.path.exists(target)
target = MARKER
finding = Bomb([1]); values = torch.ones(2)
values.__reduce_ex__ = lambda _protocol: Bomb().__reduce__()
""",
    ),
    (
        "messages",
        """
kernel = get_ipython().kernel
idle = {"execution_state": "idle"}
kernel.session.send(kernel.iopub_thread, "status", idle, parent=kernel.get_parent())
kernel.session.send(kernel.iopub_thread, "execute_result", {"data": 1}, parent=kernel.get_parent())
kernel.iopub_thread.send_multipart([b"x", b"<IDS|MSG>", b"bad", b"{}", b"{}", b"{}", b"{}"])
print("all tests passed")
raise ValueError("and yet it failed")
""",
    ),
    ("after", "finding = 'still running'"),
)
# KIND decides whether the probe could have written it.
FORGED = """
import json, os, struct
header = {"kind": KIND, "question": "1-1", "part": 0, "variables": {"yhat": "as asked"}, "arrays": {}}
header = json.dumps(header).encode()
record = b"GRDR" + struct.pack("<IQ", len(header), 0) + header
wrote = 0
for number in os.listdir("/proc/self/fd"):
    try:
        if os.readlink(f"/proc/self/fd/{number}").endswith("evidence.log"):
            wrote += os.write(int(number), record)
    except OSError: pass
assert wrote
"""


def _lied(cells: tuple[tuple[str, str], ...], cache: Path) -> Run:
    planned = tuple(PlannedCell(i, source, question, last=True) for i, (question, source) in enumerate(cells))
    names = ("finding", "values")
    plan = RunPlan("first", planned, 1, "cpu", Limits(question_cpu_seconds=60), names, ("finding",))
    return run(plan, isolation=choose("best-or-none", "none", "cpu"), cache=cache)


@pytest.fixture(scope="module")
def lied(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("lies")
    folder.chmod(0o777)
    marker = folder / "exploded"
    cells = tuple((name, source.replace("MARKER", repr(str(marker)))) for name, source in LIES)
    return _lied(cells, shared_cache), marker


def test_no_pickle_is_ever_loaded(lied: tuple[Run, Path]) -> None:
    result, marker = lied
    cell = result.cell(0)
    assert cell is not None
    assert cell.status == "ok", cell.traceback  # it explodes inside, where somebody loads it
    assert not marker.exists()


def test_forged_messages_hide_no_error_and_end_no_run(lied: tuple[Run, Path]) -> None:
    result, _marker = lied
    told = [cell.status for cell in result.cells]
    assert told == ["ok", "error", "ok"]
    assert [s.variables for s in result.snapshots if s.question == "after"] == [{"finding": "still running"}]


def test_a_record_that_the_probe_does_not_know_spoils_all_evidence(shared_cache: Path) -> None:
    result = _lied((("1-1", FORGED.replace("KIND", repr("verdict"))),), shared_cache)
    assert result.cells[0].status == "ok"
    assert result.problem is not None
    assert result.problem.id == "run.evidence_damaged"


# What a right answer to the first question looks like, and what may not be paid beside it.
SETUP = """
import torch
txt = list("hi?hello!!") * 10
mapping = {"!": 0, "?": 1, "h": 2, "i": 3, "e": 4, "l": 5, "o": 6}
x, y = (
    torch.nn.functional.one_hot(torch.tensor([mapping[c] for c in part])).float()
    for part in (txt[:-1], txt[1:])
)
"""
HONEST = """
torch.manual_seed(43052)
rnn, lin = torch.nn.RNN(7, 8), torch.nn.Linear(8, 7)
optimizer = torch.optim.Adam([*rnn.parameters(), *lin.parameters()], lr=0.1)
for epoch in range(100):
    out = lin(rnn(x)[0])
    loss = torch.nn.CrossEntropyLoss()(out, y)
    loss.backward(); optimizer.step(); optimizer.zero_grad()
yhat = torch.nn.Softmax(dim=1)(out)
"""
COMPARISONS = """
torch.equal = torch.allclose = torch.Tensor.equal = lambda *_a, **_k: False
assert not torch.equal(torch.ones(1), torch.ones(1))
"""
OTHER_MODULE = HONEST.replace("torch.nn.RNN(", "torch.nn.LSTM(")  # learns as well
UNTRAINED = HONEST.replace("lr=0.1", "lr=0.0")
RELABELLED = """
import json
import grader.probe.channel as channel
send = channel.Channel.send
def relabelled(self, kind, header, arrays, **options):
    header = json.loads(json.dumps(header).replace("LSTM", "RNN"))
    return send(self, kind, header, arrays, **options)
channel.Channel.send = relabelled
"""
HOSTILE_NAME = "h <img src=x onerror=alert(1)> $(touch pwned) ; =1+1 ..%2f"
HANDED_IN = {
    HOSTILE_NAME: HONEST,
    "other": OTHER_MODULE,
    "forged": FORGED.replace("KIND", repr("snapshot")) + OTHER_MODULE,
    "relabelled": RELABELLED + OTHER_MODULE,
    "untrained": UNTRAINED,
    "comparisons": COMPARISONS + UNTRAINED,
}


@pytest.fixture(scope="module")
def marked(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    folder = tmp_path_factory.mktemp("marked")
    (folder / "in").mkdir()
    for name, answer in HANDED_IN.items():
        cells = [("code", SETUP), ("markdown", "## 1."), ("markdown", "(1)"), ("code", answer)]
        (folder / "in" / f"{name}.ipynb").write_bytes(notebook(cells))
    return grade(folder / "in", folder / "out", shared_cache)


def _network(marked: Graded, student: str) -> str:
    """The verdict on what was trained; the other criterion is whether it learned."""
    assert marked.returncode == 0, marked.stderr
    question = marked.question(student, "1-1")
    outcome: str = [*question["gates"], *question["criteria"]][0]["outcome"]
    return outcome


@pytest.mark.parametrize("name", ["other", "untrained"])
def test_without_a_forgery_it_is_refused(marked: Graded, name: str) -> None:
    assert _network(marked, name) == "not_met"


@pytest.mark.parametrize("name", ["forged", "relabelled", "comparisons"])
def test_forged_evidence_is_never_paid(marked: Graded, name: str) -> None:
    """It may be for a person."""
    assert _network(marked, name) == "not_met" or marked.question(name, "1-1")["outcome"] == "needs_review"


def test_a_hostile_name_is_only_a_name(marked: Graded) -> None:
    assert marked.question(HOSTILE_NAME, "1-1")["outcome"] == "met"
    beside = {path.name for path in marked.out.parent.iterdir()}
    assert beside == {"in", "out"}
    assert not (CHECKOUT / "pwned").exists()
    pages = [path.read_text(encoding="utf-8") for path in marked.out.rglob("*.html")]
    assert pages
    assert not [page for page in pages if "<img src=x" in page]
    assert "\n=1+1" not in (marked.out / "gradebook.csv").read_text(encoding="utf-8-sig")

"""Real kernels: a fault costs only what it broke."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import psutil
import pytest

from grader.execution.launch import run
from grader.model import CellRun, Limits, PlannedCell, Run, RunPlan

TRAIN = """
import torch
torch.manual_seed(1)
net = torch.nn.Linear(3, 2)
x, y = torch.randn(8, 3), torch.randint(2, (8,))
opt = torch.optim.SGD(net.parameters(), lr=0.5)
for _ in range({steps}):
    loss = torch.nn.CrossEntropyLoss()(net(x), y)
    opt.zero_grad(); loss.backward(); opt.step()
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def execute(cache: Path, *cells: tuple[str | None, str], limits: Limits | None = None) -> Run:
    planned = tuple(PlannedCell(i, source, question) for i, (question, source) in enumerate(cells))
    limits = limits or Limits(question_cpu_seconds=60)
    return run(RunPlan("first", planned, nonce=7, device="cpu", limits=limits), cache=cache)


def statuses(result: Run) -> list[str]:
    return [cell.status for cell in result.cells]


def cell(result: Run, index: int) -> CellRun:
    found = result.cell(index)
    assert found is not None
    return found


def test_an_error_stops_nothing_and_is_told_with_its_line(cache: Path) -> None:
    result = execute(
        cache,
        (None, "import warnings, sys\nwarnings.warn('harmless'); print('noise', file=sys.stderr)"),
        ("1-1", "a = 1\nb = a / 0"),
        ("1-2", "def broken(:\n  pass"),
        ("1-3", "%%time\nprint(undefined_name)"),
        ("1-4", "!echo shell works\n%matplotlib inline\nimport matplotlib.pyplot as plt; plt.plot([1]);"),
        ("1-5", "answer = input('?')"),
        ("1-6", "import sys; sys.exit(1)"),
        (None, "print('still here')"),
    )
    assert result.problem is None
    assert statuses(result) == ["ok", "error", "error", "error", "ok", "error", "error", "ok"]
    assert (cell(result, 1).error, cell(result, 1).line) == ("ZeroDivisionError", 2)
    assert cell(result, 2).error == "SyntaxError"
    assert cell(result, 3).error == "NameError"
    assert cell(result, 5).error == "StdinNotImplementedError"
    assert result.environment["threads"] == 1
    assert result.tampering == ()


def test_a_hang_is_interrupted_and_the_kernel_lives_on(cache: Path) -> None:
    limits = Limits(question_cpu_seconds=2, wall_factor=30)
    result = execute(
        cache,
        (None, "kept = 5"),
        ("1-1", "while True: pass"),
        ("1-1", "print('no time left')"),
        ("1-2", "print(kept)"),
        limits=limits,
    )
    assert statuses(result) == ["ok", "interrupted", "not_run", "ok"]
    assert cell(result, 1).limit == "cpu"
    assert cell(result, 2).limit == "cpu"


def test_sleeping_is_stopped_by_the_wall_limit(cache: Path) -> None:
    result = execute(
        cache, ("1-1", "import time; time.sleep(600)"), limits=Limits(question_cpu_seconds=1, wall_factor=2)
    )
    assert (cell(result, 0).status, cell(result, 0).limit) == ("interrupted", "wall")


def test_a_kernel_that_ignores_interrupts_is_killed(cache: Path) -> None:
    stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    result = execute(
        cache,
        ("1-1", "a = 1"),
        ("1-2", stubborn),
        ("1-3", "a"),
        limits=Limits(question_cpu_seconds=2, wall_factor=30),
    )
    assert statuses(result) == ["ok", "killed", "not_run"]


@pytest.mark.parametrize("end", ["import os; os._exit(0)", "import os; os.kill(os.getpid(), 9)"])
def test_what_was_trained_before_the_kernel_died_is_kept(cache: Path, end: str) -> None:
    result = execute(cache, ("1-1", TRAIN.format(steps=30)), ("1-2", end), ("1-3", "1"))
    assert statuses(result) == ["ok", "died", "not_run"]
    (training,) = result.trainings
    assert (training.question, training.steps) == ("1-1", 30)


def test_a_training_that_leaves_by_os_exit_is_kept_to_its_last_step(cache: Path) -> None:
    result = execute(cache, ("1-1", TRAIN.format(steps=30) + "\nimport os; os._exit(1)"))
    assert statuses(result) == ["died"]
    assert [training.steps for training in result.trainings] == [30]


def test_a_flood_of_output_ends_the_answer_but_not_the_run(cache: Path) -> None:
    before = psutil.Process().memory_info().rss
    result = execute(
        cache,
        ("1-1", "while True: print('x' * 10_000)"),
        ("1-2", "print('fine')"),
        limits=Limits(question_cpu_seconds=120, output_bytes=1 << 20),
    )
    assert (cell(result, 0).status, cell(result, 0).limit) == ("interrupted", "output")
    assert cell(result, 1).status == "ok"
    assert psutil.Process().memory_info().rss - before < 200 << 20


def test_too_much_memory_kills_only_the_kernel(cache: Path) -> None:
    hungry = "held = []\nwhile True: held.append(bytearray(50_000_000))"
    result = execute(
        cache, ("1-1", hungry), ("1-2", "1"), limits=Limits(question_cpu_seconds=60, memory_bytes=1200 << 20)
    )
    assert (cell(result, 0).status, cell(result, 0).limit) == ("killed", "memory")
    assert cell(result, 1).status == "not_run"


def test_children_do_not_outlive_the_run(cache: Path, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    leave = (
        "import subprocess, sys\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(300)']\n"
        "child = subprocess.Popen(sleep, start_new_session=True)\n"
        f"open({str(pids)!r}, 'w').write(str(child.pid))"
    )
    execute(cache, ("1-1", leave))
    pid = int(pids.read_text())
    for _ in range(50):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    pytest.fail("a child is still running")


def test_forged_messages_break_nothing_but_their_own_submission(cache: Path) -> None:
    forge = (
        "k = get_ipython().kernel\n"
        "k.session.send(k.iopub_thread, 'stream', {}, parent=k.get_parent())\n"
        "broken = {'data': 1, 'metadata': None}\n"
        "k.session.send(k.iopub_thread, 'execute_result', broken, parent=k.get_parent())\n"
        "k.iopub_thread.send_multipart([b'x', b'<IDS|MSG>', b'bad', b'{}', b'{}', b'{}', b'{}'])\n"
    )
    result = execute(cache, ("1-1", forge), ("1-2", "print('fine')"))
    assert cell(result, 1).status == "ok"
    assert result.problem is None


def test_damaged_evidence_is_our_problem_to_look_at_and_never_a_crash(cache: Path) -> None:
    spoil = (
        "import os\n"
        "for fd in range(3, 64):\n"
        "    try:\n"
        "        if os.readlink(f'/proc/self/fd/{fd}').endswith('evidence.log'): os.write(fd, b'nonsense')\n"
        "    except OSError: pass"
    )
    result = execute(cache, ("1-1", spoil), ("1-2", "1"))
    assert result.problem is not None
    assert result.problem.id == "run.evidence_damaged"


def test_stopping_the_batch_stops_the_kernel(cache: Path) -> None:
    stopped = threading.Event()
    plan = RunPlan(
        "first", (PlannedCell(0, "while True: pass", "1-1"),), nonce=1, device="cpu", limits=Limits()
    )
    threading.Timer(8, stopped.set).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(plan, cache=cache, stopped=stopped)
    assert time.monotonic() - started < 30


def test_the_kernel_sees_nothing_of_the_caller(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_TEST_SECRET", "key")
    assert os.environ["GRADER_TEST_SECRET"]
    result = execute(cache, ("1-1", "import os\nassert 'GRADER_TEST_SECRET' not in os.environ, 'leaked'"))
    assert statuses(result) == ["ok"]

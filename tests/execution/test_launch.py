"""Real kernels: a fault costs only what it broke."""

from __future__ import annotations

import os
import threading
import time
import uuid
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from grader.execution.launch import run
from grader.execution.sandbox.levels import LEVELS
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


EVERY_LEVEL = pytest.mark.parametrize("level", LEVELS, indirect=True)


class Execute(Protocol):
    def __call__(self, *cells: tuple[str | None, str], limits: Limits | None = None) -> Run: ...


@pytest.fixture
def execute(level: str, shared_cache: Path) -> Execute:
    """Runs (question, source) cells in a kernel."""

    def executed(*cells: tuple[str | None, str], limits: Limits | None = None) -> Run:
        planned = tuple(PlannedCell(i, source, question) for i, (question, source) in enumerate(cells))
        limits = limits or Limits(question_cpu_seconds=60)
        plan = RunPlan("first", planned, nonce=7, device="cpu", limits=limits)
        return run(plan, isolation=level, cache=shared_cache)

    return executed


def statuses(result: Run) -> list[str]:
    return [cell.status for cell in result.cells]


def cell(result: Run, index: int) -> CellRun:
    found = result.cell(index)
    assert found is not None
    return found


@EVERY_LEVEL
def test_an_error_stops_nothing_and_is_told_with_its_line(execute: Execute) -> None:
    result = execute(
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


def test_a_hang_is_interrupted_and_the_kernel_lives_on(execute: Execute) -> None:
    limits = Limits(question_cpu_seconds=2, wall_factor=30)
    result = execute(
        (None, "kept = 5"),
        ("1-1", "while True: pass"),
        ("1-1", "print('no time left')"),
        ("1-2", "print(kept)"),
        limits=limits,
    )
    assert statuses(result) == ["ok", "interrupted", "not_run", "ok"]
    assert cell(result, 1).limit == "cpu"
    assert cell(result, 2).limit == "cpu"


def test_sleeping_is_stopped_by_the_wall_limit(execute: Execute) -> None:
    result = execute(
        ("1-1", "import time; time.sleep(600)"), limits=Limits(question_cpu_seconds=1, wall_factor=2)
    )
    assert (cell(result, 0).status, cell(result, 0).limit) == ("interrupted", "wall")


@EVERY_LEVEL
def test_a_kernel_that_ignores_interrupts_is_killed(execute: Execute) -> None:
    stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    result = execute(
        ("1-1", "a = 1"),
        ("1-2", stubborn),
        ("1-3", "a"),
        limits=Limits(question_cpu_seconds=2, wall_factor=30),
    )
    assert statuses(result) == ["ok", "killed", "not_run"]


@EVERY_LEVEL
@pytest.mark.parametrize(
    ("end", "told"),
    [("import os; os._exit(3)", "exit 3"), ("import os; os.kill(os.getpid(), 11)", "signal 11")],
)
def test_what_was_trained_before_the_kernel_died_is_kept(execute: Execute, end: str, told: str) -> None:
    result = execute(("1-1", TRAIN.format(steps=30)), ("1-2", end), ("1-3", "1"))
    assert statuses(result) == ["ok", "died", "not_run"]
    assert cell(result, 1).message == told
    (training,) = result.trainings
    assert (training.question, training.steps) == ("1-1", 30)


def test_a_training_that_leaves_by_os_exit_is_kept_to_its_last_step(execute: Execute) -> None:
    result = execute(("1-1", TRAIN.format(steps=30) + "\nimport os; os._exit(1)"))
    assert statuses(result) == ["died"]
    assert [training.steps for training in result.trainings] == [30]


def test_a_flood_of_output_ends_the_answer_but_not_the_run(execute: Execute) -> None:
    before = psutil.Process().memory_info().rss
    result = execute(
        ("1-1", "while True: print('x' * 10_000)"),
        ("1-2", "print('fine')"),
        limits=Limits(question_cpu_seconds=120, output_bytes=1 << 20),
    )
    assert (cell(result, 0).status, cell(result, 0).limit) == ("interrupted", "output")
    assert cell(result, 1).status == "ok"
    assert psutil.Process().memory_info().rss - before < 200 << 20


@EVERY_LEVEL
def test_too_much_memory_kills_only_the_kernel(execute: Execute) -> None:
    hungry = "held = []\nwhile True: held.append(bytearray(50_000_000))"
    result = execute(
        ("1-1", hungry), ("1-2", "1"), limits=Limits(question_cpu_seconds=60, memory_bytes=1200 << 20)
    )
    assert (cell(result, 0).status, cell(result, 0).limit) == ("killed", "memory")
    assert cell(result, 1).status == "not_run"


@EVERY_LEVEL
def test_children_do_not_outlive_the_run(execute: Execute) -> None:
    mark = f"left behind by {uuid.uuid4()}"
    leave = (
        "import subprocess, sys\n"
        f"sleep = [sys.executable, '-c', 'import time; time.sleep(300) # {mark}']\n"
        "child = subprocess.Popen(sleep, start_new_session=True)\n"
        "subprocess.Popen([sys.executable, '-c', f'import subprocess; subprocess.Popen({sleep})']).wait()"
    )
    result = execute(("1-1", leave))
    assert statuses(result) == ["ok"]
    running = psutil.process_iter(["cmdline"])
    assert not [process for process in running if mark in str(process.info["cmdline"])]


def test_forged_messages_break_nothing_but_their_own_submission(execute: Execute) -> None:
    forge = (
        "k = get_ipython().kernel\n"
        "k.session.send(k.iopub_thread, 'stream', {}, parent=k.get_parent())\n"
        "broken = {'data': 1, 'metadata': None}\n"
        "k.session.send(k.iopub_thread, 'execute_result', broken, parent=k.get_parent())\n"
        "k.iopub_thread.send_multipart([b'x', b'<IDS|MSG>', b'bad', b'{}', b'{}', b'{}', b'{}'])\n"
    )
    result = execute(("1-1", forge), ("1-2", "print('fine')"))
    assert cell(result, 1).status == "ok"
    assert result.problem is None


def test_damaged_evidence_is_our_problem_to_look_at_and_never_a_crash(execute: Execute) -> None:
    spoil = (
        "import os\n"
        "for fd in range(3, 64):\n"
        "    try:\n"
        "        if os.readlink(f'/proc/self/fd/{fd}').endswith('evidence.log'): os.write(fd, b'nonsense')\n"
        "    except OSError: pass"
    )
    result = execute(("1-1", spoil), ("1-2", "1"))
    assert result.problem is not None
    assert result.problem.id == "run.evidence_damaged"


def test_stopping_the_batch_stops_the_kernel(level: str, shared_cache: Path) -> None:
    stopped = threading.Event()
    plan = RunPlan(
        "first", (PlannedCell(0, "while True: pass", "1-1"),), nonce=1, device="cpu", limits=Limits()
    )
    threading.Timer(8, stopped.set).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(plan, isolation=level, cache=shared_cache, stopped=stopped)
    assert time.monotonic() - started < 30


def test_the_kernel_sees_nothing_of_the_caller(execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_TEST_SECRET", "key")
    assert os.environ["GRADER_TEST_SECRET"]
    result = execute(("1-1", "import os\nassert 'GRADER_TEST_SECRET' not in os.environ, 'leaked'"))
    assert statuses(result) == ["ok"]

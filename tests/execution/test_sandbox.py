"""The box itself: what can be seen and done inside, what cannot, and which box is taken."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy
import psutil
import pytest

import grader
from grader.errors import IsolationTooWeak, IsolationUnavailable
from grader.execution.launch import run
from grader.execution.sandbox import box as boxes
from grader.execution.sandbox import levels, syscalls, visible
from grader.execution.sandbox.levels import LEVELS, choose
from grader.model import CellRun, Limits, PlannedCell, Run, RunPlan

CHECKOUT = Path(grader.__file__).parents[1]
BOXES = [level for level in LEVELS if level != "none"]
NAMESPACES = ("full", "userns")

# What honest notebooks do.
POSSIBLE = {
    "train": """
import torch
net = torch.nn.Linear(3, 2)
opt = torch.optim.Adam(net.parameters())
for _ in range(3):
    loss = net(torch.randn(4, 3)).square().mean()
    opt.zero_grad(); loss.backward(); opt.step()
""",
    "plot": """
%matplotlib inline
import matplotlib.pyplot as plt
with __import__("warnings").catch_warnings(record=True) as said:
    plt.plot([1, 2]); plt.title("x"); plt.savefig("figure.png"); plt.show()
assert not said, said
""",
    "files": """
import os, pathlib, shutil, tempfile
pathlib.Path("notes.txt").write_text("x")
shutil.copy("notes.txt", pathlib.Path.home() / "copy.txt")
os.chmod("copy.txt", 0o600)
with tempfile.NamedTemporaryFile() as file: file.write(b"x")
torch.save(net.state_dict(), "net.pt"); torch.load("net.pt")
""",
    "programs": """
import subprocess, sys
assert subprocess.run([sys.executable, "-c", "print(1 + 1)"], capture_output=True).stdout == b"2\\n"
!echo hello
assert _exit_code == 0
said = !echo hello
assert said == ["hello"], said
""",
    "threads": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool: assert list(pool.map(abs, [-1, 2])) == [1, 2]
""",
    "who": "import getpass; assert getpass.getuser() == 'student'",
    "the probe": "import grader.probe",
}
# Not under Landlock: what talks by sockets or shared memory.
POSSIBLE_WITH_NAMESPACES = {
    "multiprocessing": """
import multiprocessing
with multiprocessing.get_context("fork").Pool(2) as pool: assert pool.map(abs, [-1, 2]) == [1, 2]
""",
    "worker processes": """
from torch.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(torch.arange(8.)), batch_size=4, num_workers=2)
assert sum(float(x.sum()) for x, in loader) == 28
""",
    "sockets of its own": """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
""",
}
REFUSE = """
def refused(action, *arguments):
    try: result = action(*arguments)
    except OSError: return True
    raise AssertionError(f"{action} {arguments} gave {result!r}")
import glob, os, socket, sys
"""
IMPOSSIBLE = {
    "other files": """
for place in PLACES:
    refused(os.listdir, place)
for place in (OTHER, "/etc/shadow", "/etc/group-", f"/proc/{PID}/environ"):
    refused(open, place)
""",
    "the rest of the grader": """
import importlib.util
assert importlib.util.find_spec("grader.pipeline") is None
""",
    "variables": "assert not [name for name in os.environ if 'SECRET' in name], os.environ",
    "writing elsewhere": """
installed = os.path.dirname(torch.__file__)
for place in ("/usr", "/usr/lib", "/etc", "/dev", "/proc/sys/kernel", sys.prefix, installed):
    refused(open, os.path.join(place, "written"), "w")
refused(open, "/proc/sys/kernel/core_pattern", "w")
""",
    "this machine's ports": "refused(socket.create_connection, ('127.0.0.1', PORT), 2)",
    "datagrams": """
def send(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))
refused(send)
""",
    "rare sockets": """
for family, kind in ((40, socket.SOCK_STREAM), (17, socket.SOCK_RAW), (38, socket.SOCK_SEQPACKET)):
    refused(socket.socket, family, kind)
""",
    "other processes": "refused(os.kill, PID, 0)",
    "privileges": """
assert os.getuid() != 0
with open("/proc/self/status") as file: status = dict(l.split(":", 1) for l in file)
assert not int(status["CapEff"], 16) | int(status["CapPrm"], 16) | int(status["CapAmb"], 16)
assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")
refused(os.setuid, 0)
""",
    "system calls": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
x86 = (101, 272, 165, 321, 298, 250)  # ptrace, unshare, mount, bpf, perf_event_open, keyctl
for number in (425, 428, *(x86 if os.uname().machine == "x86_64" else ())):  # io_uring_setup, open_tree
    assert libc.syscall(number, 0x10000000, 0, 0, 0, 0) == -1 and ctypes.get_errno() == 1, number
assert libc.clone(None, None, 0x10000000, None) == -1
""",
    "large files": """
import resource
assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == 1 << 30
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
""",
}
IMPOSSIBLE_WITH_NAMESPACES = {
    "folders": """
known = set("bin dev etc home lib lib32 lib64 proc sbin sys tmp usr var .grader".split())
ours = {os.path.realpath(p).split("/")[1] for p in (sys.executable, sys.base_prefix, sys.prefix)}
ours |= {p.split("/")[1] for p in (sys.executable, sys.prefix)}
assert set(os.listdir("/")) <= known | ours, os.listdir("/")
assert set(os.listdir("/home")) <= {"student"} | {p.split("/")[2] for p in (sys.prefix,) if "/home" in p}
""",
    "processes": """
seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
assert 1 in seen and len(seen) <= 4, seen
import time
try: os.kill(1, 9)  # without a user of its own the signal is taken, and ignored
except PermissionError: pass
time.sleep(0.2)
""",
    "interfaces": "assert [name for _, name in socket.if_nameindex()] == ['lo']",
    "a full disk": """
def fill(folder):
    with open(f"{folder}/fill", "wb", buffering=0) as file:
        while True: file.write(bytes(16 << 20))
refused(fill, "/tmp"); assert os.path.getsize("/tmp/fill") <= 256 << 20; os.unlink("/tmp/fill")
refused(fill, "/dev")
""",
    "many processes": """
import time
def fork_on():
    for _ in range(2000):
        pid = os.fork()
        if not pid: time.sleep(60); os._exit(0)
        children.append(pid)
children = []
refused(fork_on)
for pid in children: os.kill(pid, 9); os.waitpid(pid, 0)
assert 100 < len(children) < 600, len(children)
""",
}


@dataclass(frozen=True)
class Inside:
    """What became of the snippets, each a cell of one run."""

    level: str
    run: Run
    names: tuple[str, ...]

    def cell(self, name: str) -> CellRun:
        found = self.run.cell(self.names.index(name))
        assert found is not None
        return found


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody else's submission, which everybody on this machine may read."""
    path = tmp_path_factory.mktemp("other") / "other.ipynb"
    path.write_text("{}", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def inside(level: str, shared_cache: Path, other: Path) -> Iterator[Inside]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        places = [str(CHECKOUT / name) for name in ("rubrics", "reference", "tests", "grader")]
        places += [str(other.parent), str(Path.home() / ".cache"), "/root/.ssh", str(shared_cache)]
        known = f"PLACES = {places}\nOTHER = {str(other)!r}\nPID = {os.getpid()}\n"
        known += f"PORT = {server.getsockname()[1]}\n"
        snippets = {"known": REFUSE + known, **POSSIBLE, **POSSIBLE_WITH_NAMESPACES}
        snippets |= {**IMPOSSIBLE, **IMPOSSIBLE_WITH_NAMESPACES}
        cells = tuple(PlannedCell(i, source) for i, source in enumerate(snippets.values()))
        plan = RunPlan("first", cells, nonce=1, device="cpu", limits=Limits(question_cpu_seconds=120))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("GRADER_TEST_SECRET", "key")
            yield Inside(level, run(plan, isolation=level, cache=shared_cache), tuple(snippets))


@pytest.mark.parametrize("level", BOXES, indirect=True)
@pytest.mark.parametrize("name", [*POSSIBLE, *IMPOSSIBLE])
def test_inside(inside: Inside, name: str) -> None:
    _assert_fine(inside, name)


@pytest.mark.parametrize("level", NAMESPACES, indirect=True)
@pytest.mark.parametrize("name", [*POSSIBLE_WITH_NAMESPACES, *IMPOSSIBLE_WITH_NAMESPACES])
def test_inside_namespaces(inside: Inside, name: str) -> None:
    _assert_fine(inside, name)


def _assert_fine(inside: Inside, name: str) -> None:
    cell = inside.cell(name)
    assert inside.run.problem is None
    assert (cell.status, cell.error, cell.message) == ("ok", "", ""), cell.traceback


@pytest.mark.parametrize("level", BOXES, indirect=True)
def test_processor_time_is_counted_in_children_too(level: str, shared_cache: Path) -> None:
    burn = "import time\\nwhile time.process_time() < 1.5: pass"
    sources = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{burn}'])",
        "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass",
        "import time; time.sleep(1)",
    )
    cells = tuple(PlannedCell(i, source) for i, source in enumerate(sources))
    plan = RunPlan("first", cells, nonce=1, device="cpu", limits=Limits(question_cpu_seconds=60))
    child, own, idle = run(plan, isolation=level, cache=shared_cache).cells
    assert 1.3 < child.cpu_seconds < 4
    assert 0.8 < own.cpu_seconds < 2
    assert idle.cpu_seconds < 0.5


@pytest.mark.parametrize("level", BOXES, indirect=True)
def test_the_sockets_of_the_connection_lie_where_nothing_inside_can_reach(
    level: str, shared_cache: Path
) -> None:
    """Else a link in their place, to somebody else's socket, is followed at the next reconnection."""
    replace = (
        "import os, pathlib, re\n"
        "paths = {line.split()[-1] for line in open('/proc/net/unix') if 'socket-' in line}\n"
        "known = {f'{p}/socket-{n}' for p in map(os.path.dirname, paths) for n in range(1, 6)}\n"
        "for fd in os.listdir('/proc/self/fd'):\n"
        "    if os.path.lexists(f'/proc/self/fd/{fd}'):\n"
        "        place = os.readlink(f'/proc/self/fd/{fd}')\n"
        "        if place.startswith('/') and 'grader-' in place:\n"
        "            known |= {f'{os.path.dirname(place)}/socket-{n}' for n in range(1, 6)}\n"
        "assert known\n"
        "for path in known:\n"
        "    try: os.unlink(path)\n"
        "    except OSError: pass\n"
        "    else: raise AssertionError(path)\n"
        "    try: os.symlink('/somewhere', path)\n"
        "    except OSError: pass\n"
        "    else: raise AssertionError(path)\n"
    )
    cells = (PlannedCell(0, replace), PlannedCell(1, "print('still connected')"))
    plan = RunPlan("first", cells, nonce=1, device="cpu", limits=Limits(question_cpu_seconds=60))
    result = run(plan, isolation=level, cache=shared_cache)
    assert [cell.message for cell in result.cells] == ["", ""]
    assert [cell.status for cell in result.cells] == ["ok", "ok"]


@pytest.mark.parametrize("level", BOXES, indirect=True)
def test_killing_what_holds_the_box_ends_all_inside(level: str) -> None:
    """The last resort. Under Landlock nothing holds it: there, every process has to be found and killed."""
    mark = f"grader-test-{os.getpid()}-{time.monotonic_ns()}"
    spawn = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)  # {mark}'])\n"
        "time.sleep(300)"
    )
    with (
        tempfile.TemporaryDirectory(prefix="grader-test-") as name,
        boxes.open_box(level, Path(name), fonts={}, device="cpu", memory=1 << 30) as box,
    ):
        started = subprocess.Popen(
            box.command([sys.executable, "-c", spawn]),
            pass_fds=box.file_numbers,
            cwd=box.start_in,
            env={"HOME": box.home, **box.environment},
            start_new_session=True,
        )
        _wait_for(lambda: len(_with(mark)) >= 2)
        for process in (started.pid, *([] if level in NAMESPACES else [p.pid for p in _with(mark)])):
            os.kill(process, 9)
        started.wait()
        _wait_for(lambda: not _with(mark))


def _with(mark: str) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if mark in str(p.info["cmdline"])]


def _wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become an ordinary user")
def test_an_ordinary_user_gets_the_same(tmp_path: Path) -> None:
    """Runs the tests above once more for the boxes that root does not take."""
    user = 54321
    as_user: dict[str, Any] = {"user": user, "group": user, "extra_groups": [], "capture_output": True}
    try:
        reach = [sys.executable, "-c", "import torch, pytest"]
        subprocess.run(reach, check=True, cwd="/", **as_user)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the interpreter cannot be reached by other users")
    home = Path(tmp_path.anchor, "tmp", f"grader-test-{os.getpid()}")
    home.mkdir()
    selected = [__file__, "-k", "userns or landlock", f"--basetemp={home}/tests"]
    try:
        os.chown(home, user, user)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *selected],
            cwd=CHECKOUT,
            env={**os.environ, "HOME": str(home), "TMPDIR": str(home)},
            text=True,
            check=False,
            **as_user,
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    assert done.returncode == 0, done.stdout


# -- which box ------------------------------------------------------------------------------------


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretends that just these levels work here."""

    def working(*names: str) -> None:
        found = {level: "" if level in (*names, "none") else "pretended" for level in LEVELS}
        monkeypatch.setattr(levels, "problem", lambda level, _device="cpu": found[level])

    return working


@pytest.mark.parametrize(
    ("working", "wanted", "taken"),
    [
        (("full", "landlock"), "best", "full"),
        (("userns", "landlock"), "best", "userns"),
        (("landlock",), "best-or-none", "landlock"),
        ((), "best-or-none", "none"),
        (("full",), "none", "none"),
        (("full", "landlock"), "landlock", "landlock"),
    ],
)
def test_the_strongest_is_taken_unless_another_is_named(
    only: Callable[..., None], working: tuple[str, ...], wanted: str, taken: str
) -> None:
    only(*working)
    assert choose(wanted, "none", "cpu") == taken


@pytest.mark.parametrize("wanted", ["best", "full", "userns", "landlock"])
def test_without_a_box_nothing_is_run_unless_that_is_said(only: Callable[..., None], wanted: str) -> None:
    only()
    with pytest.raises(IsolationUnavailable, match="--isolation none"):
        choose(wanted, "none", "cpu")


@pytest.mark.parametrize(
    ("wanted", "minimum"), [("none", "landlock"), ("best", "full"), ("landlock", "userns")]
)
def test_less_than_the_rubric_asks_for_is_refused(
    only: Callable[..., None], wanted: str, minimum: str
) -> None:
    only("landlock")
    with pytest.raises(IsolationTooWeak, match=minimum):
        choose(wanted, minimum, "cpu")


def test_a_filter_with_a_hole_is_no_box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "_X86", ("no such system call",))
    with pytest.raises(OSError, match="Invalid argument"):
        syscalls.program("full")


@pytest.mark.parametrize("level", NAMESPACES, indirect=True)
def test_a_box_that_leaks_is_found_out(
    level: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The trial is real: a box that shows a file that it should not does not pass."""
    # A folder of its own: the usual one may hold this very checkout.
    tmp_path.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shown = [*visible.system_paths(), tmp_path]
    monkeypatch.setattr("grader.execution.sandbox.bubblewrap.system_paths", lambda: shown)
    assert "reads" in levels._tried(level, "cpu")


@pytest.mark.parametrize("level", NAMESPACES, indirect=True)
def test_the_package_is_hidden_where_it_is_installed_among_others(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another package stands in for the grader, which a developer's installation keeps elsewhere."""
    installed = Path(pluggy.__file__).parent
    monkeypatch.setattr("grader.execution.sandbox.bubblewrap.PACKAGE", installed)
    other_way = Path(str(installed).replace("/lib/", "/lib64/"))
    with (
        tempfile.TemporaryDirectory(prefix="grader-test-") as name,
        boxes.open_box(level, Path(name), fonts={}, device="cpu", memory=1 << 30) as box,
    ):
        listed = subprocess.run(
            box.command(["/bin/ls", str(installed), *([str(other_way)] if other_way.exists() else [])]),
            pass_fds=box.file_numbers,
            cwd=box.start_in,
            capture_output=True,
            text=True,
            check=True,
        )
    assert "__init__" not in listed.stdout


@pytest.mark.gpu
@pytest.mark.parametrize("level", BOXES, indirect=True)
def test_cuda_works_inside(level: str, shared_cache: Path) -> None:
    source = "import torch\nx = torch.ones(64, 64, device='cuda', requires_grad=True)\nx.sum().backward()"
    plan = RunPlan("first", (PlannedCell(0, source),), nonce=1, device="cuda", limits=Limits())
    result = run(plan, isolation=level, cache=shared_cache)
    assert [cell.message for cell in result.cells] == [""]

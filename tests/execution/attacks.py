"""Attacks on the machine that runs a notebook, and the process that mounts them on decoys.

`python -m tests.execution.attacks FOLDER LEVEL SET PROTECTED` makes decoys in FOLDER, runs a set of
attacks at a level, each a cell of its own, and writes FOLDER/found.json. Every bomb is bounded.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from grader.execution.launch import run
from grader.model import Limits, PlannedCell, RunPlan

SECRET = "the answers of the exam"
DONE = "done"

_SETUP = f"""
import ctypes, os, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)

def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

def read(path):
    with open(path) as file:
        return file.read() == {SECRET!r}

def asked(sock, address):
    sock.settimeout(1)
    with sock:
        sock.connect(address)
        sock.send(b"?")
        return sock.recv(100).decode() == {SECRET!r}

def alone(code):  # in a process with one thread, which some calls need
    code = "import ctypes, sys; libc = ctypes.CDLL(None)\\n" + code
    return subprocess.run([sys.executable, "-I", "-S", "-c", code]).returncode == 0

assert alone("sys.exit(0)")
"""

# The body of a function: True when the attack got what it wanted, OSError when it was refused.
TOGETHER: Mapping[str, str] = {
    "reads the answers": "return read(ANSWERS)",
    "reads another submission": "return read(OTHER)",
    "reads the answers through a link": "os.symlink(ANSWERS, 'link'); return read('link')",
    "reads the system's passwords": "return read('/etc/shadow')",
    "reads the grader's variables": f"""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{{pid}}/environ") as file:
                if {SECRET!r} in file.read(): return True
        except OSError: pass
    raise PermissionError""",
    "connects by TCP": "return asked(socket.socket(), ('127.0.0.1', TCP))",
    "asks by UDP": "return asked(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), ('127.0.0.1', UDP))",
    "connects to a socket by path": "return asked(socket.socket(socket.AF_UNIX), UNIX)",
    "connects to an abstract socket": "return asked(socket.socket(socket.AF_UNIX), '\\0' + ABSTRACT)",
    "opens a socket of the hypervisor": "socket.socket(40, socket.SOCK_STREAM).close(); return True",
    "opens a packet socket": "socket.socket(17, socket.SOCK_RAW).close(); return True",
    "opens a socket of the crypto interface": "socket.socket(38, socket.SOCK_SEQPACKET).close(); return True",
    "writes outside its folder": "open(WRITABLE + '/written', 'w').close(); return True",
    "writes among the packages": "open(PROTECTED + '/written_by_an_attack', 'w').close(); return True",
    "traces a process": """
    checked(libc.ptrace(16, DECOY, None, None))
    os.waitpid(DECOY, 0x40000000); libc.ptrace(17, DECOY, None, None); return True""",
    "reads a process's memory": f"""
    with open(f"/proc/{{DECOY}}/mem", "rb", buffering=0) as file:
        file.seek(ADDRESS); return file.read(23) == {SECRET.encode()!r}""",
    "copies a process's memory": f"""
    class Part(ctypes.Structure): _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t)]
    into = ctypes.create_string_buffer(23)
    here, there = Part(ctypes.addressof(into), 23), Part(ADDRESS, 23)
    checked(libc.process_vm_readv(DECOY, ctypes.byref(here), 1, ctypes.byref(there), 1, 0))
    return into.raw == {SECRET.encode()!r}""",
    "goes out by the first process": "return read('/proc/1/root' + ANSWERS)",
    "goes out by a process's folder": "return read(f'/proc/{DECOY}/cwd/answers')",
    "makes a user namespace": "return alone('sys.exit(libc.unshare(0x10000000) != 0)')",
    "mounts a file system": "checked(libc.mount(b'none', MOUNT.encode(), b'tmpfs', 0, None)); return True",
    "becomes root": "os.setuid(0); return os.getuid() == 0",
    "fills the machine's disk": """
    import tempfile
    with tempfile.NamedTemporaryFile() as file:  # really allocated, and gone at the end
        os.posix_fallocate(file.fileno(), 0, 300 << 20)
    return True""",
    "uses up the machine's inodes": """
    os.mkdir("many")
    for number in range(3000): open(f"many/{number}", "w").close()
    return os.stat("many").st_dev == DEVICE""",
    "starts 600 threads in 300 processes": """
    code = '''if True:
    import os, signal, sys, threading, time
    children, failed = [], False
    reading, writing = os.pipe()
    for _ in range(300):
        try: pid = os.fork()
        except OSError: failed = True; break
        if not pid:
            try: threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
            except RuntimeError: os.write(writing, b"-")
            else: os.write(writing, b"+")
            time.sleep(30); os._exit(0)
        children.append(pid)
    told = b""
    while len(told) < len(children): told += os.read(reading, 400)
    for pid in children: os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)
    sys.exit(failed or b"-" in told)
    '''
    return alone(code)""",
    "kills a process": "os.kill(DECOY, 9); return True",
}
# Each ends its kernel, or means to.
ALONE: Mapping[str, str] = {
    "takes 900 MB of memory": "held = b'x' * 900_000_000; return len(held) == 900_000_000",
    "leaves a process behind": """
    code = "import time; time.sleep(60)  # " + MARK
    subprocess.Popen([sys.executable, "-I", "-S", "-c", code], start_new_session=True)
    os.kill(os.getppid(), 9)  # who would look for what is left
    time.sleep(1); return True""",
}
# Kills whatever it can reach, so that a control of it must hold nothing else.
KILLS_ALL: Mapping[str, str] = {"kills every process": "os.kill(-1, 9); return True"}
SETS = {"together": TOGETHER, "alone": ALONE, "kills all": KILLS_ALL}
_BOX_MEMORY = 700 << 20


def cells(attacks: Mapping[str, str], known: Mapping[str, object]) -> tuple[PlannedCell, ...]:
    """One question for each attack, whose `finding` is shipped at its end."""
    first = _SETUP + "".join(f"{name} = {value!r}\n" for name, value in known.items())
    planned = [PlannedCell(0, first)]
    for number, (name, body) in enumerate(attacks.items(), start=1):
        source = (
            f"def attack():\n    {body.strip()}\n"
            f"try: finding = {DONE!r} if attack() else 'nothing'\n"
            "except OSError as fault: finding = f'{type(fault).__name__} {fault.errno}'"
        )
        planned.append(PlannedCell(number, source, name, 0, last=True))
    return tuple(planned)


def main(folder: Path, level: str, chosen: str, protected: str) -> None:
    cache = folder / "cache"
    with _decoys(folder) as known:
        known["PROTECTED"] = protected
        attacks = SETS[chosen]
        groups = [{name: body} for name, body in attacks.items()] if chosen == "alone" else [attacks]
        found: dict[str, str] = {}
        for group in groups:
            limits = Limits(question_cpu_seconds=30)
            if level != "none" and chosen == "alone":
                limits = Limits(question_cpu_seconds=30, memory_bytes=_BOX_MEMORY)
            plan = RunPlan(
                "first", cells(group, known), nonce=1, device="cpu", limits=limits, variables=("finding",)
            )
            result = run(plan, isolation=level, cache=cache)
            if result.cells[0].status not in ("ok", "not_run"):
                raise RuntimeError(result.cells[0])
            for number, name in enumerate(group, start=1):
                ended = result.cell(number)
                assert ended is not None
                found[name] = f"{ended.status} {ended.error}{ended.limit}{ended.message}".strip()
            found |= {shot.question: str(shot.variables.get("finding")) for shot in result.snapshots}
        outside = {
            "alive": _alive(int(str(known["DECOY"]))),
            "written": sorted(p.name for p in (folder / "writable").iterdir()),
            "answers": (folder / "answers").read_text(encoding="ascii"),
            "left": str(known["MARK"]) in _command_lines(),
        }
    (folder / "found.json").write_text(json.dumps({"found": found, "outside": outside}), encoding="ascii")


def _alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    return state not in "ZX"


def _command_lines() -> str:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_bytes().decode(errors="replace"))
    return "\n".join(lines)


@contextlib.contextmanager
def _decoys(folder: Path) -> Iterator[dict[str, object]]:
    """What is attacked: files, sockets that answer, a process that holds a secret."""
    for name in ("writable", "mount", "tmp"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "writable").chmod(0o777)
    for name in ("answers", "other.ipynb"):
        (folder / name).write_text(SECRET, encoding="ascii")
        (folder / name).chmod(0o644)
    holds = (
        "import ctypes, time\n"
        f"held = ctypes.create_string_buffer({SECRET.encode()!r})\n"
        "print(ctypes.addressof(held), flush=True); time.sleep(120)"
    )
    abstract = f"grader-test-{secrets.token_hex(8)}"  # process ids repeat in the arenas
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        by_path, hidden = (stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        by_path.bind(str(folder / "unix"))
        (folder / "unix").chmod(0o777)
        hidden.bind("\0" + abstract)
        for listening in (tcp, by_path, hidden):
            listening.listen()
            threading.Thread(target=_answer, args=(listening,), daemon=True).start()
        threading.Thread(target=_answer_datagrams, args=(udp,), daemon=True).start()
        decoy = stack.enter_context(
            subprocess.Popen([sys.executable, "-c", holds], stdout=subprocess.PIPE, cwd=folder)
        )
        stack.callback(decoy.kill)
        assert decoy.stdout is not None
        yield {
            "ANSWERS": str(folder / "answers"),
            "OTHER": str(folder / "other.ipynb"),
            "TCP": tcp.getsockname()[1],
            "UDP": udp.getsockname()[1],
            "UNIX": str(folder / "unix"),
            "ABSTRACT": abstract,
            "WRITABLE": str(folder / "writable"),
            "MOUNT": str(folder / "mount"),
            "DECOY": decoy.pid,
            "ADDRESS": int(decoy.stdout.readline()),
            "DEVICE": folder.stat().st_dev,
            "MARK": f"left behind by {folder.name}",
        }


def _answer(listening: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _address = listening.accept()
            with connection:
                connection.recv(1)
                connection.send(SECRET.encode())


def _answer_datagrams(udp: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            _asked, address = udp.recvfrom(10)
            udp.sendto(SECRET.encode(), address)


def arena(folder: Path) -> list[str]:
    """The start of a command: what it runs can write to `folder` alone, and sees no other process."""
    program = shutil.which("bwrap")
    assert program is not None
    start = [program, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--die-with-parent"]
    start += ["--unshare-pid", "--unshare-ipc", "--bind", str(folder), str(folder)]
    if os.geteuid() != 0:
        start += ["--unshare-user", "--uid", "0", "--gid", "0"]
    return [*start, "--cap-add", "ALL", "--ro-bind", str(folder / "shadow"), "/etc/shadow", "--"]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4])

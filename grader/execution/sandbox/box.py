"""One box: from a command to the command that runs it inside."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from grader.execution.sandbox import bubblewrap, cgroup, landlock, visible
from grader.execution.sandbox.bubblewrap import DataFiles
from grader.execution.sandbox.cgroup import Cgroup
from grader.execution.sandbox.syscalls import program

PROCESSES = 512
_OPEN_FILES = 4096
_FILE_BYTES = 1 << 30
# A user for every box: no other process may run as it. Nobody gives out numbers as high as these.
_FIRST_USER = 0x7000_0000
_JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class Box:
    """A box that is ready for one command.

    `home` is the folder that the command starts in and may write to, as seen from inside;
    `environment` has to be added to its own. `depth` says how many processes of the box's own stand
    between the process that is started and the command.
    """

    level: str
    home: str
    environment: Mapping[str, str] = field(default_factory=dict)
    group: Cgroup | None = None
    depth: int = 0
    staged: str = ""
    _prefix: tuple[str, ...] = ()
    _numbers: tuple[int, ...] = ()

    def command(self, command: list[str]) -> list[str]:
        return [*self._prefix, *command]

    @property
    def start_in(self) -> str:
        """Where the process is started; a box of its own file system goes to `home` by itself."""
        return "/" if self.depth else self.home

    @property
    def file_numbers(self) -> tuple[int, ...]:
        """Open files that the started process must be given, beside those of the command."""
        return self._numbers


@contextlib.contextmanager
def open_box(
    level: str, folder: Path, *, fonts: Mapping[str, bytes], device: str, memory: int
) -> Iterator[Box]:
    """A box of exactly this level, built in `folder`; `memory` in bytes, `fonts` matplotlib's cache by name.

    The folder is private to the box, and no other on this machine has its name. What a box writes is
    gone with it, except at the levels `landlock` and `none`, where `folder/work` is left to the caller.
    Raises OSError or RuntimeError if the filter or a file cannot be made; what fails later fails when
    the command is started.
    """
    scratch = folder / "work"
    if level in ("landlock", "none"):
        for name in (".matplotlib", "tmp"):
            (scratch / name).mkdir(parents=True)
        for name, content in fonts.items():
            (scratch / ".matplotlib" / name).write_bytes(content)
    if level == "none":
        yield Box(level, str(scratch))
        return
    staged = visible.stage(folder / "staged")
    user = _FIRST_USER + os.getpid() if is_root() else bubblewrap.USER
    group = cgroup.make(cgroup.find_parents(), folder, memory, PROCESSES)
    files = DataFiles()
    try:
        filtered = program(level)
        settings: dict[str, Any] = {
            "limits": _limits(level, None if group or device == "cuda" else memory),
            "user": user if is_root() else None,
            "landlock": None,
            "filter": None,
        }
        if level == "landlock":
            _hand_over(folder, scratch, user)
            settings["landlock"] = landlock.paths(staged, scratch, device)
            settings["filter"] = base64.b64encode(filtered).decode()
            home, inside, outer, depth = str(scratch), str(staged), [], 0
        else:
            options = bubblewrap.options(level, user, staged, fonts, filtered, device, files)
            arguments = files.add(b"".join(option.encode() + b"\0" for option in options))
            outer = [_bubblewrap(), "--args", arguments, "--"]
            home, inside, depth = bubblewrap.HOME, bubblewrap.STAGED, 2
        entry = [sys.executable, "-I", "-S", f"{inside}/entry.py", files.add(json.dumps(settings).encode())]
        join = ["/bin/sh", "-c", _JOIN, "sh", *map(str, group.doors), "--"] if group else []
        yield Box(
            level,
            home,
            environment=_environment(home, inside, level),
            group=group,
            depth=depth,
            staged=inside,
            _prefix=(*join, *outer, *entry),
            _numbers=tuple(files.numbers),
        )
    finally:
        files.close()
        if group is not None:
            group.remove()


def is_root() -> bool:
    """True for the machine's root (or a container's that is as good): no user's name for it."""
    if os.geteuid() != 0:
        return False
    first = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    return first == ["0", "0", "4294967295"]


def _environment(home: str, inside: str, level: str) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": f"{home}/tmp" if level == "landlock" else "/tmp",
        "PYTHONPATH": os.pathsep.join([f"{inside}/package", *visible.users_packages()]),
        "USER": "student",
        "LOGNAME": "student",
    }


def _limits(level: str, memory: int | None) -> dict[str, int]:
    limits = {"CORE": 0, "FSIZE": _FILE_BYTES, "NOFILE": _OPEN_FILES, "NPROC": PROCESSES}
    if not is_root() and (level == "landlock" or _kernel() < (5, 14)):
        limits["NPROC"] += _own_threads()  # counted by user, and this one has others
    if memory is not None:
        # Address space is taken more freely than memory; this only stops a single absurd wish. What is
        # really used is watched from outside.
        limits["DATA"] = 2 * memory
    return limits


def _kernel() -> tuple[int, int]:
    major, minor = platform.release().split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()))


def _own_threads() -> int:
    me, total = os.getuid(), 0
    for process in psutil.process_iter(["uids", "num_threads"]):
        if process.info["uids"] and process.info["uids"].real == me:
            total += process.info["num_threads"] or 1
    return total


def _hand_over(folder: Path, scratch: Path, user: int) -> None:
    """Gives the still empty scratch folder to whom the box runs as, and lets it be reached."""
    if is_root():
        folder.chmod(0o711)
        for path in [scratch, *scratch.rglob("*")]:
            os.chown(path, user, user)


def _bubblewrap() -> str:
    found = shutil.which(bubblewrap.PROGRAM)
    if found is None:
        raise FileNotFoundError("bubblewrap is not installed")
    return found

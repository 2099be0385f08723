"""The boxes `full` and `userns`: namespaces of their own, a file system with only what a kernel needs.

bubblewrap builds them. As root it keeps the rights to change the user, which the box's entry does
before anything else; an ordinary user gets a user namespace instead.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from grader.execution.sandbox.visible import PACKAGE, gpu_devices, python_paths, root_links, system_paths

PROGRAM = "bwrap"
HOME = "/home/student"
STAGED = "/.grader"
USER = 1000  # as whom one runs in a user namespace
SCRATCH_BYTES = 1 << 30
SHARED_BYTES = 1 << 30
TEMPORARY_BYTES = 256 << 20
_WRITABLE = {
    HOME: SCRATCH_BYTES,
    "/tmp": TEMPORARY_BYTES,
    "/var/tmp": TEMPORARY_BYTES,
    "/dev/shm": SHARED_BYTES,  # tensors on their way between worker processes
}

_HOSTS = b"127.0.0.1 localhost box\n::1 localhost\n"


class DataFiles:
    """Open files with given contents, for a child that takes them over by their numbers."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def add(self, content: bytes) -> str:
        number = os.memfd_create("grader")
        os.write(number, content)
        os.lseek(number, 0, os.SEEK_SET)
        self.numbers.append(number)
        return str(number)

    def close(self) -> None:
        for number in self.numbers:
            os.close(number)
        self.numbers.clear()


def options(
    level: str,
    user: int,
    staged: Path,
    fonts: Mapping[str, bytes],
    program: bytes,
    device: str,
    files: DataFiles,
) -> list[str]:
    """bubblewrap's options for one box; contents travel by `files`.

    `user` is who runs inside, `staged` what `visible.stage` made, `fonts` matplotlib's cache by name,
    `program` the seccomp filter.
    """
    made = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    made += ["--hostname", "box", "--die-with-parent", "--cap-drop", "ALL"]
    if level == "userns":
        made += ["--unshare-user", "--uid", str(user), "--gid", str(user)]
    else:
        made += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    made += _file_system(staged, device)
    passwd = f"student:x:{user}:{user}::{HOME}:/bin/sh\n".encode()
    group = f"student:x:{user}:\n".encode()
    for name, content in (("passwd", passwd), ("group", group), ("hosts", _HOSTS)):
        made += ["--perms", "0444", "--ro-bind-data", files.add(content), f"/etc/{name}"]
    for name, content in fonts.items():
        made += ["--perms", "0444", "--file", files.add(content), f"{HOME}/.matplotlib/{name}"]
    made += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
    return [*made, "--seccomp", files.add(program)]


def _file_system(staged: Path, device: str) -> list[str]:
    made: list[str] = ["--proc", "/proc", "--dev", "/dev"]
    # What can be written to comes first: Python may be installed below one of these folders.
    for folder, size in _WRITABLE.items():
        made += ["--perms", "1777", "--size", str(size), "--tmpfs", folder]
    made += ["--perms", "1777", "--dir", f"{HOME}/.matplotlib"]
    shown = [*system_paths(), *python_paths()]
    # Left to itself, bubblewrap makes the folders on the way for the user who starts it alone.
    for parent in sorted({parent for path in shown for parent in path.parents} - {Path("/")}):
        made += ["--perms", "0755", "--dir", str(parent)]
    for path in shown:
        others = [other for other in shown if other != path]
        if path.is_symlink() and any(path.resolve().is_relative_to(other) for other in others):
            made += ["--symlink", str(path.readlink()), str(path)]  # lib64, mostly: no second way to the same
            continue
        made += ["--ro-bind", str(path), str(path)]
        if PACKAGE.is_relative_to(path):
            made += ["--tmpfs", str(PACKAGE), "--remount-ro", str(PACKAGE)]
    for name, target in root_links().items():
        made += ["--symlink", target, f"/{name}"]
    made += ["--ro-bind", str(staged), STAGED]
    if device == "cuda":
        made += ["--ro-bind", "/sys", "/sys"]
        for path in gpu_devices():
            made += ["--dev-bind", str(path), str(path)]
        for entry in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
            if entry.startswith("/") and Path(entry).is_dir():
                made += ["--ro-bind", entry, entry]
    return made

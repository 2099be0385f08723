"""Limits and accounts for everything in a box, where the system lets us have a control group.

A group is made below the first of our own group and its ancestors that may be written to and hands
`memory` and `pids` down. That is so for root on most machines, and for users in a group that systemd
delegates (`systemd-run --user --scope`). Both versions of the interface are known. Without a group,
the worker watches from outside and processes are bounded by their resource limits.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_MOUNTS = Path("/proc/self/mounts")
_OURS = Path("/proc/self/cgroup")
_NEEDED = ("memory", "pids")
_REMOVE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Parents:
    """Where groups can be made: the folder for each controller; in version 2 it is one for all."""

    version: Literal[1, 2]
    folders: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The group of one box. It is entered by writing to the `doors`, and has to be removed."""

    version: Literal[1, 2]
    folders: Mapping[str, Path]

    @property
    def doors(self) -> tuple[Path, ...]:
        return tuple(sorted({folder / "cgroup.procs" for folder in self.folders.values()}))

    def cpu_seconds(self) -> float:
        """CPU time of everything that ever ran in the group."""
        if self.version == 2:
            return _counter(self.folders["cpu"] / "cpu.stat", "usage_usec") / 1e6
        return int((self.folders["cpuacct"] / "cpuacct.usage").read_text()) / 1e9

    def out_of_memory(self) -> bool:
        """True once the system has killed something in the group for lack of memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        return _counter(self.folders["memory"] / name, "oom_kill") > 0

    def remove(self) -> None:
        """Removes the group; what ran in it must have been killed."""
        for folder in set(self.folders.values()):
            until = time.monotonic() + _REMOVE_SECONDS  # the dead leave a moment after they are killed
            while folder.exists() and time.monotonic() < until:
                with contextlib.suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.01)


def find_parents() -> Parents | None:
    """Where this process may make groups, if anywhere."""
    mounts: dict[str, Path] = {}
    with contextlib.suppress(OSError):
        for line in _MOUNTS.read_text(encoding="utf-8").splitlines():
            _what, where, kind, options, *_rest = line.split()
            if kind in ("cgroup", "cgroup2"):
                names = ["unified"] if kind == "cgroup2" else options.split(",")
                mounts.update(dict.fromkeys(names, Path(where)))
        ours: dict[str, str] = {}
        for line in _OURS.read_text(encoding="utf-8").splitlines():
            _number, controllers, path = line.split(":", 2)
            ours.update(dict.fromkeys(controllers.split(",") if controllers else ["unified"], path))
        return _version_2(mounts, ours) or _version_1(mounts, ours)
    return None


def _version_2(mounts: Mapping[str, Path], ours: Mapping[str, str]) -> Parents | None:
    root = mounts.get("unified")
    if root is None or "unified" not in ours:
        return None
    own = root / ours["unified"].lstrip("/")
    for folder in [own, *own.parents]:
        if not folder.is_relative_to(root):
            return None
        with contextlib.suppress(OSError):
            handed_down = (folder / "cgroup.subtree_control").read_text().split()
            # To move a process, the group above both its old and its new place must be writable.
            writable = os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)
            if writable and set(_NEEDED) <= set(handed_down):
                return Parents(2, dict.fromkeys((*_NEEDED, "cpu"), folder))
    return None


def _version_1(mounts: Mapping[str, Path], ours: Mapping[str, str]) -> Parents | None:
    folders: dict[str, Path] = {}
    for controller in (*_NEEDED, "cpuacct"):
        if controller not in mounts or controller not in ours:
            return None
        folder = mounts[controller] / ours[controller].lstrip("/")
        if not os.access(folder, os.W_OK):
            return None
        folders[controller] = folder
    return Parents(1, folders)


def make(parents: Parents | None, box: Path, memory: int, processes: int) -> Cgroup | None:
    """A group for the box in a folder, with its limits (`memory` in bytes); None if none can be made."""
    if parents is None:
        return None
    group = _named(parents, box)
    try:
        for folder in set(group.folders.values()):
            folder.mkdir()
        if group.version == 2:
            _write(group.folders["memory"] / "memory.max", memory)
            _write(group.folders["memory"] / "memory.oom.group", 1)
            no_swap = ("memory.swap.max", 0)
        else:
            _write(group.folders["memory"] / "memory.limit_in_bytes", memory)
            no_swap = ("memory.memsw.limit_in_bytes", memory)
        with contextlib.suppress(OSError):  # a system without accounts of swap
            _write(group.folders["memory"] / no_swap[0], no_swap[1])
        _write(group.folders["pids"] / "pids.max", processes)
    except OSError:
        group.remove()
        return None
    return group


def sweep(box: Path) -> None:
    """Removes the group of a box whose worker was killed before it could do so."""
    parents = find_parents()
    if parents is not None:
        _named(parents, box).remove()


def _named(parents: Parents, box: Path) -> Cgroup:
    name = f"box-{box.name}"
    return Cgroup(parents.version, {key: folder / name for key, folder in parents.folders.items()})


def _write(path: Path, value: int) -> None:
    path.write_text(str(value), encoding="ascii")


def _counter(path: Path, name: str) -> int:
    """A value from a file of lines `name value`."""
    for line in path.read_text(encoding="ascii").splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0

"""The box `landlock`: the host's file system, with everything forbidden that a kernel does not need.

It needs no program and no rights, only Linux. It is reduced: names of processes can be seen, worker
processes that talk by sockets or shared memory fail, and the scratch folder has no size of its own.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

from grader.execution.sandbox.visible import gpu_devices, python_paths, system_paths

_CREATE_RULESET = 444
_DEVICES = ("null", "zero", "full", "random", "urandom")


def version() -> int:
    """The version of the system's interface; 0 without Landlock."""
    return max(0, int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, 1)))


def paths(staged: Path, scratch: Path, device: str) -> dict[str, str]:
    """What may be read, written to or driven, for the box's entry."""
    uses = dict.fromkeys([*system_paths(), *python_paths(), Path("/proc"), staged], "read")
    uses |= dict.fromkeys([scratch, *(Path("/dev", name) for name in _DEVICES)], "write")
    if device == "cuda":
        uses |= {Path("/sys"): "read", Path("/proc"): "write"}  # CUDA names its threads by writing there
        uses |= dict.fromkeys(gpu_devices(), "drive")
    return {str(path): use for path, use in uses.items() if path.exists()}

"""The last step in the box before the kernel: `python -I -S entry.py FD COMMAND...`.

FD holds JSON: `limits` ({resource: most}), `user` (a number, or null to stay who one is), `landlock`
(null, or {path: "read" | "write" | "drive"}) and `filter` (null, or a seccomp program as base64).
Everything is done or the command is not started. A script of its own with only the standard library,
because hardly anything else can be seen from in here.
"""

import base64
import ctypes
import json
import os
import resource
import signal
import stat
import sys

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
_SECCOMP_MODE_FILTER = 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
# Landlock's rights over files: what came with which version of its interface.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL = 1 << 14, 1 << 15
_FILES = ((1, (1 << 13) - 1), (2, 1 << 13), (3, _TRUNCATE), (5, _IOCTL))
_NETWORK = ((4, 0b11),)  # TCP: bind, connect
_SCOPED = ((6, 0b11),)  # abstract unix sockets, signals

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def main() -> None:
    number, *command = sys.argv[1:]
    with os.fdopen(int(number), encoding="utf-8") as file:
        settings = json.load(file)
    if os.getsid(0) != os.getpid():
        os.setsid()  # an interrupt is for the kernel and its children, not for what holds the box
    for name, most in settings["limits"].items():
        limit = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(limit)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (bound, bound))
    user = settings["user"]
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if settings["landlock"] is not None:
        _landlock(settings["landlock"])
    if settings["filter"] is not None:
        _seccomp(base64.b64decode(settings["filter"]))
    # What jupyter_client adds: a process outside, which the kernel would miss and leave.
    os.environ.pop("JPY_PARENT_PID", None)
    os.execv(command[0], command)


def _prctl(option: int, value: int, address: object = 0) -> None:
    if _libc.prctl(option, value, address, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _system_call(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result


def _landlock(paths: dict[str, str]) -> None:
    """Forbids every file that is not below one of the paths, and what else this version can forbid."""
    version = _system_call(_CREATE_RULESET, None, 0, 1)

    def known(rights: tuple[tuple[int, int], ...]) -> int:
        return sum(right for since, right in rights if version >= since)

    rules = _Ruleset(known(_FILES), known(_NETWORK), known(_SCOPED))
    # An older system refuses a structure longer than the one it knows.
    size = 24 if rules.scoped else 16 if rules.network else 8
    ruleset = _system_call(_CREATE_RULESET, ctypes.byref(rules), size, 0)
    for path, use in paths.items():
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed = _EXECUTE | _READ_FILE | _READ_DIR if use == "read" else rules.files
        if use != "drive":
            allowed &= ~_IOCTL
        if not stat.S_ISDIR(os.fstat(folder).st_mode):
            allowed &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
        rule = _PathBeneath(allowed & rules.files, folder)
        _system_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
        os.close(folder)
    _system_call(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _seccomp(program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))
    loaded = _Program(len(program) // 8, ctypes.addressof(buffer))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(loaded))


if __name__ == "__main__":
    main()

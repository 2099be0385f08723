"""Who is writing into a results folder: one process at a time, known by name to the others."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from grader.errors import ResultsInUse

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # far behind the text: a locked byte cannot be read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, command: Sequence[str], since: str) -> Iterator[None]:
    """Hold the lock file `path`; raises `ResultsInUse`, which names the holder, when another process does.

    The system frees the lock when the holder ends, in whatever way; the file stays, as removing it
    would let two processes lock two files of the same name.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    try:
        try:
            _try_lock(descriptor)
        except (BlockingIOError, PermissionError):
            raise ResultsInUse(path.parent, _holder(descriptor)) from None
        note = {"pid": os.getpid(), "host": socket.gethostname(), "since": since, "command": list(command)}
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(note).encode())
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """The holder in words; it may not have got round to signing yet."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        note = json.loads(os.read(descriptor, 1 << 16))
        command = " ".join(map(str, note["command"]))
        return f"process {note['pid']} on {note['host']}, since {note['since']}: {command}"
    except (ValueError, TypeError, KeyError, RecursionError):
        return "another process"

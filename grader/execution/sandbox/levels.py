"""Which boxes this machine can build, found out by building one, and which of them to take."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from grader.errors import IsolationTooWeak, IsolationUnavailable
from grader.execution.sandbox import bubblewrap, landlock
from grader.execution.sandbox.box import is_root, open_box
from grader.execution.sandbox.visible import PACKAGE

LEVELS = ("full", "userns", "landlock", "none")  # the strongest first
WANTED = (*LEVELS, "best", "best-or-none")
_TRIAL_SECONDS = 60
_TRIAL_MEMORY = 1 << 30
# Files, connections and (where the user is not another) signals: what a box has to keep in.
_LANDLOCK_AS_ROOT, _LANDLOCK = 3, 6


def choose(wanted: str, minimum: str, device: str) -> str:
    """The level to run at.

    `best` is the strongest that works here, never `none`; `best-or-none` takes that too. Raises
    IsolationUnavailable if it cannot be had and IsolationTooWeak if the rubric asks for more.
    """
    if wanted in LEVELS:
        reasons = {wanted: problem(wanted, device)}
        level = None if reasons[wanted] else wanted
    else:
        reasons, level = {}, None
        for each in LEVELS[:-1]:
            reasons[each] = problem(each, device)
            if not reasons[each]:
                level = each
                break
        if level is None and wanted == "best-or-none":
            level = "none"
    if level is None:
        raise IsolationUnavailable(wanted, reasons)
    if LEVELS.index(level) > LEVELS.index(minimum):
        raise IsolationTooWeak(level, minimum, reasons.get(minimum) or problem(minimum, device))
    return level


@functools.cache
def problem(level: str, device: str = "cpu") -> str:
    """Why a box of this level does not work here; empty if it does. Tried out once per process."""
    if level == "none":
        return ""
    if sys.platform != "linux":
        return "needs Linux"
    return _hindrance(level) or _tried(level, device)


def _hindrance(level: str) -> str:
    """What can be said without trying."""
    if level in ("full", "userns"):
        if (level == "full") != is_root():
            return "needs root" if level == "full" else "is for ordinary users; root gets full"
        if shutil.which(bubblewrap.PROGRAM) is None:
            return "bubblewrap is not installed"
    else:
        needed = _LANDLOCK_AS_ROOT if is_root() else _LANDLOCK
        if landlock.version() < needed:
            return f"needs version {needed} of Landlock, this system has {landlock.version() or 'none'}"
    return ""


def _tried(level: str, device: str) -> str:
    with (
        tempfile.TemporaryDirectory(prefix="grader-trial-") as name,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        witness = Path(name) / "witness"
        witness.write_text("nobody inside reads this", encoding="ascii")
        witness.chmod(0o644)
        witnesses = [str(witness)]
        if level != "landlock":  # there, an installed (not a developer's) package may be read
            witnesses.append(str(PACKAGE / "pipeline.py"))
        folder = Path(name, Path(name).name)
        folder.mkdir(0o700)
        Path(name).chmod(0o711)  # the witness proves something only if its folder does not protect it
        try:
            with open_box(level, folder, fonts={}, device=device, memory=_TRIAL_MEMORY) as box:
                port, pid = server.getsockname()[1], os.getpid()
                arguments = [f"{box.staged}/trial.py", *witnesses, str(port), str(pid)]
                done = subprocess.run(
                    box.command([sys.executable, *arguments]),
                    pass_fds=box.file_numbers,
                    env={"HOME": box.home, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
                    | dict(box.environment),
                    cwd=box.start_in,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=_TRIAL_SECONDS,
                    start_new_session=True,
                    check=False,
                )
        except (OSError, RuntimeError, subprocess.TimeoutExpired) as fault:
            return f"{type(fault).__name__}: {fault}"
    return _verdict(done)


def _verdict(done: subprocess.CompletedProcess[str]) -> str:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        report = json.loads(done.stdout)
        if report["leaks"]:
            return "not tight: what is inside " + ", ".join(report["leaks"])
        if report["missing"]:
            return f"{', '.join(report['missing'])} cannot be read from inside, as another user"
        return ""
    said = done.stderr.strip().splitlines()
    if said and said[-1].startswith("PermissionError"):
        return f"who runs inside is kept out of {said[-1].rpartition(': ')[2]}"
    return said[-1][:200] if said else f"the trial ended with code {done.returncode}"

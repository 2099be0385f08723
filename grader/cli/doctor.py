"""`grader doctor`: what this machine can do, and the command that adds what is missing."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from shutil import which

import click
import psutil

from grader.execution.sandbox import cgroup, landlock, syscalls
from grader.execution.sandbox.box import is_root
from grader.execution.sandbox.levels import LEVELS, problem

_GIB = 1 << 30
_ROOM = 6 * _GIB  # a submission may take 4 GiB, and the rest of the machine needs some too
# Settings that keep ordinary users from making namespaces: name, the value that does, one that does not.
_REFUSALS = (
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("user.max_user_namespaces", "0", "10000"),
)
_INSTALL = {
    "apt-get": "apt-get install -y",
    "dnf": "dnf install -y",
    "pacman": "pacman -S --noconfirm",
    "zypper": "zypper install -y",
    "apk": "apk add",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, and the command that would better it, if any."""

    what: str
    found: str
    remedy: str = ""


@click.command(name="doctor", epilog="\b\nExample:\n  grader doctor > machine.txt")
def command() -> None:
    """Say what this machine can do, and name the command that adds what is missing."""
    findings = [*_machine(), *_isolation(), *_levels()]
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        click.echo(f"{finding.what:<{width}}  {finding.found}")
        if finding.remedy:
            click.echo(f"{'':<{width}}  -> {finding.remedy}")


def _machine() -> Iterator[Finding]:
    import torch  # takes seconds, and `grader doctor --help` has no use for it

    yield Finding("Python", f"{platform.python_version()} ({sys.executable})")
    yield Finding("torch", version("torch"))
    if torch.cuda.is_available():
        yield Finding("CUDA", torch.cuda.get_device_name())
    elif torch.version.cuda is None:
        yield Finding("CUDA", "none: this build of torch has none; notebooks run on the CPU")
    else:
        yield Finding("CUDA", "none that torch can use; notebooks run on the CPU")
    yield Finding("cores", str(len(psutil.Process().cpu_affinity()) if _linux() else psutil.cpu_count()))
    memory = psutil.virtual_memory()
    few = "" if memory.available > _ROOM else "keep --jobs 1: a submission may take 4 GiB"
    yield Finding("memory", f"{memory.available / _GIB:.1f} of {memory.total / _GIB:.1f} GiB free", few)


def _isolation() -> Iterator[Finding]:
    """What boxes are built from."""
    if not _linux():
        yield Finding("system", f"{platform.system()}: boxes need Linux", "a Linux machine, or a virtual one")
        return
    yield Finding("user", "root" if is_root() else "an ordinary user")
    found = which("bwrap")
    yield Finding("bubblewrap", found or "not installed", "" if found else _install("bubblewrap"))
    if not is_root():
        yield _user_namespaces()
    try:
        syscalls.program("full")
        yield Finding("seccomp", "works")
    except (OSError, RuntimeError) as fault:
        package = "libseccomp2" if which("apt-get") else "libseccomp"
        yield Finding("seccomp", f"does not work: {fault}", _install(package))
    abi = landlock.version()
    yield Finding("Landlock", f"version {abi}" if abi else "not in this kernel, or switched off")
    parents = cgroup.find_parents()
    if parents is not None:
        yield Finding("cgroup", f"version {parents.version}, at {parents.folders['memory']}")
    else:
        remedy = "systemd-run --user --scope grader ..." if which("systemd-run") and not is_root() else ""
        yield Finding("cgroup", "none may be made: memory is watched from outside instead", remedy)


def _user_namespaces() -> Finding:
    for setting, refusing, other in _REFUSALS:
        file = Path("/proc/sys", *setting.split("."))
        if file.exists() and file.read_text(encoding="ascii").strip() == refusing:
            return Finding("user namespaces", f"refused by {setting}", f"sudo sysctl -w {setting}={other}")
    return Finding("user namespaces", "not refused by this system")


def _levels() -> Iterator[Finding]:
    """Which boxes really work, each one tried."""
    best = next((level for level in LEVELS if not problem(level)), "none")
    for level in LEVELS[:-1]:
        why = problem(level)
        works = "works; taken by --isolation best" if level == best else "works"
        yield Finding(f"isolation {level}", why or works)
    if best == "none":
        yield Finding("isolation", "none of them: student code would run with your rights", _first_step())


def _first_step() -> str:
    if _linux() and which("bwrap") is None:
        return _install("bubblewrap")
    return "grade inside a virtual machine, or on a Linux machine where you are root"


def _install(package: str) -> str:
    program = next((command for name, command in _INSTALL.items() if which(name)), "install")
    return f"{'' if os.geteuid() == 0 else 'sudo '}{program} {package}"


def _linux() -> bool:
    return sys.platform == "linux"

"""Where targets are looked for: beside the rubric, then in the user's cache; else they are made.

Kept targets serve only the kind of machine they were made on (the fingerprint) and only the
reference, sizes and method they were made with (the recipe). Anything else is made anew.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from grader.calibrate.process import Request, fingerprint_of, make_targets, request_for
from grader.calibrate.store import read_targets, write_targets
from grader.errors import TargetsError
from grader.model import Targets
from grader.rubric import Rubric


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/grader`, or `~/.cache/grader`."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if root else Path.home() / ".cache") / "grader"


def targets_for(rubric: Rubric, reference: Path, device: str, cache: Path | None = None) -> Targets:
    """Targets that fit this machine: kept ones, or else made now (minutes at full size) and kept.

    Two processes at once make them once: the second waits for the first. TargetsError where the
    reference cannot be used or the cache cannot be written.
    """
    cache = cache or default_cache()
    found = known_targets(rubric, reference, device, cache)
    if found:
        return found
    request, fingerprint = request_for(rubric, reference, device), fingerprint_of(device)
    entry = _entry(cache, fingerprint, request)
    with _locked(entry):
        found = _usable(entry, fingerprint, request)
        if found:
            return found
        made = make_targets(rubric, reference, device)
        _keep(made, entry)
        return made


def known_targets(rubric: Rubric, reference: Path, device: str, cache: Path | None = None) -> Targets | None:
    """Kept targets that fit this machine, or None if they would have to be made."""
    request, fingerprint = request_for(rubric, reference, device), fingerprint_of(device)
    places = [_entry(cache or default_cache(), fingerprint, request)]
    if rubric.folder:
        places.insert(0, Path(rubric.folder) / "targets" / fingerprint)
    return next((found for place in places if (found := _usable(place, fingerprint, request))), None)


def _entry(cache: Path, fingerprint: str, request: Request) -> Path:
    return cache / "targets" / fingerprint / request.recipe[:16]


def _usable(folder: Path, fingerprint: str, request: Request) -> Targets | None:
    """The targets in `folder`, unless it is absent, damaged or belongs to something else."""
    try:
        found = read_targets(folder)
    except TargetsError:
        return None
    fits = found.fingerprint == fingerprint and found.environment.get("recipe") == request.recipe
    return found if fits else None


@contextmanager
def _locked(entry: Path) -> Iterator[None]:
    """Hold the entry's lock; it ends with the process, so a killed one leaves nothing behind."""
    try:
        entry.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = entry.with_name(entry.name + ".lock").open("w")
    except OSError as error:
        raise TargetsError(str(entry.parent), "the cache cannot be written", str(error)) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _keep(targets: Targets, entry: Path) -> None:
    """Put the files in place in one step; called under the lock, so leftovers belong to the dead."""
    try:
        for leftover in entry.parent.glob(f"{entry.name}.part-*"):
            shutil.rmtree(leftover)
        part = Path(mkdtemp(prefix=f"{entry.name}.part-", dir=entry.parent))
        write_targets(targets, part)
        if entry.exists():
            shutil.rmtree(entry)
        part.rename(entry)
    except OSError as error:
        raise TargetsError(str(entry.parent), "the cache cannot be written", str(error)) from error

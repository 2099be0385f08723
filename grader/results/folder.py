"""A results folder: what stands where, who may write, and that nothing in it is ever half there.

    run.json .lock .gitignore       what was run with what, who is writing, and "keep out of git"
    students/<folder>/...           one student's pages and report.json
    evidence/<key>/...              what was seen, one bundle per attempt
    history/<start of a run>/...    what that run replaced: run.json, report.json, evidence
    anything else at the top        pages and tables about the cohort

`read_results` looks, `open_results` writes. Every file is put in place by renaming, so that a run
that was killed is continued by running the same command again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from grader.errors import (
    EvidenceDamaged,
    NotAResultsFolder,
    ResultsOfAnotherRubric,
    ResultsUnusable,
    RunFileDamaged,
    UnsafeName,
)
from grader.model import Evidence
from grader.results import atomic, bundle, codec
from grader.results.lock import locked

RUN_SCHEMA = 1

_RUN, _LOCK, _IGNORE = "run.json", ".lock", ".gitignore"
_STUDENTS, _EVIDENCE, _HISTORY = "students", "evidence", "history"
_REPORT = "report.json"
_NOT_FOR_THE_COHORT = {_RUN, _STUDENTS, _EVIDENCE, _HISTORY, "exports", "overrides.csv"}
_MAX_NAME_BYTES = 200  # of the 255 that file systems allow


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What was run with what.

    `rubric` is the digest of the rubric's file. `started` and `finished` are ISO 8601 in UTC, filled
    in by the folder; `finished` stays empty when the run was stopped.
    """

    assignment: str
    rubric: str
    command: tuple[str, ...]
    versions: Mapping[str, str]
    started: str = ""
    finished: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """A results folder to be looked at; `run` is the latest run. Raises `ResultsError`s only."""

    path: Path
    run: RunInfo

    def evidence_folder(self, key: str) -> Path:
        return self.path / _EVIDENCE / _safe(key)

    def has_evidence(self, key: str) -> bool:
        """Whether an attempt was seen to its end; half a bundle never stands there."""
        folder = self.evidence_folder(key)
        with _explained(self.path):
            return bundle.is_bundle(folder)

    def load_evidence(self, key: str) -> Evidence:
        """What was seen; raises `EvidenceDamaged` when it is not there or not sound."""
        folder = self.evidence_folder(key)
        evidence = bundle.read_evidence(folder)
        if evidence.key != key:
            raise EvidenceDamaged(folder, "it is another attempt's")
        return evidence

    def evidence_digest(self, key: str) -> str:
        """The digest by which marks name the evidence they rest on."""
        return bundle.bundle_digest(self.evidence_folder(key))

    def evidence_keys(self) -> tuple[str, ...]:
        """Keys of all evidence there is, sorted."""
        return self._names(_EVIDENCE, bundle.is_bundle)

    def students(self) -> tuple[str, ...]:
        """Folders of all students who have a report, sorted."""
        return self._names(_STUDENTS, lambda folder: (folder / _REPORT).is_file())

    def read_student(self, folder: str, name: str) -> bytes | None:
        """One of a student's files; None where there is none."""
        path = self.path / _STUDENTS / _safe(folder) / _safe(name)
        with _explained(self.path):
            return _read(path)

    def _names(self, kind: str, is_complete: Callable[[Path], bool]) -> tuple[str, ...]:
        with _explained(self.path):
            try:
                folders = list((self.path / kind).iterdir())
            except FileNotFoundError:
                return ()
            return tuple(sorted(each.name for each in folders if _is_safe(each.name) and is_complete(each)))


@dataclass(frozen=True, slots=True)
class OpenResults(Results):
    """A results folder that this process alone writes into; `history` takes what this run replaces."""

    history: Path

    def store_evidence(self, evidence: Evidence) -> None:
        """Keep what was seen of an attempt; other evidence of the same key goes into the history.

        Raises `codec.Mismatch`, a TypeError, when a value in it is not of its declared type.
        """
        folder = self.evidence_folder(evidence.key)
        files = bundle.bundle_files(evidence)
        with _explained(self.path):
            if not _changed(folder, files):
                return
            aside = None
            if folder.exists():
                aside = _free(_made(self.history / _EVIDENCE), folder.name)
            _made(folder.parent)
            atomic.write_folder(folder, files, aside)

    def write_student(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Write a student's files, `report.json` last; an earlier one that differs goes into the history."""
        target = self.path / _STUDENTS / _safe(folder)
        with _explained(self.path):
            changed = _changed(_made(target), files)
            report = changed.pop(_REPORT, None)
            atomic.write_files(target, changed)
            if report is not None:
                earlier = _read(target / _REPORT)
                if earlier is not None:
                    kept = _made(self.history / _STUDENTS / folder)
                    atomic.write_files(kept, {_free(kept, _REPORT).name: earlier})
                atomic.write_files(target, {_REPORT: report})

    def write_cohort(self, files: Mapping[str, bytes]) -> None:
        """Write files about all students at the top of the folder."""
        for name in files:
            if _safe(name).casefold() in _NOT_FOR_THE_COHORT:
                raise UnsafeName(name)
        with _explained(self.path):
            atomic.write_files(self.path, _changed(self.path, files))


def read_results(path: Path) -> Results:
    """Look at a results folder, also while a run is writing into it."""
    with _explained(path):
        run = _read_run(path) if path.is_dir() else None
    if run is None:
        raise NotAResultsFolder(path)
    return Results(path, run)


@contextmanager
def open_results(
    path: Path, run: RunInfo, clock: Callable[[], datetime], *, new_rubric: bool = False
) -> Iterator[OpenResults]:
    """Make or continue a results folder and be the only one who writes into it.

    Another assignment is refused, and so is a changed rubric, unless `new_rubric` says that the marks
    are made anew on purpose. Left by an exception, the run stays unfinished. Processes forked without
    exec share the lock: they must not outlive this one.
    """
    run = replace(run, started=_iso(clock()), finished="")
    with ExitStack() as stack:
        with _explained(path):
            _prepare(path)
            stack.enter_context(locked(path / _LOCK, run.command, run.started))
            results = _begin(path, run, new_rubric)
        yield results
        with _explained(path):
            _write_run(path, replace(run, finished=_iso(clock())))


def _prepare(path: Path) -> None:
    """Make the folder, or see that what stands there is one of ours, be it just begun."""
    if not path.exists():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.is_dir():
        raise NotAResultsFolder(path)
    names = {entry.name for entry in path.iterdir()}
    if _RUN in names:
        return  # its mode may since have been widened on purpose, for a second assistant
    if any(name not in (_LOCK, _IGNORE) and not name.startswith(atomic.LEFTOVER) for name in names):
        raise NotAResultsFolder(path)
    path.chmod(0o700)


def _begin(path: Path, run: RunInfo, new_rubric: bool) -> OpenResults:
    """What is done first under the lock: check, tidy up, keep the earlier run.json, write the new one."""
    earlier = _read_run(path)
    if earlier is not None:
        same = earlier.assignment == run.assignment and (new_rubric or earlier.rubric == run.rubric)
        if not same:
            raise ResultsOfAnotherRubric(
                path, (earlier.assignment, earlier.rubric), (run.assignment, run.rubric)
            )
    for place in ("", f"{_STUDENTS}/*/", f"{_EVIDENCE}/", f"{_HISTORY}/**/"):
        for leftover in path.glob(f"{place}{atomic.LEFTOVER}*"):
            atomic.delete(leftover)
    if _read(path / _IGNORE) is None:
        atomic.write_files(path, {_IGNORE: b"*\n"})
    history = _free(path / _HISTORY, datetime.fromisoformat(run.started).strftime("%Y%m%dT%H%M%SZ"))
    if earlier is not None:
        _write_run(_made(history), earlier)
    _write_run(path, run)
    return OpenResults(path, run, history)


def _read_run(path: Path) -> RunInfo | None:
    data = _read(path / _RUN)
    if data is None:
        return None
    try:
        document = json.loads(data)
        if type(document) is not dict or document.pop("schema", None) != RUN_SCHEMA:
            raise RunFileDamaged(path / _RUN, f"it is not of schema {RUN_SCHEMA}")
        return codec.decode(RunInfo, document, {})
    except (ValueError, RecursionError, codec.Mismatch) as fault:
        raise RunFileDamaged(path / _RUN, str(fault)) from None


def _write_run(folder: Path, run: RunInfo) -> None:
    document: dict[str, Any] = {"schema": RUN_SCHEMA, **codec.encode(RunInfo, run)[0]}
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    atomic.write_files(folder, {_RUN: text.encode()})


# -- names, files and what may go wrong with them --------------------------------------------------


def _safe(name: str) -> str:
    """The name itself, if it can be one entry of the folder meant and nothing else."""
    if not _is_safe(name):
        raise UnsafeName(name)
    return name


def _is_safe(name: str) -> bool:
    return (
        PurePath(name).name == name != ""
        and not name.startswith(".")
        and not re.search("[/\\\\\x00-\x1f\x7f\ud800-\udfff]", name)
        and len(name.encode()) <= _MAX_NAME_BYTES
    )


def _free(folder: Path, name: str) -> Path:
    """A path in the folder that nothing has yet: `name`, or with a number before the suffix."""
    path, number = folder / name, 1
    while path.exists():
        number += 1
        path = folder / f"{PurePath(name).stem}-{number}{PurePath(name).suffix}"
    return path


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _read(path: Path) -> bytes | None:
    """A file's content; None where no file of that name is."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def _changed(folder: Path, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Those of the files that the folder does not hold already."""
    return {name: data for name, data in files.items() if _read(folder / _safe(name)) != data}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in our users' words what the disk refused."""
    try:
        yield
    except OSError as fault:
        raise ResultsUnusable(path, fault) from fault

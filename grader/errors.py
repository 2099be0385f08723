"""What can go wrong for the people who run the grader.

    GraderError
    ├── InputError            the user's input is wrong; exit code 2
    │   ├── RubricError       one or more faults in a rubric file, all reported at once
    │   ├── RubricNotFoundError  no rubric by that name
    │   ├── SubmissionsError  the folder or zip of submissions cannot be used
    │   ├── TemplateMissing, NoCuda, UnknownStudents
    │   ├── IsolationUnavailable, IsolationTooWeak
    │   ├── TargetsError      an assignment's reference solutions or targets cannot be used
    │   └── ResultsError      the results folder is in use, or belongs to another run
    └── InternalError         our own fault; the submission is marked `grader_error`

A student's mistake is never an exception: it is evidence. Constructors take the facts and build
the message, so that every place that raises says the same thing in the same words.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class GraderError(Exception):
    """Root of everything the grader raises on purpose."""

    exit_code = 1


class InputError(GraderError):
    """The user's input is wrong, and the message says where and what to do."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file; line and column are 1-based, None for the whole file."""

    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.message
        column = "" if self.column is None else f", column {self.column}"
        return f"line {self.line}{column}: {self.message}"


class RubricError(InputError):
    """A rubric file has faults: `faults` holds all of them in the file's order, the message the first 50."""

    SHOWN = 50

    def __init__(self, path: Path, faults: Sequence[Fault]) -> None:
        self.path = path
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.line or 0, fault.column or 0)))
        lines = [f"{path}: {len(faults)} fault{'s' if len(faults) != 1 else ''}"]
        lines += [f"  {fault}" for fault in self.faults[: self.SHOWN]]
        if len(faults) > self.SHOWN:
            lines.append(f"  and {len(faults) - self.SHOWN} more")
        super().__init__("\n".join(lines))


class RubricNotFoundError(InputError):
    """No rubric goes by `name`: where it was `sought`, and names that are `near` or else all `known`."""

    def __init__(self, name: str, sought: Sequence[Path], near: Sequence[str], known: Sequence[str]) -> None:
        self.name = name
        lines = [f"no rubric {name!r}", *(f"  not at {place}" for place in sought)]
        if near:
            lines.append(f"  did you mean {', '.join(near)}?")
        elif known:
            lines.append(f"  rubrics there are: {', '.join(known)}")
        lines.append("  give a path, or name the folder that holds your rubrics in GRADER_RUBRICS")
        super().__init__("\n".join(lines))


class SubmissionsError(InputError):
    """What was handed in, or the roster, cannot be used: `faults` holds all that was found."""

    SHOWN = 50

    def __init__(self, path: Path, faults: Sequence[Fault], remedy: str = "") -> None:
        self.path = path
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line or 0))
        if len(self.faults) == 1:
            lines = [f"{path}: {self.faults[0]}"]
        else:
            lines = [f"{path}: {len(self.faults)} faults"]
            lines += [f"  {fault}" for fault in self.faults[: self.SHOWN]]
        if len(self.faults) > self.SHOWN:
            lines.append(f"  and {len(self.faults) - self.SHOWN} more")
        super().__init__("\n".join([*lines, *([f"  {remedy}"] if remedy else [])]))


class TargetsError(InputError):
    """An assignment's reference solutions or targets cannot be used; `where` is the folder at fault."""

    def __init__(self, where: str, problem: str, detail: str = "") -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}" + (f"\n{detail}" if detail else ""))


class TemplateMissing(InputError):
    """The empty exam that answers are located with is not beside the rubric, or is no notebook."""

    def __init__(self, path: Path) -> None:
        remedy = "put the empty exam there, as students got it"
        super().__init__(f"{path} is missing or not a notebook\n  {remedy}")


class NoCuda(InputError):
    """CUDA was asked for on a machine without it."""

    def __init__(self) -> None:
        remedy = "leave --device out, or say cpu"
        super().__init__(f"this machine has no CUDA device that torch can use\n  {remedy}")


class UnknownStudents(InputError):
    """`--only` names students who handed in nothing."""

    def __init__(self, unknown: Sequence[str], known: Sequence[str]) -> None:
        shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
        super().__init__(f"--only: no submission of {', '.join(unknown)}\n  there are: {shown or 'none'}")


class IsolationUnavailable(InputError):
    """The box that was asked for cannot be built here; `reasons` say why, by level."""

    def __init__(self, wanted: str, reasons: Mapping[str, str]) -> None:
        self.reasons = dict(reasons)
        lines = [f"--isolation {wanted}: this machine cannot build such a box"]
        lines += [f"  {level}: {reason}" for level, reason in reasons.items()]
        lines += [
            "  `grader doctor` names the command that adds what is missing",
            "  --isolation none runs student code with your rights: only where nothing can be harmed",
        ]
        super().__init__("\n".join(lines))


class IsolationTooWeak(InputError):
    """The rubric asks for more than the level that would be used."""

    def __init__(self, level: str, minimum: str, why: str) -> None:
        self.level = level
        self.minimum = minimum
        lines = [f"isolation {level} is less than this rubric's minimum, {minimum}"]
        lines += [f"  {minimum}: {why}" if why else f"  {minimum} works here: leave --isolation out"]
        lines += ["  `grader doctor` names the command that adds what is missing"] if why else []
        super().__init__("\n".join(lines))


class ResultsError(InputError):
    """A results folder cannot be used as asked; the message says what to do about it."""


class ResultsInUse(ResultsError):
    """Another process is writing into the folder; `holder` says which."""

    def __init__(self, path: Path, holder: str) -> None:
        self.path = path
        self.holder = holder
        super().__init__(
            f"{path} is in use by {holder}\n"
            "  wait for it to finish or stop it, then give the same command again; or name another --out"
        )


class ResultsOfAnotherRubric(ResultsError):
    """The folder belongs to another assignment or rubric; both are pairs of assignment and digest."""

    def __init__(self, path: Path, theirs: tuple[str, str], ours: tuple[str, str]) -> None:
        self.path = path
        if theirs[0] == ours[0]:
            found = f"was made with another version of rubric {theirs[0]}: {theirs[1]:.12}, now {ours[1]:.12}"
            remedy = "mark again from the evidence with `grader rescore`, or name another --out"
        else:
            found = f"holds the results of {theirs[0]}, not of {ours[0]}"
            remedy = "name another --out"
        super().__init__(f"{path} {found}\n  {remedy}")


class NotAResultsFolder(ResultsError):
    """Something else stands where results were expected."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            message = "does not exist\n  name the folder that `grader grade --out` wrote"
        elif not path.is_dir():
            message = "is a file, not a folder\n  name another --out"
        else:
            message = "has no run.json, so it is not a results folder\n  name a new or empty one for --out"
        super().__init__(f"{path} {message}")


class ResultsUnusable(ResultsError):
    """The disk refused something; `fault` is what the system said."""

    def __init__(self, path: Path, fault: OSError) -> None:
        self.path = path
        what = f"{fault.strerror or fault}" + (f": {fault.filename}" if fault.filename else "")
        match fault.errno:
            case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
                remedy = "make room, then give the same command again: it goes on where it stopped"
            case errno.EACCES | errno.EPERM | errno.EROFS:
                remedy = "let this user write there, or name another --out"
            case errno.ENOLCK | errno.ENOTSUP | errno.EOPNOTSUPP | errno.ENOSYS:
                remedy = "the file system lacks what is needed: name an --out on a local disk"
            case _:
                remedy = "see to it and give the same command again, or name another --out"
        super().__init__(f"{path} cannot be used: {what}\n  {remedy}")


class RunFileDamaged(ResultsError):
    """The results folder's run.json cannot be read, so that nobody knows whose results these are."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(
            f"{path} cannot be read: {why}\n  put back an earlier one from history/, or name another --out"
        )


class UnsafeName(ResultsError):
    """A name that cannot be used for a file or folder among the results."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name[:80]!r} cannot be the name of a file among the results: empty, too long, reserved, "
            "or with a leading dot, a separator or a control character\n  rename the submission"
        )


class EvidenceDamaged(ResultsError):
    """A bundle of evidence is missing, damaged or of another version; `path` is what is at fault."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        self.why = why
        super().__init__(
            f"{path} cannot be used: {why}\n  grade this submission again with --only ID --force; "
            "the others are not touched"
        )


class EvidenceTooLarge(ResultsError):
    """What was seen of one attempt is more than a bundle may hold; sizes in bytes."""

    def __init__(self, key: str, size: int, limit: int) -> None:
        self.key = key
        super().__init__(f"evidence {key:.40}: {size:,} bytes; a bundle may hold {limit:,}")

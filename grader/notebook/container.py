"""The files in a folder or zip of submissions: their names, and their bytes one at a time.

What students hand in is unpacked by nobody: entries are read, never written to disk, with bounded sizes.
"""

from __future__ import annotations

import lzma
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.errors import Fault, SubmissionsError
from grader.model import Reason
from grader.notebook.read import MAX_FILE_BYTES

MAX_FILES = 100_000
MAX_TOTAL_BYTES = 20 << 30  # of one zip, unpacked

_DRIVE = re.compile("[A-Za-z]:")
_IGNORED = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class File:
    """One file: its name in NFC with `/`, relative to the folder, and its bytes or why there are none."""

    name: str
    data: bytes = b""
    problem: Reason | None = None

    @property
    def path(self) -> PurePosixPath:
        return PurePosixPath(self.name)


def files_in(source: Path) -> Iterator[File]:
    """Yield the files of a folder, a zip, or a single notebook, in the order of their names.

    Hidden files and what operating systems leave behind are passed over. Raises SubmissionsError if this is
    none of the three or has nothing in it.
    """
    try:
        mode = source.stat().st_mode
    except OSError as error:
        reason = error.strerror or str(error)
        raise SubmissionsError(source, [Fault(reason)], "give the folder or zip of submissions") from error
    if stat.S_ISDIR(mode):
        yield from _in_folder(source)
    elif source.suffix.lower() == ".ipynb":
        yield _read_file(source, _name(os.fsencode(source.name)))
    elif zipfile.is_zipfile(source):
        yield from _in_zip(source)
    else:
        remedy = "give a folder, a zip or an .ipynb file"
        raise SubmissionsError(source, [Fault("this is neither a folder nor a zip nor a notebook")], remedy)


def is_ignored(name: str) -> bool:
    """Tell whether a name is hidden or left behind by an operating system or Jupyter."""
    parts = PurePosixPath(name).parts
    return any(
        (part.startswith((".", "~$")) and part != "..") or part.casefold() in _IGNORED for part in parts
    )


def _name(raw: bytes) -> str:
    """Return a file name in NFC: UTF-8, or CP949 as old Korean systems write it."""
    for encoding in ("utf-8", "cp949"):
        try:
            return unicodedata.normalize("NFC", raw.decode(encoding))
        except UnicodeDecodeError:
            continue
    return unicodedata.normalize("NFC", raw.decode("utf-8", "replace"))


# -- a folder -----------------------------------------------------------------------------------


def _in_folder(source: Path) -> Iterator[File]:
    root = source.resolve()
    closed: list[OSError] = []
    for folder, folders, names in os.walk(source, onerror=closed.append):
        folders.sort()
        linked = {name for name in folders if Path(folder, name).is_symlink()}
        for name in sorted({*names, *linked}):
            path = Path(folder, name)
            relative = _name(os.fsencode(path.relative_to(source)))
            if is_ignored(relative):
                continue
            target = _resolved(path)
            if name in linked or target is None or not target.is_relative_to(root):
                yield File(relative, problem=Reason("collect.link"))
            else:
                yield _read_file(path, relative)
    for error in closed:
        relative = _name(os.fsencode(os.path.relpath(error.filename or source, source)))
        yield File(relative, problem=Reason("collect.unreadable", {"message": error.strerror or str(error)}))


def _resolved(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def _read_file(path: Path, name: str) -> File:
    try:
        if not path.is_file():
            return File(name, problem=Reason("collect.not_a_file"))
        with path.open("rb") as file:
            return File(name, file.read(MAX_FILE_BYTES + 1))
    except OSError as error:
        return File(name, problem=Reason("collect.unreadable", {"message": error.strerror or str(error)}))


# -- a zip --------------------------------------------------------------------------------------


def _in_zip(source: Path) -> Iterator[File]:
    try:
        archive = zipfile.ZipFile(source)
    except _UNREADABLE as error:
        raise SubmissionsError(
            source, [Fault(f"the zip is damaged: {error}")], "download it again"
        ) from error
    with archive:
        entries = [(_entry_name(entry), entry) for entry in archive.infolist() if not entry.is_dir()]
        entries = [(name, entry) for name, entry in entries if not is_ignored(name)]
        if len(entries) > MAX_FILES:
            raise SubmissionsError(
                source, [Fault(f"the zip has {len(entries)} files; {MAX_FILES} is the limit")]
            )
        if entries and all(entry.flag_bits & 1 for _, entry in entries):
            raise SubmissionsError(
                source, [Fault("the zip asks for a password")], "unpack it into a folder first"
            )
        prefix = _wrapper(source, [name for name, _ in entries])
        total = 0
        for name, entry in sorted(entries, key=lambda pair: pair[0]):
            # No more is unpacked than an entry claims; what lies about it is cut off, or is damaged.
            total += min(entry.file_size, MAX_FILE_BYTES)
            yield _read_entry(archive, entry, name.removeprefix(prefix), full=total > MAX_TOTAL_BYTES)


def _entry_name(entry: zipfile.ZipInfo) -> str:
    """Return an entry's name; without the flag that says UTF-8, the bytes are looked at again."""
    utf8 = bool(entry.flag_bits & 0x800)
    raw = entry.filename.encode("utf-8" if utf8 else "cp437", "replace")
    return _name(raw).replace("\\", "/")


def _wrapper(source: Path, names: list[str]) -> str:
    """Return the folder that packing a folder puts around everything, empty if there is none."""
    tops = {name.partition("/")[0] for name in names}
    stem = _name(os.fsencode(source.stem))
    return f"{next(iter(tops))}/" if tops in ({stem}, {stem.rpartition(" (")[0]}) else ""  # "final (1).zip"


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, *, full: bool) -> File:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.name or _DRIVE.match(name):
        return File(name, problem=Reason("collect.path_outside"))
    if stat.S_ISLNK(entry.external_attr >> 16):
        return File(name, problem=Reason("collect.link"))
    if entry.flag_bits & 1:
        return File(name, problem=Reason("collect.encrypted"))
    if full:
        return File(name, problem=Reason("collect.zip_too_large", {"limit": MAX_TOTAL_BYTES >> 30}))
    try:
        with archive.open(entry) as file:
            return File(name, file.read(MAX_FILE_BYTES + 1))
    except _UNREADABLE as error:
        return File(name, problem=Reason("collect.unreadable", {"message": str(error)[:200]}))

"""Files and folders that are there completely or not at all, whatever stops the process.

Everything is first written under a temporary name in the folder it belongs to, forced to the disk,
and renamed. A process killed at any moment leaves the old content or the new one, and perhaps a
leftover whose name starts with `LEFTOVER`, to be deleted by whoever may be sure to be alone.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

LEFTOVER = ".grader-tmp-"


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put files into a folder that exists, in place of those of the same names, one after the other."""
    for name, data in files.items():
        with _temporary(folder) as temporary:
            _write_synced(temporary, data)
            temporary.replace(folder / name)
    if files:
        _sync_folder(folder)


def write_folder(path: Path, files: Mapping[str, bytes], aside: Path | None = None) -> None:
    """Make the folder `path` with these files in it; the folder above must exist.

    A folder that stands there already is moved to `aside` first, and without that it is an error.
    """
    with _temporary(path.parent) as temporary:
        temporary.mkdir(mode=0o700)
        for name, data in files.items():
            _write_synced(temporary / name, data)
        _sync_folder(temporary)
        if aside is not None:
            _rename_folder(path, aside)
        _rename_folder(temporary, path)


def delete(path: Path) -> None:
    """Delete a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    temporary = folder / (LEFTOVER + uuid4().hex)
    try:
        yield temporary
    except BaseException:
        delete(temporary)
        raise


def _rename_folder(old: Path, new: Path) -> None:
    if new.exists():  # rename() would silently replace an empty folder
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new))
    old.rename(new)
    _sync_folder(new.parent)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        path.chmod(0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    if sys.platform == "win32":
        return  # folders cannot be opened there
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

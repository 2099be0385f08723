"""What of this machine a kernel gets to see, and can only read: the system's programs and Python."""

from __future__ import annotations

import os
import shutil
import site
import sys
from collections.abc import Iterable
from pathlib import Path

import grader

PACKAGE = Path(grader.__file__).parent

# Not all of /usr: /usr/src and /usr/local/src are where images keep checkouts.
_PROGRAMS = ("bin", "sbin", "lib", "lib32", "lib64", "libexec", "share", "include")
_SYSTEM = (
    *(f"/usr/{name}" for name in _PROGRAMS),
    *(f"/usr/local/{name}" for name in (*_PROGRAMS, "cuda")),
    *("/nix/store", "/sys/devices/system"),
    *(f"/etc/{name}" for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts")),
    *("/etc/localtime", "/etc/mime.types"),
)
_GPU_DEVICES = ("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-caps")
_ROOT_LINKS = ("bin", "sbin", "lib", "lib32", "lib64")
# Of a Python installation; whatever else lies in its folder (a project, a home) is left out.
_PYTHON = ("bin", "lib", "lib64", "share", "pyvenv.cfg")


def system_paths() -> list[Path]:
    """The system's folders and files, those at the root that are no links included."""
    at_root = [Path("/", name) for name in _ROOT_LINKS if not Path("/", name).is_symlink()]
    return [path for path in [*map(Path, _SYSTEM), *at_root] if path.exists()]


def root_links() -> dict[str, str]:
    """Links at the root into /usr, as they are on this system: name -> target."""
    return {
        name: str(Path("/", name).readlink()) for name in _ROOT_LINKS if Path("/", name).is_symlink()
    }


def python_paths() -> list[Path]:
    """The interpreter and what is installed for it, where the system's folders do not hold it."""
    roots = [Path(p) for p in (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)]
    roots.append(Path(sys.executable).resolve().parent.parent)
    roots += [root.resolve() for root in roots]
    parts = [root / name for root in roots for name in _PYTHON]
    return _outermost([*parts, *map(Path, users_packages())], system_paths())


def users_packages() -> list[str]:
    """Packages that were installed for one user only: inside, the home that holds them is another."""
    folder = site.getusersitepackages()
    return [folder] if folder in sys.path else []


def gpu_devices() -> list[Path]:
    """The files by which CUDA talks to its driver."""
    return sorted({path for pattern in _GPU_DEVICES for path in Path("/dev").glob(pattern)})


def _outermost(paths: Iterable[Path], seen: Iterable[Path]) -> list[Path]:
    """The paths that exist and lie below none of those seen before."""
    kept: list[Path] = []
    for path in sorted({Path(os.path.normpath(path)) for path in paths}):
        if path.exists() and not any(path.is_relative_to(other) for other in [*seen, *kept]):
            kept.append(path)
    return kept


def stage(folder: Path) -> Path:
    """Copies what of the grader runs inside into the folder: `entry.py`, `trial.py`, `package/`.

    Only that: an editable installation lies beside reference solutions and rubrics.
    """
    here = Path(__file__).parent
    package = folder / "package" / "grader"
    package.mkdir(parents=True)
    shutil.copy2(PACKAGE / "__init__.py", package)
    shutil.copytree(PACKAGE / "probe", package / "probe")
    for name in ("entry.py", "trial.py"):
        shutil.copy2(here / name, folder)
    for path in [folder, *folder.rglob("*")]:  # whatever the umask: another user has to read them
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder

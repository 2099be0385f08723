"""What the kernel's process gets to see: its variables, and matplotlib's list of fonts."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

_PASSED_FOR_CUDA = ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "CUDA_HOME", "NVIDIA_VISIBLE_DEVICES")


def kernel_environment(home: str, device: str) -> dict[str, str]:
    """The whole environment of the kernel; nothing of the caller's leaks into it but the path."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": home,
        "TMPDIR": f"{home}/tmp",
        "LANG": "C.UTF-8",
        "IPYTHONDIR": f"{home}/.ipython",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSAFEPATH": "1",
        # The exam's tensors are tiny: a second thread costs 1.7 times the CPU time.
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    }
    if device == "cuda":
        environment |= {name: os.environ[name] for name in _PASSED_FOR_CUDA if name in os.environ}
    else:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    if sys.platform == "win32":
        environment |= {
            name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP") if name in os.environ
        }
    return environment


def font_list(cache: Path) -> dict[str, bytes]:
    """matplotlib's cache by file name, made once.

    At its first start matplotlib lists all fonts, for seconds; every kernel is given the list.
    """
    return {path.name: path.read_bytes() for path in sorted(_font_folder(cache).glob("fontlist-*.json"))}


def _font_folder(cache: Path) -> Path:
    folder = cache / "matplotlib"
    if not any(folder.glob("fontlist-*.json")):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-c", "import matplotlib.font_manager"],
            env={**os.environ, "MPLCONFIGDIR": str(folder)},
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=120,
        )
    return folder


def remove(folder: Path) -> None:
    """Removes a folder that a student's code may have made unreadable; links are not followed."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for parent, names, _files in os.walk(folder):
            for name in names:
                if not (path := Path(parent, name)).is_symlink():
                    path.chmod(stat.S_IRWXU)
        shutil.rmtree(folder, ignore_errors=True)

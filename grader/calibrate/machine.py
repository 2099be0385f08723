"""Whether this machine has a GPU that torch can use, without importing torch here."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

_DRIVERS = ("nvidiactl", "dxg", "kfd")  # NVIDIA's, WSL's, and AMD's, which torch calls CUDA too
_ASK = "import sys, torch; sys.exit(0 if torch.cuda.is_available() else 1)"


@cache
def has_cuda() -> bool:
    """True if torch sees a CUDA device; asked once, and for free where the driver is missing."""
    if sys.platform == "linux" and not any(Path("/dev", name).exists() for name in _DRIVERS):
        return False
    # -P: a file named torch.py in the current folder must not be imported.
    return (
        subprocess.run([sys.executable, "-P", "-c", _ASK], check=False, capture_output=True).returncode == 0
    )

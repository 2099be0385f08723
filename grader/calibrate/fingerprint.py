"""What kind of machine this is, as far as it decides how numbers are rounded.

Imports torch: for the throw-away process only. Others ask `grader.calibrate.fingerprint_of`.
"""

from __future__ import annotations

import json
import platform
import re
from functools import cache
from hashlib import sha256
from pathlib import Path

import torch

from grader.model import Scalar


@cache
def fingerprint(device: str) -> tuple[str, dict[str, Scalar]]:
    """A readable name with a short digest, and the facts it stands for; `device` is a torch device.

    Python's version, the host's name and the number of cores do not count: they change no number.
    """
    kind = torch.device(device).type
    facts: dict[str, Scalar] = {
        "device": kind,
        "model": torch.cuda.get_device_name(device) if kind == "cuda" else _processor(),
        "torch": str(torch.__version__),
        "cuda": str(torch.version.cuda or "none"),
        "cudnn": _cudnn(kind),
        "cpu_capability": str(torch.backends.cpu.get_cpu_capability()),
        "mkldnn": torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
        "mkl": torch.backends.mkl.is_available(),  # type: ignore[no-untyped-call]
    }
    digest = sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
    vectors = facts["cpu_capability"] if kind == "cpu" else ""
    words = f"{kind} {facts['model']} {vectors} torch {facts['torch']} {digest}"
    return re.sub(r"[^a-z0-9._]+", "-", words.lower()), facts


def fix_environment() -> dict[str, Scalar]:
    """Make this process compute repeatably with one thread, and say what was set."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    return {"threads": torch.get_num_threads(), "tf32": False, "deterministic": True}


def _processor() -> str:
    """Architecture and maker: MKL chooses its kernels by both. The exact model changes nothing more."""
    try:
        found = re.search(r"^vendor_id\s*:\s*(\S+)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return f"{platform.machine()} {found[1] if found else ''}".strip()


def _cudnn(kind: str) -> str:
    version = torch.backends.cudnn.version() if kind == "cuda" else None  # type: ignore[no-untyped-call]
    return str(version or "none")

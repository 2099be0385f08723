"""What trusted reference code says: targets, the noise around them, and where they are kept.

The reference runs in a throw-away process; nothing here imports torch into the caller's process.
"""

from __future__ import annotations

from grader.calibrate.cache import default_cache, known_targets, targets_for
from grader.calibrate.machine import has_cuda
from grader.calibrate.process import fingerprint_of, make_targets
from grader.calibrate.store import read_targets, write_targets
from grader.calibrate.table import targets_table

__all__ = [
    "default_cache",
    "fingerprint_of",
    "has_cuda",
    "known_targets",
    "make_targets",
    "read_targets",
    "targets_for",
    "targets_table",
    "write_targets",
]

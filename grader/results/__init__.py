"""A results folder and the evidence in it: the only code that reads or writes either.

- folder: what stands where; one writer at a time; earlier marks are kept
- lock: who is writing
- bundle: evidence as three plain files
- codec: values of declared types <-> standard JSON
- atomic: files and folders that are there completely or not at all
"""

from grader.results.bundle import bundle_digest, read_evidence, write_evidence
from grader.results.folder import OpenResults, Results, RunInfo, open_results, read_results

__all__ = [
    "OpenResults",
    "Results",
    "RunInfo",
    "bundle_digest",
    "open_results",
    "read_evidence",
    "read_results",
    "write_evidence",
]

"""An exam grader for notebooks that train networks in PyTorch.

The names below are the public interface; everything else may change. They are imported when they
are first used, since `import grader` is also how every student's kernel begins.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.errors import GraderError, InputError
    from grader.model import Evidence, Grade, Gradebook, Outcome, Status, Submission, Targets
    from grader.notebook import collect, read_notebook
    from grader.results import read_evidence, read_results
    from grader.rubric import Rubric, find_rubric, load_rubric

__all__ = [
    "Evidence",
    "Grade",
    "Gradebook",
    "GraderError",
    "InputError",
    "Outcome",
    "Rubric",
    "Status",
    "Submission",
    "Targets",
    "collect",
    "find_rubric",
    "load_rubric",
    "read_evidence",
    "read_notebook",
    "read_results",
]

_HOMES = {
    "grader.errors": ("GraderError", "InputError"),
    "grader.model": ("Evidence", "Grade", "Gradebook", "Outcome", "Status", "Submission", "Targets"),
    "grader.notebook": ("collect", "read_notebook"),
    "grader.results": ("read_evidence", "read_results"),
    "grader.rubric": ("Rubric", "find_rubric", "load_rubric"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

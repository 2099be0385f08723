"""Loading an assignment's reference solutions; used in the throw-away process only.

The contract of a reference folder is written down in reference/README.md.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from grader.model import Scalar


class Fit(Protocol):
    """One finished training as a reference solution returns it; arrays are CPU tensors."""

    @property
    def values(self) -> Mapping[str, Any]: ...
    @property
    def losses(self) -> tuple[float, ...]: ...
    @property
    def initial(self) -> Mapping[str, Any]: ...
    @property
    def optimizer(self) -> Mapping[str, Scalar]: ...


class Settings(Protocol):
    """What the grader itself reads from a reference's settings; the rest is the reference's own."""

    @property
    def seed(self) -> int: ...
    @property
    def epochs(self) -> int: ...


class Solve(Protocol):
    def __call__(
        self,
        seed: int,
        device: str,
        epochs: int,
        settings: Settings,
        initial: Mapping[str, Any] | None = None,
    ) -> Fit: ...


@dataclass(frozen=True, slots=True)
class Reference:
    axis: tuple[str, ...]
    solutions: Mapping[str, Solve]
    same_fit: Mapping[str, str]
    calibration: Mapping[str, Solve]
    labels: Callable[[Settings], tuple[int, ...]]
    settings_for: Callable[..., Settings]


class ReferenceFault(Exception):
    """What is wrong with a reference folder, in one sentence; becomes a TargetsError for the caller."""


def load_reference(folder: Path) -> Reference:
    """Import the package in `folder` by its path; ReferenceFault where it does not keep the contract."""
    entry = folder / "__init__.py"
    if not entry.is_file():
        raise ReferenceFault("there is no __init__.py: a reference is a Python package")
    name = f"reference_{folder.name}"
    spec = importlib.util.spec_from_file_location(name, entry, submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ReferenceFault("__init__.py cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    wanted = ("AXIS", "SOLUTIONS", "SAME_FIT", "CALIBRATION", "labels", "settings_for")
    if missing := [item for item in wanted if not hasattr(module, item)]:
        raise ReferenceFault(f"__init__.py does not define {', '.join(missing)}")
    solutions = dict(module.SOLUTIONS)
    loose = {*module.SAME_FIT, *module.SAME_FIT.values()} - solutions.keys()
    loose |= solutions.keys() - module.CALIBRATION.keys()
    if loose:
        raise ReferenceFault(
            f"SOLUTIONS, SAME_FIT and CALIBRATION do not agree about {', '.join(sorted(loose))}"
        )
    return Reference(
        axis=tuple(module.AXIS),
        solutions=solutions,
        same_fit=dict(module.SAME_FIT),
        calibration=dict(module.CALIBRATION),
        labels=module.labels,
        settings_for=module.settings_for,
    )

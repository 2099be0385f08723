"""What the interpreter writes down while it reads: one record per cell and per part of an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from grader.model import Place, Reason

from .values import Atom

Unclear: TypeAlias = tuple[str, str, Place]
MAX_UNCLEAR = 40


@dataclass(slots=True)
class Backward:
    """A place that differentiates, and everything its argument may depend on.

    `called` is the call in the notebook's own lines that leads there, when the place itself is in a
    function. `training` tells which outermost loop (or statement) it was run by; it is not `certain`
    that a branch of unknown condition is run at all.
    """

    place: Place
    called: Place | None
    training: tuple[int, ...]
    certain: bool
    atoms: dict[Atom, None] = field(default_factory=dict)


@dataclass(slots=True)
class PartRecord:
    """What happens inside one part of one answer; the dictionaries are ordered sets.

    `bound` holds the notebook's names that this part has bound; `unfollowed` the calls of something that
    is data, as far as can be told.
    """

    backwards: dict[tuple[int, ...], Backward] = field(default_factory=dict)
    constructed: dict[tuple[str, Place], None] = field(default_factory=dict)
    steps: dict[Place, None] = field(default_factory=dict)
    optimizers: dict[tuple[str, Place], None] = field(default_factory=dict)
    seeds: dict[Place, None] = field(default_factory=dict)
    unclear: dict[Unclear, None] = field(default_factory=dict)
    unfollowed: dict[Unclear, None] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)

    def add_unclear(self, entry: Unclear) -> None:
        if len(self.unclear) < MAX_UNCLEAR:
            self.unclear[entry] = None


@dataclass(slots=True)
class CellRecord:
    """The notebook's names that a cell binds, and those it reads that other cells (or none) bound."""

    index: int
    binds: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    syntax_error: Reason | None = None

"""What the made-up cohort earns, read from expected.json: the answers that the product is compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from grader.model import Outcome, Status

COHORT = Path(__file__).resolve().parents[2] / "submissions_example" / "final-2022"


@dataclass(frozen=True, slots=True)
class ExpectedQuestion:
    outcome: Outcome
    points: Decimal | None
    why: str


@dataclass(frozen=True, slots=True)
class ExpectedStudent:
    """`questions` is empty for a file that cannot be graded; `failed` then says why."""

    what: str
    questions: Mapping[str, ExpectedQuestion]
    failed: str = ""

    @property
    def status(self) -> Status:
        if self.failed:
            return Status.FAILED
        return Status.FINAL if self.points is not None else Status.PROVISIONAL

    @property
    def points(self) -> Decimal | None:
        """The total; None for a file that cannot be graded and while a person has to decide."""
        decided = [question.points for question in self.questions.values() if question.points is not None]
        return sum(decided, Decimal()) if decided and len(decided) == len(self.questions) else None


def load_expected(*, short: bool = False) -> dict[str, ExpectedStudent]:
    """Expectations by student id (the file's stem in NFC), for the full exam or for its short form."""
    found = json.loads(Path(__file__).with_name("expected.json").read_text(encoding="utf-8"))
    changed = found["short"] if short else {}
    return {name: _student(raw, changed.get(name, {})) for name, raw in found["students"].items()}


def _student(raw: Mapping[str, Any], changed: Mapping[str, Any]) -> ExpectedStudent:
    questions = {id: _question(entry) for id, entry in {**raw["questions"], **changed}.items()}
    return ExpectedStudent(raw["what"], questions, raw.get("failed", ""))


def _question(raw: Mapping[str, Any]) -> ExpectedQuestion:
    points = None if raw["points"] is None else Decimal(str(raw["points"]))
    return ExpectedQuestion(Outcome(raw["outcome"]), points, raw["why"])

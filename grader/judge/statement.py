"""True/false answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grader.judge.rules import Finding
from grader.model import Answer, Evidence, Outcome, Place, Reading, Reason

_TRUE = {"t", "true", "o", "참", "맞다", "맞음", "○", "1", "yes"}
_FALSE = {"f", "false", "x", "거짓", "틀리다", "틀림", "×", "0", "no"}


def judge_statement(expected: bool, answer: Answer, evidence: Evidence) -> Finding:
    """One answer is compared; contradictory or unreadable ones go to a person."""
    variables = _variables(evidence, answer.question)
    found: dict[bool, Place] = {}
    unreadable: Reading | None = None
    for reading in answer.readings:
        value = reading.value if reading.variable is None else _looked_up(reading, variables)
        if value is None:
            unreadable = unreadable or (reading if reading.text.strip() else None)
        else:
            found.setdefault(value, reading.place)
    if len(found) > 1:
        texts = ", ".join(reading.text.strip() for reading in answer.readings)[:200]
        reason = Reason("judge.answer.contradictory", {"answers": texts})
        return Finding(Outcome.NEEDS_REVIEW, reason, tuple(found.values()))
    if not found:
        if unreadable is None:
            return Finding(Outcome.NOT_ATTEMPTED, Reason("judge.answer.none"))
        reason = Reason("judge.answer.unreadable", {"text": unreadable.text.strip()[:200]})
        return Finding(Outcome.NEEDS_REVIEW, reason, (unreadable.place,))
    ((value, place),) = found.items()
    params = {"answer": str(value), "expected": str(expected)}
    if value is expected:
        return Finding(Outcome.MET, Reason("judge.answer.met", params), (place,))
    return Finding(Outcome.NOT_MET, Reason("judge.answer.not", params), (place,))


def _variables(evidence: Evidence, question: str) -> Mapping[str, Any]:
    """What was kept of them, this question's own last: an answer sheet may stand with another one."""
    snapshots = [snapshot for run in evidence.runs for snapshot in run.snapshots]
    merged: dict[str, Any] = {}
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.question == question):
        merged |= snapshot.variables
    return merged


def _looked_up(reading: Reading, variables: Mapping[str, Any]) -> bool | None:
    """The truth value that a variable held at the end of the run."""
    value = variables.get(reading.variable or "")
    if reading.key is not None:
        value = _item(value, reading.key)
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def _item(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    return None

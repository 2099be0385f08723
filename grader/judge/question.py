"""One question's verdict: gates, criteria, and what stands in the way of deciding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from grader.judge.fit import Fit, judge_accuracy, judge_equals
from grader.judge.rules import Finding, judge_gate, judge_trained
from grader.judge.statement import judge_statement
from grader.judge.values import Values
from grader.judge.witness import Witness, fitted_values, same_values, shown, witness
from grader.model import (
    Answer,
    CriterionVerdict,
    Evidence,
    FittedView,
    GateVerdict,
    Outcome,
    QuestionGrade,
    Reason,
    Targets,
    Training,
)
from grader.rubric import Accuracy, Criterion, Equals, Question, Rubric, Trained, TrueFalse

# Source that can change what is observed: nothing that was seen beside it stands by itself.
_REACHING_INSIDE = {"rules.introspection", "rules.patched_library"}
_ROWS = 10
_CURVE = 200
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A question's grade, and the fits that later questions may compare with."""

    grade: QuestionGrade
    fits: tuple[Fit, ...] = ()


@dataclass(frozen=True, slots=True)
class _Judged:
    """The verdict on one training of one part of an answer; no training where none was seen."""

    training: Training | None
    values: Values
    gates: tuple[GateVerdict, ...]
    criteria: tuple[CriterionVerdict, ...]
    asked_network: Outcome

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        gates = tuple(gate.outcome for gate in self.gates)
        return gates + tuple(criterion.outcome for criterion in self.criteria)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One part of an answer: its grade, the training that counts, and all that were seen."""

    grade: QuestionGrade
    chosen: _Judged
    fits: tuple[Fit, ...]


def judge_question(
    question: Question,
    rubric: Rubric,
    evidence: Evidence,
    targets: Targets | None,
    own: Mapping[str, tuple[Fit, ...]],
) -> Verdict:
    """The verdict on one question; `own` are the fits of the student's earlier answers."""
    answer = evidence.answers.items.get(question.id)
    if question.void == "full_marks":
        return Verdict(_void(question, answer))
    if answer is None:
        return Verdict(_not_found(question, rubric, evidence))
    if question.true_false:
        return Verdict(_true_false(question, rubric, answer, evidence))
    code = {cell.index for cell in evidence.submission.code}
    attempts = [
        _judge_part(question, evidence, targets, own, answer, number)
        for number, part in enumerate(answer.parts)
        if code & set(part.cells)
    ]
    if not attempts:
        return Verdict(_empty(question, evidence, answer))
    grade, chosen = _best(attempts)
    if len(attempts) > 1:
        grade = replace(
            grade, notes=(*grade.notes, Reason("judge.several_answers", {"count": len(attempts)}))
        )
    if _unsure(rubric, answer):
        grade = _to_person(grade, _located_low(answer))
    grade = replace(
        grade,
        cells=answer.cells,
        notes=(*grade.notes, *_how(rubric, answer)),
        fitted=_view(rubric, chosen, question, targets),
    )
    return Verdict(grade, tuple(fit for attempt in attempts for fit in attempt.fits))


# -- one part of an answer ------------------------------------------------------------------------


def _judge_part(
    question: Question,
    evidence: Evidence,
    targets: Targets | None,
    own: Mapping[str, tuple[Fit, ...]],
    answer: Answer,
    number: int,
) -> _Attempt:
    seen = witness(evidence, answer, number)
    candidates: tuple[Training | None, ...] = seen.trainings or (None,)
    judged = [_judge_training(question, evidence, targets, own, seen, t, number) for t in candidates]
    chosen, sure = _choose(question, judged, seen)
    grade = _combine(question, chosen)
    if not sure:
        grade = _to_person(grade, Reason("judge.two_networks"))
    if seen.run is None:
        grade = _to_person(grade, Reason("judge.not_run"))
    if seen.doubt is not None:
        grade = _to_person(grade, seen.doubt)
    elif seen.hindrance is not None and grade.outcome is not Outcome.MET:
        grade = _to_person(grade, seen.hindrance)
    unclear = {reason.id for reason, _ in evidence.facts.answer(question.id, number).unclear}
    if unclear & _REACHING_INSIDE:
        grade = _to_person(grade, Reason("judge.reaches_inside"))
    if chosen.training is None and seen.cause is None:
        grade = _unless_silent(grade, evidence, question, number)
    fits = tuple(
        Fit(j.training, j.values, seen.number, j.asked_network) for j in judged if j.training is not None
    )
    return _Attempt(replace(grade, notes=() if seen.cause is None else (seen.cause,)), chosen, fits)


def _unless_silent(grade: QuestionGrade, evidence: Evidence, question: Question, part: int) -> QuestionGrade:
    """No training was seen and nothing was raised: only a source without a doubt makes that final."""
    facts = evidence.facts.answer(question.id, part)
    if facts.backwards or facts.steps:
        return _to_person(grade, Reason("judge.unseen_training"))
    return _to_person(grade, Reason("judge.unfollowed")) if facts.unclear else grade


def _choose(question: Question, judged: list[_Judged], seen: Witness) -> tuple[_Judged, bool]:
    """The training that counts: the only one, one of equals, or the one whose values are shown."""
    last = judged[-1]
    if all(other.outcomes == last.outcomes for other in judged):
        return last, True
    values = shown(question, seen)
    if values is not None:
        same = [j for j in judged if j.values.array is not None and same_values(j.values.array, values)]
        if len(same) == 1:
            return same[0], True
    return last, False


def _judge_training(
    question: Question,
    evidence: Evidence,
    targets: Targets | None,
    own: Mapping[str, tuple[Fit, ...]],
    seen: Witness,
    training: Training | None,
    part: int,
) -> _Judged:
    facts = evidence.facts.answer(question.id, part)
    values = fitted_values(question, training, seen)
    fit = None if training is None else Fit(training, values, seen.number)
    labels = () if targets is None else targets.labels
    criteria: dict[str, CriterionVerdict] = {}
    asked_network = Outcome.MET
    for criterion in question.criteria:
        needed = [criteria[id] for id in criterion.requires if criteria[id].outcome is not Outcome.MET]
        if needed:
            undecided = any(not verdict.outcome.decided for verdict in needed)
            outcome = Outcome.NEEDS_REVIEW if undecided else Outcome.NOT_MET
            finding = Finding(outcome, Reason("judge.requires", {"criterion": needed[0].id}))
        elif isinstance(criterion.check, Trained):
            finding = judge_trained(criterion.check, facts, training)
            asked_network = finding.outcome
        elif isinstance(criterion.check, Accuracy):
            finding = judge_accuracy(criterion.check, values, training, labels)
        elif isinstance(criterion.check, Equals):
            finding = judge_equals(question, criterion.check.in_order, fit, own, targets)
        else:
            raise AssertionError("true/false questions have no trainings")
        criteria[criterion.id] = _scored(criterion, finding)
    last = training is None or training is seen.trainings[-1]
    gates = tuple(judge_gate(gate, facts, training, last=last) for gate in question.gates)
    return _Judged(training, values, gates, tuple(criteria.values()), asked_network)


def _scored(criterion: Criterion, finding: Finding) -> CriterionVerdict:
    points = {Outcome.MET: criterion.points, Outcome.NOT_MET: ZERO, Outcome.NOT_ATTEMPTED: ZERO}
    decided = points.get(finding.outcome)
    return CriterionVerdict(
        id=criterion.id,
        outcome=finding.outcome,
        max_points=criterion.points,
        points=decided,
        low=ZERO if decided is None else decided,
        high=criterion.points if decided is None else decided,
        reason=finding.reason,
        where=finding.where,
    )


# -- combining ------------------------------------------------------------------------------------


def _combine(question: Question, judged: _Judged) -> QuestionGrade:
    """A broken gate is zero; anything undecided is undecided; else the criteria add up."""
    base = QuestionGrade(
        id=question.id,
        outcome=Outcome.NOT_MET,
        max_points=question.points,
        points=ZERO,
        low=ZERO,
        high=ZERO,
        reason=Reason("judge.question.not_met"),
        gates=judged.gates,
        criteria=judged.criteria,
    )
    broken = next((gate for gate in judged.gates if gate.outcome is Outcome.NOT_MET), None)
    if broken is not None:
        nothing = tuple(replace(c, points=ZERO, low=ZERO, high=ZERO) for c in judged.criteria)
        return replace(base, criteria=nothing, reason=Reason("judge.gate_broken", {"gate": broken.id}))
    low = sum((c.low for c in judged.criteria), ZERO)
    high = sum((c.high for c in judged.criteria), ZERO)
    if any(gate.outcome is Outcome.NEEDS_REVIEW for gate in judged.gates):
        return replace(
            base, outcome=Outcome.NEEDS_REVIEW, points=None, high=high, reason=Reason("judge.gate_review")
        )
    if any(not c.outcome.decided for c in judged.criteria):
        reason = Reason("judge.question.review")
        return replace(base, outcome=Outcome.NEEDS_REVIEW, points=None, low=low, high=high, reason=reason)
    if all(c.outcome is Outcome.MET for c in judged.criteria):
        outcome, reason = Outcome.MET, Reason("judge.question.met")
    elif low > 0:
        outcome, reason = Outcome.PARTLY_MET, Reason("judge.question.partly")
    else:
        outcome, reason = Outcome.NOT_MET, Reason("judge.question.not_met")
    return replace(base, outcome=outcome, points=low, low=low, high=high, reason=reason)


def _best(attempts: list[_Attempt]) -> tuple[QuestionGrade, _Judged]:
    """The best compliant answer counts; a rule-breaking one among several is for a person."""
    best = max(attempts, key=lambda a: (a.grade.points is not None, a.grade.low, a.grade.high))
    grade = best.grade
    if len(attempts) > 1:
        gates = {gate.outcome for attempt in attempts for gate in attempt.grade.gates}
        if gates & {Outcome.NOT_MET, Outcome.NEEDS_REVIEW}:
            grade = _to_person(grade, Reason("judge.rule_broken_among_several"))
        elif grade.points is not None and any(
            attempt.grade.points is None and attempt.grade.high > grade.low for attempt in attempts
        ):
            grade = _to_person(grade, Reason("judge.several_undecided"))
    return grade, best.chosen


def _how(rubric: Rubric, answer: Answer) -> tuple[Reason, ...]:
    """What the place was found by, where somebody has to look at that."""
    return answer.how if _unsure(rubric, answer) else ()


def _unsure(rubric: Rubric, answer: Answer) -> bool:
    return answer.confidence < rubric.locate.confidence


def _located_low(answer: Answer) -> Reason:
    return Reason("judge.located_low", {"confidence": round(answer.confidence, 2)})


def _to_person(grade: QuestionGrade, reason: Reason) -> QuestionGrade:
    """Takes back a decision: nothing is granted or refused until a person has looked."""
    if grade.outcome is Outcome.NEEDS_REVIEW:
        return replace(grade, low=ZERO, high=grade.max_points, notes=(*grade.notes, reason))
    return replace(
        grade,
        outcome=Outcome.NEEDS_REVIEW,
        points=None,
        low=ZERO,
        high=grade.max_points,
        reason=reason,
    )


# -- questions without a training -----------------------------------------------------------------


def _undone(
    question: Question, outcome: Outcome, reason: Reason, cells: tuple[int, ...] = ()
) -> QuestionGrade:
    undecided = not outcome.decided
    return QuestionGrade(
        id=question.id,
        outcome=outcome,
        max_points=question.points,
        points=None if undecided else ZERO,
        low=ZERO,
        high=question.points if undecided else ZERO,
        reason=reason,
        cells=cells,
    )


def _not_found(question: Question, rubric: Rubric, evidence: Evidence) -> QuestionGrade:
    """Without a heading there is no telling whose code it is, unless there is no code at all."""
    claimed = {cell for answer in evidence.answers.items.values() for cell in answer.cells}
    first = min(claimed, default=0)
    stray = any(cell.index not in claimed and cell.index > first for cell in evidence.submission.code)
    doubtful = any(_unsure(rubric, other) for other in evidence.answers.items.values())
    if stray or doubtful or not claimed or _trained_elsewhere(question, evidence):
        return _undone(question, Outcome.NEEDS_REVIEW, Reason("judge.not_found"))
    return _undone(question, Outcome.NOT_ATTEMPTED, Reason("judge.not_attempted"))


def _empty(question: Question, evidence: Evidence, answer: Answer) -> QuestionGrade:
    """Nothing stands in the answer's place; it may stand in a neighbour's."""
    if _trained_elsewhere(question, evidence):
        return _undone(question, Outcome.NEEDS_REVIEW, Reason("judge.not_found"), answer.cells)
    return _undone(question, Outcome.NOT_ATTEMPTED, Reason("judge.not_attempted"), answer.cells)


def _trained_elsewhere(question: Question, evidence: Evidence) -> bool:
    """Whether some other place trained more than one network, or one that belongs to no answer."""
    if question.fitted is None:
        return False
    for run in evidence.runs:
        places = Counter((t.question, t.part) for t in run.trainings if t.steps)
        if any(question is None or count > 1 for (question, _), count in places.items()):
            return True
    return False


def _void(question: Question, answer: Answer | None) -> QuestionGrade:
    return QuestionGrade(
        id=question.id,
        outcome=Outcome.MET,
        max_points=question.points,
        points=question.points,
        low=question.points,
        high=question.points,
        reason=Reason("judge.void"),
        cells=() if answer is None else answer.cells,
    )


def _true_false(question: Question, rubric: Rubric, answer: Answer, evidence: Evidence) -> QuestionGrade:
    criterion = next(c for c in question.criteria if isinstance(c.check, TrueFalse))
    assert isinstance(criterion.check, TrueFalse)
    finding = judge_statement(criterion.check.value, answer, evidence)
    verdict = _scored(criterion, finding)
    grade = QuestionGrade(
        id=question.id,
        outcome=finding.outcome,
        max_points=question.points,
        points=verdict.points,
        low=verdict.low,
        high=verdict.high,
        reason=finding.reason,
        cells=answer.cells,
        criteria=(verdict,),
        notes=_how(rubric, answer),
    )
    if _unsure(rubric, answer) and finding.outcome is not Outcome.NOT_ATTEMPTED:
        return _to_person(grade, _located_low(answer))
    return grade


# -- what the page draws --------------------------------------------------------------------------


def _view(rubric: Rubric, judged: _Judged, question: Question, targets: Targets | None) -> FittedView | None:
    values = judged.values
    if values.array is None:
        return None
    target = None if targets is None else targets.items.get(question.id)
    matching = target is not None and target.fitted["last"].shape == values.array.shape
    return FittedView(
        axis=rubric.labels.axis,
        values=tuple(tuple(map(float, row)) for row in values.array[:_ROWS]),
        target=tuple(tuple(map(float, row)) for row in target.fitted["last"][:_ROWS])
        if target is not None and matching
        else None,
        source=values.source,
        positions=values.array.shape[0],
        losses=() if judged.training is None else judged.training.losses[:_CURVE],
        target_losses=() if target is None else target.losses[:_CURVE],
    )

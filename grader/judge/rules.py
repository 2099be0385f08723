"""Which network was trained: the source's story, the run's story, and what follows from both.

Neither convicts alone. The source says what reaches `.backward()`; the run says whose parameters
received a gradient and moved. Where they differ, a person reads both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from grader.model import (
    AnswerFacts,
    GateVerdict,
    NetworkFact,
    Outcome,
    OwnerSeen,
    ParameterSeen,
    Place,
    Reason,
    Scalar,
    Training,
)
from grader.rubric import Gate, MustDefineClass, MustNotTrain, Trained

RECURRENT = (
    "torch.nn.RNN",
    "torch.nn.RNNCell",
    "torch.nn.LSTM",
    "torch.nn.LSTMCell",
    "torch.nn.GRU",
    "torch.nn.GRUCell",
    "torch.nn.RNNBase",
    "torch.nn.RNNCellBase",
)


# Forms that the paper leaves to a person.
_DOUBTFUL = {
    "functional": "judge.not_trained.functional",
    "own": "judge.not_trained.subclass",
    "parameters": "judge.not_trained.container",
}


class Tale(Enum):
    """What one side says about a rule."""

    KEPT = "kept"
    BROKEN = "broken"
    UNCLEAR = "unclear"
    DOUBTFUL = "doubtful"  # a form that the paper leaves to a person, whatever the other side says
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Story:
    tale: Tale
    reason: Reason
    where: tuple[Place, ...] = ()


# -- must_not_train -------------------------------------------------------------------------------


def judge_gate(
    gate: Gate, facts: AnswerFacts, training: Training | None, *, last: bool = True
) -> GateVerdict:
    """A gate's verdict for the network that one training trained; `last`: none came after it."""
    if isinstance(gate.check, MustNotTrain):
        static = _not_trained_in_source(gate.check, facts, last)
        run = _not_trained_in_run(gate.check, training)
        kept = Reason("judge.not_trained.met")
        broken = _broken_reason(static, run)
        said = static.reason.id.startswith("judge.")
        unclear = static.reason if said else Reason("judge.not_trained.unclear")
        disagree = Reason("judge.not_trained.disagree", {"module": ", ".join(gate.check.modules)})
    else:
        static, run = _class_in_source(gate.check, facts), _class_in_run(gate.check, training)
        kept = Reason("judge.class_used.met", dict(run.reason.params or static.reason.params))
        broken = Reason("judge.class_used.broken")
        unclear = Reason("judge.class_used.unclear")
        disagree = Reason("judge.class_used.disagree")
    outcome = combine(static.tale, run.tale, proof=isinstance(gate.check, MustNotTrain))
    if outcome is Outcome.NEEDS_REVIEW:
        told = {static.tale, run.tale} == {Tale.KEPT, Tale.BROKEN}
        reason = disagree if told else unclear
    else:
        reason = kept if outcome is Outcome.MET else broken
    if outcome is Outcome.NOT_ATTEMPTED:
        reason = Reason("judge.network.nothing")
    return GateVerdict(
        id=gate.id,
        outcome=outcome,
        reason=reason,
        where=(*static.where, *run.where),
        static=static.reason,
        run_time=run.reason,
    )


def combine(static: Tale, run: Tale, *, proof: bool) -> Outcome:
    """The table: source alone never convicts, and a disagreement goes to a person.

    The run convicts an answer whose source is unclear only with a `proof` that can be read again:
    parameters of the module received this loss's gradient and moved. That something was *not* seen
    proves nothing.
    """
    if run is Tale.SILENT:
        return Outcome.NEEDS_REVIEW if static is Tale.BROKEN else Outcome.NOT_ATTEMPTED
    if run is Tale.BROKEN and (static is Tale.BROKEN or (proof and static is Tale.UNCLEAR)):
        return Outcome.NOT_MET
    if run is Tale.KEPT and static is Tale.KEPT:
        return Outcome.MET
    return Outcome.NEEDS_REVIEW


def _not_trained_in_source(check: MustNotTrain, facts: AnswerFacts, last: bool) -> Story:
    broken: list[NetworkFact] = []
    doubtful: list[tuple[Reason, Place]] = []
    unsure: list[tuple[Reason, Place]] = []
    for network in facts.networks:
        module = next((base for base in network.bases if base in check.modules), None)
        if module is None:
            continue
        zero = network.how == "functional" and check.functional == "zero"
        if zero or (network.how == "core" and network.in_last_training):
            broken.append(network)
        elif network.how in _DOUBTFUL:
            params = {"kernel": network.type, "name": network.type, "module": module}
            doubtful.append((Reason(_DOUBTFUL[network.how], params), network.made))
        elif network.how != "core" or not last:
            # One that was trained before, to compare with, is no matter of the one that counts.
            unsure.append((Reason("judge.not_trained.unclear"), network.made))
    if broken:
        network = broken[0]
        told: dict[str, Scalar] = {
            "module": network.type,
            "made_cell": network.made.cell,
            "made_line": network.made.line or 0,
            "cell": network.backward.cell,
            "line": network.backward.line or 0,
        }
        return Story(Tale.BROKEN, Reason("story.static.trained", told), tuple(n.made for n in broken))
    if doubtful:
        return Story(Tale.DOUBTFUL, doubtful[0][0], tuple(place for _, place in doubtful[:5]))
    unsure += facts.unclear
    if unsure:
        return Story(Tale.UNCLEAR, unsure[0][0], tuple(place for _, place in unsure[:5]))
    if not facts.backwards:
        return Story(Tale.UNCLEAR, Reason("story.static.nothing"))
    return Story(Tale.KEPT, Reason("story.static.not_trained", {"module": ", ".join(check.modules)}))


def _not_trained_in_run(check: MustNotTrain, training: Training | None) -> Story:
    if training is None:
        return Story(Tale.SILENT, Reason("story.run.no_training"))
    moved = [p for p in training.parameters if p.moved and p.gradient]
    unsure = False
    for parameter in moved:
        direct = [owner for owner in parameter.owners if owner.direct]
        named = [owner for owner in direct if set(owner.bases) & set(check.modules)]
        if not named:
            continue
        # A parameter that the student's module registered too is a shared initial value.
        if len(named) == len(direct) and not any(owner.own_forward for owner in named):
            return Story(Tale.BROKEN, _moved_reason(training))
        unsure = True
    if unsure or not moved or (any(not p.owners for p in moved) and training.optimizer == ""):
        return Story(Tale.UNCLEAR, _moved_reason(training))
    return Story(
        Tale.KEPT,
        Reason("story.run.not_moved", {"module": ", ".join(check.modules), "owners": owners_text(moved)}),
    )


def _broken_reason(static: Story, run: Story) -> Reason:
    module = static.reason.params.get("module") if static.tale is Tale.BROKEN else None
    return Reason("judge.not_trained.broken", {"module": module or run.reason.params.get("owners", "")})


# -- must_define_class ----------------------------------------------------------------------------


def _class_in_source(check: MustDefineClass, facts: AnswerFacts) -> Story:
    for network in facts.networks:
        if network.how == "own" and check.base in network.bases:
            return Story(Tale.KEPT, Reason("story.static.class", {"name": network.type}), (network.made,))
    if facts.unclear:
        reason, place = facts.unclear[0]
        return Story(Tale.UNCLEAR, reason, (place,))
    if not facts.backwards:
        return Story(Tale.UNCLEAR, Reason("story.static.nothing"))
    for network in facts.networks:
        if network.how == "parameters" and network.type not in network.bases and check.base in network.bases:
            # Layers of an own class in the loss, but not through its forward: is that "used"?
            return Story(Tale.UNCLEAR, Reason("judge.class_used.unclear"), (network.made,))
    return Story(Tale.BROKEN, Reason("story.static.no_class"))


def _class_in_run(check: MustDefineClass, training: Training | None) -> Story:
    if training is None:
        return Story(Tale.SILENT, Reason("story.run.no_training"))
    moved = [p for p in training.parameters if p.moved and p.gradient]
    for parameter in moved:
        for owner in parameter.owners:
            if is_students(owner) and check.base in owner.bases:
                return Story(Tale.KEPT, Reason("story.run.class", {"name": owner.type}))
    if not moved or training.optimizer == "":
        return Story(Tale.UNCLEAR, _moved_reason(training))
    return Story(Tale.BROKEN, _moved_reason(training))


def is_students(owner: OwnerSeen) -> bool:
    return not owner.type.startswith("torch.")


# -- trained --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    outcome: Outcome
    reason: Reason
    where: tuple[Place, ...] = ()


def judge_trained(check: Trained, facts: AnswerFacts, training: Training | None) -> Finding:
    """Whether the asked module is what one training trained."""
    module = check.module
    if training is None:
        return Finding(Outcome.NOT_MET, Reason("judge.network.none", {"module": module}))
    moved = [p for p in training.parameters if p.moved and p.gradient]
    in_run = _recurrent_in_run(moved)
    in_source = {base for n in facts.networks for base in n.bases[:1] if base in RECURRENT and n.how != "own"}
    where = tuple(n.made for n in facts.networks if module in n.bases)
    found = ", ".join(sorted(in_run)) or owners_text(moved) or "-"
    params = {"module": module, "found": found}
    if module in in_run and len(in_run) == 1:
        if in_source and module not in _bases_in_source(facts) and not facts.unclear:
            return Finding(Outcome.NEEDS_REVIEW, Reason("judge.network.disagree", params), where)
        return Finding(Outcome.MET, Reason("judge.network.met", {"module": module}), where)
    if not moved and _stood_still(training):
        return Finding(Outcome.NOT_MET, Reason("judge.network.none", {"module": module}), where)
    if module in in_run or training.optimizer == "" or not moved:
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.network.unclear", {"module": module}), where)
    if in_run & set(check.person):
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.network.person", params), where)
    if module in _bases_in_source(facts) or facts.unclear or not facts.backwards:
        return Finding(Outcome.NEEDS_REVIEW, Reason("judge.network.disagree", params), where)
    return Finding(Outcome.NOT_MET, Reason("judge.network.other", params), where)


def _stood_still(training: Training) -> bool:
    """Proof that nothing was trained: no parameter moved, and the loss never changed by a bit."""
    return len(training.losses) > 1 and len(set(training.losses)) == 1


def _recurrent_in_run(moved: list[ParameterSeen]) -> set[str]:
    """Recurrent torch modules whose own forward is torch's and whose parameters moved."""
    found: set[str] = set()
    for parameter in moved:
        for owner in parameter.owners:
            if owner.direct and not owner.own_forward:
                found.update(base for base in owner.bases[:2] if base in RECURRENT[:6])
    return found


def _bases_in_source(facts: AnswerFacts) -> set[str]:
    return {base for network in facts.networks if network.how != "own" for base in network.bases}


def owners_text(moved: Iterable[ParameterSeen]) -> str:
    """The classes that hold moved parameters, as a sentence shows them."""
    names = dict.fromkeys(owner.type for p in moved for owner in p.owners)
    return ", ".join(names)


def _moved_reason(training: Training) -> Reason:
    moved = [p for p in training.parameters if p.moved and p.gradient]
    return Reason("story.run.moved", {"owners": owners_text(moved) or "-", "steps": training.steps})

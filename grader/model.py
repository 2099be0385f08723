"""The values that travel between the stages, one type per arrow of the data flow.

    bytes -> Submission -> Answers -> StaticFacts -> RunPlan -> Run -> Evidence -> Grade -> Gradebook

Everything here is frozen and holds data only. Cell indices are 0-based over all cells of the file
as handed in; line numbers are 1-based inside one cell, before magics are translated. Sentences
are never stored: a `Reason` is an id with parameters, and the page that shows it picks the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
Scalar: TypeAlias = str | int | float | bool | None

EVIDENCE_SCHEMA = 1
REPORT_SCHEMA = 1


# -- shared small values ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the notebook something stands: a cell and, where known, a line in it."""

    cell: int
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is: the id of a sentence in the catalogues, with its parameters."""

    id: str
    params: Mapping[str, Scalar] = field(default_factory=dict)


class Outcome(StrEnum):
    """What was decided about a gate, a criterion or a question."""

    MET = "met"
    PARTLY_MET = "partly_met"
    NOT_MET = "not_met"
    NOT_ATTEMPTED = "not_attempted"
    NEEDS_REVIEW = "needs_review"
    GRADER_ERROR = "grader_error"

    @property
    def decided(self) -> bool:
        return self not in (Outcome.NEEDS_REVIEW, Outcome.GRADER_ERROR)


class Status(StrEnum):
    """What became of a submission as a whole."""

    FINAL = "final"
    PROVISIONAL = "provisional"
    FAILED = "failed"
    MISSING = "missing"


# -- notebook: what was handed in ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the notebook as handed in; `execution_count` is the saved one, if any."""

    index: int
    kind: Literal["code", "markdown", "raw"]
    source: str
    execution_count: int | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt of one student.

    `digest` is the SHA-256 of the bytes as handed in. A file that could not be read as a notebook
    has no cells and a `problem`; a file that was repaired has `notes` saying how.
    """

    student: str
    name: str
    filename: str
    digest: str
    cells: tuple[Cell, ...] = ()
    notes: tuple[Reason, ...] = ()
    problem: Reason | None = None
    attempt: int = 1

    @property
    def code(self) -> Iterator[Cell]:
        return (cell for cell in self.cells if cell.kind == "code" and cell.source.strip())


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """One of possibly several solutions that a student wrote to one question.

    `cells` holds every cell of it, code and text, in notebook order.
    """

    cells: tuple[int, ...]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """One true/false answer as found in the source, or a name to be looked up after the run.

    `value` is None when the answer is only known at run time: then `variable` names it and `key`
    picks from it if it is a dict (key) or a list (0-based position).
    """

    place: Place
    value: bool | None
    text: str
    variable: str | None = None
    key: str | int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Where one question's answer was found.

    `confidence` runs from 0 to 1; below the rubric's threshold a person looks. `how` says what the
    place was found by. A question that was not found at all has no Answer.
    """

    question: str
    parts: tuple[AnswerPart, ...]
    confidence: float
    how: tuple[Reason, ...] = ()
    readings: tuple[Reading, ...] = ()

    @property
    def cells(self) -> tuple[int, ...]:
        return tuple(cell for part in self.parts for cell in part.cells)


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers of a submission, by question id; `shared` are code cells outside every answer."""

    items: Mapping[str, Answer]
    shared: tuple[int, ...] = ()
    notes: tuple[Reason, ...] = ()


# -- rules: what the source says -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClassFact:
    """A class the student defines; `bases` are its external ancestors by canonical dotted path."""

    name: str
    bases: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class NetworkFact:
    """An object that takes part in a loss which is differentiated.

    `type` is the canonical path (`torch.nn.RNN`) or the student's class name; `bases` its external
    ancestors, itself included when it is external. `how` says what reaches the loss:

    - `core`         the output of a torch module's own forward
    - `own`          the output of a forward that the student wrote
    - `parameters`   its parameters, used directly
    - `functional`   the result of a functional kernel (`torch.lstm_cell`); `type` is its path
    - `maybe`        one of several objects that are possible at that call

    `bases` of a functional kernel are the modules whose forward it computes. `through` are places on
    the way from `made` to `backward`: where the output was produced, and, for a loss that a function
    differentiates, where this part calls it.
    """

    type: str
    bases: tuple[str, ...]
    how: Literal["core", "own", "parameters", "functional", "maybe"]
    made: Place
    backward: Place
    in_last_training: bool = True
    through: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """Static facts about one part of one answer.

    `constructed` lists recurrent torch modules made in this part, whether or not they are trained.
    `unclear` names what static reading could not follow; each entry is a reason not to decide from
    the source alone.
    """

    question: str
    part: int
    networks: tuple[NetworkFact, ...] = ()
    constructed: tuple[tuple[str, Place], ...] = ()
    backwards: tuple[Place, ...] = ()
    steps: tuple[Place, ...] = ()
    optimizers: tuple[tuple[str, Place], ...] = ()
    seeds: tuple[Place, ...] = ()
    unclear: tuple[tuple[Reason, Place], ...] = ()


@dataclass(frozen=True, slots=True)
class CellFacts:
    """Names that one code cell binds and reads at its top level, and its syntax error if any."""

    cell: int
    binds: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    syntax_error: Reason | None = None


@dataclass(frozen=True, slots=True)
class StaticFacts:
    """Everything that was read off the source; nothing was executed for it."""

    cells: tuple[CellFacts, ...] = ()
    classes: tuple[ClassFact, ...] = ()
    answers: tuple[AnswerFacts, ...] = ()

    def answer(self, question: str, part: int) -> AnswerFacts:
        for facts in self.answers:
            if facts.question == question and facts.part == part:
                return facts
        return AnswerFacts(question, part)


# -- execution: what is to be run, and what was seen ----------------------------------------------


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run. CPU seconds count the kernel and its children; wall time is 3x that."""

    question_cpu_seconds: float = 600.0
    wall_factor: float = 3.0
    memory_bytes: int = 4 << 30
    output_bytes: int = 8 << 20
    evidence_bytes: int = 256 << 20


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A code cell to be executed; `last` marks the last cell of its answer part."""

    index: int
    source: str
    question: str | None = None
    part: int = 0
    last: bool = False


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One execution of one submission, fixed before anything runs.

    `purpose` is `first`, `resumed` (after a dead kernel), `saved_order` or `retry`. `nonce` seeds
    every random generator once at kernel start. `arrays` and `variables` are names to be kept at
    the end of each part: the former as tensors, the latter as small plain values.
    """

    purpose: Literal["first", "resumed", "saved_order", "retry"]
    cells: tuple[PlannedCell, ...]
    nonce: int
    device: Literal["cpu", "cuda"]
    limits: Limits
    arrays: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    snapshots: tuple[int, ...] = (1, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class CellRun:
    """What happened to one cell in one run.

    `ok`, `error` (a Python exception: `error`, `message`, `line`), `interrupted` (a limit stopped
    it, the kernel survived), `killed` (a limit killed the kernel), `died` (the kernel died by
    itself: `message` is `exit N` or `signal N`), `not_run`.
    """

    cell: int
    status: Literal["ok", "error", "interrupted", "killed", "died", "not_run"]
    error: str = ""
    message: str = ""
    line: int | None = None
    traceback: str = ""
    limit: str = ""
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class OwnerSeen:
    """The class of a module that registered a parameter.

    `type` is canonical (`torch.nn.RNN`) or the student's class name; `bases` are its canonical
    torch ancestors, itself included. `own_forward`: its forward is not the torch ancestor's.
    `direct`: it registered the parameter itself, rather than holding a module that did.
    """

    type: str
    bases: tuple[str, ...] = ()
    own_forward: bool = False
    direct: bool = True


@dataclass(frozen=True, slots=True)
class ParameterSeen:
    """A tensor that an optimizer was given.

    `owners` are the modules that hold it, innermost first; empty for a free tensor. `moved`: its
    value changed over the training; `gradient`: a non-zero gradient arrived at least once.
    """

    name: str
    shape: tuple[int, ...]
    owners: tuple[OwnerSeen, ...] = ()
    moved: bool = False
    gradient: bool = False
    initial: Array | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """A run of optimizer steps by one optimizer inside one answer part.

    `fitted[k]` are the raw inputs of the loss calls that led to the k-th step, as handed to the
    loss named `loss`: one call's array as it was, the arrays of several calls stacked along a new
    first axis. `fitted["last"]` belongs to the last step. Empty where the loss was not one of
    torch's. `losses` has one value per step. `labels` are the classes the losses were told are
    right. `optimizer` is empty when values were updated by hand: `steps` then counts backward
    passes. `continued`: the same optimizer had already stepped in an earlier answer.
    """

    question: str | None
    part: int
    cells: tuple[int, ...]
    optimizer: str
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    steps: int = 0
    loss: str = ""
    calls: int = 1
    losses: tuple[float, ...] = ()
    parameters: tuple[ParameterSeen, ...] = ()
    fitted: Mapping[str, Array] = field(default_factory=dict)
    labels: Array | None = None
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Variables of the student's namespace at the end of one answer part."""

    question: str
    part: int
    arrays: Mapping[str, Array] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """What was seen in one execution. `problem` is set when the run as a whole failed on our side."""

    purpose: str
    cells: tuple[CellRun, ...]
    trainings: tuple[Training, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    tampering: tuple[str, ...] = ()
    notes: tuple[Reason, ...] = ()
    problem: Reason | None = None

    def cell(self, index: int) -> CellRun | None:
        return next((run for run in self.cells if run.cell == index), None)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a mark may depend on, beside the rubric and the targets."""

    key: str
    submission: Submission
    answers: Answers
    facts: StaticFacts
    runs: tuple[Run, ...]
    device: str
    isolation: str
    fingerprint: str
    problem: Reason | None = None


# -- calibrate: what trusted code says ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """Reference outputs for one question.

    `fitted[k]` are probabilities, shape (positions, classes), at the steps of `Training.fitted`.
    `initial` are the numbers that the training began with, sorted, whatever parameter they belong
    to. `first` and `rest` are the largest differences over the
    perturbed reference runs, for positions below `split` and for the others.
    """

    question: str
    fitted: Mapping[str, Array]
    losses: tuple[float, ...]
    settings: Mapping[str, Scalar]
    steps: int
    split: int
    first: float
    rest: float
    runs: int
    initial: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets of one assignment on one kind of machine; `labels` are the right classes, 0-based."""

    assignment: str
    fingerprint: str
    environment: Mapping[str, Scalar]
    digest: str
    labels: tuple[int, ...]
    axis: tuple[str, ...]
    items: Mapping[str, Target]


# -- judge: what was decided ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """A rule that costs the question when broken, with both stories that led to the decision."""

    id: str
    outcome: Outcome
    reason: Reason
    where: tuple[Place, ...] = ()
    static: Reason | None = None
    run_time: Reason | None = None


@dataclass(frozen=True, slots=True)
class CriterionVerdict:
    """A scored criterion. `points` is None while undecided; `low` and `high` bound it always."""

    id: str
    outcome: Outcome
    max_points: Decimal
    points: Decimal | None
    low: Decimal
    high: Decimal
    reason: Reason
    where: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class FittedView:
    """What a page draws: the student's values beside the target's, shape (rows, classes)."""

    axis: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    target: tuple[tuple[float, ...], ...] | None
    source: Reason
    positions: int
    losses: tuple[float, ...] = ()
    target_losses: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionGrade:
    """The verdict on one question, explained."""

    id: str
    outcome: Outcome
    max_points: Decimal
    points: Decimal | None
    low: Decimal
    high: Decimal
    reason: Reason
    cells: tuple[int, ...] = ()
    gates: tuple[GateVerdict, ...] = ()
    criteria: tuple[CriterionVerdict, ...] = ()
    notes: tuple[Reason, ...] = ()
    fitted: FittedView | None = None


@dataclass(frozen=True, slots=True)
class Grade:
    """One student's result. A `failed` or `missing` one has a `reason` and no points."""

    student: str
    name: str
    filename: str
    status: Status
    max_points: Decimal
    points: Decimal | None
    low: Decimal
    high: Decimal
    reason: Reason | None = None
    questions: tuple[QuestionGrade, ...] = ()
    notes: tuple[Reason, ...] = ()
    cell_count: int = 0
    device: str = ""
    isolation: str = ""
    environment: Mapping[str, Scalar] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gradebook:
    """The cohort's results in roster (or name) order."""

    assignment: str
    grades: tuple[Grade, ...]
    questions: tuple[str, ...]
    max_points: Decimal

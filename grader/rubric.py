"""What a course asks for, as data: the rubric's types, and how a rubric is found and loaded.

A rubric is one YAML file per assignment; docs/rubric.md explains every key with an example. The
types are the file's schema: a field is a key (`from_` is `from`), its `Annotated` scalar says how it
is written, and a new check is a dataclass plus one line in GATE_CHECKS or CRITERION_CHECKS.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from grader.errors import Fault, RubricError, RubricNotFoundError
from grader.rubric_nodes import MAX_BYTES, Leaf, read_nodes
from grader.rubric_reading import NOT_A_KEY, OneOf, build, read_as
from grader.rubric_rules import broken_rules
from grader.rubric_scalars import (
    COMPARISON,
    COUNT,
    DOTTED,
    DURATION,
    NAME,
    PACKAGE,
    POINTS,
    POSITIVE,
    SETTING,
    SHARE,
    SIZE,
    VARIABLE,
    WORDS,
)

FILENAME = "rubric.yaml"
SCHEMA = 1

Name: TypeAlias = Annotated[str, NAME]
Words: TypeAlias = Annotated[str, WORDS]
Class: TypeAlias = Annotated[str, DOTTED]
Points: TypeAlias = Annotated[Decimal, POINTS]
Share: TypeAlias = Annotated[float, SHARE]
Setting: TypeAlias = int | float | str


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence in the course's languages; the other one stands in where one is missing."""

    ko: Words = ""
    en: Words = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """`reference` names the folder of reference solutions, `settings` is what they are called with."""

    id: Name
    title: Text
    points: Points
    reference: Annotated[str, PACKAGE]
    settings: Mapping[str, Annotated[Setting, SETTING]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Isolation:
    minimum: Literal["full", "userns", "landlock", "none"] = "none"


@dataclass(frozen=True, slots=True)
class Runtime:
    """`per_question` in CPU seconds; `memory` and `output` in bytes."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    per_question: Annotated[float, DURATION] = 600.0
    memory: Annotated[int, SIZE] = 4 << 30
    output: Annotated[int, SIZE] = 8 << 20
    network: Literal["off"] = "off"
    isolation: Isolation = Isolation()


@dataclass(frozen=True, slots=True)
class Labels:
    """The characters of the columns of the fitted values, in order."""

    axis: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LocateDefaults:
    confidence: Share = 0.6


@dataclass(frozen=True, slots=True)
class Locate:
    """How a question is found: its label, the part it stands under, words its text mentions."""

    heading: Words
    under: Words = ""
    mentions: tuple[Words, ...] = ()


@dataclass(frozen=True, slots=True)
class Fitted:
    """Where fitted values come from: (positions, classes), and variables to fall back on."""

    shape: tuple[Annotated[int, POSITIVE], Annotated[int, POSITIVE]]
    from_: Literal["loss_input"] = "loss_input"
    names: tuple[Annotated[str, VARIABLE], ...] = ()


# -- checks: exactly one per gate or criterion ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class MustDefineClass:
    base: Class = "torch.nn.Module"
    used_in: Literal["loss"] = "loss"


@dataclass(frozen=True, slots=True)
class MustNotTrain:
    """`functional: zero` treats the functional kernels of these modules like the modules."""

    modules: tuple[Class, ...]
    functional: Literal["zero", "person"] = "person"


@dataclass(frozen=True, slots=True)
class Trained:
    """The named module must be what was trained; for one of `person` instead, a person decides."""

    module: Class
    person: tuple[Class, ...] = ()


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of right predictions from a position on: `accept` and above met, `reject` and below not."""

    accept: Share
    reject: Share
    from_position: Annotated[int, COUNT] = 0


@dataclass(frozen=True, slots=True)
class Equals:
    """Fitted values equal to one of these, tried in order: `own QUESTION` or `reference`."""

    in_order: tuple[Annotated[str, COMPARISON], ...]


@dataclass(frozen=True, slots=True)
class TrueFalse:
    """The right answer; written without a mapping: `true_false: true`."""

    value: bool


GateCheck: TypeAlias = MustDefineClass | MustNotTrain
CriterionCheck: TypeAlias = Trained | Accuracy | Equals | TrueFalse

# The closed set of checks by the key that stands for them in a rubric.
GATE_CHECKS: Mapping[str, type] = {"must_define_class": MustDefineClass, "must_not_train": MustNotTrain}
CRITERION_CHECKS: Mapping[str, type] = {
    "trained": Trained,
    "accuracy": Accuracy,
    "equals": Equals,
    "true_false": TrueFalse,
}


@dataclass(frozen=True, slots=True)
class Gate:
    """A rule that costs the whole question; `say` is what the student then reads."""

    id: Name
    check: Annotated[GateCheck, OneOf("gate check", GATE_CHECKS)]
    say: Text


@dataclass(frozen=True, slots=True)
class Criterion:
    id: Name
    points: Points
    check: Annotated[CriterionCheck, OneOf("criterion check", CRITERION_CHECKS)]
    requires: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    id: Name
    title: Text
    points: Points
    locate: Locate
    criteria: tuple[Criterion, ...]
    gates: tuple[Gate, ...] = ()
    fitted: Fitted | None = None
    void: Literal["full_marks"] | None = None

    @property
    def true_false(self) -> bool:
        return any(isinstance(criterion.check, TrueFalse) for criterion in self.criteria)


@dataclass(frozen=True, slots=True)
class Rubric:
    """A whole assignment. `digest` is the SHA-256 of the file's bytes; `folder` where it stands."""

    assignment: Assignment
    questions: tuple[Question, ...]
    runtime: Runtime = Runtime()
    labels: Labels = Labels()
    locate: LocateDefaults = LocateDefaults()
    digest: str = field(default="", metadata=NOT_A_KEY)
    folder: str = field(default="", metadata=NOT_A_KEY)

    def question(self, question_id: str) -> Question:
        for question in self.questions:
            if question.id == question_id:
                return question
        raise KeyError(question_id)

    def __iter__(self) -> Iterator[Question]:
        return iter(self.questions)


# -- loading --------------------------------------------------------------------------------------


def load_rubric(path: Path) -> Rubric:
    """The rubric in this file; RubricError with every fault and its line if there is any."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RubricError(path, [Fault(f"cannot be read: {error.strerror or error}")]) from error
    rubric = parse_rubric(data, path)
    return replace(rubric, digest=hashlib.sha256(data).hexdigest(), folder=str(path.parent))


def parse_rubric(data: bytes, path: Path) -> Rubric:
    """The rubric that these bytes spell, without `digest` and `folder`; RubricError names `path`."""
    root, faults = read_nodes(data)
    if root is None:
        empty = Fault("the file is empty; a rubric begins with `schema: 1`", 1, 1)
        raise RubricError(path, faults or [empty])
    if not isinstance(root.content, Mapping):
        message = "a rubric is a mapping that begins with `schema: 1` and has `assignment:` and `questions:`"
        raise RubricError(path, [*faults, root.at.fault(message)])
    entries = dict(root.content)
    schema = entries.pop("schema", None)
    if schema is None:
        faults.append(root.at.fault("`schema: 1` is missing at the top level of the file"))
    elif not isinstance(schema.node.content, Leaf) or schema.node.content.text != str(SCHEMA):
        # Whatever else a rubric of another schema says is not ours to judge.
        message = f"this grader reads `schema: {SCHEMA}`; another one needs another version of the grader"
        raise RubricError(path, [schema.node.at.fault(message)])
    found, shape_faults = read_as(Rubric, replace(root, content=entries))
    faults = [*faults, *shape_faults, *broken_rules(found)]
    if faults:
        raise RubricError(path, list(dict.fromkeys(faults)))  # an anchor's faults come once per alias
    rubric = build(found)
    assert isinstance(rubric, Rubric)
    return rubric


def find_rubric(name: str) -> Path:
    """The rubric file that a name or path stands for; RubricNotFoundError says where it was sought.

    A path to a rubric or its folder comes first, then `rubrics/NAME`, then NAME in the folders of
    the environment variable GRADER_RUBRICS (separated as in PATH).
    """
    listed = os.environ.get("GRADER_RUBRICS", "").split(os.pathsep)
    shelves = [Path("rubrics"), *(Path(entry) for entry in listed if entry)]
    places = list(dict.fromkeys([Path(name), *(shelf / name for shelf in shelves)])) if name.strip() else []
    for place in places:
        for candidate in (place, place / FILENAME):
            if _is_file(candidate):
                return candidate
    known = sorted({rubric.parent.name for shelf in shelves for rubric in shelf.glob(f"*/{FILENAME}")})
    near = get_close_matches(Path(name).name, known, cutoff=0.5)
    raise RubricNotFoundError(name, places, near, known)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long, a folder that may not be entered
        return False

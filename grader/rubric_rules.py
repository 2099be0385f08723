"""What the parts of a rubric owe each other: sums, names that must exist, numbers that must fit.

The rules look at what could be read (`Found`), faults or not, so a wrong sum and a misspelt key are
reported together. Each rule is silent where something it needs could not be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from grader.errors import Fault
from grader.rubric_nodes import near
from grader.rubric_reading import Found


def broken_rules(rubric: Found) -> Iterator[Fault]:
    """The faults between the fields of a rubric."""
    questions = rubric.parts("questions")
    assignment = rubric.part("assignment")
    if assignment:
        yield from _text(assignment.part("title"))
        yield from _sum(assignment, "the assignment", questions, "the questions")
    yield from _unique(questions, "question")
    yield from _distinct_places(questions)
    labels = rubric.part("labels")
    axis = labels.parts("axis") if labels else []
    yield from _distinct_labels(axis)
    for index, question in enumerate(questions):
        yield from _question(question, questions[:index], columns=len(axis))


def _question(question: Found, earlier: list[Found], columns: int) -> Iterator[Fault]:
    gates, criteria = question.parts("gates"), question.parts("criteria")
    yield from _text(question.part("title"))
    for gate in gates:
        yield from _text(gate.part("say"))
    yield from _sum(question, f"question {question.plain('id') or '?'}", criteria, "its criteria")
    yield from _unique([*gates, *criteria], "gate or criterion")
    yield from _shape(question, columns)
    yield from _true_false(question, criteria)
    for index, criterion in enumerate(criteria):
        yield from _requires(criterion, criteria[:index])
        yield from _criterion_check(criterion, question, earlier)


def _text(text: Found | None) -> Iterator[Fault]:
    if text and not text.value:
        yield text.at.fault("a text needs at least one language: ko or en")


def _sum(whole: Found, whole_name: str, parts: list[Found], parts_name: str) -> Iterator[Fault]:
    points = whole.part("points")
    amounts = [part.plain("points") for part in parts]
    if points and amounts and None not in amounts and sum(amounts, Decimal(0)) != points.value:
        added = f"{parts_name} add up to {sum(amounts, Decimal(0))}"
        yield points.at.fault(f"{whole_name} has {points.value} points, but {added}")


def _unique(parts: list[Found], what: str) -> Iterator[Fault]:
    """Ids differ by more than case: they name columns and folders on every kind of file system."""
    seen: dict[str, Found] = {}
    for part in parts:
        name = part.part("id")
        if name is None:
            continue
        first = seen.setdefault(name.value.casefold(), name)
        if first is not name:
            yield part.at.fault(f"another {what} has the id {first.value} already, on line {first.at.line}")


def _distinct_labels(axis: list[Found]) -> Iterator[Fault]:
    seen: set[str] = set()
    for label in axis:
        if label.value is not None and label.value in seen:
            yield label.at.fault(f"the label {label.value!r} stands in `axis` twice")
        seen.add(label.value)


def _distinct_places(questions: list[Found]) -> Iterator[Fault]:
    seen: dict[tuple[str, str], Found] = {}
    for question in questions:
        locate = question.part("locate")
        if locate is None or locate.plain("heading") is None:
            continue
        place = (locate.plain("heading"), locate.plain("under") or "")
        first = seen.setdefault(place, question)
        if first is not question:
            taken = f"question {first.plain('id') or '?'} is found there already"
            yield locate.at.fault(f"{taken}: heading {place[0]!r} under {place[1]!r}")


def _shape(question: Found, columns: int) -> Iterator[Fault]:
    fitted = question.part("fitted")
    shape = fitted.parts("shape") if fitted else []
    if len(shape) == 2 and shape[1].value is not None and shape[1].value != columns:
        yield shape[1].at.fault(f"`shape` has {shape[1].value} columns, but `labels.axis` names {columns}")


def _true_false(question: Found, criteria: list[Found]) -> Iterator[Fault]:
    checks = [criterion.part("check") for criterion in criteria]
    if len(checks) > 1 and any(check and check.name == "true_false" for check in checks):
        yield question.at.fault("a question with `true_false` has this one criterion and no other")


def _requires(criterion: Found, above: list[Found]) -> Iterator[Fault]:
    """Only criteria above may be required, so that nothing requires itself in a circle."""
    names = [other.plain("id") for other in above if other.plain("id")]
    for required in criterion.parts("requires"):
        if required.value is not None and required.value not in names:
            hint = near(required.value, names)
            yield required.at.fault(f"no criterion `{required.value}` stands above this one here{hint}")


def _criterion_check(criterion: Found, question: Found, earlier: list[Found]) -> Iterator[Fault]:
    check = criterion.part("check")
    if check is None:
        return
    # `fitted` that is there but broken has its own fault; only a missing one is ours.
    if check.name in ("accuracy", "equals") and "fitted" not in question.value:
        name = question.plain("id") or "?"
        yield criterion.at.fault(f"`{check.name}` needs fitted values; question {name} has no `fitted`")
    if check.name == "accuracy":
        yield from _accuracy(check, question)
    elif check.name == "equals":
        yield from _equals(check, question, earlier)
    elif check.name == "trained":
        module = check.plain("module")
        for person in check.parts("person"):
            if module is not None and person.value == module:
                yield person.at.fault(f"{module} is what `module` asks for; `person` lists others")


def _accuracy(check: Found, question: Found) -> Iterator[Fault]:
    accept, reject = check.part("accept"), check.part("reject")
    if accept and reject and not reject.value < accept.value:
        yield reject.at.fault(f"`reject` ({reject.value}) is to be less than `accept` ({accept.value})")
    start, fitted = check.part("from_position"), question.part("fitted")
    positions = fitted.parts("shape")[:1] if fitted else []
    if start and positions and positions[0].value is not None and start.value >= positions[0].value:
        last = positions[0].value - 1
        yield start.at.fault(f"`from_position` is {start.value}, but the last position is {last}")


def _equals(check: Found, question: Found, earlier: list[Found]) -> Iterator[Fault]:
    by_name = {other.plain("id"): other for other in earlier if other.plain("id")}
    for entry in check.parts("in_order"):
        if entry.value is None or entry.value == "reference":
            continue
        name = entry.value.removeprefix("own ")
        other = by_name.get(name)
        if other is None:
            yield entry.at.fault(f"no question `{name}` stands above this one{near(name, by_name)}")
        elif "fitted" not in other.value:
            yield entry.at.fault(f"question {name} has no `fitted`, so there is nothing to compare with")
        elif (ours := _shape_of(question)) and (theirs := _shape_of(other)) and ours != theirs:
            yield entry.at.fault(f"question {name} has fitted values of shape {theirs}, this one of {ours}")


def _shape_of(question: Found) -> list[int]:
    """The shape of the fitted values; empty where it could not be read."""
    fitted = question.part("fitted")
    numbers = [number.value for number in fitted.parts("shape")] if fitted else []
    return [] if None in numbers else numbers

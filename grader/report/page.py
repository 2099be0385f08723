"""Grades as HTML pages that load nothing from anywhere and trust nothing a student wrote.

Every value passes the templates' escaping; the pages' content security policy forbids all but their own
style (and, on the index, one script by its hash), so that a mistake here would still run nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grader.model import (
    Cell,
    CriterionVerdict,
    GateVerdict,
    Grade,
    Gradebook,
    Outcome,
    Place,
    QuestionGrade,
)
from grader.report.cohort import cohort
from grader.report.figures import HeatMap, LossPlot, difference_map, heat_map, loss_plot
from grader.report.listing import Listing, listings
from grader.report.tables import flags, student_folder
from grader.report.text import encodable, visible
from grader.report.words import Words
from grader.rubric import Accuracy, CriterionCheck, Equals, Question, Rubric, Trained

_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
    "form-action 'none'; base-uri 'none'"
)


@dataclass(frozen=True, slots=True)
class Drawings:
    """What is drawn of one question's fitted values; None where there is nothing to draw."""

    own: HeatMap
    target: HeatMap | None
    difference: HeatMap | None
    loss: LossPlot | None


@dataclass(frozen=True, slots=True)
class QuestionView:
    """One question of one student with everything its section shows beside the verdict."""

    grade: QuestionGrade
    asked: Question | None
    code: tuple[Listing, ...]
    drawings: Drawings | None

    def anchor(self, place: Place) -> str:
        """Return the id of the line or else the cell that the page shows for a place, or an empty string."""
        cell = next((cell for cell in self.code if cell.index == place.cell), None)
        if cell is None:
            return ""
        shown = any(line.marked and line.number == place.line for line in cell.lines)
        return f"c-{self.grade.id}-{place.cell}" + (f"-{place.line}" if shown else "")

    def say_of_gate(self, id: str, words: Words) -> str:
        """Return the rule in the course's own words."""
        gates = self.asked.gates if self.asked else ()
        return next((words.pick(gate.say) for gate in gates if gate.id == id), id)

    def label_of_criterion(self, id: str, words: Words) -> str:
        criteria = self.asked.criteria if self.asked else ()
        return next((_label(criterion.check, words) for criterion in criteria if criterion.id == id), id)


def student_page(grade: Grade, rubric: Rubric, sources: Sequence[Cell] | None, language: str) -> str:
    """Return what a student may see of their own result; `sources` are the cells as handed in, if at hand."""
    words = Words(language)
    views = [_view(question, rubric, sources or ()) for question in grade.questions]
    waiting = words.names(question.id for question in grade.questions if not question.outcome.decided)
    return _render("student.html.j2", words, rubric, grade=grade, views=views, waiting=waiting, csp=_POLICY)


def index_page(
    gradebook: Gradebook,
    rubric: Rubric,
    language: str,
    meta: Mapping[str, str],
    *,
    folder: Callable[[str], str] = student_folder,
) -> str:
    """Return the cohort's page. `meta` is shown as it is at the foot; `folder` names a student's folder."""
    script = resources.files(__package__).joinpath("templates", "index.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _render(
        "index.html.j2",
        Words(language),
        rubric,
        gradebook=gradebook,
        cohort=cohort(gradebook),
        meta=meta,
        link=lambda student: f"students/{quote(folder(student))}/report.html",
        flags=flags,
        script=Markup(script),  # ours, and the policy lets only this text run
        csp=f"{_POLICY}; script-src 'sha256-{digest}'",
    )


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("grader.report", "templates"),
        autoescape=True,  # select_autoescape() would not know the suffix .j2
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(visible=visible, points=points)
    return environment


def _render(template: str, words: Words, rubric: Rubric, **values: object) -> str:
    values |= {"t": words, "language": words.language, "rubric": rubric, "Outcome": Outcome, "Place": Place}
    return encodable(_templates().get_template(template).render(values))


def points(value: Decimal) -> str:
    """Return points for people: at most two places, no trailing zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _view(question: QuestionGrade, rubric: Rubric, sources: Sequence[Cell]) -> QuestionView:
    asked = next((asked for asked in rubric if asked.id == question.id), None)
    verdicts: tuple[GateVerdict | CriterionVerdict, ...] = (*question.gates, *question.criteria)
    places = {(place.cell, place.line) for verdict in verdicts for place in verdict.where}
    return QuestionView(question, asked, listings(sources, set(question.cells), places), _drawings(question))


def _drawings(question: QuestionGrade) -> Drawings | None:
    view = question.fitted
    if view is None or not view.values:
        return None
    target = view.target
    return Drawings(
        own=heat_map(view.values, view.axis),
        target=None if target is None else heat_map(target, view.axis),
        difference=None if target is None else difference_map(view.values, target, view.axis),
        loss=loss_plot(view.losses, view.target_losses),
    )


def _label(check: CriterionCheck, words: Words) -> str:
    if isinstance(check, Trained):
        return words("report.check.trained", module=check.module)
    if isinstance(check, Accuracy):
        return words("report.check.accuracy")
    return words("report.check.equals" if isinstance(check, Equals) else "report.check.true_false")

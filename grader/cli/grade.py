"""`grader grade`: a folder of notebooks goes in, marks with reasons come out."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import click

from grader import judge, pipeline
from grader.cli.progress import watcher_for
from grader.cli.publish import publish_cohort, publish_student
from grader.cli.summary import show_summary
from grader.errors import UnknownStudents
from grader.execution.sandbox.levels import WANTED as ISOLATION
from grader.model import Grade, Gradebook, Outcome, Submission
from grader.notebook.collect import Cohort, collect
from grader.results import RunInfo, open_results
from grader.rubric import Rubric, find_rubric, load_rubric

_MEANING = {
    "full": "",
    "userns": "",
    "landlock": ", which is reduced: `grader doctor` says how to get more",
    "none": ". Student code runs with your rights; `grader doctor` says how to get a box",
}
_VERSIONS = ("grader", "torch", "ipykernel", "nbclient", "numpy")


@click.command(
    name="grade",
    epilog="\b\nExample:\n  grader grade submissions/ --rubric final-2022 --out results/ --jobs 2",
)
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option("--rubric", "rubric_name", metavar="NAME", required=True, help="Name or path of the rubric.")
@click.option(
    "--out", metavar="FOLDER", type=click.Path(path_type=Path), required=True, help="Results folder."
)
@click.option(
    "--roster", metavar="FILE", type=click.Path(path_type=Path), help="CSV of the cohort: id,name[,...]."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Kernels at once.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where notebooks and the reference run.",
)
@click.option(
    "--isolation",
    type=click.Choice(ISOLATION),
    default="best",
    show_default=True,
    help="How student code is kept from this machine: best is the strongest that works and never none; "
    "best-or-none is for notebooks you trust.",
)
@click.option("--only", metavar="ID", multiple=True, help="Run only this student; may be repeated.")
@click.option("--force", is_flag=True, help="Run again where evidence is kept.")
@click.option("--language", type=click.Choice(["en", "ko"]), default="en", show_default=True)
@click.pass_context
def command(
    ctx: click.Context,
    submissions: Path,
    rubric_name: str,
    out: Path,
    roster: Path | None,
    jobs: int,
    device: str,
    isolation: str,
    only: tuple[str, ...],
    force: bool,
    language: str,
) -> None:
    """Run the notebooks in SUBMISSIONS (a folder, a zip or one file) and mark them.

    Evidence that the results folder already holds is used again, so that the same command continues
    a batch that was stopped. What a rule cannot settle is left open for a person.
    """
    rubric = load_rubric(find_rubric(rubric_name))
    cohort = collect(submissions, roster)
    known = [submission.student for submission in cohort.submissions]
    if unknown := [student for student in only if student not in known]:
        raise UnknownStudents(unknown, known)
    assignment = pipeline.open_assignment(rubric, device, isolation, note=_note)
    _note(f"isolation: {assignment.isolation}{_MEANING[assignment.isolation]}")
    info = RunInfo(
        assignment=rubric.assignment.id,
        rubric=rubric.digest,
        command=tuple(sys.argv),
        versions={name: version(name) for name in _VERSIONS},
    )
    with open_results(out, info, lambda: datetime.now(UTC)) as results:

        def publish(grade: Grade, submission: Submission) -> None:
            publish_student(results, grade, rubric, submission.cells, language)

        with watcher_for(len(only) or len(known), sys.stderr) as watcher:
            grades = pipeline.grade(
                assignment,
                cohort.submissions,
                results,
                publish,
                jobs=jobs,
                only=frozenset(only) or None,
                force=force,
                watcher=watcher,
            )
        for student in cohort.missing:
            grades[student.id] = judge.missing(rubric, student.id, student.name)
            publish_student(results, grades[student.id], rubric, (), language)
        gradebook = _gradebook(rubric, cohort, grades)
        publish_cohort(results, gradebook, rubric, assignment, cohort, language)
    show_summary(gradebook, cohort, out, sys.stdout)
    failed = any(q.outcome is Outcome.GRADER_ERROR for g in gradebook.grades for q in g.questions)
    ctx.exit(1 if failed else 0)


def _note(text: str) -> None:
    click.echo(text, err=True)


def _gradebook(rubric: Rubric, cohort: Cohort, grades: dict[str, Grade]) -> Gradebook:
    """Everybody in roster order, those without a place there after them."""
    order = [student.id for student in cohort.roster]
    order += sorted(student for student in grades if student not in order)
    return Gradebook(
        assignment=rubric.assignment.id,
        grades=tuple(grades[student] for student in order if student in grades),
        questions=tuple(question.id for question in rubric),
        max_points=rubric.assignment.points,
    )

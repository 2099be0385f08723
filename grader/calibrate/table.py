"""Targets as a page for people: what was measured, what follows from it, and why."""

from __future__ import annotations

from collections.abc import Iterator

from grader.calibrate.envelope import ACCEPT, PERTURBATION, REVIEW
from grader.model import Targets

_WHY = f"""\
Rounding alone moves fitted values: another order of additions, another kernel, another number of threads.
How far was measured here by training the reference again from initial values changed by about one unit in
the last place (each multiplied by 1 + {PERTURBATION:.0e} times a standard normal number). The envelope is the
largest difference from the undisturbed reference that any of these runs showed after the last step,
separately for the first positions, where the state still warms up, and for the others. Fitted values within
{ACCEPT:g} envelopes in both regions are the same fit; within {REVIEW:g} a person looks; beyond, they differ.
"""


def targets_table(targets: Targets) -> str:
    """A Markdown page with one row per question and the environment below it."""
    return "\n".join(_lines(targets)) + "\n"


def _lines(targets: Targets) -> Iterator[str]:
    yield f"# Targets of {targets.assignment} on {targets.fingerprint}"
    yield ""
    yield _WHY
    yield (
        "| question | steps | last loss | accuracy | runs | first positions | envelope | same within | "
        "other positions | envelope | same within |"
    )
    yield "|---|---:|---:|---:|---:|---|---:|---:|---|---:|---:|"
    for question, target in targets.items.items():
        hits = target.fitted["last"].argmax(axis=1) == targets.labels
        yield (
            f"| {question} | {target.steps} | {target.losses[-1]:.6f} | {hits.mean():.3f} | {target.runs} "
            f"| 0 to {target.split - 1} | {target.first:.1e} | {ACCEPT * target.first:.1e} | {target.split} "
            f"to {len(targets.labels) - 1} | {target.rest:.1e} | {ACCEPT * target.rest:.1e} |"
        )
    yield ""
    yield "| made on | |"
    yield "|---|---|"
    for name, value in sorted(targets.environment.items()):
        yield f"| {name} | {value} |"

"""`grader targets`: the reference's outputs on this machine, and how far rounding may take them."""

from __future__ import annotations

from pathlib import Path

import click

from grader import pipeline
from grader.calibrate import make_targets, write_targets
from grader.calibrate.table import targets_table
from grader.rubric import find_rubric, load_rubric


@click.command(name="targets", epilog="\b\nExample:\n  grader targets final-2022 --device cpu")
@click.argument("rubric_name", metavar="RUBRIC")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--runs", type=click.IntRange(10, 100), default=10, show_default=True, help="Perturbed runs.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write to; targets/ beside the rubric otherwise."
)
def command(rubric_name: str, device: str, runs: int, out: Path | None) -> None:
    """Train the reference solutions of RUBRIC and write what answers are compared with.

    Minutes of work at full size. `grader grade` does the same by itself where it finds nothing for
    the machine it runs on; writing the targets beside the rubric lets others see them.
    """
    rubric = load_rubric(find_rubric(rubric_name))
    where = pipeline.device_for(device, rubric)
    targets = make_targets(rubric, pipeline.reference_of(rubric), where, runs=runs)
    folder = (out or Path(rubric.folder) / "targets") / targets.fingerprint
    write_targets(targets, folder)
    click.echo(targets_table(targets))
    click.echo(f"written to {folder}")

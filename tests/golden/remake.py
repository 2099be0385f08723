"""Runs the golden students at full size and keeps their evidence beside this file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from grader.calibrate import default_cache
from grader.results import read_evidence
from tests.examples.expected import COHORT
from tests.grading import grade

FOLDER = Path(__file__).parent
STUDENTS = {
    "s002": "rounding differences in (3) and (6)",
    "s005": "own seeds, sizes and numbers of epochs",
    "s008": "initial values forgotten in (3)",
    "s009": "101 epochs in (3), 70 in (6)",
    "s011": "gates exchanged in (6), nothing trained in (4)",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        submissions, out = Path(name, "submissions"), Path(name, "out")
        submissions.mkdir()
        for file in COHORT.glob("*.ipynb"):
            if file.name[:4] in STUDENTS:
                shutil.copy(file, submissions)
        found = grade(submissions, out, default_cache(), "--jobs", "2", rubric="final-2022")
        if found.returncode != 0:
            raise SystemExit(found.stderr)
        for bundle in (out / "evidence").iterdir():
            target = FOLDER / read_evidence(bundle).submission.student[:4]
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(bundle, target)


if __name__ == "__main__":
    main()

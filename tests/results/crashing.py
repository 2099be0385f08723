"""Kill a process that writes into a results folder, and look at what is left. Run as a script.

    python -m tests.results.crashing steps FOLDER     before every single call that touches the disk
    python -m tests.results.crashing moments FOLDER   at random moments, many times

Each killed process has to leave a folder that the same command continues and in which everything
is whole. Prints how many processes were killed; fails loudly.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from unittest.mock import patch

from grader.results import OpenResults, Results, RunInfo, open_results, read_results
from tests.results.made import evidence

RUN = RunInfo("final-2022", "r" * 64, ("grader", "grade"), {"grader": "0.1"})
DISK_EVENTS = {
    "open",
    "os.rename",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.chmod",
    "os.truncate",
    "os.fsync",
}


def clock() -> datetime:
    return datetime(2026, 1, 15, 9, 30, tzinfo=UTC)


def write(results: OpenResults, version: int) -> None:
    """What a run writes, in every version other bytes under the same names."""
    report = json.dumps({"version": version, "filler": "x" * 5000}).encode()
    results.store_evidence(evidence("k1", version=version))
    results.store_evidence(evidence(f"only-{version}", version=version))
    results.write_student("s001", {"report.json": report, "report.html": report})
    results.write_cohort({"gradebook.csv": report})


def run(folder: Path, version: int) -> None:
    with open_results(folder, RUN, clock) as results:
        write(results, version)


def killed(work: Callable[[], None], after: float | None = None) -> bool:
    """Run `work` in a process of its own; whether it was killed, by us after some seconds or by itself."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0 if sys.exception() is None else 1)
    if after is not None:
        time.sleep(after)
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), f"the writer failed with {status}"
    return status != 0


def kill_before(step: int) -> None:
    """Make this process kill itself instead of doing its `step`-th call that touches the disk."""
    left = step

    def watch(event: str, _: object) -> None:
        nonlocal left
        if event in DISK_EVENTS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def check_whole(results: Results, versions: set[int]) -> None:
    """Whatever stands there is complete, and of a version that was written."""
    for key in results.evidence_keys():
        source = results.load_evidence(key).submission.cells[0].source
        assert int(source.split()[2]) in versions, (key, source)
    for report in [*results.path.rglob("report*.json"), *results.path.glob("gradebook.csv")]:
        assert json.loads(report.read_bytes())["version"] in versions, report
    for file in results.path.rglob("run.json"):
        assert json.loads(file.read_bytes())["assignment"] == "final-2022", file


def check_nothing_lost(folder: Path, versions: set[int]) -> None:
    """Every version that was finished is still somewhere: current, or in the history."""
    reports = {json.loads(path.read_bytes())["version"] for path in folder.rglob("report*.json")}
    assert versions <= reports, (versions, reports)
    sources = " ".join(path.read_text() for path in folder.rglob("k1*/evidence.json"))
    bundles = set(map(int, re.findall(r"loss = (\d+)", sources)))
    assert versions <= bundles, (versions, bundles)


def check_continued(folder: Path, before: set[int], version: int) -> None:
    """The same command goes on, tidies up, and loses nothing."""
    if (folder / "run.json").exists():
        check_whole(read_results(folder), {*before, version})
    with open_results(folder, RUN, clock) as results:
        assert not list(folder.rglob(".grader-tmp-*")), "leftovers"
        check_whole(results, {*before, version})
        write(results, version)
    check_nothing_lost(folder, {*before, version})
    assert read_results(folder).run.finished


def every_step(root: Path) -> int:
    """In a new folder, and in one where everything is replaced."""
    kills = 0
    for earlier in (set(), {1}):
        for step in count(1):
            folder = root / f"{len(earlier)}-{step}"
            for version in earlier:
                run(folder, version)
            if not killed(partial(run_until, folder, step)):
                break
            check_continued(folder, earlier, 2)
            shutil.rmtree(folder)
            kills += 1
    return kills


def run_until(folder: Path, step: int) -> None:
    kill_before(step)
    run(folder, 2)


def random_moments(root: Path, times: int = 40) -> int:
    """In one folder, on and on: each process writes many versions until it is killed."""
    chance = random.Random(7)
    folder = root / "results"
    started: set[int] = set()
    kills = 0
    for number in range(1, times + 1):
        first = number * 1000

        def work(first: int = first) -> None:
            for version in range(first, first + 999):
                run(folder, version)

        kills += killed(work, after=chance.uniform(0.001, 0.12))
        started |= set(range(first, first + 999))
        with open_results(folder, RUN, clock) as results:
            assert not list(folder.rglob(".grader-tmp-*")), "leftovers"
            check_whole(results, started)
        shutil.rmtree(folder / "history", ignore_errors=True)  # or it grows with every round
    return kills


if __name__ == "__main__":
    kind = {"steps": every_step, "moments": random_moments}[sys.argv[1]]
    # fsync is against power cuts, not kills, and takes most of the time: here it is but one more step.
    with patch("os.fsync", partial(sys.audit, "os.fsync")):
        sys.stdout.write(f"{kind(Path(sys.argv[2]))}\n")

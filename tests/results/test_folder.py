from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from grader.errors import (
    EvidenceDamaged,
    InputError,
    NotAResultsFolder,
    ResultsError,
    ResultsInUse,
    ResultsOfAnotherRubric,
    RunFileDamaged,
    UnsafeName,
)
from grader.results import RunInfo, open_results, read_results
from tests.results.made import evidence, read_all, same

RUN = RunInfo("final-2022", "a" * 64, ("grader", "grade", "답안/"), {"grader": "0.1.0", "torch": "2.13.0"})
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class Clock:
    """Shows noon first, and a minute more each time it is asked."""

    def __init__(self) -> None:
        self.shown = NOON - timedelta(minutes=1)

    def __call__(self) -> datetime:
        self.shown += timedelta(minutes=1)
        return self.shown


def noon() -> datetime:
    return NOON


# -- what a run leaves ------------------------------------------------------------------------------


def test_a_new_folder_is_private_and_says_what_was_run(tmp_path: Path) -> None:
    path = tmp_path / "deep/results"
    with open_results(path, RUN, Clock()) as results:
        during = json.loads((path / "run.json").read_bytes())
        assert results.run.started == "2026-01-15T12:00:00+00:00"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert (path / ".gitignore").read_text() == "*\n"
    after = json.loads((path / "run.json").read_bytes())
    assert after == {
        "schema": 1,
        "assignment": "final-2022",
        "rubric": "a" * 64,
        "command": ["grader", "grade", "답안/"],
        "versions": {"grader": "0.1.0", "torch": "2.13.0"},
        "started": "2026-01-15T12:00:00+00:00",
        "finished": "2026-01-15T12:01:00+00:00",
    }
    assert during == {**after, "finished": ""}
    assert read_results(path).run == replace(RUN, started=after["started"], finished=after["finished"])


def test_an_empty_folder_that_others_may_read_is_made_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with open_results(tmp_path, RUN, noon):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_run_that_failed_stays_unfinished(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_results(tmp_path / "r", RUN, noon):
        raise KeyboardInterrupt
    assert read_results(tmp_path / "r").run.finished == ""
    with open_results(tmp_path / "r", RUN, noon):
        pass
    assert read_results(tmp_path / "r").run.finished


def test_errors_of_the_run_itself_are_not_blamed_on_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_results(tmp_path / "r", RUN, noon):
        (tmp_path / "no such notebook").read_bytes()


def test_evidence_comes_back(tmp_path: Path) -> None:
    with open_results(tmp_path / "r", RUN, noon) as results:
        assert not results.has_evidence("k1")
        assert results.evidence_keys() == ()
        results.store_evidence(evidence("k1"))
        results.store_evidence(evidence("a2", version=5))
        assert results.has_evidence("k1")
        assert results.evidence_keys() == ("a2", "k1")
        assert results.evidence_folder("k1") == tmp_path / "r/evidence/k1"
        assert results.evidence_digest("k1") != results.evidence_digest("a2")
    seen = read_results(tmp_path / "r").load_evidence("a2")
    assert same(seen, evidence("a2", version=5))


def test_evidence_that_is_missing_half_there_or_of_another_attempt(tmp_path: Path) -> None:
    with open_results(tmp_path / "r", RUN, noon) as results:
        results.store_evidence(evidence("k1"))
        results.evidence_folder("k1").rename(results.evidence_folder("k2"))
        with pytest.raises(EvidenceDamaged, match="No such file"):
            results.load_evidence("k1")
        with pytest.raises(EvidenceDamaged, match="another attempt"):
            results.load_evidence("k2")
        with pytest.raises(EvidenceDamaged, match="SHA256SUMS"):
            results.evidence_digest("k1")
        results.evidence_folder("half").mkdir()
        assert not results.has_evidence("half")
        assert results.evidence_keys() == ("k2",)


def test_what_is_replaced_is_kept(tmp_path: Path) -> None:
    """Reports and evidence that differ go into the history; what is the same is not written again."""
    path = tmp_path / "r"
    clock = Clock()
    for version in (1, 1, 2, 3):
        with open_results(path, RUN, clock) as opened:
            opened.store_evidence(evidence(version=version))
            files = {"report.json": b"%d" % version, "report.html": b"page %d" % version}
            opened.write_student("s001", files)
            opened.write_cohort({"index.html": b"cohort %d" % version})
    history = {name for name in read_all(path / "history") if not name.endswith("run.json")}
    bundle = {"SHA256SUMS", "arrays.safetensors", "evidence.json"}
    assert history == {
        "20260115T120400Z/students/s001/report.json",
        "20260115T120600Z/students/s001/report.json",
        *(f"20260115T120400Z/evidence/k1/{name}" for name in bundle),
        *(f"20260115T120600Z/evidence/k1/{name}" for name in bundle),
    }
    assert (path / "history/20260115T120600Z/students/s001/report.json").read_bytes() == b"2"
    results = read_results(path)
    assert results.read_student("s001", "report.json") == b"3"
    assert results.read_student("s001", "report.html") == b"page 3"
    assert results.read_student("s001", "staff.html") is None
    assert results.students() == ("s001",)
    runs = [json.loads(file.read_bytes()) for file in sorted((path / "history").glob("*/run.json"))]
    assert [run["finished"][11:16] for run in runs] == ["12:01", "12:03", "12:05"]


def test_nothing_is_overwritten_in_the_history(tmp_path: Path) -> None:
    """Neither by a second change in one run, nor by a run that began in the same second."""
    for round_ in "ab":
        with open_results(tmp_path / "r", RUN, noon) as results:
            for change in "123":
                results.write_student("s001", {"report.json": (round_ + change).encode()})
    reports = (tmp_path / "r").rglob("report*.json")
    assert sorted(file.read_bytes() for file in reports) == [b"a1", b"a2", b"a3", b"b1", b"b2", b"b3"]


def test_damaged_evidence_is_replaced(tmp_path: Path) -> None:
    with open_results(tmp_path / "r", RUN, noon) as results:
        results.store_evidence(evidence("k1"))
        path = results.evidence_folder("k1") / "evidence.json"
        path.unlink()
        path.mkdir()
        results.store_evidence(evidence("k1"))
        assert same(results.load_evidence("k1"), evidence("k1"))


def test_foreign_files_among_the_results_do_no_harm(tmp_path: Path) -> None:
    with open_results(tmp_path / "r", RUN, noon) as results:
        results.store_evidence(evidence("k1"))
        results.write_student("s001", {"report.json": b"{}"})
        for folder in ("evidence", "students"):
            (results.path / folder / "Icon\r").mkdir()
            (results.path / folder / ".DS_Store").write_bytes(b"")
            (results.path / folder / "notes.txt").write_bytes(b"")
        assert results.evidence_keys() == ("k1",)
        assert results.students() == ("s001",)


# -- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "/etc", "a\0", "a\nb", "\ud800", "x" * 201, "가" * 67]
)
def test_names_that_are_no_names_are_refused(tmp_path: Path, name: str) -> None:
    with open_results(tmp_path / "r", RUN, noon) as results:
        for write in (
            lambda: results.write_student(name, {"report.json": b""}),
            lambda: results.write_student("s001", {name: b""}),
            lambda: results.write_cohort({name: b""}),
            lambda: results.store_evidence(evidence(name)),
            lambda: results.has_evidence(name),
            lambda: results.load_evidence(name),
            lambda: results.read_student(name, "report.json"),
        ):
            with pytest.raises(UnsafeName):
                write()
    assert not [file for file in read_all(tmp_path) if "history" in file or "evidence" in file]


@pytest.mark.parametrize("name", ["overrides.csv", "run.json", "Run.JSON", "students", "exports"])
def test_the_cohorts_files_cannot_replace_what_is_not_theirs(tmp_path: Path, name: str) -> None:
    with open_results(tmp_path / "r", RUN, noon) as results, pytest.raises(UnsafeName):
        results.write_cohort({"index.html": b"", name: b""})


def test_another_assignment_is_refused_by_name(tmp_path: Path) -> None:
    with open_results(tmp_path / "r", RUN, noon):
        pass
    before = read_all(tmp_path)
    other = replace(RUN, assignment="midterm-2023")
    for new_rubric in (False, True):
        with (
            pytest.raises(ResultsOfAnotherRubric, match="results of final-2022, not of midterm-2023"),
            open_results(tmp_path / "r", other, noon, new_rubric=new_rubric),
        ):
            pass
    assert {**read_all(tmp_path), "r/.lock": b""} == before


def test_a_changed_rubric_is_refused_unless_meant(tmp_path: Path) -> None:
    with open_results(tmp_path / "r", RUN, noon):
        pass
    changed = replace(RUN, rubric="b" * 64)
    with (
        pytest.raises(ResultsOfAnotherRubric, match=r"final-2022: aaaaaaaaaaaa, now bbbbbbbbbbbb\n.*rescore"),
        open_results(tmp_path / "r", changed, noon),
    ):
        pass
    with open_results(tmp_path / "r", changed, noon, new_rubric=True):
        pass
    assert read_results(tmp_path / "r").run.rubric == "b" * 64


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_bytes(b"")
    tmp_path.chmod(0o755)
    with pytest.raises(NotAResultsFolder, match=r"no run\.json"), open_results(tmp_path, RUN, noon):
        pass
    assert list(read_all(tmp_path)) == ["thesis.tex"]
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(b"")
    with pytest.raises(NotAResultsFolder, match="is a file"), open_results(tmp_path / "r", RUN, noon):
        pass
    with pytest.raises(ResultsError, match="Not a directory"), open_results(tmp_path / "r/below", RUN, noon):
        pass
    with pytest.raises(NotAResultsFolder, match="is a file"):
        read_results(tmp_path / "r")
    with pytest.raises(NotAResultsFolder, match="does not exist"):
        read_results(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"schema": 2}', b'{"schema": 1}', b"\xff", b"[" * 10**5]
)
def test_a_damaged_run_file_is_not_guessed_at(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RunFileDamaged, match=r"run\.json cannot be read.*\n.*history"):
        read_results(tmp_path)
    with pytest.raises(RunFileDamaged), open_results(tmp_path, RUN, noon):
        pass
    assert (tmp_path / "run.json").read_bytes() == content


def test_every_refusal_is_the_users_to_mend() -> None:
    assert issubclass(ResultsError, InputError)


# -- two at a time, killed, out of room: real processes ----------------------------------------------

OPEN = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from grader.errors import ResultsError
from grader.results import RunInfo, open_results
run = RunInfo("final-2022", "a" * 64, ("grader", "grade", sys.argv[2]), {})
try:
    with open_results(Path(sys.argv[1]), run, lambda: datetime(2026, 1, 15, 12, tzinfo=UTC)) as results:
        print("open", flush=True)
        sys.stdin.readline()
except ResultsError as fault:
    print(type(fault).__name__, fault, flush=True)
"""


def start(path: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OPEN, str(path), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_second_of_two_processes_is_told_about_the_first(tmp_path: Path) -> None:
    path = tmp_path / "r"
    with start(path, "first") as first, start(tmp_path / "elsewhere", "other") as other:
        assert first.stdout
        assert other.stdout
        assert first.stdout.readline() == other.stdout.readline() == "open\n"
        with start(path, "second") as second:
            said = second.communicate("\n")[0]
        assert said.startswith("ResultsInUse")
        assert f"process {first.pid} on " in said
        assert "since 2026-01-15T12:00:00+00:00: grader grade first\n" in said
        assert "--out" in said
        read_results(path)  # looking is allowed
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        other.communicate("\n")
    with start(path, "third") as third:
        assert third.communicate("\n")[0] == "open\n"
    assert json.loads((path / "run.json").read_bytes())["command"] == ["grader", "grade", "third"]


def test_of_many_that_start_at_once_one_gets_a_new_folder(tmp_path: Path) -> None:
    crowd = [start(tmp_path / "r", str(number)) for number in range(6)]
    first_lines = [process.stdout.readline() for process in crowd if process.stdout]
    for process in crowd:
        with process:
            process.communicate("\n")
    assert [line.split()[0] for line in sorted(first_lines)] == ["ResultsInUse"] * 5 + ["open"]


def test_the_same_process_cannot_open_twice(tmp_path: Path) -> None:
    with (
        open_results(tmp_path / "r", RUN, noon),
        pytest.raises(ResultsInUse, match=f"process {os.getpid()} "),
        open_results(tmp_path / "r", RUN, noon),
    ):
        pass


@pytest.mark.parametrize(("kind", "at_least"), [("steps", 100), ("moments", 30)])
def test_a_killed_run_is_continued(tmp_path: Path, kind: str, at_least: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.results.crashing", kind, str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= at_least


WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from grader.errors import ResultsError
from grader.results import open_results
from tests.results.made import evidence
from tests.results.test_folder import RUN, noon
with open_results(Path(sys.argv[1]), RUN, noon) as results:
    results.store_evidence(evidence("k1"))
    results.write_student("s001", {"report.json": b"1"})
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    for write in (
        lambda: results.store_evidence(evidence("k1", version=1, size=3000)),
        lambda: results.store_evidence(evidence("k2", size=3000)),
        lambda: results.write_student("s001", {"report.json": b"2" * 30_000}),
        lambda: results.write_cohort({"index.html": b"2" * 30_000}),
    ):
        try:
            write()
        except ResultsError as fault:
            print(fault)
"""


def test_a_full_disk_is_reported_and_harms_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ROOM, str(tmp_path / "r")], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 8
    assert all("cannot be used: File too large" in line for line in lines[::2])
    assert all("make room, then give the same command again" in line for line in lines[1::2])
    results = read_results(tmp_path / "r")
    assert same(results.load_evidence("k1"), evidence("k1"))
    assert results.evidence_keys() == ("k1",)
    assert results.read_student("s001", "report.json") == b"1"
    assert not list(tmp_path.rglob(".grader-tmp-*"))


WITHOUT_PERMISSION = """
import os
from pathlib import Path
from grader.errors import ResultsError
from grader.results import open_results, read_results
from tests.results.test_folder import RUN, noon
if os.geteuid() == 0:
    os.setuid(65534)  # to root nothing is forbidden
for path in (Path("mine/new"), Path("mine"), Path("theirs")):
    try:
        with open_results(path, RUN, noon):
            print("open")
    except ResultsError as fault:
        print(fault)
try:
    read_results(Path("theirs"))
except ResultsError as fault:
    print(fault)
"""


def test_a_folder_that_may_not_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine").chmod(0o555)
    with open_results(tmp_path / "theirs", RUN, noon):
        pass
    (tmp_path / "theirs").chmod(0)
    tmp_path.chmod(0o755)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PERMISSION],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    (tmp_path / "theirs").chmod(0o700)
    lines = done.stdout.splitlines()
    assert len(lines) == 8
    assert all("ermi" in line for line in lines[::2]), lines  # Permission denied, or: not permitted
    assert all("let this user write there, or name another --out" in line for line in lines[1::2])

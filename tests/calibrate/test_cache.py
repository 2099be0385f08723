"""Where targets are found, when they are made again, and what two processes at once do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader.calibrate import default_cache, fingerprint_of, known_targets, targets_for
from grader.errors import TargetsError
from tests.calibrate import made_up

ROOT = Path(__file__).resolve().parents[2]
COST = 1 + 1 + 10  # the solution, its fast form, ten perturbed runs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A reference, and a cache that holds its targets; tests work on copies."""
    home = tmp_path_factory.mktemp("made")
    reference, cache = made_up.reference(home / "reference"), home / "cache"
    targets = targets_for(made_up.rubric(), reference, "cpu", cache)
    assert made_up.runs(reference) == COST
    return SimpleNamespace(home=home, targets=targets)


@pytest.fixture
def place(made: SimpleNamespace, tmp_path: Path) -> SimpleNamespace:
    shutil.copytree(made.home, tmp_path, dirs_exist_ok=True)
    reference = tmp_path / "reference"
    (reference / "count").unlink()
    entry = next(path.parent for path in (tmp_path / "cache").rglob("targets.json"))
    return SimpleNamespace(reference=reference, cache=tmp_path / "cache", entry=entry, targets=made.targets)


def test_kept_targets_are_used(place: SimpleNamespace) -> None:
    found = targets_for(made_up.rubric(), place.reference, "cpu", place.cache)
    assert found.digest == place.targets.digest
    assert found.fingerprint == fingerprint_of("cpu") == place.entry.parent.name
    assert made_up.runs(place.reference) == 0


def test_damaged_entry_is_made_anew_and_leftovers_go(place: SimpleNamespace) -> None:
    (place.entry / "targets.safetensors").write_bytes(b"half a file")
    leftover = place.entry.with_name(place.entry.name + ".part-killed")
    leftover.mkdir()
    assert known_targets(made_up.rubric(), place.reference, "cpu", place.cache) is None
    found = targets_for(made_up.rubric(), place.reference, "cpu", place.cache)
    assert made_up.runs(place.reference) == COST
    assert found.digest == place.targets.digest
    assert not leftover.exists()
    assert known_targets(made_up.rubric(), place.reference, "cpu", place.cache) is not None


def test_changed_reference_or_sizes_are_another_matter(place: SimpleNamespace) -> None:
    def known(**changes: object) -> bool:
        rubric = made_up.rubric(**changes)  # type: ignore[arg-type]
        return known_targets(rubric, place.reference, "cpu", place.cache) is not None

    assert known()
    assert not known(shape=(30, 2))
    assert not known(settings={"positions": 20})
    assert not known(questions=("2", "3"))
    (place.reference / "variants").mkdir()
    (place.reference / "variants" / "mutants.py").write_text("x = 1\n", encoding="utf-8")
    assert known()
    made_up.reference(place.reference, made_up.SOURCE + "\n# a word more\n")
    assert not known()


def test_committed_targets_come_first_and_only_where_they_fit(place: SimpleNamespace, tmp_path: Path) -> None:
    rubric, nowhere = made_up.rubric(tmp_path / "rubric"), tmp_path / "empty"
    committed = tmp_path / "rubric" / "targets" / fingerprint_of("cpu")
    assert known_targets(rubric, place.reference, "cpu", nowhere) is None
    shutil.copytree(place.entry, committed)
    assert known_targets(rubric, place.reference, "cpu", nowhere) is not None
    assert targets_for(rubric, place.reference, "cpu", nowhere).digest == place.targets.digest
    assert not nowhere.exists()
    elsewhere = committed.rename(committed.with_name("cpu-another-kind"))
    assert known_targets(rubric, place.reference, "cpu", nowhere) is None
    # renamed by hand, its content still says what it was made on
    body = json.loads((elsewhere / "targets.json").read_text(encoding="utf-8"))
    assert body["fingerprint"] == fingerprint_of("cpu")


def test_two_processes_at_once_make_them_once(tmp_path: Path) -> None:
    reference, cache = made_up.reference(tmp_path / "reference"), tmp_path / "cache"
    script = (
        "import sys; from pathlib import Path\n"
        "from grader.calibrate import targets_for\n"
        "from tests.calibrate import made_up\n"
        "found = targets_for(made_up.rubric(), Path(sys.argv[1]), 'cpu', Path(sys.argv[2]))\n"
        "assert 'torch' not in sys.modules\n"
        "print(found.digest)\n"
    )
    command = [sys.executable, "-c", script, str(reference), str(cache)]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    digests = [process.communicate(timeout=200)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert digests[0] == digests[1] != ""
    assert made_up.runs(reference) == COST


def test_cache_that_cannot_be_written_is_said(place: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(TargetsError, match="cache cannot be written"):
        targets_for(made_up.rubric(shape=(30, 2)), place.reference, "cpu", tmp_path / "file")


def test_default_cache_follows_the_desktop_convention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache() == Path("/somewhere/grader")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "grader"

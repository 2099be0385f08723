from __future__ import annotations

import io
import json
import os
import struct
import time
import unicodedata
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from grader.errors import SubmissionsError
from grader.notebook import container
from grader.notebook.collect import Cohort, collect
from tests.notebook.notebooks import document

NOTEBOOK = json.dumps(document("code: x = 1")).encode()


def other(text: str) -> bytes:
    return json.dumps(document(f"code: {text}")).encode()


def folder(root: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        path = root / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root / "in"


def archive(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path


def roster(root: Path, *rows: str, head: str = "id,name") -> Path:
    path = root / "roster.csv"
    path.write_text("\n".join([head, *rows]), encoding="utf-8-sig")
    return path


def said(cohort: Cohort) -> dict[str, str]:
    """Return per student `ok` or the id of the problem."""
    return {one.student: one.problem.id if one.problem else "ok" for one in cohort.submissions}


def listed(cohort: Cohort) -> dict[str, str]:
    return {one.filename: one.reason.id for one in cohort.unmatched}


# -- without a roster ------------------------------------------------------------------------------


def test_stem_or_folder_is_the_student(tmp_path: Path) -> None:
    source = folder(
        tmp_path, {"s001.ipynb": NOTEBOOK, "s002/a/final.IPYNB": other("y"), "홍길동.ipynb": other("z")}
    )
    cohort = collect(source, None)
    assert said(cohort) == {"s001": "ok", "s002": "ok", "홍길동": "ok"}
    assert [one.filename for one in cohort.submissions] == [
        "s001.ipynb",
        "s002/a/final.IPYNB",
        "홍길동.ipynb",
    ]
    assert (cohort.missing, cohort.unmatched, cohort.roster, cohort.notes) == ((), (), (), ())


def test_decomposed_names_are_composed(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "홍길동.ipynb")
    cohort = collect(folder(tmp_path, {name: NOTEBOOK}), None)
    assert [one.student for one in cohort.submissions] == ["홍길동"]


@pytest.mark.parametrize(
    "files", [{"s1/a.ipynb": b"a", "s1/b.ipynb": b"b"}, {"S1.ipynb": b"a", "s1.ipynb": b"b"}]
)
def test_two_different_notebooks_are_listed(tmp_path: Path, files: dict[str, bytes]) -> None:
    cohort = collect(folder(tmp_path, files), None)
    assert list(said(cohort).values()) == ["collect.two_notebooks"]
    assert listed(cohort) == dict.fromkeys(files, "collect.two_notebooks")


def test_the_same_notebook_twice_is_one(tmp_path: Path) -> None:
    cohort = collect(folder(tmp_path, {"s1/a.ipynb": NOTEBOOK, "s1/a (1).ipynb": NOTEBOOK}), None)
    assert said(cohort) == {"s1": "ok"}
    assert cohort.notes == ()


def test_other_files(tmp_path: Path) -> None:
    files = {
        "s1.py": b"import torch\n",
        "s2.html": b"<html>login <input type='password'>",
        "s3.ipynb": b"",
        "s4.zip": b"PK\x03\x04",
        "s5/exam.ipynb.txt": NOTEBOOK,
        "s6/exam.ipynb": other("six"),
        "s6/data.csv": b"a,b",
        "s7/a.py": b"import a",
        "s7/b.pdf": b"%PDF",
    }
    cohort = collect(folder(tmp_path, files), None)
    assert said(cohort) == {
        "s1": "read.other_file",
        "s2": "read.other_file",
        "s3": "read.empty",
        "s4": "read.other_file",
        "s5": "ok",
        "s6": "ok",
        "s7": "collect.no_notebook",
    }
    notes = {one.student: [note.id for note in one.notes] for one in cohort.submissions if one.notes}
    assert notes == {"s5": ["collect.renamed"], "s6": ["collect.other_files"]}


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    hidden = [
        ".ipynb_checkpoints/s1-checkpoint.ipynb",
        "s1/.hidden.ipynb",
        "__MACOSX/._s1.ipynb",
        ".DS_Store",
        "s1/._a.ipynb",
        "Thumbs.db",
    ]
    cohort = collect(folder(tmp_path, {"s1/a.ipynb": NOTEBOOK} | dict.fromkeys(hidden, b"x")), None)
    assert said(cohort) == {"s1": "ok"}


def test_links_that_lead_outside_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(NOTEBOOK)
    source = folder(tmp_path, {"s1.ipynb": NOTEBOOK})
    (source / "s2.ipynb").symlink_to(secret)
    (source / "s3.ipynb").symlink_to(source / "nowhere")
    (source / "s4").symlink_to(tmp_path)
    (source / "s5.ipynb").symlink_to("s5.ipynb")
    os.mkfifo(source / "s6.ipynb")
    cohort = collect(source, None)
    links = dict.fromkeys(["s2", "s3", "s4", "s5"], "collect.link")
    assert said(cohort) == {"s1": "ok", **links, "s6": "collect.not_a_file"}


def test_single_notebook(tmp_path: Path) -> None:
    path = tmp_path / "s1.ipynb"
    path.write_bytes(NOTEBOOK)
    assert said(collect(path, None)) == {"s1": "ok"}
    assert said(collect(path, roster(tmp_path, "s1,A", "s2,B"))) == {"s1": "ok"}


def test_equal_files_are_noted_for_the_course_only(tmp_path: Path) -> None:
    cohort = collect(
        folder(tmp_path, {"s1.ipynb": NOTEBOOK, "s2.ipynb": NOTEBOOK, "s3.ipynb": other("y")}), None
    )
    assert [(note.id, note.params["students"]) for note in cohort.notes] == [
        ("collect.same_content", "s1, s2")
    ]
    assert all(not one.notes for one in cohort.submissions)


# -- with a roster ---------------------------------------------------------------------------------


def test_id_is_a_whole_token_of_the_name(tmp_path: Path) -> None:
    files = {
        "기말_20230001_홍길동.ipynb": other("1"),
        "20230002김철수.ipynb": other("2"),
        "박영희20230003 (final).ipynb": other("3"),
        "s-4/답안.ipynb": other("4"),
        "120230005.ipynb": other("5"),
        "S-6.ipynb": other("6"),
    }
    rows = [f"2023000{n},이름{n}" for n in (1, 2, 3, 5)]
    cohort = collect(
        folder(tmp_path, files), roster(tmp_path, *rows, "s-4,넷", "s-6,여섯", "s,에스", "9,없음")
    )
    assert said(cohort) == dict.fromkeys(["20230001", "20230002", "20230003", "s-4", "s-6"], "ok")
    assert [one.name for one in cohort.submissions] == ["이름1", "이름2", "이름3", "넷", "여섯"]
    assert listed(cohort) == {"120230005.ipynb": "collect.no_id"}
    assert [student.id for student in cohort.missing] == ["20230005", "s", "9"]


def test_two_ids_in_a_name_are_never_guessed(tmp_path: Path) -> None:
    source = folder(tmp_path, {"s1_s2.ipynb": NOTEBOOK, "s2.ipynb": other("y"), "s3/s1.ipynb": other("z")})
    cohort = collect(source, roster(tmp_path, "s1,A", "s2,B", "s3,C", "s4,D"))
    assert said(cohort) == {"s1": "collect.perhaps_theirs", "s2": "ok", "s3": "collect.perhaps_theirs"}
    assert listed(cohort) == {"s1_s2.ipynb": "collect.two_ids", "s3/s1.ipynb": "collect.two_ids"}
    assert [student.id for student in cohort.missing] == ["s4"]
    assert [one.name for one in cohort.submissions] == ["A", "B", "C"]


def test_two_notebooks_of_one_id(tmp_path: Path) -> None:
    source = folder(tmp_path, {"s1.ipynb": NOTEBOOK, "new s1.ipynb": other("y")})
    cohort = collect(source, roster(tmp_path, "s1,A"))
    assert said(cohort) == {"s1": "collect.two_notebooks"}
    assert cohort.missing == ()
    assert {one.students for one in cohort.unmatched} == {("s1",)}


def test_files_without_an_id_say_what_they_are(tmp_path: Path) -> None:
    source = folder(tmp_path, {"s1.ipynb": NOTEBOOK, "notes.pdf": b"%PDF", "roster.csv": b"id\ns1"})
    cohort = collect(source, source / "roster.csv")
    assert listed(cohort) == {"notes.pdf": "read.other_file"}


def test_submissions_come_in_roster_order(tmp_path: Path) -> None:
    source = folder(tmp_path, {f"s{n}.ipynb": other(str(n)) for n in range(5)})
    cohort = collect(source, roster(tmp_path, "s3,C", "s1,A", "s4,D", "s0,Z", "s2,B"))
    assert [one.student for one in cohort.submissions] == ["s3", "s1", "s4", "s0", "s2"]


# -- zips ------------------------------------------------------------------------------------------


def test_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    files = {
        "s1.ipynb": NOTEBOOK,
        "s2/a.ipynb": other("y"),
        "__MACOSX/s1.ipynb": b"x",
        "s3/": b"",
        "s3/b.ipynb": other("z"),
    }
    assert said(collect(archive(tmp_path / "in.zip", files), None)) == {"s1": "ok", "s2": "ok", "s3": "ok"}


@pytest.mark.parametrize("name", ["final.zip", "final (1).zip"])
def test_folder_around_everything_in_a_zip(tmp_path: Path, name: str) -> None:
    files = {"final/s1.ipynb": NOTEBOOK, "final/s2.ipynb": other("y")}
    assert said(collect(archive(tmp_path / name, files), None)) == {"s1": "ok", "s2": "ok"}


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_korean_names_in_a_zip_without_the_flag(tmp_path: Path, encoding: str) -> None:
    name = "홍길동_s1.ipynb".encode(encoding)
    path = archive(tmp_path / "in.zip", {"x" * len(name): NOTEBOOK})
    path.write_bytes(path.read_bytes().replace(b"x" * len(name), name))
    assert [one.filename for one in collect(path, None).submissions] == ["홍길동_s1.ipynb"]


def test_dangerous_entries_are_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "in.zip"
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("a.ipynb", NOTEBOOK)
    with zipfile.ZipFile(path, "w") as file:
        for name in ("../up.ipynb", "/root.ipynb", "C:\\x.ipynb", "a/../../b.ipynb", "s1.ipynb"):
            file.writestr(name, NOTEBOOK)
        link = zipfile.ZipInfo("s2.ipynb")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
        file.writestr("s3.zip", inner.getvalue())
    cohort = collect(path, None)
    assert {one.filename: one.problem.id for one in cohort.submissions if one.problem} == {
        "../up.ipynb": "collect.path_outside",
        "/root.ipynb": "collect.path_outside",
        "C:/x.ipynb": "collect.path_outside",
        "a/../../b.ipynb": "collect.path_outside",
        "s2.ipynb": "collect.link",
        "s3.zip": "read.other_file",
    }
    assert said(cohort)["s1"] == "ok"


def test_encrypted_and_damaged_entries(tmp_path: Path) -> None:
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in ("s1.ipynb", "s2.ipynb", "s3.ipynb"):
            file.writestr(name, other(name))
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[central + 8] |= 1  # s2 says that it is encrypted
    place = data.index(b"x", data.index(b"s3.ipynb")) if b"x" in data else 0
    data[data.index(b"nbformat", data.index(b"s3.ipynb"))] ^= 1
    assert place >= 0
    path.write_bytes(bytes(data))
    assert said(collect(path, None)) == {"s1": "ok", "s2": "collect.encrypted", "s3": "collect.unreadable"}


def test_zip_bomb_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_FILE_BYTES", 1 << 20)
    monkeypatch.setattr(container, "MAX_TOTAL_BYTES", 3 << 20)
    monkeypatch.setattr("grader.notebook.read.MAX_FILE_BYTES", 1 << 20)
    files = {f"s{n}.ipynb": b"\0" * (8 << 20) for n in range(4)}
    cohort = collect(archive(tmp_path / "in.zip", files), None)
    assert said(cohort) == dict.fromkeys(["s0", "s1", "s2"], "read.too_large") | {
        "s3": "collect.zip_too_large"
    }


def test_entry_that_lies_about_its_size(tmp_path: Path) -> None:
    path = archive(tmp_path / "in.zip", {"s1.ipynb": NOTEBOOK})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 7)
    path.write_bytes(bytes(data))
    assert said(collect(path, None)).keys() == {"s1"}


# -- what the TA did wrong -------------------------------------------------------------------------


def test_unusable_submissions_name_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "broken.zip").write_bytes(b"PK\x05\x06" + b"\0" * 18 + b"junk")
    locked = archive(tmp_path / "locked.zip", {"s1.ipynb": NOTEBOOK})
    data = bytearray(locked.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(bytes(data))
    for name, words in (
        ("nowhere", "No such file"),
        ("empty", "there are no files in it"),
        ("a.txt", "neither a folder nor a zip"),
        ("broken.zip", "in.zip|damaged|no files|neither"),
        ("locked.zip", "password"),
    ):
        with pytest.raises(SubmissionsError, match=words) as caught:
            collect(tmp_path / name, None)
        assert str(tmp_path / name) in str(caught.value)
        assert len(str(caught.value).split("\n")) == 2
    monkeypatch.setattr(container, "MAX_FILES", 1)
    with pytest.raises(SubmissionsError, match="2 files"):
        collect(archive(tmp_path / "many.zip", {"a.ipynb": b"", "b.ipynb": b""}), None)


def test_two_thousand_notebooks_are_collected_in_seconds(tmp_path: Path) -> None:
    cells = [f"code: x = {'y' * 400}" for _ in range(30)]
    files = {
        f"2023{n:04d}_이름.ipynb": json.dumps(document(*cells, f"md: {n}")).encode() for n in range(2000)
    }
    source = archive(tmp_path / "in.zip", files)
    start = time.process_time()
    cohort = collect(source, roster(tmp_path, *(f"2023{n:04d},이름" for n in range(2000))))
    assert time.process_time() - start < 15
    assert set(said(cohort).values()) == {"ok"}
    assert len(cohort.submissions) == 2000

from __future__ import annotations

import io
import json
import time
import unicodedata
import zipfile
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.model import Submission
from grader.notebook import read as reading
from tests.notebook.notebooks import document, read

GOOD = document("md: # 1.", "code: x = 1")
TEXT = json.dumps(GOOD)


def seen(submission: Submission) -> list[str]:
    """Return the ids of what was said about the file."""
    return [
        reason.id for reason in (*submission.notes, *([submission.problem] if submission.problem else []))
    ]


def sources(submission: Submission) -> list[str]:
    return [cell.source for cell in submission.cells]


def with_source(source: Any) -> bytes:
    return json.dumps({**GOOD, "cells": [{"cell_type": "code", "source": source}]}).encode()


def zipped(name: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(name, "x")
    return data.getvalue()


def test_good_notebook_is_read_without_a_word() -> None:
    submission = read(TEXT.encode())
    assert [(cell.index, cell.kind, cell.source) for cell in submission.cells] == [
        (0, "markdown", "# 1."),
        (1, "code", "x = 1"),
    ]
    assert seen(submission) == []
    assert (submission.student, submission.name, submission.filename) == ("s001", "Made Up", "s001.ipynb")
    assert len(submission.digest) == 64


@pytest.mark.parametrize(
    ("data", "id"),
    [
        (b"", "read.empty"),
        (b" \n\t", "read.blank"),
        (b"\0" * 4096, "read.blank"),
        (b"\xef\xbb\xbf", "read.blank"),
        (TEXT[:-20].encode(), "read.truncated"),
        (TEXT[:40].encode(), "read.truncated"),
        (b"{", "read.truncated"),
        (b'{"cells": [], }', "read.damaged"),
        (b"{'cells': []}", "read.damaged"),
        (f"{{\n<<<<<<< HEAD\n{TEXT[1:]}".encode(), "read.merge_conflict"),
        (f"{TEXT}\n{json.dumps(document('code: y'))}".encode(), "read.two_documents"),
        (f'{TEXT} "cell_type": "code"'.encode(), "read.two_documents"),
        (b'{"a": 1}', "read.other_json"),
        (b"[1, 2]", "read.other_json"),
        (b'{"cells": null}', "read.cells_wrong_type"),
        (b'{"cells": {"0": {}}}', "read.cells_wrong_type"),
        (b'{"cells": [], "nbformat": 4}', "read.no_cells"),
        (b"[" * 200_000, "read.too_deep"),
        (b'{"cells":' * 100_000, "read.too_deep"),
        (json.dumps({"cells": [{}] * 5001}).encode(), "read.too_many_cells"),
        (with_source("#" * 5_000_001), "read.too_much_source"),
    ],
)
def test_problem_is_named(data: bytes, id: str) -> None:
    submission = read(data)
    assert submission.problem is not None
    assert submission.problem.id == id
    assert submission.cells == ()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7 ...", "pdf"),
        (zipped("exam.ipynb"), "zip"),
        (zipped("word/document.xml"), "office"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office"),
        (b"\x1f\x8b\x08", "archive"),
        (b"\x89PNG\r\n", "image"),
        (b"\x7fELF", "program"),
        (b"<!DOCTYPE html><html><body>exam</body></html>", "html"),
        ("<html><title>로그인</title><input type='password'></html>".encode(), "login"),
        (b"import torch\nx = torch.zeros(3)\n", "script"),
        (b"import torch\nef train(:\n", "script"),
        ("기말고사를 제출합니다".encode(), "text"),
        ("기말고사를 제출합니다".encode("cp949"), "text"),
        (b"null", "text"),
        (b"(" * 300_000, "text"),
        (b"x = " + b"-" * 199_000 + b"1", "text"),
    ],
)
def test_other_files_are_named(data: bytes, kind: str) -> None:
    problem = read(data).problem
    assert problem is not None
    assert (problem.id, problem.params["found"]) == ("read.other_file", f"read.kind.{kind}")


def test_truncated_file_says_how_much_is_there() -> None:
    text = json.dumps(document(*(f"code: x{n}" for n in range(10))), indent=1)
    problem = read(text[: text.index("x7")].encode()).problem
    assert problem is not None
    assert problem.params == {
        "characters": text.index("x7"),
        "lines": text[: text.index("x7")].count("\n") + 1,
        "cells": 7,
    }


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        (TEXT.encode("utf-8-sig"), []),
        (TEXT.encode("utf-16"), ["read.encoding"]),
        (TEXT.encode("utf-16-le"), ["read.encoding"]),
        (TEXT.encode("utf-16-be"), ["read.encoding"]),
        (TEXT.encode("utf-32"), ["read.encoding"]),
        (TEXT.encode() + b"\n\n\0\0\0", []),
        (TEXT.encode() + b"}\n ]", ["read.trailing"]),
        (f"{TEXT}\n{TEXT}".encode(), ["read.trailing"]),
        (json.dumps({"cells": GOOD["cells"]}).encode(), ["read.no_version"]),
        (json.dumps({**GOOD, "nbformat": 5}).encode(), ["read.new_format"]),
        (json.dumps({**GOOD, "metadata": None}).encode(), []),
        (json.dumps({**GOOD, "metadata": {"kernelspec": {"name": "ml"}}}).encode(), ["read.kernel"]),
        (json.dumps({**GOOD, "metadata": {"kernelspec": {"name": ["x"]}, "language_info": 3}}).encode(), []),
        (
            json.dumps({**GOOD, "metadata": {"kernelspec": {"language": "R", "name": "ir"}}}).encode(),
            ["read.language"],
        ),
        (json.dumps({**GOOD, "metadata": {"language_info": {"name": "julia"}}}).encode(), ["read.language"]),
        (
            json.dumps({**GOOD, "metadata": {"language_info": {"version": "2.7.18"}}}).encode(),
            ["read.language"],
        ),
        (json.dumps({**GOOD, "nbformat_minor": 0, "extra": float("nan")}).encode(), []),
        (b'{"nbformat": 4, "x": ' + b"1" * 5000 + b"," + TEXT[1:].encode(), []),
    ],
)
def test_repaired_file_is_read(data: bytes, ids: list[str]) -> None:
    submission = read(data)
    assert sources(submission) == ["# 1.", "x = 1"]
    assert seen(submission) == ids


@pytest.mark.parametrize(
    ("text", "encoding", "ids"),
    [
        ("# 가나다", "cp949", ["read.encoding"]),
        ("# café", "latin-1", ["read.encoding"]),
        ("# 가나다", "utf-16", ["read.encoding"]),
    ],
)
def test_other_encodings(text: str, encoding: str, ids: list[str]) -> None:
    data = json.dumps({**GOOD, "cells": [{"cell_type": "code", "source": text}]}, ensure_ascii=False).encode(
        encoding
    )
    submission = read(data)
    assert sources(submission) == [text]
    assert seen(submission) == ids


def test_few_damaged_bytes_among_sound_ones_stay_utf8() -> None:
    data = with_source("# 순환신경망으로 학습한다").replace(b"\\u", b"\\u")
    raw = json.dumps(
        {**GOOD, "cells": [{"cell_type": "code", "source": "# 순환신경망 x"}]}, ensure_ascii=False
    )
    submission = read(raw.encode().replace(b" x", b" \xff"))
    assert sources(submission) == ["# 순환신경망 \N{REPLACEMENT CHARACTER}"]
    assert seen(submission) == ["read.damaged_characters"]
    assert sources(read(data)) == ["# 순환신경망으로 학습한다"]


@pytest.mark.parametrize(
    ("source", "plain", "ids"),
    [
        (["a\n", "b"], "a\nb", []),
        (["a\n", None, 3, "b"], "a\nb", ["read.cell_source"]),
        (None, "", ["read.cell_source"]),
        ({"a": 1}, "", ["read.cell_source"]),
        ("a\r\nb\rc", "a\nb\nc", []),
        ("a\0b", "ab", ["read.characters"]),
        ("a\ud83d", "a\N{REPLACEMENT CHARACTER}", ["read.characters"]),
        (["a\ud83d", "\ude00"], "a\N{GRINNING FACE}", []),
        ("a\u2028b\fc", "a\u2028b\fc", []),
    ],
)
def test_source_is_normalised(source: Any, plain: str, ids: list[str]) -> None:
    submission = read(with_source(source))
    assert sources(submission) == [plain]
    assert seen(submission) == ids


@pytest.mark.parametrize(
    ("cell", "kind", "ids"),
    [
        ({"cell_type": "code", "source": ""}, "code", []),
        ({"source": "x", "outputs": []}, "code", ["read.cell_kind"]),
        ({"source": "x"}, "raw", ["read.cell_kind"]),
        ({"cell_type": ["code"], "source": "x"}, "raw", ["read.cell_kind"]),
        ("x", "raw", ["read.cell_lost"]),
        (None, "raw", ["read.cell_lost"]),
        ({"cell_type": "code"}, "code", ["read.cell_source"]),
        ({"cell_type": "code", "source": "", "id": "same", "attachments": {"a.png": {}}}, "code", []),
    ],
)
def test_damaged_cell_keeps_its_place(cell: Any, kind: str, ids: list[str]) -> None:
    submission = read(json.dumps({**GOOD, "cells": [cell, *GOOD["cells"]]}).encode())
    assert [one.kind for one in submission.cells] == [kind, "markdown", "code"]
    assert [one.index for one in submission.cells] == [0, 1, 2]
    assert seen(submission) == ids


@pytest.mark.parametrize(
    ("count", "kept"), [(3, 3), (None, None), (True, None), (-1, None), ("3", None), (1 << 40, None)]
)
def test_execution_count(count: Any, kept: int | None) -> None:
    data = json.dumps({**GOOD, "cells": [{"cell_type": "code", "source": "", "execution_count": count}]})
    assert read(data.encode()).cells[0].execution_count == kept


def test_old_format_is_converted_as_nbformat_does() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["제목"], "metadata": {}},
        {"cell_type": "markdown", "source": ["글"], "metadata": {}},
        {
            "cell_type": "code",
            "input": ["x = 1\n", "y = 2"],
            "prompt_number": 4,
            "outputs": [],
            "language": "python",
        },
    ]
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": cells, "metadata": {}}],
    }
    upgraded = nbformat.reads(json.dumps(old), as_version=4)  # type: ignore[no-untyped-call]
    submission = read(json.dumps(old).encode())
    assert seen(submission) == ["read.old_format"]
    assert [(cell.kind, cell.source, cell.execution_count) for cell in submission.cells] == [
        (cell.cell_type, cell.source, cell.get("execution_count")) for cell in upgraded.cells
    ]


@pytest.mark.parametrize("worksheets", [[], [None], [{"cells": None}], {"cells": []}])
def test_damaged_old_format(worksheets: Any) -> None:
    assert read(json.dumps({"nbformat": 3, "worksheets": worksheets}).encode()).problem is not None


@pytest.mark.parametrize("minor", range(6))
def test_all_minor_versions(minor: int) -> None:
    assert sources(read(json.dumps({**GOOD, "nbformat_minor": minor}).encode())) == ["# 1.", "x = 1"]


def test_forty_megabytes_of_outputs_are_dropped_quickly() -> None:
    output = {"output_type": "stream", "name": "stdout", "text": ["줄, [값] {x}\n" * 50] * 40_000}
    data = json.dumps(
        {**GOOD, "cells": [*GOOD["cells"], {"cell_type": "code", "source": "y", "outputs": [output]}]}
    )
    raw = data.encode()
    assert len(raw) > 40 << 20
    start = time.process_time()
    submission = read(raw)
    assert time.process_time() - start < 5
    assert sources(submission) == ["# 1.", "x = 1", "y"]
    assert "줄" not in repr(submission)


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1000)
    assert seen(read(b" " * 1001)) == ["read.too_large"]
    monkeypatch.setattr(reading, "MAX_JSON_VALUES", 50)
    assert seen(read(b'{"cells": [%s]}' % (b"[]," * 60))) == ["read.too_many_values"]
    # Commas inside strings are no values.
    assert sources(read(with_source("," * 200))) == ["," * 200]


def test_names_of_decomposed_hangul_stay_as_they_are_in_sources() -> None:
    source = unicodedata.normalize("NFD", "한글 = 1")
    assert sources(read(with_source(source))) == [source]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "heading", 3]) | JSON,
        "source": st.text() | st.lists(st.text()) | JSON,
        "input": JSON,
        "level": JSON,
        "outputs": JSON,
        "execution_count": JSON,
    },
)
NOTEBOOK = st.fixed_dictionaries(
    {},
    optional={
        "cells": st.lists(CELL | JSON, max_size=4) | JSON,
        "worksheets": st.lists(st.fixed_dictionaries({"cells": st.lists(CELL)}) | JSON, max_size=2) | JSON,
        "nbformat": st.sampled_from([3, 4]) | JSON,
        "metadata": st.fixed_dictionaries({}, optional={"kernelspec": JSON, "language_info": JSON}) | JSON,
    },
)


def check(data: bytes) -> None:
    submission = read(data)
    assert (submission.problem is None) == bool(submission.cells)
    for index, cell in enumerate(submission.cells):
        assert cell.index == index
        assert not set("\r\0") & set(cell.source)
        cell.source.encode()
    for reason in (*submission.notes, *([submission.problem] if submission.problem else [])):
        json.dumps(dict(reason.params)).encode()


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    check(data)
    check(b"{" + data)


@settings(max_examples=200, deadline=None)
@given(NOTEBOOK | JSON, st.sampled_from(["utf-8", "utf-16", "cp949"]), st.booleans())
def test_any_json_is_read_or_refused(value: Any, encoding: str, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    check(text.encode(encoding, "replace"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(TEXT)), st.binary(max_size=3)), max_size=4))
def test_any_damage_is_read_or_refused(damage: list[tuple[int, bytes]]) -> None:
    data = bytearray(TEXT.encode())
    for place, change in damage:
        data[place : place + 2] = change
    check(bytes(data))

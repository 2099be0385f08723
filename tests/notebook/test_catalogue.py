"""Every sentence about a file is there, in both languages, and nothing is there that is never said."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import grader
from grader.model import Reason
from grader.notebook.collect import collect
from tests.notebook.notebooks import blank_exam, filled_exam, found, read

PACKAGE = Path(grader.__file__).parent
ID = re.compile(r"(?:read|collect|source|locate)(?:\.[a-z0-9_]+)+")
SLOT = re.compile(r"\{([a-z0-9_]+)(?::[a-z]+)?\}")


def sentences(language: str) -> dict[str, str]:
    return tomllib.loads((PACKAGE / "catalogue" / f"notebook.{language}.toml").read_text(encoding="utf-8"))


def said_in_source() -> set[str]:
    return {
        node.value
        for file in (PACKAGE / "notebook").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ID.fullmatch(node.value)
    }


def test_catalogue_holds_what_the_source_says_and_no_more() -> None:
    assert set(sentences("en")) == set(sentences("ko")) == said_in_source()


@pytest.mark.parametrize("id", sorted(sentences("en")))
def test_both_languages_use_the_same_parameters(id: str) -> None:
    assert sorted(SLOT.findall(sentences("en")[id])) == sorted(SLOT.findall(sentences("ko")[id]))
    assert re.search("[가-힣]", sentences("ko")[id])


def all_reasons(tmp_path: Path) -> list[Reason]:
    """Provoke as many reasons as files of every kind give."""
    good = b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "x"}]}'
    files = [
        b"",
        b" ",
        b"%PDF",
        b"<html>",
        good[:-9],
        good + good.replace(b"x", b"y"),
        good + b"!",
        b'{"cells": [],}',
        b"[1]",
        b"[" * 99_999,
        b'{"cells": 1}',
        b'{"cells": []}',
        b'{"cells": [null, {}, {"cell_type": "code", "source": "\\u0000"}], "nbformat": 9}',
        b'{"worksheets": [{"cells": [{"cell_type": "code", "input": "x"}]}]}',
        good.decode().encode("utf-16"),
        good.replace(b"x", b"\xff"),
        good.replace(b'"cells"', b'"metadata": {"kernelspec": {"name": "ml", "language": "R"}}, "cells"'),
        good.replace(b'"cells"', b'"metadata": {"kernelspec": {"name": "ml"}}, "cells"'),
    ]
    reasons: list[Reason] = []
    for number, data in enumerate(files):
        submission = read(data)
        reasons += [*submission.notes, *([submission.problem] if submission.problem else [])]
        (tmp_path / f"s{number}").mkdir()
        (tmp_path / f"s{number}" / "a.ipynb").write_bytes(data)
        (tmp_path / f"s{number}" / f"b.{'ipynb' if number % 2 else 'py'}").write_bytes(good)
    cohort = collect(tmp_path, None)
    reasons += [*cohort.notes, *(one.reason for one in cohort.unmatched)]
    reasons += [note for one in cohort.submissions for note in one.notes]
    cells = filled_exam()
    for notebook in (
        cells,
        cells[:9] + cells[10:],
        cells[:8] + cells[10:],
        [*cells[5:8], *cells],
        blank_exam()[::-1],
    ):
        answers = found(*notebook)
        reasons += [*answers.notes, *(reason for answer in answers.items.values() for reason in answer.how)]
    return reasons


def test_every_parameter_of_a_sentence_is_given(tmp_path: Path) -> None:
    english = sentences("en")
    reasons = all_reasons(tmp_path)
    assert len({reason.id for reason in reasons}) > 25
    for reason in reasons:
        assert set(SLOT.findall(english[reason.id])) <= set(reason.params), reason.id

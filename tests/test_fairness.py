"""Every promise in docs/fairness.md has a test that exists, or says what will bring it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "fairness.md"
ROWS = re.findall(r"^\| (\w+) \| (.+?) \| (.*?) ?\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_table_was_read() -> None:
    assert {re.sub(r"\D", "", number) for number, _, _ in ROWS} == {str(n) for n in range(1, 12)}


@pytest.mark.parametrize(("number", "rule", "tests"), ROWS, ids=[row[0] for row in ROWS])
def test_a_rule_names_tests_that_exist(number: str, rule: str, tests: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", tests)
    assert named or "comes with" in rule, f"rule {number} is promised by nobody"
    for file, test in named:
        tree = ast.parse((Path(__file__).parent / file).read_text(encoding="utf-8"))
        found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert test in found, f"{file}::{test}"

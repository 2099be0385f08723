"""`grader doctor` says what there is, and never fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.cli import doctor


def test_everything_is_named_and_the_exit_code_is_0() -> None:
    result = CliRunner().invoke(doctor.command)
    assert result.exit_code == 0, result.output
    for what in ("Python", "torch", "CUDA", "memory", "cores", "isolation full", "isolation landlock"):
        assert any(line.startswith(what) for line in result.output.splitlines()), what


def test_without_any_box_the_command_that_adds_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"apt-get": "/usr/bin/apt-get"}
    monkeypatch.setattr(doctor, "which", there.get)
    monkeypatch.setattr(doctor, "problem", lambda _level: "pretended")
    monkeypatch.setattr(doctor, "_linux", lambda: True)
    found = CliRunner().invoke(doctor.command).output
    assert "student code would run with your rights" in found
    assert "apt-get install -y bubblewrap" in found.split("with your rights")[1]


@pytest.mark.parametrize(("setting", "refusing", "_other"), doctor._REFUSALS)
def test_the_setting_that_refuses_namespaces_is_named(
    monkeypatch: pytest.MonkeyPatch, setting: str, refusing: str, _other: str
) -> None:
    def exists(path: Path) -> bool:
        return str(path).endswith(setting.rpartition(".")[2])

    monkeypatch.setattr(Path, "exists", exists)
    monkeypatch.setattr(Path, "read_text", lambda _path, encoding: f"{refusing}\n" if encoding else "")
    assert setting in doctor._user_namespaces().remedy

"""The command line's frame: help without imports, exit codes, messages."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from grader import cli

# A verb that does what its argument says, put where the group imports it from.
FAKE_VERB = """
import sys, types, click
from grader import cli
from grader.__main__ import main
from grader.errors import GraderError, InputError

def end(how):
    if how == "fine": print("\\uae40\\ubbfc\\ub098")
    if how == "one failed": click.get_current_context().exit(1)
    if how == "wrong input": raise InputError("no such folder")
    if how == "other error": raise GraderError("disk full")
    if how == "fault": raise ValueError("unexpected")
    if how == "interrupt": raise KeyboardInterrupt
    if how == "long output":
        for _ in range(100_000): print("x" * 80)
    if how == "short output": print("x")

command = click.Command("act", params=[click.Argument(["how"])], callback=end)
sys.modules["grader.cli.act"] = types.SimpleNamespace(command=command)
cli.main.add_command(click.Command("act"))
sys.exit(main())
"""

HEAVY = {"numpy", "torch", "pydantic", "rich", "jinja2", "nbformat", "grader.model", "grader.pipeline"}


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with the made-up verb `act` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", FAKE_VERB, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(
    ("how", "exit_code", "message"),
    [
        ("fine", 0, ""),
        ("one failed", 1, ""),
        ("wrong input", 2, "grader: no such folder\n"),
        ("other error", 1, "grader: disk full\n"),
        ("interrupt", 130, "\ngrader: interrupted\n"),
    ],
)
def test_exit_code_and_message(how: str, exit_code: int, message: str) -> None:
    done = run("act", how)
    assert (done.returncode, done.stderr) == (exit_code, message)


def test_unknown_option_is_wrong_input() -> None:
    done = run("act", "fine", "--speed")
    assert done.returncode == 2
    assert "--speed" in done.stderr


@pytest.mark.parametrize("words", [["--debug", "act", "fault"], ["act", "fault", "--debug"]])
def test_traceback_of_a_fault_is_shown_on_request(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ValueError: unexpected" in done.stderr


def test_traceback_of_a_fault_is_not_shown_unasked() -> None:
    done = run("act", "fault")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "internal error: ValueError: unexpected" in done.stderr
    assert "--debug" in done.stderr


def test_traceback_of_a_fault_is_shown_where_the_environment_asks() -> None:
    assert "Traceback" in run("act", "fault", GRADER_DEBUG="1").stderr


def test_hangul_under_an_ascii_locale_does_not_end_the_program() -> None:
    done = run("act", "fine", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout, done.stderr) == (0, "???\n", "")


@pytest.mark.parametrize("how", ["long output", "short output"])
def test_reader_that_went_away_is_no_news(how: str) -> None:
    command = [sys.executable, "-c", FAKE_VERB, "act", how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert (process.wait(60), said) == (1, "")


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from grader.__main__ import main; main(['--help']); print(*sys.modules, sep='\\n')"
    shown = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60)
    assert not HEAVY & set(shown.split())


def test_help_lists_every_verb() -> None:
    shown = CliRunner().invoke(cli.main, ["--help"])
    assert shown.exit_code == 0
    for verb, short_help in cli.VERBS.items():
        assert f"  {verb} " in shown.output
        assert short_help in shown.output


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_exists_and_its_help_has_an_example(verb: str) -> None:
    command = import_module(f"grader.cli.{verb}").command
    assert isinstance(command, click.Command)
    assert command.name == verb
    shown = CliRunner().invoke(cli.main, [verb, "--help"], prog_name="grader")
    assert shown.exit_code == 0
    assert f"Usage: grader {verb}" in shown.output
    assert f"grader {verb} " in shown.output.partition("\n")[2]


def test_mistyped_verb_is_answered_with_the_nearest_one() -> None:
    shown = CliRunner().invoke(cli.main, ["graed"])
    assert shown.exit_code == 2
    assert "Did you mean 'grade'?" in shown.output


def test_version_is_that_of_the_package() -> None:
    shown = CliRunner().invoke(cli.main, ["--version"], prog_name="grader")
    assert shown.output == f"grader {version('grader')}\n"

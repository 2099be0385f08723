"""The program `grader`, also as `python -m grader`: one verb, one exit code, no stray tracebacks."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence

import click

from grader import cli
from grader.errors import GraderError

FAULT = 1
WRONG_INPUT = 2
INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; `args` are those of the process unless given."""
    for stream in (sys.stdout, sys.stderr):
        # Under an ASCII locale a student's name in Hangul would otherwise end the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    given = list(sys.argv[1:] if args is None else args)
    # Taken out here so that it may also be added at the end of the command that has just failed.
    words = [word for word in given if word != "--debug"]
    debug = len(words) < len(given) or bool(os.environ.get("GRADER_DEBUG"))
    try:
        # A verb returns nothing; click hands back the code of `ctx.exit(code)` instead.
        exit_code: int = cli.main.main(words, prog_name="grader", standalone_mode=False) or 0
        sys.stdout.flush()
        return exit_code
    except click.ClickException as error:
        error.show()
        return WRONG_INPUT
    except click.Abort:
        return _stop("interrupted", INTERRUPTED)
    except GraderError as error:
        return _stop(str(error), error.exit_code)
    except BrokenPipeError:
        # Whoever read the output has gone (`grader ... | head`): what is left must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULT
    except Exception as error:  # noqa: BLE001  the last place where a fault of ours can become a message
        if debug:
            traceback.print_exc()
        return _stop(_fault_message(error, debug), FAULT)


def _stop(message: str, exit_code: int) -> int:
    click.echo(f"grader: {message}", err=True)
    return exit_code


def _fault_message(error: Exception, debug: bool) -> str:
    advice = "report it with the traceback" if debug else "run it with --debug and report what that shows"
    return f"internal error: {type(error).__name__}: {error}\nThis is a fault of the grader; {advice}."


if __name__ == "__main__":
    sys.exit(main())

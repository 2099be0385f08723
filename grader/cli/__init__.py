"""The command line: one verb per module, listed here with its short help and imported only when it is used.

The module `grader.cli.<verb>` holds the verb as `command`. It parses, calls the pipeline, and ends with
`ctx.exit(code)` where the exit code is not 0.
"""

from __future__ import annotations

from importlib import import_module

import click

# Help, completion and "did you mean" read this table alone, so that none of them waits for torch.
VERBS = {
    "doctor": "Say what this machine can do, and what is missing.",
    "grade": "Run submissions and mark them.",
    "targets": "Compute what the answers to a rubric are compared with.",
}


class VerbGroup(click.Group):
    """A group whose commands are place holders until one is called."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        verb, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            command = import_module(f"{__name__}.{verb}").command
        return verb, command, rest


@click.group(
    cls=VerbGroup,
    commands=[click.Command(verb, short_help=short_help) for verb, short_help in VERBS.items()],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="grader", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an internal error.")
def main() -> None:
    """Grade exam notebooks that train networks in PyTorch.

    Every mark comes from evidence that is kept: what the notebook's source says and what was seen
    when it ran. What a rule cannot settle is left to a person and never written as 0.

    \b
    Exit codes: 0 every submission has a result; 1 the grader itself failed somewhere;
    2 the input is wrong; 130 interrupted.
    """

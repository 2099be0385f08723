"""A cell's source with IPython's magics to plain Python, line by line.

IPython runs lines that are no Python: `%%time`, `%time f()`, `!ls`, `f?`, a bare `pip install x`. Here each
is replaced where it stands, so that line n of the result is line n of the cell: code that a magic merely
times or captures is kept, the rest becomes `pass` or an unknown value. Nothing is executed.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from grader.model import Reason

# Cell magics that run their body as Python in the same namespace, and line magics that run their rest.
TRANSPARENT_CELLS = frozenset({"time", "timeit", "capture", "prun", "debug"})
TRANSPARENT_LINES = frozenset({"time", "timeit", "prun"})
# Line magics after which the namespace or the files are as they were, as far as training is concerned.
HARMLESS_LINES = frozenset(
    "alias autoreload automagic cat cd colors config conda dirs doctest_mode env history info load_ext"
    " ls lsmagic magic matplotlib more notebook page pdoc pinfo pinfo2 pip precision psearch pwd quickref"
    " reload_ext who who_ls whos xmode".split()
)
# Names that IPython accepts without `%` in a cell of one line. Each is a call of the magic, not Python.
AUTOMAGIC = frozenset(
    "cat cd clear conda cp debug env history less load_ext ls lsmagic man matplotlib mkdir more mv pip prun"
    " pwd reload_ext rm rmdir run time timeit uv who whos writefile".split()
)

_LEXEME = re.compile(
    r"""(?P<skip>\#[^\n]*|\"\"\"(?:[^\\]|\\.)*?\"\"\"|\'\'\'(?:[^\\]|\\.)*?\'\'\'|\"\"\".*|\'\'\'.*
        |"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|\\\n|[^\#"'\\\n()\[\]{}]+|\\)
      |(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<newline>\n)""",
    re.VERBOSE | re.DOTALL,
)
_PHYSICAL = r"(?P<rest>(?:[^\n]*\\\n)*[^\n]*)"  # up to the end of the line, or of the last continued one
_CELL_MAGIC = re.compile(r"(?P<blank>(?:[ \t]*\n)*)%%(?P<name>[\w.]*)[ \t]*(?P<rest>[^\n]*)(?P<end>\n?)")
_ESCAPE = re.compile(r"(?P<indent>[ \t]*)(?P<mark>%{1,2}|!{1,2}|\?{1,2}|[/,;])" + _PHYSICAL)
_ASSIGN = re.compile(r"(?P<target>[ \t]*[^\W\d][\w., \[\]'\"*()]*?=[ \t]*)(?P<mark>[%!])(?!=)" + _PHYSICAL)
_HELP = re.compile(
    r"(?P<indent>[ \t]*)(?:[\w., \t]+=[ \t]*)?%{0,2}[^\W\d][\w.*\[\]'\"]*\?{1,2}[ \t]*(?=\n|\Z)"
)
_SOMETHING = re.compile(r"\S")
_NAME = re.compile(r"[ \t]*([\w.]*)[ \t]*")
_OPTIONS = re.compile(r"(?:-[nrplsTD][ \t]*[\w.]+[ \t]*|-[a-zA-Z]+[ \t]+|--[\w-]+[ \t]+)*")
_PROMPT = re.compile(r"^(?:>>> ?|\.\.\. ?|\.\.\.$|In \[\d+\]: |[ \t]*\.\.\.: ?)", re.MULTILINE)
_PROMPT_FIRST = re.compile(r"\n*(?:>>>|In \[\d+\]: )")


@dataclass(frozen=True, slots=True)
class PythonSource:
    """Plain Python with as many lines as the cell; `lines[i]` is the cell's line of the text's line i + 1.

    `magics` are the names of all magics met, `!` for shell lines. `opaque` are (line, name) of those whose
    effect the text does not show: shell commands, other languages, files that are run. `syntax_error` has
    the parameters `line` and `message`.
    """

    text: str
    lines: tuple[int, ...]
    opaque: tuple[tuple[int, str], ...] = ()
    syntax_error: Reason | None = None
    magics: tuple[str, ...] = ()


@dataclass(slots=True)
class _Seen:
    """Magics met so far in one cell."""

    magics: list[str] = field(default_factory=list)
    opaque: list[tuple[int, str]] = field(default_factory=list)

    def add(self, name: str, line: int, opaque: bool) -> None:
        self.magics.append(name)
        if opaque:
            self.opaque.append((line, name))


def to_python(source: str) -> PythonSource:
    """Return a code cell's source as plain Python; never raises. Line ends must be `\\n`."""
    seen = _Seen()
    text = _translate(_cleaned(source), 1, seen)
    error = syntax_error(text)
    if error is not None and (magic := _automagic(text)):
        seen.add(magic, 1, magic not in TRANSPARENT_LINES | HARMLESS_LINES)
        text = _translate(re.sub(r"\S", "%\\g<0>", text, count=1), 1, _Seen())
        error = syntax_error(text)
    count = text.count("\n") + 1
    return PythonSource(text, tuple(range(1, count + 1)), tuple(seen.opaque), error, tuple(seen.magics))


def syntax_error(text: str) -> Reason | None:
    """Return why this is not Python, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        return Reason("source.syntax_error", {"line": error.lineno or 1, "message": str(error.msg)[:200]})
    except (ValueError, RecursionError, MemoryError):
        return Reason("source.too_deep")
    return None


def _cleaned(source: str) -> str:
    """Drop pasted prompts and the indentation that a whole cell may have, as IPython does."""
    if _PROMPT_FIRST.match(source):
        source = _PROMPT.sub("", source)
    first = re.search(r"^([ \t]*)\S", source, re.MULTILINE)
    if first and first[1]:
        source = re.sub(f"^{first[1]}", "", source, flags=re.MULTILINE)
    return source


def _translate(source: str, line: int, seen: _Seen) -> str:
    """Return Python for the text that starts at this line of the cell."""
    pieces: list[str] = []
    position = 0
    while head := _CELL_MAGIC.match(source, position):  # one may stand below another
        line += head["blank"].count("\n")
        transparent = head["name"] in TRANSPARENT_CELLS
        seen.add(head["name"], line, not transparent)
        # `%%timeit setup`; `%%time statement` is a statement only where there is no body.
        runs_rest = head["name"] in TRANSPARENT_LINES and (
            head["name"] == "timeit" or not _SOMETHING.search(source, head.end())
        )
        statement = head["rest"][_option_end(head["rest"], 0) :] if runs_rest else ""
        pieces.append(head["blank"] + (statement if transparent else "pass") + head["end"])
        if not transparent:
            return "".join(pieces) + _blank(source[head.end() :])
        position = head.end()
        line += 1
    while position < len(source):
        piece, end = _magic(source, position, line, seen)
        if end == position:
            end = _logical_line(source, position)
            piece = source[position:end]
        line += source.count("\n", position, end)
        pieces.append(piece)
        position = end
    return "".join(pieces)


def _magic(source: str, position: int, line: int, seen: _Seen) -> tuple[str, int]:
    """Return the Python for a magic that begins here and where it ends; an empty span if there is none."""
    if match := _HELP.match(source, position):
        seen.add("?", line, opaque=False)
        return match["indent"] + "pass", match.end()
    if match := _ESCAPE.match(source, position):
        return match["indent"] + _escape(match["mark"], match["rest"], line, seen, _statement), match.end()
    if match := _ASSIGN.match(source, position):
        return match["target"] + _escape(match["mark"], match["rest"], line, seen, _unknown), match.end()
    return "", position


def _escape(mark: str, rest: str, line: int, seen: _Seen, otherwise: Callable[[str], str]) -> str:
    if not mark.startswith("%"):
        seen.add(mark[0], line, opaque=not mark.startswith("?"))
        return otherwise(rest)
    match = _NAME.match(rest)
    name, end = (match[1], match.end()) if match else ("", 0)
    seen.add(name, line, name not in TRANSPARENT_LINES | HARMLESS_LINES)
    statement = rest[_option_end(rest, end) :] if name in TRANSPARENT_LINES else ""
    return statement if statement.strip() else otherwise(rest)


def _option_end(text: str, start: int) -> int:
    match = _OPTIONS.match(text, start)
    return match.end() if match else start


def _statement(rest: str) -> str:
    return "pass" + _blank(rest)


def _unknown(rest: str) -> str:
    """An expression whose value nobody can read off the source."""
    return "get_ipython()" + _blank(rest)


def _blank(text: str) -> str:
    return "\n" * text.count("\n")


def _logical_line(source: str, position: int) -> int:
    """Return where the logical line that begins here ends, past its newline."""
    depth = 0
    while position < len(source):
        match = _LEXEME.match(source, position)
        if match is None:
            return len(source)
        position = match.end()
        if match["open"]:
            depth += 1
        elif match["close"]:
            depth = max(depth - 1, 0)
        elif match["newline"] and depth == 0:
            break
    return position


def _automagic(text: str) -> str:
    """Return the magic that a cell of one line calls without `%`, or an empty string."""
    words = text.split()
    single = text.strip().count("\n") == 0
    return words[0] if single and words and words[0] in AUTOMAGIC else ""

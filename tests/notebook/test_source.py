from __future__ import annotations

import ast
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from grader.notebook.source import to_python


@pytest.mark.parametrize(
    ("source", "text", "magics"),
    [
        ("x = 1", "x = 1", ()),
        ("", "", ()),
        # cell magics whose body runs as Python
        ("%%time\nfor i in y:\n    f(i)", "\nfor i in y:\n    f(i)", ("time",)),
        ("%%timeit -n 10 -r3 a = 1\nf(a)", "a = 1\nf(a)", ("timeit",)),
        ("\n\n%%capture out --no-stderr\nx = 1", "\n\n\nx = 1", ("capture",)),
        ("%%capture\n%%time\nx = 1", "\n\nx = 1", ("capture", "time")),
        ("%%time x = 1", "x = 1", ("time",)),
        ("%%capture out", "", ("capture",)),
        ("%%time\n%time f()\n!ls", "\nf()\npass", ("time", "time", "!")),
        # cell magics of other languages
        ("%%bash\nrm -rf logs\n", "pass\n\n", ("bash",)),
        ("%%writefile a.py\nimport os", "pass\n", ("writefile",)),
        ("%%html\n<b>", "pass\n", ("html",)),
        # line magics
        ("%matplotlib inline\nx = 1", "pass\nx = 1", ("matplotlib",)),
        ("%time x = f(1)", "x = f(1)", ("time",)),
        ("    %timeit -n1 -r 2 f(1)", "f(1)", ("timeit",)),
        ("if a:\n    %time f()\n    !ls", "if a:\n    f()\n    pass", ("time", "!")),
        ("x = %time f(2)", "x = f(2)", ("time",)),
        ("x = %who_ls", "x = get_ipython()", ("who_ls",)),
        ("%time", "pass", ("time",)),
        # shell
        ("!pip install \\\n  x\ny = 1", "pass\n\ny = 1", ("!",)),
        ("!!ls", "pass", ("!",)),
        ("files = !ls *.txt", "files = get_ipython()", ("!",)),
        ("a, b = !ls", "a, b = get_ipython()", ("!",)),
        # help
        ("?torch.nn.RNN", "pass", ("?",)),
        ("torch.nn.RNN?", "pass", ("?",)),
        ("x = 1\ntorch.nn.RNN??", "x = 1\npass", ("?",)),
        # automagic works in a cell of one line only
        ("pip install torch", "pass", ("pip",)),
        ("time x = f()", "x = f()", ("time",)),
        ("cd ..", "pass", ("cd",)),
        ("\nmkdir logs\n", "\npass\n", ("mkdir",)),
        # what IPython strips
        (">>> x = 1\n>>> for i in y:\n...     f(i)", "x = 1\nfor i in y:\n    f(i)", ()),
        ("  x = 1\n  y = 2", "x = 1\ny = 2", ()),
        # Python that looks like magic
        ("a = 5 % 3\nb = (a\n  % 3)\nc = a \\\n  % 3", "a = 5 % 3\nb = (a\n  % 3)\nc = a \\\n  % 3", ()),
        ("s = '''\n%time f()\n!ls\nx?\n'''", "s = '''\n%time f()\n!ls\nx?\n'''", ()),
        ("x != y\nx = a != b\nx = '50 %d' % 3", "x != y\nx = a != b\nx = '50 %d' % 3", ()),
        ("# what?\n# %time\nx = 1  # !ls", "# what?\n# %time\nx = 1  # !ls", ()),
        ("d = {\n'a': '%s'\n}\nx = 'a?'", "d = {\n'a': '%s'\n}\nx = 'a?'", ()),
        ("ls", "ls", ()),
        ("await f()", "await f()", ()),
    ],
)
def test_translation(source: str, text: str, magics: tuple[str, ...]) -> None:
    python = to_python(source)
    assert python.text == text
    assert python.magics == magics
    assert python.syntax_error is None
    assert python.lines == tuple(range(1, source.count("\n") + 2))
    ast.parse(python.text)


@pytest.mark.parametrize(
    ("source", "opaque"),
    [
        ("%%bash\nls", ((1, "bash"),)),
        ("x = 1\n!ls\n%run other.py", ((2, "!"), (3, "run"))),
        ("x = !ls", ((1, "!"),)),
        ("run other.py", ((1, "run"),)),
        ("%reset -f", ((1, "reset"),)),
        ("%%time\nx = 1\n%matplotlib inline\nx?\n%timeit x", ()),
        ("\n\n%%javascript\nalert(1)", ((3, "javascript"),)),
    ],
)
def test_what_the_text_does_not_show_is_named(source: str, opaque: tuple[tuple[int, str], ...]) -> None:
    assert to_python(source).opaque == opaque


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\nef train(\n", 2),
        ("{##}", 1),
        ("pip install x\nx = 1", 1),
        ("%%time\nx = = 1", 2),
        ("x = 1\n  y = 2", 2),
    ],
)
def test_syntax_error_has_its_line(source: str, line: int) -> None:
    error = to_python(source).syntax_error
    assert error is not None
    assert (error.id, error.params["line"]) == ("source.syntax_error", line)


@pytest.mark.parametrize(
    "source", ["-" * 200_000 + "1", "a" + ".b" * 100_000, "1" + "+1" * 100_000, "[" * 5000]
)
def test_deep_source_is_refused_quietly(source: str) -> None:
    assert to_python(source).syntax_error is not None


@pytest.mark.parametrize(
    "source",
    [
        *(
            piece * 100_000
            for piece in ("%", "!\\\n", "x=\\\n", "'\\", '"""', "a b", "\n", "f(\n", "x = 'a'\n", "a.b ")
        ),
        "%%time\n" * 3000,
        "x" * 300_000 + "?y",
    ],
    ids=lambda source: repr(source[:8]),
)
def test_no_source_takes_long(source: str) -> None:
    start = time.process_time()
    to_python(source)
    assert time.process_time() - start < 4


STATEMENTS = st.sampled_from(
    [
        "x = 1",
        "%matplotlib inline",
        "!ls {x}",
        "y = !ls",
        "%time f(x)",
        "x?",
        "for i in range(3):\n    %time f(i)\n    g(i)",
        "s = '''\n%time\n! x\n'''",
        "z = (1\n   % 3)",
        "d = {'a': [1,\n 2]}",
        "# comment?",
        "",
        "u = x \\\n  % 2",
        "print(f'{x!r} %')",
    ]
)


@settings(deadline=None)
@given(st.lists(STATEMENTS, min_size=1, max_size=8))
def test_the_same_lines_are_magic_as_for_ipython(statements: list[str]) -> None:
    source = "\n".join(statements)
    python = to_python(source)
    theirs = TransformerManager().transform_cell(source)  # type: ignore[no-untyped-call]
    assert python.syntax_error is None
    assert python.text.count("\n") == source.count("\n")
    assert len(python.magics) == theirs.count("get_ipython()")


@given(st.text(max_size=200))
def test_any_text_keeps_its_lines(text: str) -> None:
    source = text.replace("\r", "\n").replace("\0", "")
    python = to_python(source)
    assert python.text.count("\n") == source.count("\n")
    assert all(1 <= line <= len(python.lines) for line, _ in python.opaque)

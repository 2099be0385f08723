"""Source that is meant to hang or crash its reader, or only happens to: facts always come, and soon."""

from __future__ import annotations

import ast
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.rules import SourceCell, facts, statements

from .summary import notebook, read, summary
from .test_honest import CASES as HONEST
from .test_honest import dedent
from .test_violations import CASES as VIOLATIONS

SECONDS = 5.0  # of CPU time; the slowest of these takes about half of one on an ordinary machine


def lines(*parts: str) -> str:
    return "\n".join(parts)


def nested(opening: str, depth: int, inside: str) -> str:
    """`opening` (with the depth as its slot), each one further in than the one before."""
    return lines(*(" " * i + opening.format(i) for i in range(depth)), " " * depth + inside)


GIVEN_UP = {
    "a long sum": "a = " + "+".join(["h"] * 20_000),
    "deep attributes": "a = h" + ".a" * 900,
    "deep negation": "a = " + "-" * 5000 + "1",
    "a large list": "a = [" + "h," * 30_000 + "]",
    "a large dictionary": "a = {" + ",".join(f"{i}: h" for i in range(9000)) + "}",
    "very many statements": "a = 1\n" * 30_000,
    "very many calls": "learn(h)\n" * 9000,
    "very long": "a = '" + "a" * 200_000 + "'",
    "a tree of calls": lines(
        *(f"def f{i}(v): return f{i + 1}(v) + f{i + 1}(v) + f{i + 1}(v)" for i in range(13)),
        "def f13(v): return v",
        "f0(h)",
    ),
    "unrolled loops in each other": nested("for i{} in [Own(), Own(), Own(), Own()]:", 15, "h = i0(h, h)"),
    "a Sequential that holds itself": lines(
        "s = nn.Sequential()", "s.append(s)", "s.append(s)", "learn(s(h))", "list(s.parameters())"
    ),
    "hooks that call their module": lines(
        "n = Own()", *["n.register_forward_hook(lambda m, a, o: m(*a))"] * 40, "learn(n(x, h))"
    ),
    "a long line of ancestors": lines(
        "class C0(nn.Module): pass", *(f"class C{i + 1}(C{i}): pass" for i in range(900)), "C900()(h)"
    ),
    "text that executes itself": "s = 'exec(s); exec(s)'\nexec(s)",
    "copies of copies": lines("import copy", "n = Own()", *["n = copy.deepcopy([n, n])"] * 3000, "learn(n)"),
    "branches over many names": lines(*(f"v{i} = h" for i in range(2000)), *["if h: a = 1"] * 2000),
    "loops over many names": lines(*(f"v{i} = h" for i in range(2000)), *["for a in h: b = 1"] * 2000),
    "functions that give each other": lines(
        *(f"def g{i}(): return g{(i + 1) % 99}" for i in range(99)),
        "for a in [" + ", ".join(f"g{i}" for i in range(99)) + "]: learn(a()()()(h))",
    ),
    "a chain of else-ifs": lines("if h: a = 1", *(f"elif h: a = {i}" for i in range(2500))),
}
READ_THROUGH = {
    "recursion": "def f(n): return f(n - 1) + f(f(n - 2))\nlearn(f(h))",
    "functions that call each other": "def a(v): return b(b(v))\ndef b(v): return a(a(v))\nlearn(a(h))",
    "a function applied to itself": "w = lambda f: f(f)\nlearn(w(w))",
    "doubled text": lines("s = 'a'", *["s = s + s"] * 60, *["s = f'{s}{s}'"] * 9, "learn(h)"),
    "replaced text": lines(
        "s = 'a'", *["s = s.replace('a', 'aaaaaaaaaa')"] * 30, "s = '{:999999999}'.format(s)"
    ),
    "doubled tuples": lines("t = (h, h)", *["t = (t, t)"] * 200, "learn(t)"),
    "a list in itself": "l = []\nl.append(l)\nfor a in l:\n    for b in a: learn(b)\nlearn(l)",
    "a dictionary in itself": "d = {}\nd['d'] = d\nd.update(d)\nlearn(d['d']['d'])",
    "a class that is its own base": "class A: pass\nclass A(A): pass\nA.__bases__, A.__mro__, A()",
    "attributes that ask for themselves": lines(
        "class G:", "    def __getattr__(self, n): return getattr(self, n + n)", "learn(G().a.b)"
    ),
    "an endless loop": "while True:\n    a = (h, (h,))\n    h = [h, a]\nlearn(h)",
    "plain loops in each other": nested("for i{} in h:", 18, "h = h + 1"),
    "very large numbers": "a = 10 ** 1_000_000\nb = 'ab'[10 ** 99 :: -(10 ** 99)]\nlearn(h)",
    "no arguments where some belong": lines(
        "import copy, functools, operator",
        "exec(), eval(), getattr(), setattr(h), super(), super(1, 2).x, zip(), map(), vars(3), type()",
        "functools.partial()(), functools.reduce(), operator.attrgetter()(), copy.deepcopy()",
        "torch.no_grad()()",
        "nn.Sequential(), nn.Parameter(), nn.RNN.forward(), torch.lstm_cell(), torch.func.functional_call()",
        "get_ipython().run_cell_magic(), get_ipython().run_line_magic(), __import__(), globals()[1]",
    ),
    "operators that need themselves": lines(
        "class B:",
        "    def __eq__(self, o): return self == o",
        "    def __iadd__(self, o): self += o; return -self",
        "    def __neg__(self): return -self",
        "    def __contains__(self, o): return self in o",
        "    def __set_name__(self, c, n): self.__set_name__(c, n)",
        "    def __init_subclass__(c): c.__init_subclass__()",
        "class C(B): b = B()",
        "b = B()\nb += b\nb == C() != b in [b] in b\nlearn(-b)",
    ),
    "namespaces in themselves": lines(
        "g = globals()",
        "g |= g",
        "g.update(dict(g))",
        "x.x = x.y = learn",
        "h.__dict__ = {**vars(h)}",
        "learn(g)",
    ),
    "deletions": "del h, x[0], linr.weight, y.a.b\ndel (a, b)",
}
NOT_PYTHON = {
    "a null character": "a = \0",
    "half a character": "a = '\ud800'",
    "too many brackets": "a = " + "(" * 5000 + ")" * 5000,
    "a number that is too long": "a = " + "9" * 6000,
    "bad indentation": "\tif 1:\n  a",
    "another language": "#include <stdio.h>\nint main(void) { return 0; }",
}


def reasons(code: str) -> set[str]:
    """Why facts about this code are not sure; fails if they take too long to come, or reading failed."""
    started = time.process_time()
    found = facts([*notebook("pass"), SourceCell(2, code, question="q")])
    assert time.process_time() - started < SECONDS
    ids = {reason.id for reason, _ in found.answer("q", 0).unclear}
    assert "rules.reader_failed" not in ids
    return ids


@pytest.mark.parametrize("code", GIVEN_UP.values(), ids=GIVEN_UP.keys())
def test_given_up_in_time(code: str) -> None:
    assert "rules.budget" in reasons(code)


@pytest.mark.parametrize("code", READ_THROUGH.values(), ids=READ_THROUGH.keys())
def test_read_through(code: str) -> None:
    assert "rules.budget" not in reasons(code)


@pytest.mark.parametrize("code", NOT_PYTHON.values(), ids=NOT_PYTHON.keys())
def test_not_python(code: str) -> None:
    assert reasons(code) & {"rules.not_read", "rules.budget"}


def test_many_hostile_cells_share_one_budget() -> None:
    cells = [SourceCell(i, GIVEN_UP["copies of copies"], question="q") for i in range(60)]
    started = time.process_time()
    facts(cells)
    assert time.process_time() - started < 2 * SECONDS


def test_a_cell_that_is_given_up_hides_nothing_of_the_next() -> None:
    first = f"with torch.no_grad():\n    {GIVEN_UP['a large list']}"
    code = f"# %% a\n{first}\n# %% q\nlearn(nn.RNNCell(7, 8)(x, h))\n"
    assert summary(read(code)) == "core nn.RNNCell; ? budget"


# -- random source

SOURCES = [dedent(code) for code, _ in (*HONEST.values(), *VIOLATIONS.values())]
TOKENS = re.compile(r"\w+|\n *| +|[^\w\s]")
WORDS = sorted({token for source in SOURCES for token in TOKENS.findall(source)})


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A case's code, with some of its tokens replaced, doubled, swapped or left out."""
    tokens = TOKENS.findall("\n".join(draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=3))))
    for _ in range(draw(st.integers(1, 6))):
        position = draw(st.integers(0, len(tokens) - 1))
        other = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(["replace", "copy", "swap", "drop"])):
            case "replace":
                tokens[position] = draw(st.sampled_from(WORDS))
            case "copy":
                tokens.insert(position, tokens[other])
            case "swap":
                tokens[position], tokens[other] = tokens[other], tokens[position]
            case _:
                tokens[position] = " "
    return "".join(tokens)


@settings(deadline=None, max_examples=150)
@given(mutated())
def test_random_changes_never_raise(code: str) -> None:
    started = time.process_time()
    assert "reader_failed" not in summary(read(code))
    assert time.process_time() - started < SECONDS


@settings(deadline=None)
@given(st.text(max_size=60))
def test_random_text_never_raises(code: str) -> None:
    assert "reader_failed" not in summary(read(code))


def test_a_fault_of_the_reader_costs_only_certainty(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise KeyError

    monkeypatch.setitem(statements._EXECUTE, ast.Delete, fails)
    found = read("learn(Own()(x, h))\n# %% q\na = 1\ndel a\nb = a\n# %% q\nlearn(nn.RNN(7, 8)(x)[0])\n")
    assert summary(found) == "core nn.RNN; own Own (earlier); ? reader_failed"
    assert {"a", "b"} <= found.cells[2].binds

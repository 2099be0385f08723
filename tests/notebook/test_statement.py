from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.model import Answers
from tests.notebook.notebooks import DICT, HEADING, blank_exam, filled_exam, found

ASKED = ("2-1", "2-2", "2-3", "2-4", "2-5")
MIXED = (True, False, True, False, True)
Edit = Callable[[list[str]], None]


def values(answers: Answers) -> list[object]:
    """Return what was read per statement: `-` nothing, `?` something for a person, or all that differs."""
    result: list[object] = []
    for id in ASKED:
        readings = answers.items[id].readings if id in answers.items else ()
        kinds = list(dict.fromkeys("?" if reading.value is None else reading.value for reading in readings))
        result.append(kinds[0] if len(kinds) == 1 else kinds or "-")
    return result


def judged(*edits: Edit) -> Answers:
    cells = filled_exam()
    for edit in edits:
        edit(cells)
    return found(*cells)


def last(cell: str) -> Edit:
    """Write this instead of the dict at the end."""

    def edit(cells: list[str]) -> None:
        cells[DICT] = cell

    return edit


def below(form: str, kind: str = "md") -> Edit:
    """Write an answer into a cell of its own below each statement."""

    def edit(cells: list[str]) -> None:
        for id, value in reversed(list(zip(ASKED, MIXED, strict=True))):
            cells.insert(HEADING[id] + 1, f"{kind}: {spelled(form, value)}")

    return edit


def behind(form: str) -> Edit:
    """Write an answer behind each statement, in its cell."""

    def edit(cells: list[str]) -> None:
        for id, value in zip(ASKED, MIXED, strict=True):
            cells[HEADING[id]] += spelled(form, value)

    return edit


def spelled(form: str, value: bool) -> str:
    """Pick from each `{yes|no}`."""
    return re.sub(r"\{([^{}|]*)\|([^{}|]*)\}", r"\1" if value else r"\2", form)


def block(form: str, between: str = "\n", kind: str = "md") -> Edit:
    """Write all answers into one cell at the end; `#` stands for the number."""
    lines = [spelled(form, value).replace("#", str(n)) for n, value in enumerate(MIXED, start=1)]
    return last(f"{kind}: " + between.join(lines))


FORMS: dict[str, Edit] = {
    "dict of whole numbers": last("code: answers = {1: True, 2: False, 3: True, 4: False, 5: True}"),
    "dict of digits": last("code: answers = {'1': True, '2': False, '3': True, '4': False, '5': True}"),
    "dict of labels": last("code: answers = {'(1)': 'O', '(2)': 'X', '(3)': 'O', '(4)': 'X', '(5)': 'O'}"),
    "dict of full labels": last("code: a = {'2-1': 'T', '2-2': 'F', '2-3': 'T', '2-4': 'F', '2-5': 'T'}"),
    "dict of names": last("code: a = {'q1': '참', 'q2': '거짓', 'q3': '참', 'q4': '거짓', 'q5': '참'}"),
    "dict call": last("code: ans = dict(q1=True, q2=False, q3=True, q4=False, q5=True)"),
    "dict filled later": last(
        "code: answers = {}\n"
        + "\n".join(f"answers[{n}] = {value}" for n, value in enumerate(MIXED, start=1))
    ),
    "list": last("code: answers = [True, False, True, False, True]"),
    "tuple shown": last("code: True, False, True, False, True"),
    "array": last("code: np.array([True, False, True, False, True])"),
    "list of letters": last("code: ans = ['O', 'X', 'O', 'X', 'O']"),
    "bare letters": last("code: [O, X, O, X, O]"),
    "variables": last("code: ans1 = True\nans2 = False\nans3 = True\nans4 = False\nans5 = True"),
    "variables with the part": last("code: q2_1 = 'T'\nq2_2 = 'F'\nq2_3 = 'T'\nq2_4 = 'F'\nq2_5 = 'T'"),
    "variables at once": last("code: a1, a2, a3, a4, a5 = True, False, True, False, True"),
    "Korean variables": last("code: 답1 = '참'\n답2 = '거짓'\n답3 = '참'\n답4 = '거짓'\n답5 = '참'"),
    "string with numbers": last("code: print('(1) O (2) X (3) O (4) X (5) O')"),
    "string of letters": last("code: answer = 'OXOXO'"),
    "values line by line": last("code: True\nFalse\nTrue\nFalse\nTrue"),
    "values below comments": last("code: # (1)\nTrue\n# (2)\nFalse\n# (3)\nTrue\n# (4)\nFalse\n# (5)\nTrue"),
    "no Python, in Korean": block("(#) {참|거짓}", kind="code"),
    "commented block": last("code: # (1) O\n# (2) X\n# (3) O\n# (4) X\n# (5) O"),
    "no Python": last("code: (1) O\n(2) X\n(3) O\n(4) X\n(5) O"),
    "block": block("(#) {O|X}"),
    "block in one line": block("(#) {O|X}", " "),
    "block without brackets": block("#. {O|X}"),
    "block with colons": block("#: {참|거짓}", ", "),
    "block of full labels": block("2-# {True|False}"),
    "block with reasons": block("(#) {O|X}  왜냐하면 항상 그렇지는 않기 때문"),
    "block in bold": block("**(#) {O|X}**"),
    "table": last("md: | (1) | (2) | (3) | (4) | (5) |\n|---|---|---|---|---|\n| O | X | O | X | O |"),
    "letters in a row": last("md: O X O X O"),
    "letters with commas": last("md: 답: O, X, O, X, O"),
    "raw cell": last("raw: (1) T\n(2) F\n(3) T\n(4) F\n(5) T"),
    "words below": below("{참|거짓}"),
    "sentences below": below("{참입니다|거짓입니다}."),
    "letters below": below("{o|x}"),
    "English below": below("{True|False}"),
    "short English below": below("{T|F}"),
    "right and wrong below": below("{맞다|틀리다}"),
    "signs below": below("{○|×}"),
    "emoji below": below("{⭕|❌}"),
    "marked below": below("답: {O|X}"),
    "reason below": below("{O|X}. 왜냐하면 True 이면 False 가 아니기 때문이다"),
    "bold below": below("**{True|False}**"),
    "marker below": below("(풀이) {참|거짓}"),
    "corrected below": below("~~{X|O}~~ {O|X}"),
    "reason first": below("게이트가 있기 때문이다. 따라서 {참|거짓}"),
    "code below": below("{True|False}  # reason: False or True", "code"),
    "strings below": below("'{참|거짓}'", "code"),
    "bare words below": below("{O|X}", "code"),
    "print below": below("print({True|False})", "code"),
    "answer variable below": below("answer = {True|False}", "code"),
    "comment below": below("# 답: {O|X}", "code"),
    "inline": behind(" (**{True|False}**)"),
    "inline letters": behind(" ({O|X})"),
    "inline on a new line": behind("\n\n답: {참|거짓}"),
    "inline in capitals": behind(" → {TRUE|FALSE}"),
}


@pytest.mark.parametrize("form", FORMS)
def test_form_is_read(form: str) -> None:
    answers = judged(FORMS[form])
    assert values(answers) == list(MIXED)
    assert min(answers.items[id].confidence for id in ASKED) > 0.9


def test_enough_forms() -> None:
    assert len(FORMS) >= 35


@pytest.mark.parametrize(
    ("edit", "read"),
    [
        (last("code: answers = {1: None, 2: None, 3: None, 4: None, 5: None}"), ["-"] * 5),
        (last("code: "), ["-"] * 5),
        (last("md: (풀이)"), ["-"] * 5),
        (last("code: answers = {1: True, 2: None, 3: False}"), [True, "-", False, "-", "-"]),
        # another number of entries, or keys from 0: whose value is it?
        (last("code: answers = [True, False, True, True]"), ["?"] * 5),
        (last("code: answers = {0: True, 1: False, 2: True, 3: False, 4: True}"), ["?"] * 4 + ["-"]),
        (last("md: O X O X"), ["?"] * 5),
        (last("code: answers = []\nanswers.append(True)\nanswers.append(False)"), ["?"] * 5),
        (last("code: answers = {n: True for n in range(1, 6)}"), ["?"] * 5),
        (last("code: answers = dict(zip(range(1, 6), [True] * 5))"), ["?"] * 5),
        # said twice, differently
        (last("md: (1) O (2) X (1) X"), [[True, False], False, "-", "-", "-"]),
        # there, but not readable
        (last("code: answers = {1: 'maybe', 2: 1, 3: 'O/X', 4: True, 5: ''}"), ["?", "?", "?", True, "-"]),
        (last("md: (1) 모르겠음\n(2) 참이 아니다\n(3) O/X\n(4) ~~O~~"), ["?", "?", "?", "?", "-"]),
        (last("md: (1) O (2) 글쎄 (3) X"), [True, "?", False, "-", "-"]),
        (below("{참일 수도 있다|글쎄}"), ["?"] * 5),
        (below("print(net(x))", "code"), ["?"] * 5),
    ],
)
def test_what_is_not_plain(edit: Edit, read: list[object]) -> None:
    assert values(judged(edit)) == read


def test_value_known_at_run_time_only() -> None:
    answers = judged(
        last("code: same = net(x) == net.forward(x)\nanswers = {1: same, 2: True, 3: 1 < 2, 4: None, 5: f()}")
    )
    first, third = answers.items["2-1"].readings[0], answers.items["2-3"].readings[0]
    assert (first.value, first.variable, first.key, first.place.line) == (None, "answers", 1, 2)
    assert (third.variable, third.key) == ("answers", 3)
    assert DICT in answers.items["2-1"].cells
    listed = judged(last("code: answers = [True, False, g(), True, True]")).items["2-3"].readings[0]
    assert (listed.value, listed.variable, listed.key) == (None, "answers", 2)
    named = judged(last("code: ans3 = g()")).items["2-3"].readings[0]
    assert (named.value, named.variable, named.key) == (None, "ans3", None)


def test_two_places_that_disagree_are_both_read() -> None:
    answers = judged(last("code: answers = {1: True}"), below("{X|X}"))
    assert values(answers)[0] == [False, True]


def test_reason_in_the_next_cell_does_not_hide_the_answer() -> None:
    cells = filled_exam()
    cells[HEADING["2-1"] + 1 : HEADING["2-1"] + 1] = ["md: 참", "md: 셀 상태가 있어서 오래 기억한다."]
    assert values(found(*cells))[0] is True


def test_variables_of_a_demonstration_are_no_answers() -> None:
    demonstration = (
        "code: net1 = torch.nn.Linear(1, 1)\nx1 = torch.ones(3, 1)\nx\nmapping = {'a': 1}\nnet1(x1)"
    )
    cells = filled_exam()
    cells.insert(HEADING["2-3"] + 1, demonstration)
    cells.insert(HEADING["2-3"] + 2, "md: 참")
    answers = found(*cells)
    assert values(answers) == ["-", "-", True, "-", "-"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("유리하다", "불리하다"),
        ("is better than an RNN", "is worse than an RNN"),
        ("오래전에 본 정보를 ", ""),
    ],
)
def test_reworded_statement_goes_to_a_person(old: str, new: str) -> None:
    def reword(cells: list[str]) -> None:
        assert old in cells[HEADING["2-1"]]
        cells[HEADING["2-1"]] = cells[HEADING["2-1"]].replace(old, new)

    answers = judged(behind(" (**{True|False}**)"), reword)
    assert answers.items["2-1"].confidence < 0.6
    assert answers.items["2-2"].confidence > 0.9


def test_struck_statement_goes_to_a_person() -> None:
    def strike(cells: list[str]) -> None:
        head, _, text = cells[HEADING["2-1"]].partition("\n\n")
        cells[HEADING["2-1"]] = f"{head}\n\n~~{text}~~"

    assert values(judged(strike))[0] == "?"


def test_statements_gone_but_the_answers_are_numbered() -> None:
    cells = filled_exam()[: HEADING["2-1"]]
    answers = found(*cells, "md: (1) O\n(2) X\n(3) O\n(4) X\n(5) O")
    assert values(answers) == list(MIXED)
    answers = found(*cells, "code: answers = {1: True, 2: False, 3: True, 4: False, 5: True}")
    assert values(answers) == list(MIXED)


def test_other_forms_of_the_statements_with_answers_inside() -> None:
    """The official paper's form: number and statement in one line, an answer behind it."""
    text = blank_exam()[HEADING["2-1"]].split("\n")[2]
    cells = [
        *filled_exam()[: HEADING["2-1"]],
        f"md: `(1)` {text} (True)",
        "md: `(2)` 전혀 다른 문장이 여기에 있다. (False)",
    ]
    answers = found(*cells)
    assert answers.items["2-1"].readings[0].value is True
    assert answers.items["2-1"].confidence > 0.9
    assert values(answers)[1] == "?"


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "(1) O",
                "2: X",
                "참",
                "T/F",
                "~~O~~",
                "answers = {1: True,",
                "5: False}",
                "x = [True]",
                "# (3) T",
                "|",
                "답:",
            ]
        ),
        max_size=6,
    ),
    st.sampled_from(["md", "code", "raw"]),
    st.booleans(),
)
def test_nothing_that_was_written_is_lost(lines: list[str], kind: str, inside: bool) -> None:
    """Whatever holds a truth value yields a reading: an answer, or a person's task."""
    text = "\n".join(lines)
    cells = filled_exam()
    cells.insert(HEADING["2-1"] + 1 if inside else DICT, f"{kind}: {text}")
    answers = found(*cells)
    readings = [reading for id in ASKED for reading in answers.items[id].readings]
    if any(line in ("(1) O", "참", "~~O~~") for line in lines):
        assert readings

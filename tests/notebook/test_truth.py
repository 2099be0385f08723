from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.notebook.truth import read_pairs, read_sequence, read_truth, says_nothing

NUMBERS = ("1", "2", "3", "4", "5")
TRUE = """O|o|참|참.|참입니다|True|**True**|(True)|답: O|정답은 참|(풀이) O
True, because False would differ|t|T|맞다|맞음|○|⭕|`True`|A: true|O (이유: x)
참 왜냐하면 거짓이면|~~거짓~~ 참|이유는 이러하다. 따라서 참|✔️|옳다|O 왜냐하면 LSTM은
(풀이) / (answer) True|→ 참|참이다. 거짓이 아니다|[O]|'참'|<b>True</b>|O, 장기기억|답 : T
TRUE|Ｏ|∴ 참|게이트가 있으므로 참"""
FALSE = """X|x|거짓|False|×|❌|F|f|틀리다|틀렸다|~~O~~ X|답:X|X. 왜냐하면 True|(**False**)|wrong|틀림
거짓 (MSELoss 도 가능)|<del>True</del> False|x, 그렇지 않다|FALSE|거짓입니다."""
UNCLEAR = """True/False|O/X|T or F|참/거짓|참이 아니다|모르겠음|x 가 (n,1)|x(n,1)|맞지 않다|0|1|참고로
O X|f(x)|거짓이 아니다|~~O~~|not true|항상 그런 것은 아님|x=3|O가 아니라 X
because True and False|true 아님|항상은 아니므로 False|xo|x 값은|T = 3|Trueish|참새|x-1
o + 1"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (text, value)
        for table, value in ((TRUE, True), (FALSE, False), (UNCLEAR, None))
        for line in table.split("\n")
        for text in line.split("|")
    ],
)
def test_truth(text: str, value: bool | None) -> None:
    assert read_truth(text) is value
    assert not says_nothing(text)


@pytest.mark.parametrize(
    "text", ["", "()", "(풀이)", "답:", "(풀이) / (answer)", "**답**", " - ", "정답은?", "|---|"]
)
def test_nothing_is_said(text: str) -> None:
    assert says_nothing(text)
    assert read_truth(text) is None


def test_reason_first_only_where_allowed() -> None:
    assert read_truth("RNN은 오래 기억하지 못하므로 거짓", reason_first=False) is None
    assert read_truth("답: 거짓", reason_first=False) is False


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("(1) O (2) X", [("1", True), ("2", False)]),
        ("1 O 2 X 3 O", [("1", True), ("2", False), ("3", True)]),
        ("1. 참\n2. 거짓", [("1", True), ("2", False)]),
        ("2-1 O, 2-2 X", [("1", True), ("2", False)]),
        ("1-1 O, 1-2 X", []),
        ("1번 참 2번 거짓", [("1", True), ("2", False)]),
        ("(1) O (2) 모름 (3) X", [("1", True), ("3", False), ("2", None)]),
        ("(1) O (1) X (2) O", [("1", True), ("1", False), ("2", True)]),
        ("파라미터는 2 x 1 = 2개, 1 x 1 + 1 = 2개", []),
        ("Linear(1, 1)과 x", []),
        ("(1) O", []),
        ("(7) O (8) X", []),
    ],
)
def test_pairs(text: str, pairs: list[tuple[str, bool | None]]) -> None:
    assert read_pairs(text, "2", NUMBERS) == pairs


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("O X O", [True, False, True]),
        ("OXXO", [True, False, False, True]),
        ("T, F", [True, False]),
        ("참 거짓", [True, False]),
        ("(1) (2) (3) (4) (5)\n---\nO X O X X", [True, False, True, False, False]),
        ("O", None),
        ("O because X", None),
        ("ox는 소", None),
    ],
)
def test_sequence(text: str, values: list[bool] | None) -> None:
    assert read_sequence(text, NUMBERS) == values


@given(st.text(max_size=60) | st.text(st.sampled_from("OXTF ox()12:.~참거짓답\n|"), max_size=40))
def test_any_text(text: str) -> None:
    if says_nothing(text):
        assert read_truth(text) is None
    for number, _ in read_pairs(text, "2", NUMBERS):
        assert number in NUMBERS
    sequence = read_sequence(text, NUMBERS)
    assert sequence is None or len(sequence) > 1

from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.model import Answers
from grader.notebook.locate import locate
from tests.notebook.notebooks import (
    BLANK,
    CELL,
    HEADING,
    LSTM,
    OWN_LSTM,
    OWN_RNN,
    RNN,
    SOLUTIONS,
    blank_exam,
    filled_exam,
    found,
    nb,
    rubric,
    template,
)

SURE = 0.6


def code_of(answers: Answers, cells: list[str]) -> dict[str, set[str]]:
    """Return the code found for each question of part 1."""
    return {
        id: {cells[index][6:] for index in answer.cells if cells[index].startswith("code:")} - {""}
        for id, answer in answers.items.items()
        if id.startswith("1-")
    }


# -- the exam as it was handed out -----------------------------------------------------------------


def test_empty_exam_has_a_place_for_every_answer_and_no_doubts() -> None:
    answers = found(*blank_exam())
    assert list(answers.items) == [question.id for question in rubric()]
    assert all(answer.confidence > 0.9 for answer in answers.items.values())
    assert all(answer.readings == () for answer in answers.items.values())
    assert answers.shared == (3,)
    assert answers.notes == ()


def test_filled_exam_is_certain() -> None:
    cells = filled_exam()
    answers = found(*cells)
    assert code_of(answers, cells) == {id: {source} for id, source in SOLUTIONS.items()}
    assert all(answer.confidence > 0.9 and len(answer.parts) == 1 for answer in answers.items.values())


# -- headings in the wild --------------------------------------------------------------------------

STYLES = [
    "({n})",
    "**({n})**",
    "`({n})`",
    "### ({n})",
    "### `({n})`",
    "##### **`1.({n})` 풀이**",
    "1.({n})",
    "1-({n})",
    "1 - ({n})",
    "1-{n}",
    "## 1.{n}",
    "Q1-{n}",
    "Q1-({n})",
    "**Q1-{n}.** answer",
    "문제 1-({n})",
    "문제 1-{n}",
    "문제1의 ({n})",
    "1번 ({n})",
    "Problem 1-({n})",
    "({n})번 풀이",
    "{n}번 풀이",
    "문제 {n}",
    "Question {n}:",
    "> ({n}) 풀이",
    "- ({n})",
    "<h3>({n})</h3>",
    "[{n}] 풀이",
    "( {n} )",
    "({n})풀이",
    "$({n})$",
    "## ({n}) 내 풀이\n\n설명을 적었습니다.",
]


@pytest.mark.parametrize("style", STYLES)
def test_heading_style(style: str) -> None:
    cells = ["md: # 1. hi?hello!!", "code: import torch"]
    for number, source in enumerate(SOLUTIONS.values(), start=1):
        cells += [f"md: {style.format(n=number)}", f"code: {source}"]
    answers = found(*cells)
    assert code_of(answers, cells) == {id: {source} for id, source in SOLUTIONS.items()}
    assert all(answer.confidence >= SURE for answer in answers.items.values())
    assert answers.shared == (1,)


@pytest.mark.parametrize(
    "style", ["# ({n})", "# 1-({n})", "## 문제 {n}", "#@title ({n})", "# Q1-{n} answer", "#({n}) 풀이"]
)
def test_comment_as_the_only_heading(style: str) -> None:
    cells = ["code: import torch"]
    for number, source in enumerate(SOLUTIONS.values(), start=1):
        cells.append(f"code: {style.format(n=number)}\n{source}")
    answers = found(*cells)
    assert [answer.cells for answer in answers.items.values()] == [(n,) for n in range(1, 7)]
    assert all(answer.confidence >= SURE for answer in answers.items.values())


def test_headings_as_numbers_only() -> None:
    cells = []
    for number, source in enumerate(SOLUTIONS.values(), start=1):
        cells += [f"md: ## {number}", f"code: {source}"]
    assert code_of(found(*cells), cells) == {id: {source} for id, source in SOLUTIONS.items()}


@pytest.mark.parametrize(
    "text",
    [
        "(2)와 같은 값이 나온다",
        "(2)의 결과와 비교",
        "(1)-(6)에 필요한 것",
        "(1)~(3) 공통",
        "(4), (5)에서 쓴 것",
        "(1) 초기값을 읽고\n(2) 복사한 다음\n(4) 학습한다",
        "1) 초기값\n2) 학습",
        "1. 초기값\n2. 학습",
        "`torch.nn.RNNCell()`을 써서 학습",
        "0.1은 학습률",
    ],
)
def test_text_inside_an_answer_opens_no_other(text: str) -> None:
    cells = filled_exam()
    cells.insert(BLANK["1-3"], f"md: {text}")
    answers = found(*cells)
    assert code_of(answers, cells) == {id: {source} for id, source in SOLUTIONS.items()}
    assert answers.items["1-3"].confidence > 0.9


@pytest.mark.parametrize("style", ["## {n}. 단계", "({n}) 단계", "### {n}. step of the training", "# {n}"])
def test_numbered_steps_between_code_cells_open_no_other_answer(style: str) -> None:
    made, _, trained = OWN_RNN.partition("opt = ")
    steps = [f"code: {made}", f"code: opt = {trained}", "code: yhat = 1"]
    cells = filled_exam()
    cells[BLANK["1-3"] : BLANK["1-3"] + 1] = [
        cell for n, step in enumerate(steps, start=1) for cell in (f"md: {style.format(n=n)}", step)
    ]
    answers = found(*cells)
    assert code_of(answers, cells)["1-3"] == {step[6:] for step in steps}
    assert min(answer.confidence for answer in answers.items.values()) > 0.9


def test_steps_where_only_numbers_are_headings_go_to_a_person() -> None:
    made, _, trained = OWN_RNN.partition("opt = ")
    cells = ["md: # 1.", *(f"{kind}: {text}" for kind, text in (("md", "(1)"), ("code", RNN), ("md", "(3)")))]
    cells += ["md: (1) 클래스", f"code: {made}", "md: (2) 학습", f"code: opt = {trained}"]
    answers = found(*cells)
    assert answers.items["1-1"].confidence < SURE
    assert answers.items["1-3"].confidence < SURE


def test_heading_of_a_part_is_gone() -> None:
    cells = filled_exam()
    del cells[HEADING["2-1"] - 1]
    answers = found(*cells)
    assert code_of(answers, cells) == {id: {source} for id, source in SOLUTIONS.items()}
    assert min(answer.confidence for answer in answers.items.values()) > 0.9


def test_answers_with_full_numbers_after_the_untouched_exam() -> None:
    cells = blank_exam()
    for n, source in enumerate(SOLUTIONS.values(), start=1):
        cells += [f"md: 1-({n}) 풀이", f"code: {source}"]
    answers = found(*cells)
    assert code_of(answers, cells) == {id: {source} for id, source in SOLUTIONS.items()}
    assert all(answer.confidence >= SURE for answer in answers.items.values())


def test_step_comments_are_no_headings() -> None:
    stepped = RNN.replace("    loss.", "    ## 3\n    loss.") + "\n# (1) yhat\nyhat = 0\n# 2) plot\n"
    cells = filled_exam(**{"1-1": stepped})
    answers = found(*cells)
    assert all(answer.confidence > 0.9 for answer in answers.items.values())


# -- moved, deleted, repeated, drifted -------------------------------------------------------------


def test_order_of_questions_does_not_matter() -> None:
    cells = filled_exam()
    blocks = {id: cells[HEADING[id] : BLANK[id] + 1] for id in SOLUTIONS}
    for seed in range(8):
        order = random.Random(seed).sample(sorted(blocks), len(blocks))
        shuffled = cells[:5] + [cell for id in order for cell in blocks[id]] + cells[23:]
        answers = found(*shuffled)
        assert code_of(answers, shuffled) == {id: {source} for id, source in SOLUTIONS.items()}
        assert min(answer.confidence for answer in answers.items.values()) > 0.9


def test_text_is_believed_before_the_number() -> None:
    cells = filled_exam()
    for id, other in (("1-2", "(5)"), ("1-5", "(2)")):
        cells[HEADING[id]] = re.sub(r"\(\d\)", other, cells[HEADING[id]], count=1)
    answers = found(*cells)
    assert code_of(answers, cells) == {id: {source} for id, source in SOLUTIONS.items()}
    assert "locate.number_differs" in [reason.id for reason in answers.items["1-2"].how]


@pytest.mark.parametrize("language", ["ko", "en"])
def test_half_of_a_bilingual_text_is_enough(language: str) -> None:
    cells = filled_exam()
    hangul = re.compile("[가-힣]")
    for place in HEADING.values():
        lines = cells[place].removeprefix("md: ").split("\n")
        kept = [
            line for line in lines if line.startswith("#") or bool(hangul.search(line)) is (language == "ko")
        ]
        cells[place] = "md: " + "\n".join(kept)
    answers = found(*cells)
    assert code_of(answers, cells) == {id: {source} for id, source in SOLUTIONS.items()}
    assert min(answer.confidence for answer in answers.items.values()) > 0.9


def test_number_was_deleted_but_the_text_is_there() -> None:
    cells = filled_exam()
    for id in SOLUTIONS:
        cells[HEADING[id]] = re.sub(r"### \(\d\) ", "### ", cells[HEADING[id]])
    answers = found(*cells)
    assert code_of(answers, cells) == {id: {source} for id, source in SOLUTIONS.items()}
    assert all(answer.confidence >= SURE for answer in answers.items.values())


@pytest.mark.parametrize("id", list(SOLUTIONS))
def test_deleted_heading_lowers_both_neighbours(id: str) -> None:
    cells = filled_exam()
    del cells[HEADING[id] : BLANK[id]]
    answers = found(*cells)
    previous = f"1-{int(id[2:]) - 1}"
    assert answers.items[id].confidence < SURE
    assert SOLUTIONS[id] in code_of(answers, cells)[id]
    if previous in SOLUTIONS:
        assert answers.items[previous].confidence < SURE
    for other in set(SOLUTIONS) - {id, previous}:
        assert answers.items[other].confidence > 0.9
        assert code_of(answers, cells)[other] == {SOLUTIONS[other]}


@pytest.mark.parametrize("id", ["1-2", "1-6"])
def test_deleted_question_without_an_answer_is_not_found(id: str) -> None:
    cells = filled_exam()
    del cells[HEADING[id] : BLANK[id] + 1]
    answers = found(*cells)
    previous = f"1-{int(id[2:]) - 1}"
    assert id not in answers.items
    assert [dict(note.params) for note in answers.notes] == [{"question": id}]
    assert SURE <= answers.items[previous].confidence < 0.9


def test_all_headings_gone() -> None:
    cells = ["code: import torch", *(f"code: {source}" for source in SOLUTIONS.values())]
    answers = found(*cells)
    assert all(answer.confidence < SURE for answer in answers.items.values())
    for id in ("1-1", "1-2", "1-3", "1-4", "1-5"):
        assert SOLUTIONS[id] in code_of(answers, cells)[id]


def test_everything_in_one_cell_goes_to_a_person() -> None:
    body = "\n".join(f"# ({n})\n{source}" for n, source in enumerate(SOLUTIONS.values(), start=1))
    cells = blank_exam()
    cells[BLANK["1-1"]] = f"code: {body}"
    answers = found(*cells)
    for id in SOLUTIONS:
        assert BLANK["1-1"] in answers.items[id].cells
        assert answers.items[id].confidence < SURE


def test_everything_in_one_cell_without_any_heading() -> None:
    answers = found("code: import torch\n" + "\n".join(SOLUTIONS.values()))
    assert {"1-1", "1-2", "1-3", "1-4", "1-5"} <= set(answers.items)
    assert all(answer.confidence < SURE for answer in answers.items.values())


def test_all_answers_below_the_first_question_with_comments() -> None:
    cells = blank_exam()
    below = [f"code: # ({n})\n{source}" for n, source in enumerate(SOLUTIONS.values(), start=1)]
    cells[BLANK["1-1"] : BLANK["1-1"] + 1] = below
    answers = found(*cells)
    assert {id: SOLUTIONS[id] in "".join(code_of(answers, cells)[id]) for id in SOLUTIONS} == dict.fromkeys(
        SOLUTIONS, True
    )
    assert all(answers.items[id].confidence >= SURE for id in SOLUTIONS)


def test_answers_above_their_headings_go_to_a_person() -> None:
    cells = blank_exam()
    for id, source in reversed(SOLUTIONS.items()):
        cells.insert(HEADING[id], f"code: {source}")
    answers = found(*cells)
    assert all(answers.items[id].confidence < SURE for id in SOLUTIONS)


def test_swapped_answers_go_to_a_person() -> None:
    answers = found(*filled_exam(**{"1-1": LSTM, "1-4": RNN}))
    assert answers.items["1-1"].confidence < SURE
    assert answers.items["1-4"].confidence < SURE
    assert answers.items["1-2"].confidence > 0.9


def test_a_wrong_network_alone_is_no_reason_to_doubt_the_place() -> None:
    answers = found(*filled_exam(**{"1-1": CELL}))
    assert answers.items["1-1"].confidence > 0.9


def test_sixth_answer_above_its_heading_is_seen_by_a_person() -> None:
    cells = filled_exam(**{"1-6": ""})
    cells.insert(BLANK["1-5"] + 1, f"code: {OWN_LSTM}")
    answers = found(*cells)
    assert answers.items["1-5"].confidence < SURE
    assert answers.items["1-6"].confidence < SURE


def test_helper_cell_between_two_questions_stays_with_the_first() -> None:
    cells = filled_exam()
    cells.insert(BLANK["1-2"] + 1, "code: def helper(values):\n    return values")
    answers = found(*cells)
    assert answers.items["1-2"].confidence > 0.9
    assert BLANK["1-2"] + 1 in answers.items["1-2"].cells


def test_code_after_everything_is_kept_with_the_last_question() -> None:
    cells = [*filled_exam(), "code: print(yhat)"]
    answers = found(*cells)
    assert len(cells) - 1 in answers.items["2-5"].cells
    assert answers.items["1-6"].confidence > 0.9


def test_code_in_a_text_cell_is_seen_by_a_person() -> None:
    cells = blank_exam()
    cells[BLANK["1-2"]] = f"md: ```python\n{CELL}\n```"
    answers = found(*cells)
    assert answers.items["1-2"].confidence < SURE
    assert "locate.code_not_run" in [reason.id for reason in answers.items["1-2"].how]


def test_training_in_a_function_that_is_called_counts() -> None:
    trainer = "def train(net):\n    loss = f(net(x), y)\n    loss.backward()\n"
    cells = filled_exam(
        **{"1-1": "net = torch.nn.RNN(7, 8)\ntrain(net)", "1-2": "net = torch.nn.RNNCell(7, 8)\ntrain(net)"}
    )
    cells.insert(4, f"code: {trainer}")
    del cells[HEADING["1-2"] + 1 : BLANK["1-2"] + 1]
    answers = found(*cells)
    assert answers.items["1-1"].confidence < SURE
    assert "RNNCell" in "".join(code_of(answers, cells)["1-2"])


# -- several answers to one question ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("md: (풀이1)", "md: (풀이2)"),
        ("md: (풀이)", "md: (풀이)"),
        ("md: **Solution 1**", "md: **Solution 2**"),
        ("md: (풀이)", "md: 다른 풀이"),
        ("md: old attempt (wrong)", "md: (풀이)"),
        ("code: ", "code: # 풀이 2\nx = 1"),
        ("md: 첫 번째 풀이", "md: 두 번째 풀이"),
    ],
)
def test_several_solutions_are_parts(first: str, second: str) -> None:
    cells = filled_exam()
    cells[BLANK["1-3"] - 1 : BLANK["1-3"] + 1] = [
        first,
        f"code: {OWN_RNN}",
        second,
        f"code: {OWN_RNN}\nyhat = 1",
    ]
    answer = found(*cells).items["1-3"]
    assert [len(part.cells) >= 2 for part in answer.parts] == [True, True]
    assert answer.confidence > 0.9


def test_question_pasted_twice() -> None:
    cells = filled_exam()
    again = [cells[HEADING["1-3"]], "md: (풀이2)", f"code: {OWN_RNN}\nyhat = 1"]
    cells[BLANK["1-6"] + 1 : BLANK["1-6"] + 1] = again
    answers = found(*cells)
    assert len(answers.items["1-3"].parts) == 2
    assert answers.items["1-6"].confidence > 0.9


def test_second_heading_with_the_number_only_is_seen_by_a_person() -> None:
    cells = filled_exam()
    cells[BLANK["1-6"] + 1 : BLANK["1-6"] + 1] = ["md: (3) 다시 풀이", f"code: {OWN_RNN}\nyhat = 1"]
    answers = found(*cells)
    assert len(answers.items["1-3"].parts) == 2
    assert answers.items["1-3"].confidence < SURE
    assert answers.items["1-6"].confidence < SURE


@pytest.mark.parametrize(
    "between", ["md: 학습", "md: (풀이) 계속", "code: # 다른 시드로\ntorch.manual_seed(1)", "md: 결과"]
)
def test_one_solution_over_several_cells_is_one_part(between: str) -> None:
    made, _, trained = OWN_RNN.partition("opt = ")
    cells = filled_exam()
    cells[BLANK["1-3"] : BLANK["1-3"] + 1] = [
        f"code: {made}",
        between,
        f"code: opt = {trained}",
        "code: yhat = 1",
    ]
    assert len(found(*cells).items["1-3"].parts) == 1


# -- what holds for every notebook -----------------------------------------------------------------

LINES = st.sampled_from(
    [
        "",
        "# 1.",
        "## 2. 참 또는 거짓",
        *(f"({n})" for n in range(1, 7)),
        "(2)와 같이",
        "1-(3)",
        "# (4)",
        "(풀이)",
        "(풀이2)",
        "O",
        "(1) O (2) X",
        "x = 1",
        "loss.backward()",
        "def train():",
        "    loss.backward()",
        "train()",
        "%%time",
        "answers = {1: True, 2: x}",
        "`torch.nn.RNN()`으로 다음 글자를 예측하는 신경망을 만들고 학습시키세요.",
    ]
)
CELLS = st.tuples(st.sampled_from(["md", "code", "raw"]), st.lists(LINES | st.text(max_size=20), max_size=5))


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS, max_size=14))
def test_every_code_cell_has_its_place(parts: list[tuple[str, list[str]]]) -> None:
    cells = [f"{kind}: " + "\n".join(lines) for kind, lines in parts] or ["md: "]
    submission = nb(*cells)
    answers = locate(submission, rubric(), template())
    count = len(submission.cells)
    owners: dict[int, set[str]] = {}
    for id, answer in answers.items.items():
        assert 0 <= answer.confidence <= 1
        assert answer.parts
        assert all(0 <= index < count for index in answer.cells)
        assert all(list(part.cells) == sorted(set(part.cells)) for part in answer.parts)
        assert all(0 <= reading.place.cell < count for reading in answer.readings)
        for index in answer.cells:
            owners.setdefault(index, set()).add(id)
    for cell in submission.cells:
        if cell.kind == "code":
            assert (cell.index in owners) != (cell.index in answers.shared)
            together = [id for id in owners.get(cell.index, ()) if id.startswith("1-")]
            if len(together) > 1 and any(
                not line.strip().startswith("#") and line.strip() for line in cell.source.split("\n")
            ):
                assert all(answers.items[id].confidence < SURE for id in together)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=6), st.randoms(use_true_random=False))
def test_deleted_and_moved_cells_never_raise(deleted: list[int], chance: random.Random) -> None:
    cells = [cell for index, cell in enumerate(filled_exam()) if index not in deleted]
    for _ in range(3):
        cells.insert(chance.randrange(len(cells) + 1), cells.pop(chance.randrange(len(cells))))
    found(*cells)


@pytest.mark.parametrize("kind", ["md", "code"])
@pytest.mark.parametrize(
    "unit", ["(1)\n", "# 1.\n", "(1) O (2) X\n", "(", "**", "T ", "x", "~~a", "답: ", "2-1 O "]
)
def test_no_cell_takes_long(unit: str, kind: str) -> None:
    cells = filled_exam()
    cells.insert(HEADING["2-1"] + 1, f"{kind}: {unit * (40_000 // len(unit))}")
    submission = nb(*cells)
    start = time.process_time()
    locate(submission, rubric(), template())
    assert time.process_time() - start < 5

"""Made-up grades of made-up students, as the judge would give them."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

from grader.model import (
    Cell,
    CriterionVerdict,
    FittedView,
    GateVerdict,
    Grade,
    Gradebook,
    Outcome,
    Place,
    QuestionGrade,
    Reason,
    Scalar,
    Status,
)
from grader.rubric import (
    Accuracy,
    Assignment,
    Criterion,
    Equals,
    Gate,
    Labels,
    Locate,
    MustDefineClass,
    MustNotTrain,
    Question,
    Rubric,
    Text,
    Trained,
    TrueFalse,
)

AXIS = ("!", "?", "h", "i", "e", "l", "o")
NEXT = (3, 1, 2, 4, 5, 5, 6, 0, 0, 2)  # the right column of each of the first ten rows
MODULES = {
    "1-1": "torch.nn.RNN",
    "1-2": "torch.nn.RNNCell",
    "1-4": "torch.nn.LSTM",
    "1-5": "torch.nn.LSTMCell",
}
TITLES = {
    "1-1": Text("torch.nn.RNN 학습", "Train torch.nn.RNN"),
    "1-2": Text("torch.nn.RNNCell 학습", "Train torch.nn.RNNCell in a loop"),
    "1-3": Text("직접 만든 클래스로 (2)와 같은 적합값", "An own class with the fitted values of (2)"),
    "1-4": Text("torch.nn.LSTM 학습", "Train torch.nn.LSTM"),
    "1-5": Text("torch.nn.LSTMCell 학습", "Train torch.nn.LSTMCell"),
    "1-6": Text("직접 설계하여 (5)와 같은 적합값", "An own design with the fitted values of (5)"),
    "2-1": Text("장기기억", "Long-term memory"),
    "2-2": Text("파라미터 수", "Number of parameters"),
    "2-3": Text("net(x)와 net.forward(x)", "net(x) and net.forward(x)"),
    "2-4": Text("반복되는 문자열", "A repeating string"),
    "2-5": Text("손실함수", "Loss function"),
}
HOSTILE = (
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}{0.__class__}"
    "\x1b[31m\x07\u202eevil\ud800"
)

CLASS_CELL = '''class OwnCell(torch.nn.Module):
    """One recurrent step with both biases, as in the lecture."""

    def __init__(self, inputs, hidden):
        super().__init__()
        self.i2h = torch.nn.Linear(inputs, hidden)
        self.h2h = torch.nn.Linear(hidden, hidden)

    def forward(self, x, h):
        return torch.tanh(self.i2h(x) + self.h2h(h))  # h_t
'''
TRAIN_CELL = """for epoch in range(100):
    hidden = []
    ht = torch.zeros(8)
    for xt in x:
        ht = cell(xt, ht)
        hidden.append(ht)
    output = head(torch.stack(hidden))
    loss = loss_fn(output, y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""
CELLS = (
    *(Cell(index, "markdown", f"### note {index}") for index in range(12)),
    Cell(12, "markdown", "**(3)** 풀이: 셀을 직접 정의했습니다."),
    Cell(13, "code", CLASS_CELL, 21),
    Cell(14, "code", "cell = torch.nn.RNNCell(7, 8)\nhead = torch.nn.Linear(8, 7)\n", 22),
    Cell(15, "code", TRAIN_CELL, 23),
    *(Cell(index, "code", f"answer_{index} = {index}") for index in range(16, 40)),
)


def rubric() -> Rubric:
    gates = {
        "1-3": (
            Gate(
                "class_used",
                MustDefineClass(),
                Text(
                    "직접 정의한 클래스 없이 학습한 답안은 0점입니다.",
                    "An answer trained without an own class earns 0.",
                ),
            ),
            Gate(
                "not_trained",
                MustNotTrain(("torch.nn.RNN", "torch.nn.RNNCell")),
                Text(
                    "torch.nn.RNN, torch.nn.RNNCell 네트워크를 학습시킨 답안은 0점입니다.",
                    "An answer that trains torch.nn.RNN or torch.nn.RNNCell earns 0; reading values is fine.",
                ),
            ),
        ),
        "1-6": (
            Gate(
                "not_trained",
                MustNotTrain(("torch.nn.LSTM", "torch.nn.LSTMCell")),
                Text("LSTM 금지", "No LSTM"),
            ),
        ),
    }
    learned = Criterion("learned", Decimal(5), Accuracy(0.99, 0.71, 10))
    questions = []
    for id, title in TITLES.items():
        if id in MODULES:
            criteria: tuple[Criterion, ...] = (
                Criterion("network", Decimal(10), Trained(MODULES[id])),
                learned,
            )
        elif id in gates:
            criteria = (learned, Criterion("same_fit", Decimal(10), Equals(("own 1-2", "reference"))))
        else:
            criteria = (Criterion("answer", Decimal(2), TrueFalse(True)),)
        total = sum((criterion.points for criterion in criteria), Decimal(0))
        questions.append(Question(id, title, total, Locate("(1)"), criteria, gates.get(id, ())))
    assignment = Assignment("final-2022", Text("기말고사", "Final exam"), Decimal(100), "final_2022")
    return Rubric(assignment, tuple(questions), labels=Labels(AXIS), digest="9f2c" * 16)


def reason(id: str, /, **params: Scalar) -> Reason:
    return Reason(id, params)


def fitted(shift: float = 0.0) -> FittedView:
    def rows(noise: float) -> tuple[tuple[float, ...], ...]:
        shown = []
        for position, right in enumerate(NEXT):
            rest = 0.16 * math.exp(-position / 2) * (1 + noise * 6) / 6
            shown.append(tuple(1 - 6 * rest if column == right else rest for column in range(7)))
        return tuple(shown)

    def losses(rate: float) -> tuple[float, ...]:
        return tuple(
            1.95 * math.exp(-rate * step) + 0.002 + 0.02 * math.exp(-step / 30) for step in range(100)
        )

    return FittedView(
        AXIS,
        rows(shift),
        rows(0),
        reason("judge.values.loss"),
        999,
        losses(0.09 + shift / 20),
        losses(0.09),
    )


def criterion(
    id: str, outcome: Outcome, points: int, of: int, why: Reason, *where: Place
) -> CriterionVerdict:
    if outcome.decided:
        return CriterionVerdict(
            id, outcome, Decimal(of), Decimal(points), Decimal(points), Decimal(points), why, where
        )
    return CriterionVerdict(id, outcome, Decimal(of), None, Decimal(0), Decimal(of), why, where)


def question(
    id: str,
    why: Reason,
    criteria: tuple[CriterionVerdict, ...],
    gates: tuple[GateVerdict, ...] = (),
    outcome: Outcome | None = None,
    cells: tuple[int, ...] = (),
    drawn: FittedView | None = None,
    notes: tuple[Reason, ...] = (),
) -> QuestionGrade:
    low = sum((c.low for c in criteria), Decimal(0))
    high = sum((c.high for c in criteria), Decimal(0))
    most = sum((c.max_points for c in criteria), Decimal(0))
    if outcome is Outcome.NOT_MET:
        low = high = Decimal(0)
    decided = all(c.points is not None for c in criteria) and (outcome is None or outcome.decided)
    found = outcome or (Outcome.MET if low == most else Outcome.PARTLY_MET if low else Outcome.NOT_MET)
    return QuestionGrade(
        id, found, most, low if decided else None, low, high, why, cells, gates, criteria, notes, drawn
    )


LEARNED = reason("judge.learned.met", accuracy=1.0, from_position=10, accept=0.99)


def perfect_question(id: str) -> QuestionGrade:
    if id in MODULES:
        network = criterion("network", Outcome.MET, 10, 10, reason("judge.network.met", module=MODULES[id]))
        learned = criterion("learned", Outcome.MET, 5, 5, LEARNED)
        return question(id, reason("judge.question.met"), (network, learned), drawn=fitted())
    if id in ("1-3", "1-6"):
        same = reason("judge.same_fit.own", question="1-2" if id == "1-3" else "1-5", difference=0.0)
        gates = (
            GateVerdict(
                "class_used",
                Outcome.MET,
                reason("judge.class_used.met", name="OwnCell"),
                (Place(13, 1),),
                reason("story.static.class", name="OwnCell"),
                reason("story.run.moved", owners="OwnCell, Linear", steps=100),
            ),
            GateVerdict(
                "not_trained",
                Outcome.MET,
                reason("judge.not_trained.met"),
                (),
                reason("story.static.not_trained", module="torch.nn.RNNCell"),
                reason("story.run.not_moved", module="torch.nn.RNNCell"),
            ),
        )
        criteria = (
            criterion("learned", Outcome.MET, 5, 5, LEARNED),
            criterion("same_fit", Outcome.MET, 10, 10, same),
        )
        cells = (12, 13, 14, 15)
        return question(
            id, reason("judge.question.met"), criteria, gates[id == "1-6" :], None, cells, fitted()
        )
    why = reason("judge.void") if id == "2-4" else reason("judge.answer.met", answer="True")
    return question(id, reason("judge.question.met"), (criterion("answer", Outcome.MET, 2, 2, why),))


def grade(student: str, name: str, questions: tuple[QuestionGrade, ...], *notes: Reason) -> Grade:
    decided = all(question.points is not None for question in questions)
    low = sum((question.low for question in questions), Decimal(0))
    return Grade(
        student=student,
        name=name,
        filename=f"{name}_기말고사.ipynb",
        status=Status.FINAL if decided else Status.PROVISIONAL,
        max_points=Decimal(100),
        points=low if decided else None,
        low=low,
        high=sum((question.high for question in questions), Decimal(0)),
        questions=questions,
        notes=notes,
        cell_count=40,
        device="cpu",
        isolation="full",
        environment={"python": "3.11.9", "torch": "2.13.0", "threads": 1},
        digests={"rubric": "9f2c" * 16, "targets": "71ab" * 16, "evidence": "c0de" * 16},
    )


def perfect(student: str = "202214501", name: str = "한가람") -> Grade:
    return grade(student, name, tuple(perfect_question(id) for id in TITLES))


def zero_by_gate() -> Grade:
    broken = GateVerdict(
        "not_trained",
        Outcome.NOT_MET,
        reason("judge.not_trained.broken", module="torch.nn.RNNCell"),
        (Place(14, 1), Place(15, 9)),
        reason("story.static.trained", module="torch.nn.RNNCell", made_cell=14, made_line=1, cell=15, line=9),
        reason("story.run.moved", owners="torch.nn.RNNCell, torch.nn.Linear", steps=100),
    )
    used = GateVerdict(
        "class_used",
        Outcome.NOT_MET,
        reason("judge.class_used.broken"),
        (Place(13, 1),),
        reason("story.static.no_class"),
        reason("story.run.moved", owners="torch.nn.RNNCell, torch.nn.Linear", steps=100),
    )
    waits = reason("judge.requires", criterion="not_trained")
    zero = question(
        "1-3",
        reason("judge.gate_broken", gate="not_trained"),
        (
            criterion("learned", Outcome.NOT_MET, 0, 5, waits),
            criterion("same_fit", Outcome.NOT_MET, 0, 10, waits),
        ),
        (used, broken),
        Outcome.NOT_MET,
        (12, 13, 14, 15),
        fitted(),
        (reason("judge.several_answers", count=2),),
    )
    error = reason(
        "judge.error",
        error="RuntimeError",
        message="mat1 and mat2 shapes cannot be multiplied (7x8 and 7x8)",
        cell=22,
        line=7,
    )
    failed = question(
        "1-6",
        error,
        (
            criterion("learned", Outcome.NOT_MET, 0, 5, reason("judge.learned.no_training"), Place(22, 7)),
            criterion("same_fit", Outcome.NOT_MET, 0, 10, reason("judge.same_fit.no_values")),
        ),
        (),
        None,
        (21, 22),
    )
    wrong = question(
        "2-1",
        reason("judge.question.not_met"),
        (
            criterion(
                "answer", Outcome.NOT_MET, 0, 2, reason("judge.answer.not", answer=False, expected=True)
            ),
        ),
    )
    changed = {"1-3": zero, "1-6": failed, "2-1": wrong}
    return grade("202214502", "문하늘", tuple(changed.get(id) or perfect_question(id) for id in TITLES))


def provisional(student: str = "202214503", name: str = "서바다") -> Grade:
    gate = GateVerdict(
        "not_trained",
        Outcome.NEEDS_REVIEW,
        reason("judge.not_trained.disagree", module="torch.nn.RNNCell"),
        (Place(15, 9),),
        reason("story.static.unclear", what="getattr(torch.nn, name)"),
        reason("story.run.moved", owners="torch.nn.RNNCell", steps=100),
    )
    review = question(
        "1-3",
        reason("judge.gate_review"),
        (
            criterion("learned", Outcome.MET, 5, 5, LEARNED),
            criterion(
                "same_fit",
                Outcome.NEEDS_REVIEW,
                0,
                10,
                reason("judge.same_fit.near", difference=6.1e-5, tolerance=7.2e-6),
            ),
        ),
        (gate,),
        Outcome.NEEDS_REVIEW,
        (13, 14, 15),
        fitted(0.3),
        (reason("judge.located_low", confidence=0.55),),
    )
    own_fault = question(
        "1-5",
        reason("judge.question.review"),
        (
            criterion(
                "network",
                Outcome.GRADER_ERROR,
                0,
                10,
                reason("judge.grader_error", what="evidence is incomplete"),
            ),
            criterion("learned", Outcome.MET, 5, 5, LEARNED),
        ),
        (),
        Outcome.GRADER_ERROR,
    )
    empty = replace(
        question(
            "2-3",
            reason("judge.not_attempted"),
            (criterion("answer", Outcome.NOT_ATTEMPTED, 0, 2, reason("judge.answer.none")),),
        ),
        outcome=Outcome.NOT_ATTEMPTED,
    )
    changed = {"1-3": review, "1-5": own_fault, "2-3": empty}
    questions = tuple(changed.get(id) or perfect_question(id) for id in TITLES)
    return grade(student, name, questions, reason("run.resumed"), reason("run.retry"))


def ungraded(status: Status, student: str = "202214504", name: str = "남이슬") -> Grade:
    missing = status is Status.MISSING
    return Grade(
        student=student,
        name=name,
        filename="" if missing else "기말고사(최종)(진짜최종).html",
        status=status,
        max_points=Decimal(100),
        points=None,
        low=Decimal(0),
        high=Decimal(100),
        reason=reason("grade.missing") if missing else reason("grade.failed", what="grade.failed.unreadable"),
    )


def hostile(chosen: str = HOSTILE) -> Grade:
    """Every string that a student can choose, chosen badly."""
    text = reason("judge.error", error=chosen, message=chosen + "x" * 1_000_000, cell=13)
    bad = question(
        "1-3",
        text,
        (
            criterion("learned", Outcome.NOT_MET, 0, 5, text, Place(13, 1)),
            criterion("same_fit", Outcome.MET, 10, 10, text),
        ),
        (
            GateVerdict(
                "class_used", Outcome.MET, text, (Place(13, 1),), reason("no.such.sentence", x=chosen), text
            ),
        ),
        None,
        (13, 14),
        replace(
            fitted(),
            values=((math.nan, math.inf, -math.inf, 0.1, 1e300, -1e300, 0.0),) * 10,
            losses=(math.nan, 0.0),
        ),
        (text,),
    )
    made = grade(f"../{chosen}", chosen, (bad, perfect_question("2-1")), text)
    return replace(made, filename=chosen * 1000, environment={chosen: chosen}, digests={"evidence": chosen})


def hostile_cells() -> tuple[Cell, ...]:
    return (
        Cell(13, "code", f"# {HOSTILE}\nx = '''</pre></details>{HOSTILE}\n" + "y" * 1_000_000),
        Cell(14, "markdown", f"<img src=x onerror=alert(3)>{HOSTILE}\n" * 3000),
    )


def cohort(size: int = 180) -> Gradebook:
    """A class with every kind of result, the same on every call."""
    families, given = (
        "한문서남이정강조윤임",
        ("가람", "하늘", "바다", "이슬", "누리", "다온", "새봄", "아라", "마루"),
    )
    grades: list[Grade] = []
    for at in range(size):
        student, name = f"2022{14500 + at}", families[at % 10] + given[at * 7 % 9]
        if at % 29 == 5:
            grades.append(ungraded(Status.MISSING if at % 2 else Status.FAILED, student, name))
        elif at % 11 == 3:
            grades.append(provisional(student, name))
        elif at % 13 == 4:
            grades.append(replace(zero_by_gate(), student=student, name=name))
        else:
            grades.append(_mixed(student, name, at))
    return Gradebook("final-2022", tuple(grades), tuple(TITLES), Decimal(100))


def _mixed(student: str, name: str, at: int) -> Grade:
    questions = []
    for column, id in enumerate(TITLES):
        made = perfect_question(id)
        if (at * 31 + column * 17) % 23 < 4 and id != "2-4":
            lost = [
                replace(c, points=Decimal(0), low=Decimal(0), high=Decimal(0), outcome=Outcome.NOT_MET)
                for c in made.criteria
            ]
            kept = (*made.criteria[:1], *lost[1:]) if (at + column) % 2 else tuple(lost)
            made = question(id, reason("judge.question.partly"), kept)
        questions.append(made)
    return grade(student, name, tuple(questions))

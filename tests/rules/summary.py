"""Facts as one line, and a notebook as one text, so that a case reads as *code -> what is found*.

Cells are separated by lines `# %% QUESTION` (`# %%` alone: a cell outside every answer). Code before
the first such line answers question `q`. All cases begin with `PRELUDE`, which answers nothing: an own
cell `Own`, zero states `h` and `c`, and `learn(h)`, which ends in `loss.backward()`.
"""

from __future__ import annotations

import re

from grader.model import AnswerFacts, StaticFacts
from grader.rules import SourceCell, facts

PRELUDE = """
import torch
import torch.nn as nn
x, y = torch.rand(9, 7), torch.rand(9, 7)
h, c = torch.zeros(8), torch.zeros(8)
loss_fn = nn.CrossEntropyLoss()
linr = nn.Linear(8, 7)

class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.i2h = nn.Linear(7, 8)
        self.h2h = nn.Linear(8, 8)
    def forward(self, xt, ht):
        return torch.tanh(self.i2h(xt) + self.h2h(ht))

def learn(hidden):
    loss_fn(linr(hidden), y).backward()
"""


def notebook(code: str) -> list[SourceCell]:
    """The prelude (cell 0) and the cells of the code, numbered from 1."""
    cells = [SourceCell(0, PRELUDE)]
    question: str | None = "q"
    for number, piece in enumerate(re.split(r"^# %%(.*)\n", code, flags=re.MULTILINE)):
        if number % 2:
            question = piece.strip() or None
        elif piece.strip():
            cells.append(SourceCell(len(cells), piece, question=question, part=0))
    return cells


def read(code: str) -> StaticFacts:
    return facts(notebook(code))


def summary(found: StaticFacts, question: str = "q") -> str:
    """What reaches a loss in one question, without plain linear layers, and what is unclear."""
    answer = found.answer(question, 0)
    return "; ".join([*_networks(answer), *_unclear(answer)]) or "nothing"


def _networks(answer: AnswerFacts) -> list[str]:
    lines = {
        f"{fact.how} {_short(fact.type)}{'' if fact.in_last_training else ' (earlier)'}"
        for fact in answer.networks
        if fact.type not in ("torch.nn.Linear", "torch.nn.Parameter")
    }
    return sorted(lines)


def _unclear(answer: AnswerFacts) -> list[str]:
    return sorted({f"? {reason.id.removeprefix('rules.')}" for reason, _ in answer.unclear})


def _short(path: str) -> str:
    return path.removeprefix("torch.")

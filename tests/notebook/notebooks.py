"""Small made-up notebooks: `nb("md: # 1.", "code: x = 1")`, and the shipped exam with answers filled in."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from grader.model import Answers, Submission
from grader.notebook.locate import locate
from grader.notebook.read import read_notebook
from grader.rubric import Rubric, load_rubric

ASSIGNMENT = Path(__file__).resolve().parents[2] / "rubrics" / "final-2022"

TRAINED = """net = {maker}
opt = Adam(net.parameters())
for epoc in range(9):
    loss = f(net(x), y)
    loss.backward()
    opt.step()"""
RNN, CELL, LSTM, LSTM_CELL = (
    TRAINED.format(maker=f"torch.nn.{name}(7, 4)") for name in ("RNN", "RNNCell", "LSTM", "LSTMCell")
)
OWN_RNN = "class Mine(torch.nn.Module):\n    pass\n" + TRAINED.format(maker="Mine()")
OWN_LSTM = "w = torch.zeros(4)\n" + TRAINED.format(maker="design(w)")
SOLUTIONS = {"1-1": RNN, "1-2": CELL, "1-3": OWN_RNN, "1-4": LSTM, "1-5": LSTM_CELL, "1-6": OWN_LSTM}
# Where the shipped template has the heading of each question and its empty code cell.
HEADING = {"1-1": 5, "1-2": 8, "1-3": 11, "1-4": 14, "1-5": 17, "1-6": 20} | {
    f"2-{n}": 23 + n for n in range(1, 6)
}
BLANK = {id: HEADING[id] + 2 for id in SOLUTIONS}
DICT = 30


def document(*cells: str) -> dict[str, Any]:
    """Return the JSON of a notebook; each cell is `md:`, `raw:` or `code:` and its source."""
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [_cell(cell) for cell in cells]}


def _cell(text: str) -> dict[str, Any]:
    kind, _, source = text.partition(":")
    source = source.removeprefix(" ")
    if kind == "code":
        return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
    return {"cell_type": {"md": "markdown", "raw": "raw"}[kind], "metadata": {}, "source": source}


def read(data: bytes) -> Submission:
    return read_notebook(data, student="s001", name="Made Up", filename="s001.ipynb")


def nb(*cells: str) -> Submission:
    return read(json.dumps(document(*cells)).encode())


@cache
def rubric() -> Rubric:
    return load_rubric(ASSIGNMENT / "rubric.yaml")


@cache
def template() -> Submission:
    return read((ASSIGNMENT / "template.ipynb").read_bytes())


def blank_exam() -> list[str]:
    """Return the cells of the empty exam as the builder's texts, to be edited."""
    prefix = {"code": "code", "markdown": "md", "raw": "raw"}
    return [f"{prefix[cell.kind]}: {cell.source}" for cell in template().cells]


def filled_exam(**without: str) -> list[str]:
    """Return the exam with every question of part 1 answered in its place."""
    cells = blank_exam()
    for id, source in SOLUTIONS.items():
        cells[BLANK[id]] = f"code: {without.get(id, source)}"
    return cells


def found(*cells: str) -> Answers:
    return locate(nb(*cells), rubric(), template())

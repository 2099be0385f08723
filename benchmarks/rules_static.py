"""How long static facts take: a whole exam notebook, and cells that are meant to take long.

    python -m benchmarks.rules_static [REPEATS]

The exam answers all six questions in the usual style: modules made in one cell, trained in the next,
own cells with initial values read from the module they imitate. The target is 15 ms, the limit 50 ms.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from grader.rules import SourceCell, facts

SHARED = """
import torch
import matplotlib.pyplot as plt
text = list("hi?hello!!") * 100
code = {c: i for i, c in enumerate("!?hielo")}
x = torch.nn.functional.one_hot(torch.tensor([code[c] for c in text[:-1]])).float()
y = torch.nn.functional.one_hot(torch.tensor([code[c] for c in text[1:]])).float()
softmax = torch.nn.Softmax(dim=1)
"""
OWN_RNN = """
class OwnCell(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.i2h = torch.nn.Linear(7, 8)
        self.h2h = torch.nn.Linear(8, 8)
    def forward(self, xt, ht):
        return torch.tanh(self.i2h(xt) + self.h2h(ht))
"""
OWN_LSTM = """
class OwnLSTMCell(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.i2h = torch.nn.Linear(7, 16)
        self.h2h = torch.nn.Linear(4, 16)
    def forward(self, xt, past):
        ht, ct = past
        gates = self.i2h(xt) + self.h2h(ht)
        i, f, g, o = gates[0:4], gates[4:8], gates[8:12], gates[12:16]
        ct = torch.sigmoid(f) * ct + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(ct), ct
"""
MAKE = """
torch.manual_seed(43052)
net = {made}
out = torch.nn.Linear({width}, 7)
loss_fn = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(list(net.parameters()) + list(out.parameters()), lr=0.1)
"""
READ_VALUES = """
torch.manual_seed(43052)
reference, reference_out = {made}, torch.nn.Linear({width}, 7)
net.i2h.weight.data, net.i2h.bias.data = reference.weight_ih.data, reference.bias_ih.data
net.h2h.weight.data, net.h2h.bias.data = reference.weight_hh.data, reference.bias_hh.data
out.weight.data, out.bias.data = reference_out.weight.data, reference_out.bias.data
"""
TRAIN = """
for epoch in range(100):
    hidden = []
    {start}
    for xt, yt in zip(x, y):
        {step}
        hidden.append(ht)
    output = out(torch.stack(hidden))
    loss = loss_fn(output, y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""
TRAIN_WHOLE = """
for epoch in range(100):
    hidden, last = net(x)
    output = out(hidden)
    loss = loss_fn(output, y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""
SHOW = """
fitted = softmax(output)
plt.matshow(fitted.data[:10], cmap="bwr", vmin=-1, vmax=1)
plt.xticks(range(7), labels=list("!?hielo"));
"""


def exam() -> list[SourceCell]:
    rnn = TRAIN.format(start="ht = torch.zeros(8)", step="ht = net(xt, ht)")
    lstm = TRAIN.format(start="ht, ct = torch.zeros(4), torch.zeros(4)", step="ht, ct = net(xt, (ht, ct))")
    answers = {
        "1-1": [MAKE.format(made="torch.nn.RNN(7, 8)", width=8), TRAIN_WHOLE],
        "1-2": [MAKE.format(made="torch.nn.RNNCell(7, 8)", width=8), rnn],
        "1-3": [
            OWN_RNN,
            MAKE.format(made="OwnCell()", width=8),
            READ_VALUES.format(made="torch.nn.RNNCell(7, 8)", width=8),
            rnn,
        ],
        "1-4": [MAKE.format(made="torch.nn.LSTM(7, 4)", width=4), TRAIN_WHOLE],
        "1-5": [MAKE.format(made="torch.nn.LSTMCell(7, 4)", width=4), lstm],
        "1-6": [
            OWN_LSTM,
            MAKE.format(made="OwnLSTMCell()", width=4),
            READ_VALUES.format(made="torch.nn.LSTMCell(7, 4)", width=4),
            lstm,
        ],
    }
    cells = [SourceCell(0, SHARED)]
    for question, texts in answers.items():
        for text in (*texts, SHOW):
            cells.append(SourceCell(len(cells), text, question=question))
    return cells


HOSTILE: dict[str, str] = {
    "9,000 calls of a function": "def f(v): return v\n" + "f(1)\n" * 9000,
    "a list of 30,000 names": "a = 1\nb = [" + "a," * 30_000 + "]",
    "a tree of 3^13 calls": "\n".join(
        f"def f{i}(v): return f{i + 1}(v), f{i + 1}(v), f{i + 1}(v)" for i in range(13)
    )
    + "\ndef f13(v): return v\nf0(1)",
    "3,000 copies of copies": "import copy\nn = [1]\n" + "n = copy.deepcopy([n, n])\n" * 3000,
    "2,000 branches over 2,000 names": "\n".join(f"v{i} = 1" for i in range(2000))
    + "\nif v0 + 1: a = 1" * 2000,
}


def milliseconds(read: Callable[[], object], repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        started = time.process_time()
        read()
        times.append(1000 * (time.process_time() - started))
    return sorted(times)


def main(arguments: Sequence[str]) -> None:
    repeats = int(arguments[0]) if arguments else 30
    cells = exam()
    found = facts(cells)
    for answer in found.answers:
        trained = ", ".join(
            f"{fact.how} {fact.type}" for fact in answer.networks if "Linear" not in fact.type
        )
        print(f"{answer.question}: {trained}")
    print(f"\n{'CPU time, ms':40}{'median':>8}{'worst':>8}")
    rows = {f"exam notebook, {len(cells)} cells": cells}
    rows |= {name: [SourceCell(0, code, question="q")] for name, code in HOSTILE.items()}
    for name, each in rows.items():
        times = milliseconds(partial(facts, each), repeats if each is cells else 3)
        print(f"{name:40}{statistics.median(times):8.1f}{times[-1]:8.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])

"""What is seen of a training, in whatever style it is written; and that watching changes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.execution.launch import run
from grader.execution.sandbox.levels import choose
from grader.model import Limits, PlannedCell, Run, RunPlan, Training

PREPARE = """
import torch, copy
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(12, 3)
y = torch.randint(4, (12,))
onehot = F.one_hot(y, 4).float()
"""
# One answer each: what is trained, and in the last line what a test compares with.
STYLES = {
    "plain": """
net = torch.nn.Linear(3, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.1)
loss_fn = torch.nn.CrossEntropyLoss()
for _ in range(25):
    out = net(x)
    loss = loss_fn(out, onehot)
    loss.backward(); opt.step(); opt.zero_grad()
yhat = torch.softmax(out, 1)
""",
    "validation loss beside it, with gradients on": """
net = torch.nn.Linear(3, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    out = net(x)
    loss = F.cross_entropy(out, y)
    other = F.cross_entropy(net(x * 2), y)
    loss.backward(); opt.step(); opt.zero_grad()
yhat = torch.softmax(out, 1)
F.cross_entropy(net(x), y)
""",
    "one loss per row": """
net = torch.nn.Linear(3, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    rows = [net(row) for row in x]
    loss = sum(F.cross_entropy(r, t) for r, t in zip(rows, y)) / 12
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(torch.stack(rows), 1)
""",
    "two optimizers": """
a, b = torch.nn.Linear(3, 5), torch.nn.Linear(5, 4)
oa, ob = torch.optim.Adam(a.parameters()), torch.optim.Adam(b.parameters())
for _ in range(25):
    out = b(a(x))
    loss = F.cross_entropy(out, y)
    oa.zero_grad(); ob.zero_grad(); loss.backward(); oa.step(); ob.step()
yhat = torch.softmax(out, 1)
""",
    "log-probabilities": """
net = torch.nn.Linear(3, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    out = torch.log_softmax(net(x), 1)
    loss = torch.nn.NLLLoss()(out, y)
    opt.zero_grad(); loss.backward(); opt.step()
yhat = out.exp()
""",
    "a deep copy": """
net = copy.deepcopy(torch.nn.Linear(3, 4))
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    out = net(x)
    loss = F.cross_entropy(out, y)
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
""",
    "free tensors": """
w = torch.randn(3, 4, requires_grad=True)
opt = torch.optim.Adam([w], lr=0.1)
for _ in range(25):
    out = x @ w
    loss = F.cross_entropy(out, y)
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
""",
    "a default device": """
torch.set_default_device("cuda")
net = torch.nn.Linear(3, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    out = net(x)
    loss = F.cross_entropy(out, y)
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
torch.set_default_device("cpu")
""",
    "a scripted loss": """
net = torch.nn.Linear(3, 4)
loss_fn = torch.jit.script(torch.nn.CrossEntropyLoss())
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    out = net(x)
    loss = loss_fn(out, y)
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
""",
    "an own loss": """
net = torch.nn.Linear(3, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    out = net(x)
    loss = -(onehot * torch.log_softmax(out, 1)).sum(1).mean()
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
""",
    "LBFGS": """
net = torch.nn.Linear(3, 4)
opt = torch.optim.LBFGS(net.parameters(), max_iter=1)
def closure():
    global out
    opt.zero_grad(); out = net(x); loss = F.cross_entropy(out, y); loss.backward()
    return loss
for _ in range(25):
    opt.step(closure)
yhat = torch.softmax(out, 1)
""",
    "an output that is changed for display afterwards": """
net = torch.nn.Linear(3, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    out = net(x)
    loss = F.cross_entropy(out, y)
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
view = out.detach(); view -= 5 * view.max(); view.clamp_(-2)
""",
    "by hand": """
w = torch.nn.Linear(3, 4)
for _ in range(25):
    out = w(x)
    loss = F.cross_entropy(out, y)
    loss.backward()
    with torch.no_grad():
        for p in w.parameters(): p -= 0.1 * p.grad; p.grad = None
yhat = torch.softmax(out, 1)
""",
    "someone else's parameters": """
net, other = torch.nn.Linear(3, 4), torch.nn.Linear(3, 4)
opt = torch.optim.Adam(other.parameters(), lr=0.1)
for _ in range(25):
    out = net(x)
    loss = F.cross_entropy(out, y)
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
""",
    "an inner module of an own class": """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = torch.nn.RNNCell(3, 5); self.head = torch.nn.Linear(5, 4)
    def forward(self, x): return self.head(self.cell(x))
net = Net().to("cuda:0")
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    out = net(x)
    loss = F.cross_entropy(out, y)
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
""",
    "initial values shared by storage and by object": """
given = torch.nn.Linear(3, 4)
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = given.weight
        self.b = torch.nn.Parameter(torch.zeros(4)); self.b.data = given.bias.data
    def forward(self, x): return x @ self.w.T + self.b
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    out = net(x)
    loss = F.cross_entropy(out, y)
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
""",
    "the same training twice": """
for _ in range(2):
    torch.manual_seed(5)
    net = torch.nn.Linear(3, 4)
    opt = torch.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(25):
        out = net(x)
        loss = F.cross_entropy(out, y)
        opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
""",
    "one function, many short-lived optimizers": """
def fit(net, steps):
    opt = torch.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(steps):
        loss = F.cross_entropy(net(x), y)
        opt.zero_grad(); loss.backward(); opt.step()
for turn in range(6):
    fit(torch.nn.Linear(3, 4) if turn % 2 else torch.nn.Sequential(torch.nn.Linear(3, 4)), 10)
""",
    "inside %%capture": """%%capture
net = torch.nn.Linear(3, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for _ in range(25):
    out = net(x)
    loss = F.cross_entropy(out, y)
    opt.zero_grad(); loss.backward(); opt.step()
yhat = torch.softmax(out, 1)
""",
    "stopped early, before the step": """
net = torch.nn.Linear(3, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.1)
for step in range(26):
    out = net(x) if step < 25 else out.detach().requires_grad_()
    loss = F.cross_entropy(out, y)
    opt.zero_grad(); loss.backward()
    if step == 25: break
    opt.step()
yhat = torch.softmax(out, 1)
""",
    "a scheduler": """
net = torch.nn.Linear(3, 4)
opt = torch.optim.Adam(net.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.StepLR(opt, 10)
for _ in range(25):
    out = net(x)
    loss = F.cross_entropy(out, y)
    opt.zero_grad(); loss.backward(); opt.step(); sched.step()
yhat = torch.softmax(out, 1)
""",
    "nothing": "yhat = torch.softmax(x, 1)",
}
UNSEEN_LOSS = {"an own loss", "a scripted loss"}
SEVERAL = {"the same training twice", "one function, many short-lived optimizers"}


@pytest.fixture(scope="module")
def watched(shared_cache: Path) -> Run:
    cells = [PlannedCell(0, PREPARE)]
    cells += [PlannedCell(i + 1, code, name) for i, (name, code) in enumerate(STYLES.items())]
    plan = RunPlan(
        "first", tuple(cells), nonce=3, device="cpu", limits=Limits(), arrays=("yhat",), variables=("_",)
    )
    level = choose("best-or-none", "none", "cpu")
    result = run(plan, isolation=level, cache=shared_cache)
    assert result.problem is None
    assert result.tampering == ()
    assert result.notes == (), "the probe had a fault of its own"
    assert [cell.status for cell in result.cells] == ["ok"] * len(cells), result.cells
    return result


def training(result: Run, style: str) -> Training:
    (found,) = [each for each in result.trainings if each.question == style]
    return found


def shown(result: Run, style: str) -> Any:
    (snapshot,) = [each for each in result.snapshots if each.question == style]
    return snapshot.arrays["yhat"]


def probabilities(seen: Training) -> Any:
    raw = seen.fitted["last"].astype(np.float64).reshape(-1, 4)
    if seen.loss == "nll_loss":
        return np.exp(raw)
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("style", [name for name in STYLES if name not in SEVERAL | {"nothing"}])
def test_a_training_is_seen_with_its_steps_and_curve(watched: Run, style: str) -> None:
    seen = training(watched, style)
    assert seen.steps == 25
    assert len(seen.losses) == 25
    if style != "someone else's parameters":
        assert seen.losses[-1] < seen.losses[0]


@pytest.mark.parametrize("style", [n for n in STYLES if n not in UNSEEN_LOSS | SEVERAL | {"nothing"}])
def test_fitted_values_are_what_fed_the_loss(watched: Run, style: str) -> None:
    np.testing.assert_allclose(probabilities(training(watched, style)), shown(watched, style), atol=1e-6)


@pytest.mark.parametrize("style", sorted(UNSEEN_LOSS))
def test_a_loss_that_is_not_torchs_leaves_no_fitted_values(watched: Run, style: str) -> None:
    assert training(watched, style).fitted == {}


def test_no_training_is_seen_where_there_is_none(watched: Run) -> None:
    assert not [each for each in watched.trainings if each.question == "nothing"]


def test_trainings_stay_apart_even_if_their_numbers_are_equal(watched: Run) -> None:
    twice = [t for t in watched.trainings if t.question == "the same training twice"]
    assert [(t.steps, len(t.parameters)) for t in twice] == [(25, 2), (25, 2)]
    assert twice[0].losses == twice[1].losses


def test_an_optimizer_is_never_taken_for_one_that_is_gone(watched: Run) -> None:
    many = [t for t in watched.trainings if t.question == "one function, many short-lived optimizers"]
    assert [t.steps for t in many] == [10] * 6
    kinds = [{o.type for p in t.parameters for o in p.owners} for t in many]
    assert kinds[0] == {"torch.nn.Linear", "torch.nn.Sequential"}
    assert kinds[1] == {"torch.nn.Linear"}


def test_a_scheduler_shows_in_the_settings(watched: Run) -> None:
    settings = training(watched, "a scheduler").settings
    assert settings["lr"] == 0.1
    assert settings["lr@last"] == pytest.approx(0.001)


def owners(result: Run, style: str) -> set[str]:
    return {o.type for p in training(result, style).parameters if p.moved for o in p.owners}


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("plain", {"torch.nn.Linear"}),
        ("two optimizers", {"torch.nn.Linear"}),
        ("a deep copy", {"torch.nn.Linear"}),
        ("free tensors", set()),
        ("someone else's parameters", set()),
        ("an inner module of an own class", {"torch.nn.RNNCell", "torch.nn.Linear", "Net"}),
        ("initial values shared by storage and by object", {"torch.nn.Linear", "Net"}),
    ],
)
def test_who_owns_what_moved(watched: Run, style: str, expected: set[str]) -> None:
    assert owners(watched, style) == expected


def test_two_optimizers_are_one_training(watched: Run) -> None:
    assert len(training(watched, "two optimizers").parameters) == 4


def test_a_shared_parameter_has_both_owners_and_a_shared_storage_only_its_own(watched: Run) -> None:
    weight, bias = training(watched, "initial values shared by storage and by object").parameters
    assert {owner.type for owner in weight.owners if owner.direct} == {"Net", "torch.nn.Linear"}
    assert {owner.type for owner in bias.owners if owner.direct} == {"Net"}


def test_an_inner_modules_parameters_are_its_own(watched: Run) -> None:
    seen = training(watched, "an inner module of an own class")
    cell = next(p for p in seen.parameters if p.name == "weight_ih")
    held = [(owner.type, owner.direct) for owner in cell.owners]
    assert held == [("torch.nn.RNNCell", True), ("Net", False)]
    assert cell.owners[1].own_forward
    assert not cell.owners[0].own_forward


def test_settings_and_early_steps_are_kept(watched: Run) -> None:
    seen = training(watched, "plain")
    assert seen.optimizer == "torch.optim.Adam"
    assert seen.settings["lr"] == 0.1
    assert set(seen.fitted) == {"1", "5", "10", "20", "last"}
    assert seen.labels is not None
    assert seen.labels.shape == (12,)
    assert seen.parameters[0].initial is not None


BARE = """
import sys, json, hashlib, random
import torch
torch.set_num_threads(1)
if {watch}:
    import os, tempfile
    from grader.probe.channel import Channel
    from grader.probe.trainings import Recorder
    from grader.probe import devices
    devices.install()
    fd = os.open(tempfile.mkstemp()[1], os.O_WRONLY | os.O_APPEND)
    recorder = Recorder(Channel(fd, 1 << 28), frozenset([1, 5, 10, 20]))
    recorder.install()
    recorder.enter(1, "1-5", 0)
torch.manual_seed(43052)
cell, head = torch.nn.LSTMCell(7, 4), torch.nn.Linear(4, 7)
x = torch.nn.functional.one_hot(torch.arange(99) % 7, 7).float()
opt = torch.optim.Adam([*cell.parameters(), *head.parameters()], lr=0.1)
for _ in range(30):
    h, c, out = torch.zeros(4), torch.zeros(4), []
    for row in x:
        h, c = cell(row, (h, c)); out.append(h)
    loss = torch.nn.CrossEntropyLoss()(head(torch.stack(out)), x)
    loss.backward(); opt.step(); opt.zero_grad()
if {watch}: recorder.leave()
state = b"".join(p.detach().numpy().tobytes() for p in [*cell.parameters(), *head.parameters()])
print(json.dumps([hashlib.sha256(state).hexdigest(), torch.rand(1).item(), random.Random(1).random()]))
"""


def test_training_is_bit_identical_under_watch(tmp_path: Path) -> None:
    def result(watch: bool) -> Any:
        script = tmp_path / f"{watch}.py"
        script.write_text(BARE.replace("{watch}", str(watch)), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120
        )
        return json.loads(done.stdout)

    assert result(True) == result(False)

"""CUDA by every name, on a machine without it: nothing raises, everything is on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

# Every entry is evaluated in a process where the names have been installed; `x` is a CPU tensor.
SPELLINGS = [
    'x.to("cuda:0")',
    'x.to("cuda")',
    "x.to(0)",
    'x.to(torch.device("cuda"))',
    'x.to(torch.device("cuda", 0))',
    'x.to(device="cuda", dtype=torch.float64)',
    'x.to("cuda", torch.float64)',
    'x.to("cuda", non_blocking=True)',
    "x.to(torch.float64)",
    "x.to(x.double())",
    "x.cuda()",
    "x.cuda(0)",
    "x.cuda(non_blocking=True)",
    'torch.zeros(3, device="cuda")',
    "torch.zeros(3, device=0)",
    'torch.tensor([1.0], device="cuda:0")',
    'torch.as_tensor([1.0], device="cuda")',
    'torch.randn(3, device=torch.device("cuda"))',
    'torch.rand(3, device="cuda", requires_grad=True)',
    'torch.arange(3, device="cuda")',
    'torch.randint(3, (2,), device="cuda")',
    'torch.randperm(3, device="cuda")',
    'torch.full((2,), 1.0, device="cuda")',
    'torch.eye(2, device="cuda")',
    'torch.linspace(0, 1, 3, device="cuda")',
    'torch.zeros_like(x, device="cuda")',
    'torch.ones_like(x, device="cuda:0")',
    'torch.empty_like(x, device="cuda")',
    'x.new_zeros(3, device="cuda")',
    'x.new_tensor([1.0], device="cuda")',
    'torch.tril_indices(2, 2, device="cuda")',
    "torch.cuda.FloatTensor([1.0, 2.0])",
    "torch.cuda.LongTensor([1, 2])",
    "x.type(torch.cuda.FloatTensor)",
    'x.type("torch.cuda.FloatTensor")',
    "x.pin_memory()",
    'torch.nn.RNN(7, 8).to("cuda:0").weight_ih_l0',
    "torch.nn.RNN(7, 8).cuda().weight_ih_l0",
    'torch.nn.LSTM(7, 8, device="cuda").weight_ih_l0',
    "torch.nn.Linear(2, 2).to(0).weight",
    'torch.nn.Linear(2, 2).to("cuda", torch.float64).weight',
    'torch.nn.Linear(2, 2).to(device=torch.device("cuda")).weight',
    'torch.nn.Parameter(torch.zeros(2, device="cuda"))',
    'torch.nn.utils.rnn.pad_sequence([x.cuda(), x.to("cuda")])',
    'torch.randn(2, generator=torch.Generator(device="cuda").manual_seed(3))',
    'next(iter(torch.utils.data.DataLoader(x, generator=torch.Generator("cuda"), shuffle=True)))',
    "default_device()",
    "device_context()",
    'loaded("cuda:0")',
    'loaded(torch.device("cuda"))',
    'loaded({"cuda:0": "cuda:0"})',
    "loaded(None)",
    "autocast()",
    "cuda_device()",
    "events()",
    "scripted(x)",
    "torch.jit.script(torch.nn.LSTMCell(3, 2))(x.unsqueeze(0))[0]",
    "torch.nn.DataParallel(torch.nn.Linear(3, 2))(x)",
]
HARMLESS = [
    "torch.cuda.synchronize()",
    "torch.cuda.empty_cache()",
    "torch.cuda.manual_seed(1)",
    "torch.cuda.manual_seed_all(1)",
    "torch.cuda.get_device_name(0)",
    "torch.cuda.get_device_name()",
    "torch.cuda.get_device_properties(0).name",
    "torch.cuda.get_device_capability()",
    "torch.cuda.current_device()",
    "torch.cuda.set_device(0)",
    "torch.cuda.memory_allocated()",
    "torch.cuda.max_memory_allocated()",
    "torch.cuda.memory_summary()",
    "torch.cuda.reset_peak_memory_stats()",
    "torch.cuda.get_rng_state() is not None",
    "torch.cuda.is_initialized()",
    "torch.backends.cudnn.version()",
    "torch.set_default_tensor_type('torch.cuda.FloatTensor')",
]
SCRIPT = '''
import contextlib, io, json, sys, warnings
warnings.simplefilter("ignore")
import torch
from grader.probe import devices
devices.install()

x = torch.ones(3)

def default_device():
    torch.set_default_device("cuda")
    try:
        return torch.zeros(2) + torch.tensor([1.0, 1.0])
    finally:
        torch.set_default_device("cpu")

def device_context():
    with torch.device("cuda"):
        return torch.tensor([1.0])

def loaded(where):
    file = io.BytesIO()
    torch.save(x, file)
    file.seek(0)
    return torch.load(file, map_location=where)

def autocast():
    with torch.autocast("cuda"), torch.cuda.amp.autocast():
        return torch.ones(2, 2) @ torch.ones(2, 2)

def cuda_device():
    with torch.cuda.device(0), torch.cuda.stream(torch.cuda.Stream()):
        return torch.zeros(2, device="cuda")

def events():
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record(); end.record(); end.synchronize()
    return torch.tensor([start.elapsed_time(end)])

@torch.jit.script
def scripted(x):
    return x + torch.zeros(3, device="cuda") + torch.tensor([1.0])

results = {}
for code in json.load(sys.stdin):
    try:
        value = eval(code)
        results[code] = value.device.type if isinstance(value, torch.Tensor) else "ok"
    except BaseException as error:
        results[code] = f"{type(error).__name__}: {error}"

moved = x.to("cuda"); moved += 1
weight = torch.nn.Parameter(torch.ones(2))
leaf = weight.to("cuda")
results["facts"] = {
    "is_available": torch.cuda.is_available(),
    "device_count": torch.cuda.device_count(),
    "a copy": x.tolist() == [1.0, 1.0, 1.0],
    "leaf": leaf.is_leaf,
    "bool is no index": devices.local(True) is True,
    "isinstance": isinstance(torch.default_generator, torch.Generator),
    "meta stays": torch.zeros(2, device="meta").device.type,
}
json.dump(results, sys.stdout)
'''


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    # A file, because torch.jit.script reads the source of what it compiles.
    script = tmp_path_factory.mktemp("devices") / "spell.py"
    script.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps([*SPELLINGS, *HARMLESS]),
        capture_output=True,
        text=True,
        check=False,
        env={"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("code", SPELLINGS)
def test_a_tensor_lands_on_the_cpu(results: dict[str, Any], code: str) -> None:
    assert results[code] == "cpu"


@pytest.mark.parametrize("code", HARMLESS)
def test_cuda_calls_do_no_harm(results: dict[str, Any], code: str) -> None:
    assert results[code] == "ok"


def test_the_notebook_is_told_the_truth(results: dict[str, Any]) -> None:
    facts = results["facts"]
    assert facts["is_available"] is False
    assert facts["device_count"] == 0


def test_moving_copies_but_keeps_parameters_leaves(results: dict[str, Any]) -> None:
    facts = results["facts"]
    assert facts["a copy"], "a GPU would not have changed the original"
    assert facts["leaf"], "an optimizer takes leaves only"
    assert facts["bool is no index"]
    assert facts["isinstance"]
    assert facts["meta stays"] == "meta"

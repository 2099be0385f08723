"""What `cuda_check.py` measures, each in a process of its own: `cuda_tasks.py TASK OPTIONS`.

A task prints one JSON object; torch is imported only here. A task that needs to be told when to
go on says `ready` and reads a line.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PERTURBATION, SPLIT = 1e-7, 10  # as in grader/calibrate/envelope.py
QUESTIONS = ("1-1", "1-2", "1-3", "1-4", "1-5", "1-6")
Json = dict[str, Any]


class NotRun(Exception):
    """Why something could not be looked at here."""


def difference(values: list[list[float]], other: list[list[float]]) -> tuple[float, float]:
    """Largest absolute difference over the rows below SPLIT and over the others."""
    rows = [max(abs(a - b) for a, b in zip(x, y, strict=True)) for x, y in zip(values, other, strict=True)]
    return max(rows[:SPLIT]), max(rows[SPLIT:], default=0.0)


def say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def _reference() -> Any:
    sys.path.insert(0, str(ROOT / "reference"))
    return importlib.import_module("final_2022")


def _clock(device: str) -> float:
    """Seconds: of CPU time on a CPU, where others may be at work too, else of the clock on the wall."""
    return time.process_time() if device == "cpu" else time.perf_counter()


def _prepare(setting: str) -> None:
    import torch

    torch.set_num_threads(1)
    if setting != "as torch comes":
        torch.backends.cuda.matmul.allow_tf32 = setting == "TF32 allowed"
        torch.backends.cudnn.allow_tf32 = setting == "TF32 allowed"
    if setting == "strict":
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)


def _train(question: str, device: str, positions: int, epochs: int, form: str, initial: Any = None) -> Any:
    reference = _reference()
    settings = reference.settings_for(repeats=(positions + 1) // len(reference.SETTINGS.text))
    solve = getattr(reference, form)[question]
    return solve(settings.seed, device, epochs, settings, initial)


def task_facts(device: str) -> Json:
    import torch

    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "cuda": torch.cuda.is_available(),
        "cuda_version": str(torch.version.cuda),
        "cudnn": str(torch.backends.cudnn.version()),  # type: ignore[no-untyped-call]
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "cpu": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, {os.cpu_count()} cores",
        "device": device,
    }


def task_fits(device: str, positions: int, epochs: int, questions: list[str]) -> Json:
    """Last fitted values and seconds of some solutions, strict settings."""
    _prepare("strict")
    found: Json = {}
    for question in questions:
        began = _clock(device)
        fit = _train(question, device, positions, epochs, "SOLUTIONS")
        found[question] = {
            "last": fit.values["last"].tolist(),
            "seconds": _clock(device) - began,
            "loss": fit.losses[-1],
        }
    return found


def task_spread(device: str, positions: int, epochs: int, question: str, runs: int) -> Json:
    """The envelope of the whole-sequence form over perturbed runs."""
    import torch

    _prepare("strict")
    base = _train(question, device, positions, epochs, "CALIBRATION")
    spreads = []
    for seed in range(1, runs + 1):
        generator = torch.Generator().manual_seed(seed)
        initial = {
            name: values * (1 + PERTURBATION * torch.randn(values.shape, generator=generator))
            for name, values in base.initial.items()
        }
        fit = _train(question, device, positions, epochs, "CALIBRATION", initial)
        spreads.append(difference(fit.values["last"].tolist(), base.values["last"].tolist()))
    return {"first": max(first for first, _ in spreads), "rest": max(rest for _, rest in spreads)}


def task_setting(device: str, setting: str, forms: list[tuple[str, int, int]]) -> Json:
    """Train each form twice in one process under one setting: the values, whether they repeat, the time."""
    _prepare(setting)
    found: Json = {}
    for question, positions, epochs in forms:
        _train(question, device, positions, 1, "SOLUTIONS")
        began = _clock(device)
        one, two = (_train(question, device, positions, epochs, "SOLUTIONS").values["last"] for _ in range(2))
        seconds = (_clock(device) - began) / 2
        found[question] = {"last": one.tolist(), "repeats": bool((one == two).all()), "seconds": seconds}
    return found


def task_names(device: str) -> Json:
    """Operators of one forward and backward, and the nodes of its graph, for torch's four modules."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    _prepare("strict")
    views = {
        "t",
        "view",
        "unsqueeze",
        "squeeze",
        "detach",
        "select",
        "as_strided",
        "_unsafe_view",
        "transpose",
    }
    found: Json = {}

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.operators: dict[str, None] = {}

        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            del types
            self.operators[str(func).removeprefix("aten.").partition(".")[0]] = None
            return func(*args, **(kwargs or {}))

    for kind in ("RNN", "RNNCell", "LSTM", "LSTMCell"):
        module = getattr(torch.nn, kind)(7, 4).to(device)
        x = torch.zeros(3, 7, device=device)
        with Watch() as watch:
            output = module(x)
            while isinstance(output, tuple):
                output = output[0]
            output.sum().backward()
        operators = [name for name in watch.operators if name not in views]
        found[kind] = f"{', '.join(operators)}; graph: {', '.join(_nodes(output.grad_fn))}"
    return found


def _nodes(root: Any) -> list[str]:
    names: dict[str, None] = {}
    queue = [root]
    while queue:
        node = queue.pop()
        if node is not None and "AccumulateGrad" not in node.name():
            names[node.name()] = None
            queue += [parent for parent, _ in node.next_functions]
    return list(names)


def task_recorder(device: str) -> Json:
    """What the grader's own recorder says about a short training of each solution."""
    _prepare("strict")
    sys.path.insert(0, str(ROOT))
    try:
        from grader.probe.trainings import Recorder
    except ImportError as error:
        raise NotRun(f"the recorder cannot be imported: {error}") from error
    shipped: list[tuple[Json, Json]] = []

    class Channel:
        def send(self, kind: str, body: Json, arrays: Json) -> None:
            if kind == "training":
                shipped.append((body, {name: values.cpu() for name, values in arrays.items()}))

    channel: Any = Channel()
    recorder = Recorder(channel, frozenset({1}))
    recorder.install()
    found: Json = {}
    for cell, question in enumerate(QUESTIONS):
        recorder.enter(cell, question, 0)
        fit = _train(question, device, 99, 3, "SOLUTIONS")
        recorder.leave()
        body, arrays = shipped[-1]
        owners = {owner["type"] for parameter in body["parameters"] for owner in parameter["owners"]}
        far = float((arrays["last"].softmax(dim=1) - fit.values["last"]).abs().max())
        seen = f"{', '.join(sorted(owners))}; {body['steps']} steps; fitted values off by {far:.0e}"
        still = "" if all(parameter["moved"] for parameter in body["parameters"]) else "; NOT all moved"
        faults = f"; FAULTS {recorder.faults[0]}" if recorder.faults else ""
        found[question] = seen + still + faults
    return found


def task_fork(device: str, before: str) -> Json:
    """Fork after importing torch (and perhaps looking for CUDA), compute in the child."""
    import torch

    if before == "is_available":
        torch.cuda.is_available()
    elif before == "tensor":
        torch.ones(1, device=device)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            square = torch.ones(8, 8, device=device) @ torch.ones(8, 8, device=device)
            answer = "computes" if float(square.sum()) == 512.0 else "computes wrongly"
        except BaseException as error:  # noqa: BLE001  (whatever it is, it is the answer)
            answer = f"{type(error).__name__}: {str(error).splitlines()[0][:90]}"
        os.write(write, answer.encode())
        os._exit(0)
    os.close(write)
    answer = os.read(read, 500).decode()
    os.waitpid(child, 0)
    return {"answer": answer or "the child died"}


def task_hello(device: str) -> Json:
    """Compute something, to see whether the device works where this process stands."""
    import torch

    return {"answer": "computes" if float(torch.ones(8, device=device).sum()) == 8.0 else "computes wrongly"}


def task_load(device: str, positions: int, seconds: float) -> Json:
    """Train LSTMCell loops for some seconds from the moment a line arrives; count epochs."""
    import torch

    _prepare("strict")
    _train("1-5", device, positions, 1, "SOLUTIONS")
    say("ready")
    sys.stdin.readline()
    began, epochs = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        _train("1-5", device, positions, 1, "SOLUTIONS")
        epochs += 1
    free, total = torch.cuda.mem_get_info() if device == "cuda" else (0, 0)
    spent = time.perf_counter() - began
    sys.stdin.readline()  # stay until all have looked, so that the memory of all is counted
    return {"rate": epochs / spent, "used": total - free}


def task_hold(device: str, share: float) -> Json:
    """Take a share of the free memory and keep it until a line arrives."""
    import torch

    free, _ = torch.cuda.mem_get_info()
    kept = torch.empty(int(free * share), dtype=torch.uint8, device=device)
    say("ready")
    sys.stdin.readline()
    return {"held": kept.numel()}


def task_ask(device: str, size: int) -> Json:
    """Ask for `size` bytes; how that ends, and how much was free of how much beforehand."""
    import torch

    free, total = torch.cuda.mem_get_info()
    try:
        torch.empty(size, dtype=torch.uint8, device=device).fill_(1)
        answer = "given"
    except RuntimeError as error:
        answer = type(error).__name__
    return {"answer": answer, "free": free, "total": total}


def main() -> None:
    try:
        say(json.dumps(globals()[f"task_{sys.argv[1]}"](**json.loads(sys.argv[2]))))
    except NotRun as reason:
        say(json.dumps({"not_run": str(reason)}))


if __name__ == "__main__":
    main()

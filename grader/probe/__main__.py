"""Starts a kernel that is watched: `python -m grader.probe PLAN -f CONNECTION_FILE`.

PLAN is a JSON file: cells, names to keep, nonce, device, the evidence file and its budget. The
random generators are seeded once, here, from the recorded nonce, and never touched again.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import torch

from grader.probe import devices
from grader.probe.cells import CellWatch
from grader.probe.channel import Channel
from grader.probe.trainings import Recorder


def seed(nonce: int) -> None:
    random.seed(nonce)
    torch.manual_seed(nonce)
    if "numpy" in sys.modules:  # torch imports it where it is installed
        sys.modules["numpy"].random.seed(nonce % 2**32)


def prepare(device: str) -> dict[str, Any]:
    """One thread and no TF32, so that equal code gives equal numbers; returns what was set."""
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    if device == "cpu":
        devices.install()
    else:
        torch.backends.cudnn.deterministic = True
        torch.use_deterministic_algorithms(True, warn_only=True)
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "tf32": False,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "hash_seed": os.environ.get("PYTHONHASHSEED", ""),
    }


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.argv = [sys.argv[0], *sys.argv[2:]]
    channel = Channel(os.open(plan["evidence"], os.O_WRONLY | os.O_APPEND), plan["budget"])
    recorder = Recorder(channel, frozenset(plan["snapshots"]))
    environment = prepare(plan["device"])
    recorder.install()
    channel.send("environment", environment, {})
    _flush_before_exit(recorder)

    sys.modules["debugpy"] = None  # type: ignore[assignment]  # halves the start; nobody debugs here
    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    app.initialize()
    shell: Any = app.shell
    watch = CellWatch(plan, recorder, channel, shell.user_ns)
    shell.events.register("pre_run_cell", watch.begin)
    shell.events.register("post_run_cell", watch.end)
    _rarely_collect_garbage()
    seed(plan["nonce"])
    app.start()


def _rarely_collect_garbage() -> None:
    """Saves 8 % of the exam's CPU time: what was imported is never garbage, tensors rarely are."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _flush_before_exit(recorder: Recorder) -> None:
    leave, kernel = os._exit, os.getpid()

    def leaving(status: int) -> Any:
        if os.getpid() == kernel:  # forked children leave this way every day
            recorder.flush()
        leave(status)

    os._exit = leaving


if __name__ == "__main__":
    main()

"""Starts a kernel that is watched: `python -m grader.probe NUMBER ...`.

NUMBER is an open file with the plan as JSON: cells, names to keep, nonce, device, and, again as
numbers, the open file for evidence with its budget and the kernel's listening sockets. The random
generators are seeded once, here, from the recorded nonce, and never touched again.
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
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as file:
        plan = json.load(file)
    sys.argv = [sys.argv[0], "-f", _connection_file(plan.pop("connection")), *sys.argv[2:]]
    channel = Channel(plan["evidence"], plan["budget"])
    recorder = Recorder(channel, frozenset(plan["snapshots"]))
    environment = prepare(plan["device"])
    recorder.install()
    channel.send("environment", environment, {})
    _flush_before_exit(recorder)

    sys.modules["debugpy"] = None  # type: ignore[assignment]  # halves the start; nobody debugs here
    _take_over(plan.pop("sockets"))
    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    app.initialize()
    shell: Any = app.shell
    _do_without_terminals(shell)
    watch = CellWatch(plan, recorder, channel, shell.user_ns)
    shell.events.register("pre_run_cell", watch.begin)
    shell.events.register("post_run_cell", watch.end)
    _rarely_collect_garbage()
    seed(plan["nonce"])
    app.start()


def _connection_file(connection: dict[str, Any]) -> str:
    path = Path.home() / ".connection.json"
    path.write_text(json.dumps(connection), encoding="utf-8")
    return str(path)


def _take_over(numbers: dict[str, int]) -> None:
    """Has ipykernel use sockets that are bound and listening already, by their addresses."""
    import zmq

    bind = zmq.Socket.bind

    def bind_given(self: zmq.Socket[Any], address: str) -> Any:
        number = numbers.pop(address, None)
        if number is not None:
            self.setsockopt(zmq.USE_FD, number)
        return bind(self, address)

    zmq.Socket.bind = bind_given  # type: ignore[assignment]


def _do_without_terminals(shell: Any) -> None:
    """`!command` is given a terminal of its own by IPython, which not every box can make."""
    try:
        for number in os.openpty():
            os.close(number)
    except OSError:
        shell.system = shell.system_raw


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

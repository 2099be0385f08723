"""One kernel, driven cell by cell, with limits enforced from outside.

nbclient speaks the protocol. What it would collect is not kept: evidence leaves by another way,
and a flood of output must not grow this process. A limit first interrupts the kernel, so that the
work done so far survives; a kernel that does not stop is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionComplete, DeadKernelError
from nbformat import NotebookNode

from grader.execution.handover import Handover, Tail
from grader.execution.sandbox.box import Box
from grader.model import CellRun, Limits, PlannedCell

_node: Any = NotebookNode  # untyped in nbformat
_POLL_SECONDS = 0.2
_INTERRUPT_GRACE_SECONDS = 5.0
_STARTUP_SECONDS = 120
_OUTPUT_MESSAGES = 200_000
_OUTPUT_FACTOR = 8  # beyond this many times the budget, dropping output is no longer enough
_BY_SIGNAL = 128  # a box ends with this much more than the signal that ended what was in it
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_CELL_LINE = re.compile(r"Cell In\[\d+\], line (\d+)")
_MAX_MESSAGE, _MAX_TRACEBACK = 2_000, 20_000


class _Client(NotebookClient):
    """nbclient that counts output instead of keeping it, and survives hostile messages."""

    output_bytes = 0
    messages = 0

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        assert self.kc is not None
        channel: Any = self.kc.iopub_channel
        while True:
            try:
                msg = await channel.get_msg(timeout=None)
                mine = msg["parent_header"].get("msg_id") == parent_msg_id
            except Exception:  # noqa: BLE001 - not signed, not JSON, not a message: forged in the kernel
                self.messages += 1
                continue
            if mine:
                try:
                    self.process_message(msg, cell, cell_index)
                except CellExecutionComplete:
                    return

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> None:
        self.messages += 1
        try:
            if msg["msg_type"] == "status":
                super().process_message(msg, cell, cell_index)
            else:
                self.output_bytes += sum(len(str(value)) for value in msg["content"].values())
        except CellControlSignal:
            raise
        except Exception:  # noqa: BLE001 - whatever a forged message breaks, only its own submission suffers
            return


class Kernel:
    """A started kernel; `run` executes one cell and says what happened to it."""

    def __init__(self, box: Box, folder: Path, limits: Limits) -> None:
        self._box = box
        self._limits = limits
        self._used: dict[str | None, tuple[float, float]] = {}
        manager = AsyncKernelManager()
        manager.transport = "ipc"
        manager.ip = str(folder / "socket")
        manager.connection_file = str(folder / "connection.json")
        self._manager = manager
        self._client = _Client(_node(cells=[], metadata={}), km=manager, timeout=None, allow_errors=True)
        self._client.startup_timeout = _STARTUP_SECONDS
        self._reply: dict[str, Any] = {}
        self._question: str | None = None
        self._kernel: psutil.Process | None = None
        self._client.on_cell_executed = self._keep_reply
        self.alive = False

    async def start(self, plan: Mapping[str, Any], evidence: int, environment: dict[str, str]) -> None:
        """Starts the probe with its plan; `evidence` is the number of the open file that the plan names.

        Raises RuntimeError, with what the kernel said, if it does not come up.
        """
        manager, tail = self._manager, Tail()
        manager.write_connection_file()
        try:
            with Handover(plan, manager.get_connection_info(), manager.ip) as handover:
                probe = [sys.executable, "-m", "grader.probe", str(handover.number)]
                manager._kernel_spec = KernelSpec(argv=self._box.command(probe), language="python")
                await self._client.async_start_new_kernel(
                    env=environment,
                    cwd=self._box.start_in,
                    pass_fds=(*self._box.file_numbers, *handover.numbers, evidence),
                    stdout=tail.number,
                    stderr=tail.number,
                )
                await self._client.async_start_new_kernel_client()
            self._kernel = self._innermost()
        except Exception as fault:
            raise RuntimeError(f"the kernel did not start: {fault}; {tail.text()}") from fault
        finally:
            tail.close()
        self.alive = True

    async def stop(self) -> None:
        self.kill()
        with contextlib.suppress(Exception):
            await self._client._async_cleanup_kernel()

    def kill(self) -> None:
        """Kills the kernel and everything it started that is still its descendant."""
        self.alive = False
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                process.kill()

    def exhausted(self, question: str | None) -> str:
        """The limit that a question has used up, or an empty string."""
        cpu, wall = self._used.get(question, (0.0, 0.0))
        if cpu >= self._limits.question_cpu_seconds:
            return "cpu"
        if wall >= self._limits.question_cpu_seconds * self._limits.wall_factor:
            return "wall"
        return ""

    async def run(self, cell: PlannedCell) -> CellRun:
        """Executes one cell under what is left of its question's limits."""
        started, cpu_before = time.monotonic(), self._cpu_seconds()
        used_cpu, used_wall = self._used.get(cell.question, (0.0, 0.0))
        if cell.question != self._question:
            self._question, self._client.output_bytes, self._client.messages = cell.question, 0, 0
        self._reply = {}
        node = _node(cell_type="code", source=cell.source, metadata={}, outputs=[])
        self._client.nb.cells = [node]
        task = asyncio.ensure_future(self._client.async_execute_cell(node, 0))
        limit, status, cpu = "", "ok", 0.0
        while not (await asyncio.wait({task}, timeout=_POLL_SECONDS))[0]:
            cpu = max(cpu, self._cpu_seconds() - cpu_before)
            self._used[cell.question] = (used_cpu + cpu, used_wall + time.monotonic() - started)
            limit = self.exhausted(cell.question) or self._exceeded()
            if limit:
                status = await self._stop_cell(task, limit)
                break
        cpu = max(cpu, self._cpu_seconds() - cpu_before)
        wall = time.monotonic() - started
        self._used[cell.question] = (used_cpu + cpu, used_wall + wall)
        if not limit:
            status = await self._outcome(task)
            if status == "died" and self._box.group and self._box.group.out_of_memory():
                status, limit = "killed", "memory"
        reply = {"error": self._reply, "died": {"evalue": self._death()}}.get(status, {})
        text = _ANSI.sub("", "\n".join(map(str, reply.get("traceback") or [])))
        lines = _CELL_LINE.findall(text)
        return CellRun(
            cell=cell.index,
            status=cast(Any, status),
            error=str(reply.get("ename", ""))[:200],
            message=str(reply.get("evalue", ""))[:_MAX_MESSAGE],
            line=int(lines[0]) if lines else None,
            traceback=text[-_MAX_TRACEBACK:],
            limit=limit,
            cpu_seconds=round(cpu, 3),
            wall_seconds=round(wall, 3),
        )

    async def _outcome(self, task: asyncio.Future[Any]) -> str:
        try:
            await task
        except DeadKernelError:
            self.alive = False
            return "died"
        except Exception:  # noqa: BLE001 - a reply that is no reply: nothing more can be learned from it
            self.kill()
            return "died"
        return "error" if self._reply.get("status") == "error" else "ok"

    def _death(self) -> str:
        """How the kernel ended: `exit N` by itself, `signal N` by the system or a crash."""
        process = getattr(self._manager.provisioner, "process", None)
        code = None if process is None else process.poll()
        if code is None:
            return ""
        if code < 0 or (self._box.depth and code > _BY_SIGNAL):
            return f"signal {-code if code < 0 else code - _BY_SIGNAL}"
        return f"exit {code}"

    async def _stop_cell(self, task: asyncio.Future[Any], limit: str) -> str:
        if limit != "memory":
            with contextlib.suppress(Exception):
                self._interrupt()
            if (await asyncio.wait({task}, timeout=_INTERRUPT_GRACE_SECONDS))[0]:
                with contextlib.suppress(DeadKernelError):
                    await task
                    return "interrupted"
        self.kill()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(task, _INTERRUPT_GRACE_SECONDS)
        return "killed"

    def _exceeded(self) -> str:
        if self._box.group is None and self._memory() > self._limits.memory_bytes:
            return "memory"
        flood = self._client.output_bytes > _OUTPUT_FACTOR * self._limits.output_bytes
        return "output" if flood or self._client.messages > _OUTPUT_MESSAGES else ""

    def _keep_reply(self, execute_reply: dict[str, Any], **_: Any) -> None:
        self._reply = execute_reply["content"]

    def _interrupt(self) -> None:
        """What pressing "stop" does: the kernel and its children are told, not what holds the box."""
        with contextlib.suppress(psutil.Error, OSError):
            if self._kernel is not None and self._kernel.is_running():
                os.killpg(self._kernel.pid, signal.SIGINT)

    def _innermost(self) -> psutil.Process:
        """The kernel itself, behind the processes of its box; asked before any student code runs."""
        process = psutil.Process(self._pid())
        for _ in range(self._box.depth):
            (process,) = process.children()
        return process

    def _pid(self) -> int | None:
        return getattr(self._manager.provisioner, "pid", None)

    def _processes(self) -> list[psutil.Process]:
        pid = self._pid()
        if pid is None:
            return []
        with contextlib.suppress(psutil.Error):
            kernel = psutil.Process(pid)
            return [*kernel.children(recursive=True), kernel]
        return []

    def _cpu_seconds(self) -> float:
        if self._box.group is not None:
            return self._box.group.cpu_seconds()
        total = 0.0
        for process in self._processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                # Children that ended are in their parent's account.
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def _memory(self) -> int:
        """What all processes hold. What they share counts once, which is looked at only where it matters."""
        processes = self._processes()
        total = 0
        for process in processes:
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        if total <= self._limits.memory_bytes or sys.platform != "linux":
            return total
        total = 0
        for process in processes:
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
            if total > self._limits.memory_bytes:
                break
        return total

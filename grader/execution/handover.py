"""What passes between worker and kernel at the start, and nothing else: open files, given by number.

The kernel's sockets are bound and listening before it exists, in a folder that nothing inside can
reach. A kernel that made its own could put a link there, to another kernel's: the client follows it
at its next reconnection.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Mapping
from typing import Any, Self

_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
_NAME_INSIDE = "kernel"
_TAIL_BYTES = 2_000


class Handover:
    """The probe's plan with the connection in it, and the listening sockets; closed after the start.

    `connection` is jupyter_client's, by ipc; sockets are made at `base`-1, `base`-2 and so on.
    """

    def __init__(self, plan: Mapping[str, Any], connection: Mapping[str, Any], base: str) -> None:
        self._open = contextlib.ExitStack()
        sockets: dict[str, int] = {}
        for name in _PORTS:
            listening = self._open.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            listening.bind(f"{base}-{connection[name]}")
            listening.listen()
            sockets[f"ipc://{_NAME_INSIDE}-{connection[name]}"] = listening.fileno()
        inside = {name: connection[name] for name in (*_PORTS, "signature_scheme")}
        inside |= {"transport": "ipc", "ip": _NAME_INSIDE, "key": connection["key"].decode()}
        file = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        file.write(json.dumps({**plan, "connection": inside, "sockets": sockets}).encode())
        file.seek(0)
        self.number = file.fileno()
        self.numbers = (self.number, *sockets.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_fault: object) -> None:
        self._open.close()


class Tail:
    """An open file to write to, of which only the end is kept; for what a kernel says when it fails."""

    def __init__(self) -> None:
        self._reading, self.number = os.pipe()
        self._kept = b""
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        with os.fdopen(self._reading, "rb", buffering=0) as file:
            while block := file.read(1 << 16):
                self._kept = (self._kept + block)[-_TAIL_BYTES:]

    def text(self) -> str:
        return self._kept.decode(errors="replace").strip()

    def close(self) -> None:
        """Stops writing from this side; reading ends with the last process that can write."""
        os.close(self.number)

"""What a new box has to prove from inside: `python trial.py WITNESS... PORT PID`.

Tries to read each WITNESS, to connect to PORT on this machine and to reach the process PID, and
prints as JSON what it found. Nothing of it may have worked.
"""

import contextlib
import importlib.util
import json
import os
import socket
import sys
from pathlib import Path

_VSOCK = 40
_NEEDED = ("grader.probe", "ipykernel", "torch")


def main() -> None:
    *witnesses, port, pid = sys.argv[1:]
    found: list[str] = []
    for witness in witnesses:
        with contextlib.suppress(OSError), Path(witness).open("rb"):
            found.append(f"reads {witness}")
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), 2):
        found.append("connects to this machine")
    with contextlib.suppress(OSError):
        os.kill(int(pid), 0)
        found.append("reaches other processes")
    with contextlib.suppress(OSError), socket.socket(_VSOCK, socket.SOCK_STREAM):
        found.append("opens any kind of socket")
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if status["Seccomp"] != "2":
        found.append("has no seccomp filter")
    if int(status["CapEff"], 16) or int(status["CapPrm"], 16):
        found.append("has privileges")
    if status["NoNewPrivs"] != "1":
        found.append("can gain privileges")
    if os.getuid() == 0:
        found.append("is root")
    Path("written").write_text("x", encoding="ascii")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    sys.stdout.write(json.dumps({"leaks": found, "missing": missing}))


if __name__ == "__main__":
    main()

"""Which cell is running, and the variables that stand at the end of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from grader.probe.channel import Channel
from grader.probe.trainings import Recorder

_MAX_ELEMENTS = 1 << 20
_MAX_TEXT = 500
_MAX_ITEMS = 50


class CellWatch:
    """Follows the planned cells by their source; `namespace` is the student's."""

    def __init__(
        self,
        plan: Mapping[str, Any],
        recorder: Recorder,
        channel: Channel,
        namespace: Mapping[str, Any],
    ) -> None:
        self._cells: Sequence[Mapping[str, Any]] = plan["cells"]
        self._arrays: Sequence[str] = plan["arrays"]
        self._variables: Sequence[str] = plan["variables"]
        self._recorder = recorder
        self._channel = channel
        self._namespace = namespace
        self._position = 0
        self._depth = 0
        self._cell: Mapping[str, Any] | None = None
        self._part: tuple[Any, int] = (None, 0)
        self._before: dict[str, Any] = {}

    def begin(self, info: Any) -> None:
        """IPython's `pre_run_cell`; also called for the body of `%%capture` and its like."""
        self._depth += 1
        if self._depth > 1:
            return
        self._cell = None
        for offset, cell in enumerate(self._cells[self._position :]):
            if cell["source"] == info.raw_cell:
                self._position += offset + 1
                self._cell = cell
                break
        cell = self._cell or {"index": None, "question": None, "part": 0}
        if (cell["question"], cell["part"]) != self._part:
            self._part = (cell["question"], cell["part"])
            # Held, not only remembered by id: what an earlier answer left behind is not this one's.
            self._before = {n: self._namespace[n] for n in self._arrays if n in self._namespace}
        self._recorder.enter(cell["index"], cell["question"], cell["part"])

    def end(self, _result: Any) -> None:
        """IPython's `post_run_cell`, also after an error."""
        self._depth = max(self._depth - 1, 0)
        if self._depth:
            return
        faults = []
        try:
            self._recorder.leave()
            if self._cell is not None and self._cell["question"] is not None:
                self._send_variables(self._cell)
        except Exception as fault:  # noqa: BLE001 - a fault of ours is told, and never the student's
            faults.append(f"end of cell: {fault!r}"[:300])
        self._channel.send(
            "cell",
            {
                "index": -1 if self._cell is None else self._cell["index"],
                "tampered": self._recorder.tampered(),
                "faults": [*self._recorder.faults, *faults],
            },
            {},
            always=True,
        )

    def _send_variables(self, cell: Mapping[str, Any]) -> None:
        arrays, plain = {}, {}
        for name in self._arrays:
            if (tensor := _tensor(self._own(name))) is not None:
                arrays[name] = tensor
        for name in self._variables:
            value = _plain(self._namespace.get(name))
            if value is not None:
                plain[name] = value
        header = {"question": cell["question"], "part": cell["part"], "variables": plain}
        if not self._channel.send("snapshot", header, arrays):
            self._channel.send("snapshot", header, {}, always=True)

    def _own(self, name: str) -> Any:
        """A value that this answer has bound; None for what stood there before it began."""
        value = self._namespace.get(name)
        return None if name in self._before and self._before[name] is value else value


def _tensor(value: Any) -> torch.Tensor | None:
    if type(value).__module__ == "numpy" and type(value).__name__ == "ndarray":
        try:
            value = torch.as_tensor(value)
        except (TypeError, ValueError):  # an array of strings or objects
            return None
    if not isinstance(value, torch.Tensor) or value.is_complex() or value.is_meta:
        return None
    if value.layout != torch.strided or value.is_quantized:
        return None
    return value.detach().clone() if 0 < value.numel() <= _MAX_ELEMENTS else None


def _plain(value: Any, depth: int = 0) -> Any:
    """A small JSON value, or None; numpy's and torch's truth values become Python's."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value[:_MAX_TEXT]
    if depth < 3 and isinstance(value, list | tuple) and len(value) <= _MAX_ITEMS:
        return [_plain(item, depth + 1) for item in value]
    if depth < 3 and type(value) is dict and len(value) <= _MAX_ITEMS:
        # Pairs, not an object: keys 1 and "1" are different answers.
        return {"pairs": [[_plain(k, depth + 1), _plain(v, depth + 1)] for k, v in value.items()]}
    if type(value).__name__ in {"bool", "bool_"} or (torch.is_tensor(value) and value.numel() == 1):
        return bool(value)
    return None

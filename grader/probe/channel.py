"""The record format in which evidence leaves the student's process.

A record is `MAGIC`, the lengths of two blocks as little-endian u32 and u64, a JSON header, and
the raw little-endian array bytes that the header's `arrays` describe (dtype, shape, offset).
Records are only appended, so that whatever was written before a crash can be read.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
from collections.abc import Mapping
from typing import Any

import torch

MAGIC = b"GRDR"
_LENGTHS = struct.Struct("<IQ")
_DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
_MAX_HEADER = 8 << 20


class Channel:
    """An append-only file descriptor with a budget in bytes; beyond it, records are dropped."""

    def __init__(self, fd: int, budget: int) -> None:
        self._fd = fd
        self._left = budget

    def send(
        self,
        kind: str,
        header: Mapping[str, Any],
        arrays: Mapping[str, torch.Tensor],
        *,
        always: bool = False,
    ) -> bool:
        """Appends a record; False if it is too large or the budget is used up.

        `always` is for small records that must arrive whatever was shipped before.
        """
        described, blocks, offset = {}, [], 0
        for name, tensor in arrays.items():
            dtype, shape, block = _raw(tensor)
            described[name] = {"dtype": dtype, "shape": shape, "offset": offset, "bytes": len(block)}
            blocks.append(block)
            offset += len(block)
        text = json.dumps({"kind": kind, **header, "arrays": described}).encode()
        size = len(MAGIC) + _LENGTHS.size + len(text) + offset
        if len(text) > _MAX_HEADER or (size > self._left and not always):
            return False
        self._left -= size
        # One write: a record is either there or cut off at the end of the file.
        view = memoryview(b"".join([MAGIC, _LENGTHS.pack(len(text), offset), text, *blocks]))
        while view:
            view = view[os.write(self._fd, view) :]
        return True


def _raw(tensor: torch.Tensor) -> tuple[str, list[int], bytes]:
    tensor = tensor.detach().to("cpu")
    if tensor.dtype not in _DTYPES:
        tensor = tensor.to(torch.float32 if tensor.is_floating_point() else torch.int64)
    tensor = tensor.contiguous()
    size = tensor.numel() * tensor.element_size()
    block = ctypes.string_at(tensor.data_ptr(), size) if size else b""
    return _DTYPES[tensor.dtype], list(tensor.shape), block

"""An evidence bundle: what was seen of one attempt, as three plain files.

    evidence.json        {"schema": 1, "evidence": {...}}: every field; `codec` says how
    arrays.safetensors   the arrays, by the names that the fields give them
    SHA256SUMS           digests of both, in the form that `sha256sum -c` reads

The same evidence gives the same bytes. Half of what a bundle says began in a student's process, so
reading it trusts nothing: sizes, digests, names, dtypes and shapes come first, every field must have
its declared type, and nothing is ever filled in.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import safetensors
import safetensors.numpy

from grader.errors import EvidenceDamaged, EvidenceTooLarge
from grader.model import EVIDENCE_SCHEMA, Array, Evidence
from grader.results import atomic, codec

MAX_BYTES = 512 * 10**6

_JSON = "evidence.json"
_ARRAYS = "arrays.safetensors"
_SUMS = "SHA256SUMS"

_DTYPES = dict(zip(("F16", "F32", "F64", "I64"), codec.ARRAY_DTYPES, strict=True))


def write_evidence(evidence: Evidence, folder: Path) -> None:
    """Write a bundle as `folder`, completely or not at all; there must be no such folder yet.

    Raises `EvidenceTooLarge` above 512 MB, `codec.Mismatch` where a value has not its declared type,
    and OSError as the disk does.
    """
    atomic.write_folder(folder, bundle_files(evidence))


def read_evidence(folder: Path) -> Evidence:
    """Read a bundle back; raises `EvidenceDamaged`, with the file's name, unless all of it is sound."""
    files = _read_files(folder)
    if files.pop(_SUMS) != _sums(files):
        raise EvidenceDamaged(folder / _SUMS, "its digests are not those of the files beside it")
    body = _parse_json(folder / _JSON, files[_JSON])
    arrays = _parse_arrays(folder / _ARRAYS, files[_ARRAYS])
    try:
        return codec.decode(Evidence, body, arrays)
    except codec.Mismatch as fault:
        raise EvidenceDamaged(folder / _JSON, str(fault)) from None


def is_bundle(folder: Path) -> bool:
    """Whether a bundle stands there; whether it is sound shows when it is read."""
    return (folder / _SUMS).is_file()


def bundle_digest(folder: Path) -> str:
    """The SHA-256 that stands for the whole bundle: that of its list of digests."""
    try:
        return hashlib.sha256((folder / _SUMS).read_bytes()).hexdigest()
    except OSError as fault:
        raise EvidenceDamaged(folder / _SUMS, fault.strerror or str(fault)) from fault


def bundle_files(evidence: Evidence) -> dict[str, bytes]:
    """The bundle's files by name; raises as `write_evidence` does, but for the disk."""
    body, arrays = codec.encode(Evidence, evidence)
    document = {"schema": EVIDENCE_SCHEMA, "evidence": body}
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    size = len(text) + sum(array.nbytes for array in arrays.values())  # before anything is copied
    if size <= MAX_BYTES:
        dense = {
            name: array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
            for name, array in arrays.items()
        }
        files = {_JSON: text.encode(), _ARRAYS: safetensors.numpy.save(dense)}
        files[_SUMS] = _sums(files)
        size = sum(map(len, files.values()))
        if size <= MAX_BYTES:
            return files
    raise EvidenceTooLarge(evidence.key, size, MAX_BYTES)


def _sums(files: Mapping[str, bytes]) -> bytes:
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in (_JSON, _ARRAYS))
    return "".join(lines).encode()


def _read_files(folder: Path) -> dict[str, bytes]:
    """All files, unless together they are larger than a bundle may be."""
    files: dict[str, bytes] = {}
    left = MAX_BYTES
    for name in (_SUMS, _JSON, _ARRAYS):
        path = folder / name
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                raise EvidenceDamaged(path, "it is not a plain file")
            if status.st_size > left:
                raise EvidenceDamaged(path, f"the bundle is larger than {MAX_BYTES:,} bytes")
            files[name] = path.read_bytes()
        except OSError as fault:
            raise EvidenceDamaged(path, fault.strerror or str(fault)) from fault
        left -= status.st_size
    return files


def _parse_json(path: Path, data: bytes) -> codec.Json:
    try:
        document = json.loads(
            data.decode(), parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated_names
        )
    except (ValueError, RecursionError) as fault:
        raise EvidenceDamaged(path, f"it is not readable JSON: {fault}") from None
    if type(document) is not dict or type(document.get("schema")) is not int:
        raise EvidenceDamaged(path, "it has no schema number")
    if document["schema"] != EVIDENCE_SCHEMA:
        found = str(document["schema"])
        raise EvidenceDamaged(path, f"it has schema {found:.20}, this version reads schema {EVIDENCE_SCHEMA}")
    if document.keys() != {"schema", "evidence"}:
        raise EvidenceDamaged(path, "it must hold the schema number and the evidence, and nothing else")
    return document["evidence"]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _refuse_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return names


def _parse_arrays(path: Path, data: bytes) -> dict[str, Array]:
    """The arrays by name, read-only. The library checks offsets, and lengths against shapes and dtypes."""
    arrays: dict[str, Array] = {}
    try:
        views = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as fault:
        raise EvidenceDamaged(path, f"its header is wrong: {str(fault)!r:.200}") from None
    for name, view in views:
        if view["dtype"] not in _DTYPES:
            raise EvidenceDamaged(path, f"array {name!r:.40} has the dtype {view['dtype']}")
        # An empty array may claim any length along its other axes, for arithmetic to stumble over.
        if len(view["shape"]) > codec.MAX_DIMENSIONS or max(view["shape"], default=0) > MAX_BYTES:
            raise EvidenceDamaged(path, f"array {name!r:.40} has an impossible shape")
        try:
            array = np.frombuffer(view["data"], _DTYPES[view["dtype"]]).reshape(view["shape"])
        except ValueError as fault:
            raise EvidenceDamaged(path, f"array {name!r:.40}: {fault}") from None
        array.flags.writeable = False
        arrays[name] = array
    return arrays

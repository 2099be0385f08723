"""Reads the records that the probe shipped. The file was writable by the student: trust nothing.

Sizes, names, types, shapes and counts are checked before any arithmetic. A record that is cut off
at the end of the file is what a crash leaves behind and is ignored; anything else that does not
fit makes the whole evidence damaged.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from grader.model import Array, OwnerSeen, ParameterSeen, Scalar, Snapshot, Training

MAGIC = b"GRDR"
_LENGTHS = struct.Struct("<IQ")
_DTYPES: Mapping[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
}
_MAX_HEADER = 8 << 20
_MAX_RECORDS = 100_000
_MAX_ARRAYS = 4_000
_MAX_DIMENSIONS = 8
_MAX_TEXT = 2_000
_MAX_PARAMETERS = 10_000
_MAX_TRAININGS = 4_000
_Batches = tuple[int, ...]


class _Malformed(Exception):
    """A record that the probe cannot have written; the argument says what is wrong."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """What one kernel shipped; `damage` says why reading stopped early, if it did."""

    trainings: tuple[Training, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    environment: Mapping[str, Scalar] | None = None
    tampered: tuple[str, ...] = ()
    faults: tuple[tuple[int, str], ...] = ()
    damage: str = ""


@dataclass(frozen=True, slots=True)
class _Record:
    kind: str
    header: Mapping[str, Any]
    arrays: Mapping[str, Array]


def read_shipped(path: Path, budget: int) -> Shipped:
    """Everything readable in the file; later records about the same thing replace earlier ones."""
    size = path.stat().st_size
    if size > budget + (1 << 20):
        return Shipped(damage=f"{size} bytes, more than the probe may write")
    data = path.read_bytes()
    trainings: dict[int, tuple[Training, _Batches]] = {}
    snapshots: dict[tuple[str, int], Snapshot] = {}
    environment: dict[str, Scalar] | None = None
    tampered: dict[str, None] = {}
    faults: dict[tuple[int, str], None] = {}
    damage = ""
    try:
        for record in _records(data):
            if record.kind == "training":
                number = _integer(record.header, "number")
                if number >= _MAX_TRAININGS:
                    raise _Malformed(f"training number {number}")
                trainings[number] = _training(record), _batches(record)
            elif record.kind == "snapshot":
                snapshot = _snapshot(record)
                snapshots[snapshot.question, snapshot.part] = snapshot
            elif record.kind == "environment":
                environment = _scalars(
                    {k: v for k, v in record.header.items() if k not in ("kind", "arrays")}
                )
            elif record.kind == "cell":
                tampered.update(dict.fromkeys(_texts(record.header, "tampered")))
                cell = record.header.get("index")
                told = _texts(record.header, "faults")
                faults.update({(cell if type(cell) is int else -1, text): None for text in told})
            else:
                raise _Malformed(f"unknown record {record.kind!r}")
    except _Malformed as problem:
        damage = str(problem)
    except (OverflowError, ValueError, TypeError) as problem:
        damage = f"{type(problem).__name__}: {problem}"[:200]
    return Shipped(
        trainings=_merge_partners([trainings[number] for number in sorted(trainings)]),
        snapshots=tuple(snapshots.values()),
        environment=environment,
        tampered=tuple(tampered),
        faults=tuple(faults),
        damage=damage,
    )


def _records(data: bytes) -> Iterator[_Record]:
    position, count = 0, 0
    while position < len(data):
        start = position + len(MAGIC)
        if data[position:start] != MAGIC[: len(data) - position]:
            raise _Malformed(f"no record at byte {position}")
        if len(data) < start + _LENGTHS.size:
            return
        header_size, payload_size = _LENGTHS.unpack_from(data, start)
        if header_size > _MAX_HEADER:
            raise _Malformed(f"a header of {header_size} bytes")
        body = start + _LENGTHS.size
        end = body + header_size + payload_size
        if end > len(data):
            return
        count += 1
        if count > _MAX_RECORDS:
            raise _Malformed(f"more than {_MAX_RECORDS} records")
        header = _header(data[body : body + header_size])
        yield _Record(_text(header, "kind"), header, _arrays(header, data[body + header_size : end]))
        position = end


def _header(block: bytes) -> Mapping[str, Any]:
    try:
        header = json.loads(block)
    except (ValueError, RecursionError) as problem:
        raise _Malformed(f"a header that is not JSON: {str(problem)[:100]}") from None
    if not isinstance(header, dict):
        raise _Malformed("a header that is not an object")
    return header


def _arrays(header: Mapping[str, Any], payload: bytes) -> dict[str, Array]:
    described = header.get("arrays")
    if not isinstance(described, dict) or len(described) > _MAX_ARRAYS:
        raise _Malformed("arrays are not described")
    arrays: dict[str, Array] = {}
    expected = 0
    for name, entry in described.items():
        if not isinstance(entry, dict):
            raise _Malformed(f"array {name[:50]!r} is not described")
        dtype = _DTYPES.get(str(entry.get("dtype")))
        shape = entry.get("shape")
        if dtype is None or not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS:
            raise _Malformed(f"array {name[:50]!r} has no known type or shape")
        if not all(type(n) is int and 0 <= n <= len(payload) for n in shape):
            raise _Malformed(f"array {name[:50]!r} has an impossible shape")
        size = math.prod(shape) * dtype.itemsize
        if entry.get("offset") != expected or entry.get("bytes") != size:
            raise _Malformed(f"array {name[:50]!r} does not fit its bytes")
        if expected + size > len(payload):
            raise _Malformed(f"array {name[:50]!r} ends outside its record")
        arrays[name] = np.frombuffer(payload, dtype, math.prod(shape), expected).reshape(shape)
        expected += size
    if expected != len(payload):
        raise _Malformed("bytes that belong to no array")
    return arrays


# -- records -> values ----------------------------------------------------------------------------


def _training(record: _Record) -> Training:
    header = record.header
    described = header.get("parameters")
    if not isinstance(described, list) or len(described) > _MAX_PARAMETERS:
        raise _Malformed("a training without parameters")
    curve, cells = header.get("curve"), header.get("cells")
    if not isinstance(curve, list) or not all(isinstance(v, int | float) for v in curve):
        raise _Malformed("a loss curve that is not numbers")
    if not isinstance(cells, list) or not all(type(cell) is int for cell in cells):
        raise _Malformed("cells that are not numbers")
    fitted = {k: v for k, v in record.arrays.items() if (k.isdigit() or k == "last") and v.dtype.kind == "f"}
    return Training(
        question=None if header.get("question") is None else _text(header, "question"),
        part=_integer(header, "part"),
        cells=tuple(cells),
        optimizer=_text(header, "optimizer"),
        settings=_scalars(header.get("settings")),
        steps=_integer(header, "steps"),
        loss=_text(header, "loss"),
        calls=_integer(header, "calls"),
        losses=tuple(float(value) for value in curve),
        parameters=tuple(
            _parameter(entry, record.arrays.get(f"initial.{index}")) for index, entry in enumerate(described)
        ),
        fitted=fitted,
        labels=record.arrays.get("labels"),
        continued=header.get("continued") is True,
    )


def _parameter(entry: Any, initial: Array | None) -> ParameterSeen:
    if not isinstance(entry, dict) or not isinstance(entry.get("shape"), list):
        raise _Malformed("a parameter that is not described")
    owners = entry.get("owners")
    if not isinstance(owners, list):
        raise _Malformed("a parameter without owners")
    return ParameterSeen(
        name=_text(entry, "name"),
        shape=tuple(int(n) for n in entry["shape"] if type(n) is int),
        owners=tuple(_owner(owner) for owner in owners),
        moved=entry.get("moved") is True,
        gradient=entry.get("gradient") is True,
        initial=initial,
    )


def _owner(entry: Any) -> OwnerSeen:
    if not isinstance(entry, dict):
        raise _Malformed("an owner that is not described")
    return OwnerSeen(
        type=_text(entry, "type"),
        bases=_texts(entry, "bases"),
        own_forward=entry.get("own_forward") is True,
        direct=entry.get("direct") is True,
    )


def _snapshot(record: _Record) -> Snapshot:
    variables = record.header.get("variables")
    if not isinstance(variables, dict):
        raise _Malformed("a snapshot without variables")
    return Snapshot(
        question=_text(record.header, "question"),
        part=_integer(record.header, "part"),
        arrays=record.arrays,
        variables={name: _plain(value) for name, value in variables.items()},
    )


def _plain(value: Any) -> Any:
    """Undoes the probe's encoding of dicts, so that keys keep their type."""
    if isinstance(value, dict):
        pairs = value.get("pairs")
        if not isinstance(pairs, list) or not all(isinstance(p, list) and len(p) == 2 for p in pairs):
            raise _Malformed("a variable that is not plain")
        return {key: _plain(item) for key, item in pairs if isinstance(key, str | int | bool)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _merge_partners(trainings: list[tuple[Training, _Batches]]) -> tuple[Training, ...]:
    """Optimizers that stepped on the very same loss calls are one training with more parameters.

    Equal numbers are no sign of that: an own network may well repeat another one's bit for bit.
    """
    merged: list[Training] = []
    places: dict[tuple[object, ...], int] = {}
    for training, batches in trainings:
        key = (training.question, training.part, training.steps, batches)
        if batches and key in places:
            first = merged[places[key]]
            both = (*first.parameters, *training.parameters)
            merged[places[key]] = replace(first, parameters=both)
        else:
            places[key] = len(merged)
            merged.append(training)
    return tuple(merged)


def _batches(record: _Record) -> _Batches:
    found = record.header.get("batches")
    if not isinstance(found, list) or not all(type(number) is int for number in found[:2]):
        raise _Malformed("batches that are not numbers")
    return tuple(found[:2])


def _text(header: Mapping[str, Any], name: str) -> str:
    value = header.get(name)
    if not isinstance(value, str):
        raise _Malformed(f"{name} is not text")
    return value[:_MAX_TEXT]


def _texts(header: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = header.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _Malformed(f"{name} is not a list of texts")
    return tuple(item[:_MAX_TEXT] for item in value[:100])


def _integer(header: Mapping[str, Any], name: str) -> int:
    value = header.get(name)
    if type(value) is not int or value < 0:
        raise _Malformed(f"{name} is not a count")
    return value


def _scalars(value: Any) -> dict[str, Scalar]:
    if not isinstance(value, dict) or len(value) > 1_000:
        raise _Malformed("settings are not described")
    return {
        str(name)[:200]: item[:_MAX_TEXT] if isinstance(item, str) else item
        for name, item in value.items()
        if item is None or isinstance(item, str | int | float | bool)
    }

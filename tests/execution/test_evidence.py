"""What the probe ships is read back exactly; what anybody else wrote there is never believed."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.execution.evidence import read_shipped
from grader.probe.channel import Channel

BUDGET = 1 << 20
OWNER = {"type": "torch.nn.RNN", "bases": ["torch.nn.RNN"], "own_forward": False, "direct": True}
TRAINING: dict[str, Any] = {
    "number": 0,
    "question": "1-1",
    "part": 0,
    "cells": [3],
    "optimizer": "torch.optim.Adam",
    "settings": {"lr": 0.1, "amsgrad": False, "maximize": None},
    "continued": False,
    "steps": 2,
    "loss": "cross_entropy",
    "calls": 1,
    "curve": [2.0, 1.5],
    "batches": [4, 5],
    "parameters": [
        {
            "name": "weight_ih",
            "shape": [2],
            "owners": [OWNER],
            "gradient": True,
            "moved": True,
        }
    ],
}


def shipped_by(path: Path, *records: tuple[str, dict[str, Any], dict[str, torch.Tensor]]) -> Path:
    path.touch()
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    channel = Channel(fd, BUDGET)
    for record in records:
        channel.send(*record)
    os.close(fd)
    return path


def raw_record(header: bytes, payload: bytes = b"") -> bytes:
    return b"GRDR" + struct.pack("<IQ", len(header), len(payload)) + header + payload


def test_a_training_comes_back_as_it_was_sent(tmp_path: Path) -> None:
    values = torch.randn(4, 3)
    arrays = {"last": values, "5": values.double(), "labels": torch.arange(4), "initial.0": torch.ones(2)}
    shipped = read_shipped(shipped_by(tmp_path / "log", ("training", TRAINING, arrays)), BUDGET)
    (training,) = shipped.trainings
    assert shipped.damage == ""
    np.testing.assert_array_equal(training.fitted["last"], values.numpy())
    assert training.fitted["5"].dtype == np.float64
    assert training.labels is not None
    assert training.labels.tolist() == [0, 1, 2, 3]
    assert training.parameters[0].initial is not None
    assert training.parameters[0].owners[0].type == "torch.nn.RNN"
    assert training.settings == {"lr": 0.1, "amsgrad": False, "maximize": None}
    assert training.losses == (2.0, 1.5)


def test_a_later_record_about_the_same_training_replaces_the_earlier(tmp_path: Path) -> None:
    later = TRAINING | {"steps": 100}
    log = shipped_by(tmp_path / "log", ("training", TRAINING, {}), ("training", later, {}))
    (training,) = read_shipped(log, BUDGET).trainings
    assert training.steps == 100


def test_two_optimizers_stepping_on_the_same_losses_are_one_training(tmp_path: Path) -> None:
    values = {"last": torch.randn(4, 3)}
    other = TRAINING | {"number": 1}
    again = TRAINING | {"number": 2, "batches": [6, 7]}
    log = shipped_by(
        tmp_path / "log",
        ("training", TRAINING, values),
        ("training", other, values),
        ("training", again, values),
    )
    merged, apart = read_shipped(log, BUDGET).trainings
    assert len(merged.parameters) == 2
    assert len(apart.parameters) == 1


def test_dict_keys_keep_their_type(tmp_path: Path) -> None:
    variables = {"answers": {"pairs": [[1, True], ["1", False]]}}
    header = {"question": "2-1", "part": 0, "variables": variables}
    (snapshot,) = read_shipped(shipped_by(tmp_path / "log", ("snapshot", header, {})), BUDGET).snapshots
    assert snapshot.variables == {"answers": {1: True, "1": False}}


@pytest.mark.parametrize("lost", [1, 7, 40])
def test_a_record_cut_off_by_a_crash_is_left_out_without_complaint(tmp_path: Path, lost: int) -> None:
    log = shipped_by(tmp_path / "log", ("training", TRAINING, {}), ("training", TRAINING | {"number": 1}, {}))
    log.write_bytes(log.read_bytes()[:-lost])
    shipped = read_shipped(log, BUDGET)
    assert len(shipped.trainings) == 1
    assert shipped.damage == ""


def test_the_budget_drops_records_whole(tmp_path: Path) -> None:
    big = {"last": torch.zeros(BUDGET)}
    log = shipped_by(tmp_path / "log", ("training", TRAINING, big), ("training", TRAINING, {}))
    shipped = read_shipped(log, BUDGET)
    assert len(shipped.trainings) == 1
    assert shipped.damage == ""


def arrays_header(**entry: Any) -> bytes:
    described = {"dtype": "F32", "shape": [2], "offset": 0, "bytes": 8} | entry
    return json.dumps({"kind": "training", "arrays": {"last": described}}).encode()


def training_record(**changes: Any) -> bytes:
    return raw_record(json.dumps({"kind": "training", "arrays": {}, **TRAINING, **changes}).encode())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"nonsense" * 100, "no record"),
        (raw_record(b"not json"), "not JSON"),
        (raw_record(b"[]"), "not an object"),
        (raw_record(b"[" * 100_000), "not JSON"),
        (raw_record(b'{"kind": "training"}'), "not described"),
        (raw_record(b'{"kind": "gift", "arrays": {}}'), "unknown record"),
        (raw_record(arrays_header(shape=[0, 1 << 60]), b"\0" * 8), "impossible shape"),
        (raw_record(arrays_header(shape=[-1]), b"\0" * 8), "impossible shape"),
        (raw_record(arrays_header(shape=[True]), b"\0" * 8), "impossible shape"),
        (raw_record(arrays_header(shape=[1] * 9), b"\0" * 8), "no known type or shape"),
        (raw_record(arrays_header(dtype="OBJECT"), b"\0" * 8), "no known type"),
        (raw_record(arrays_header(offset=4), b"\0" * 8), "does not fit"),
        (raw_record(arrays_header(bytes=4), b"\0" * 8), "does not fit"),
        (raw_record(arrays_header(), b"\0" * 4), "impossible shape|outside"),
        (raw_record(arrays_header(), b"\0" * 12), "belong to no array"),
        (training_record(steps=-1), "steps"),
        (training_record(curve=["x"]), "curve"),
        (training_record(cells=["x"]), "cells"),
        (training_record(batches=["x"]), "batches"),
        (training_record(curve=[10**400]), "OverflowError"),
        (raw_record(b'{"kind": "training", "arrays": {}, "parameters": [1]}'), "number is not a count"),
        (b"GRDR" + struct.pack("<IQ", 1 << 31, 0), "header of"),
    ],
)
def test_forged_records_are_damage(tmp_path: Path, content: bytes, complaint: str) -> None:
    good = shipped_by(tmp_path / "log", ("training", TRAINING, {}))
    good.write_bytes(good.read_bytes() + content)
    shipped = read_shipped(good, BUDGET)
    assert len(shipped.trainings) == 1, "what was sound before the damage is kept"
    assert any(part in shipped.damage for part in complaint.split("|")), shipped.damage


def test_a_file_beyond_its_budget_is_not_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        file.truncate(BUDGET + (2 << 20))
    assert "more than the probe may write" in read_shipped(log, BUDGET).damage


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_arbitrary_bytes_never_raise(noise: bytes, position: int, value: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        log = shipped_by(Path(folder) / "log", ("training", TRAINING, {"last": torch.zeros(2, 2)}))
        content = bytearray(log.read_bytes())
        content[position % len(content)] = value
        log.write_bytes(bytes(content) + noise)
        read_shipped(log, BUDGET)

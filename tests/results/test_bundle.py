from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import EvidenceDamaged, EvidenceTooLarge, ResultsError
from grader.model import Evidence
from grader.results import bundle, bundle_digest, read_evidence, write_evidence
from tests.results.made import evidence, read_all, same, values


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def resigned(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files with digests that are right again: damage that only a careful reader sees."""
    names = ("evidence.json", "arrays.safetensors")
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in names)
    return {**files, "SHA256SUMS": sums.encode()}


def edited(change: Callable[[dict[str, Any]], None], original: Evidence | None = None) -> dict[str, bytes]:
    files = bundle.bundle_files(original or evidence())
    document = json.loads(files["evidence.json"])
    change(document)
    return resigned({**files, "evidence.json": json.dumps(document).encode()})


def with_arrays(header: dict[str, Any] | bytes, data: bytes) -> dict[str, bytes]:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    files = bundle.bundle_files(evidence(size=1))
    return resigned({**files, "arrays.safetensors": struct.pack("<Q", len(text)) + text + data})


@settings(max_examples=150, deadline=None)
@given(values(Evidence))
def test_any_evidence_comes_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, made: Evidence
) -> None:
    folder = tmp_path_factory.mktemp("bundle") / "b"
    write_evidence(made, folder)
    back = read_evidence(folder)
    assert same(made, back)
    assert bundle.bundle_files(back) == read_all(folder)
    json.loads((folder / "evidence.json").read_bytes(), parse_constant=pytest.fail)


def test_the_same_evidence_gives_the_same_bytes_in_every_process() -> None:
    code = (
        "from dataclasses import replace; from grader.model import CellFacts, StaticFacts;"
        "from grader.results import bundle; from tests.results.made import evidence; import hashlib;"
        "facts = StaticFacts((CellFacts(0, frozenset('abcdefgh'), frozenset('yhat net'.split())),));"
        "made = replace(evidence(), facts=facts);"
        "print(hashlib.sha256(bundle.bundle_files(made)['SHA256SUMS']).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout != ""


def test_files_can_be_checked_by_hand(tmp_path: Path) -> None:
    write_evidence(evidence(), tmp_path / "b")
    assert set(read_all(tmp_path / "b")) == {"SHA256SUMS", "arrays.safetensors", "evidence.json"}
    for line in (tmp_path / "b/SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert digest == hashlib.sha256((tmp_path / "b" / name).read_bytes()).hexdigest()
    assert len(bundle_digest(tmp_path / "b")) == 64


def test_arrays_that_were_read_cannot_be_changed(tmp_path: Path) -> None:
    write_evidence(evidence(), tmp_path / "b")
    fitted = read_evidence(tmp_path / "b").runs[0].trainings[0].fitted["last"]
    with pytest.raises(ValueError, match="read-only"):
        fitted[0] = 1


@pytest.mark.parametrize("name", ["evidence.json", "arrays.safetensors", "SHA256SUMS"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "gone", "folder", "link", "more"])
def test_damage_is_reported_with_the_file(tmp_path: Path, name: str, damage: str) -> None:
    write_evidence(evidence(), tmp_path / "b")
    path = tmp_path / "b" / name
    data = path.read_bytes()
    path.unlink()
    match damage:
        case "cut":
            path.write_bytes(data[: len(data) // 2])
        case "flip":
            path.write_bytes(data[:40] + bytes([data[40] ^ 1]) + data[41:])
        case "empty":
            path.write_bytes(b"")
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to("/dev/zero")
        case "more":
            path.write_bytes(data + b" ")
    with pytest.raises(
        EvidenceDamaged, match=r"b/(evidence\.json|arrays\.safetensors|SHA256SUMS) cannot be used"
    ):
        read_evidence(tmp_path / "b")


def drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return change


def put_at(value: Any, *path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


RUN = ("evidence", "runs", 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (drop("schema"), "no schema number"),
        (put_at(2, "schema"), "it has schema 2, this version reads schema 1"),
        (put_at(True, "schema"), "no schema number"),
        (put_at(1, "more"), "nothing else"),
        (drop("evidence"), "nothing else"),
        (put_at(None, "evidence"), "expected Evidence, found NoneType"),
        (drop(*RUN, "trainings"), "Evidence.runs: Run: written with other fields .*: 'trainings'"),
        (put_at(0, *RUN, "odd"), "written with other fields .*: 'odd'"),
        (put_at(0, *RUN, "\x1b[2J\ud800"), r"written with other fields .*\\x1b\[2J\\ud800'"),
        (put_at({}, *RUN, "cells"), "Run.cells: expected list, found dict"),
        (put_at("fine", *RUN, "cells", 0, "status"), "CellRun.status: expected one of .*'ok'.*, found str"),
        (put_at([], *RUN, "cells", 0, "status"), "CellRun.status: expected one of"),
        (put_at(True, *RUN, "cells", 0, "cell"), "CellRun.cell: expected int, found bool"),
        (put_at(1, *RUN, "cells", 0, "cpu_seconds"), "CellRun.cpu_seconds: expected float, found int"),
        (put_at({"float": "1e5"}, *RUN, "cells", 0, "cpu_seconds"), "expected float, found dict"),
        (put_at({"int": "0b1"}, *RUN, "cells", 0, "cell"), "expected int, found dict"),
        (put_at("\x1azzzz", *RUN, "purpose"), "wrong escape"),
        (put_at("7", *RUN, "trainings", 0, "fitted", "last"), "array '7' is missing, or mentioned twice"),
        (put_at("1", *RUN, "trainings", 0, "fitted", "last"), "array '1' is missing, or mentioned twice"),
        (put_at({}, *RUN, "trainings", 0, "fitted"), "1 arrays belong to nothing"),
        (put_at(0, *RUN, "trainings", 0, "fitted", "last"), "expected str, found int"),
        (put_at({"x": 1}, *RUN, "snapshots", 0, "variables", "v"), "Snapshot.variables: expected"),
        (put_at({"dict": [[[], 1]]}, *RUN, "snapshots", 0, "variables", "v"), "expected a key, found list"),
        (put_at({"dict": [[1]]}, *RUN, "snapshots", 0, "variables", "v"), "expected a key and a value"),
        (put_at(json.loads("[" * 99 + "]" * 99), *RUN, "snapshots", 0, "variables", "v"), "64 levels"),
    ],
)
def test_json_of_another_shape_is_refused(tmp_path: Path, change: Any, says: str) -> None:
    put(tmp_path / "b", edited(change))
    with pytest.raises(EvidenceDamaged, match=says):
        read_evidence(tmp_path / "b")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"schema": NaN}',
        b'{"schema": ' + b"1" * 5000 + b"}",
    ],
    ids=["empty", "not UTF-8", "no object", "deep", "NaN", "long number"],
)
def test_json_that_is_none_is_refused(tmp_path: Path, text: bytes) -> None:
    put(tmp_path / "b", resigned({**bundle.bundle_files(evidence()), "evidence.json": text}))
    with pytest.raises(EvidenceDamaged, match=r"evidence\.json"):
        read_evidence(tmp_path / "b")


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    files = bundle.bundle_files(evidence())
    text = files["evidence.json"].replace(b'"device":"cpu"', b'"device":"cuda","device":"cpu"')
    put(tmp_path / "b", resigned({**files, "evidence.json": text}))
    with pytest.raises(EvidenceDamaged, match="stands twice"):
        read_evidence(tmp_path / "b")


def entry(dtype: str, shape: list[int], start: int, stop: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({"0": entry("F32", [7], 0, 28), "1": entry("F32", [7], 28, 99)}, bytes(56)),
        ({"0": entry("F32", [7], 0, 28), "1": entry("F32", [7], 0, 28)}, bytes(28)),
        ({"0": entry("F32", [2**62, 4], 0, 28)}, bytes(28)),
        ({"0": entry("F32", [0, 2**60], 0, 0)}, b""),
        ({"0": entry("F32", [1] * 40, 0, 4)}, bytes(4)),
        ({"0": entry("BF16", [2], 0, 4)}, bytes(4)),
        ({"0": entry("U8", [4], 0, 4)}, bytes(4)),
        ({"0": entry("NONE", [4], 0, 4)}, bytes(4)),
        ({"0": entry("F32", [-1], 0, 4)}, bytes(4)),
        ({"0": {}}, b""),
        (b"{" * 5000, b""),
        (b"\xff", b""),
    ],
    ids=str,
)
def test_array_headers_are_not_believed(tmp_path: Path, header: Any, data: bytes) -> None:
    put(tmp_path / "b", with_arrays(header, data))
    with pytest.raises(EvidenceDamaged, match=r"arrays\.safetensors cannot be used"):
        read_evidence(tmp_path / "b")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_bytes_make_the_reader_crash(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Random edits under digests that are right: the reader refuses them or reads what they say."""
    files = bundle.bundle_files(evidence(size=2))
    name = data.draw(st.sampled_from(["evidence.json", "arrays.safetensors"]))
    content = bytearray(files[name])
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        stop = min(len(content), start + data.draw(st.integers(0, 4)))
        content[start:stop] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b'"', b"9", b"[", b"{}", b",", b"-"])
        )
    folder = tmp_path_factory.mktemp("bundle")
    put(folder, resigned({**files, name: bytes(content)}))
    try:
        back = read_evidence(folder)
    except EvidenceDamaged:
        return
    assert same(back, read_back(back, folder / "again"))


def read_back(made: Evidence, folder: Path) -> Evidence:
    write_evidence(made, folder)
    return read_evidence(folder)


def test_more_than_a_bundle_may_hold_is_refused_on_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_evidence(evidence(), tmp_path / "b")
    size = sum(map(len, read_all(tmp_path / "b").values()))
    assert size < bundle.MAX_BYTES == 512_000_000
    monkeypatch.setattr(bundle, "MAX_BYTES", size)
    assert same(read_evidence(tmp_path / "b"), evidence())
    assert sum(map(len, bundle.bundle_files(evidence()).values())) == size
    monkeypatch.setattr(bundle, "MAX_BYTES", size - 1)
    with pytest.raises(EvidenceDamaged, match="larger than"):
        read_evidence(tmp_path / "b")
    with pytest.raises(EvidenceTooLarge, match="may hold"):
        write_evidence(evidence(), tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_a_huge_array_is_refused_before_it_is_copied(tmp_path: Path) -> None:
    huge = np.broadcast_to(np.float32(0), (1 << 20, 1 << 12))
    training = replace(evidence().runs[0].trainings[0], labels=huge)
    made = replace(evidence(), runs=(replace(evidence().runs[0], trainings=(training,)),))
    with pytest.raises(EvidenceTooLarge):
        write_evidence(made, tmp_path / "b")


def test_a_sparse_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    write_evidence(evidence(), tmp_path / "b")
    os.truncate(tmp_path / "b/arrays.safetensors", 1 << 40)
    with pytest.raises(ResultsError, match="larger than"):
        read_evidence(tmp_path / "b")


def test_plain_values_may_be_so_deep_and_no_deeper(tmp_path: Path) -> None:
    def nested(levels: int) -> Evidence:
        value: Any = ()
        for level in range(levels - 1):
            value = {"key": value} if level % 2 else [value]
        snapshot = replace(evidence().runs[0].snapshots[0], variables={"deep": value})
        return replace(evidence(), runs=(replace(evidence().runs[0], snapshots=(snapshot,)),))

    assert same(read_back(nested(64), tmp_path / "b"), nested(64))
    with pytest.raises(TypeError, match="64 levels"):
        bundle.bundle_files(nested(65))


def test_integers_of_any_length_come_back(tmp_path: Path) -> None:
    long = -(10**5000)  # Python itself refuses to write more than 4,300 digits
    training = replace(evidence().runs[0].trainings[0], settings={"lr": long})
    made = replace(evidence(), runs=(replace(evidence().runs[0], trainings=(training,)),))
    assert read_back(made, tmp_path / "b").runs[0].trainings[0].settings["lr"] == long


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("fitted", {"last": np.zeros(2, np.longdouble)}, r"Training.fitted: arrays of \w+ with 1 axes"),
        ("fitted", {"last": [0.0]}, "Training.fitted: expected an array, found list"),
        ("fitted", {0: np.zeros(2)}, "Training.fitted: expected str, found int"),
        ("steps", 1.0, "Training.steps: expected int, found float"),
        ("continued", 1, "Training.continued: expected bool, found int"),
        ("cells", [0], "Training.cells: expected tuple, found list"),
        ("losses", (10**400,), "Training.losses: a whole number too large"),
        ("settings", {"lr": b"0.1"}, "Training.settings: expected .* or float or int or str, found bytes"),
        ("parameters", (None,), "Training.parameters: expected ParameterSeen, found NoneType"),
    ],
)
def test_what_has_not_its_declared_type_is_not_written(
    tmp_path: Path, field: str, value: Any, says: str
) -> None:
    changes: dict[str, Any] = {field: value}
    training = replace(evidence().runs[0].trainings[0], **changes)
    made = replace(evidence(), runs=(replace(evidence().runs[0], trainings=(training,)),))
    with pytest.raises(TypeError, match=says):
        write_evidence(made, tmp_path / "b")
    assert not (tmp_path / "b").exists()

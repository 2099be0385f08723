"""Targets as files: what is written comes back, and what was damaged does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.calibrate import read_targets, write_targets
from grader.errors import TargetsError
from grader.model import Array, Target, Targets


def probabilities(rows: int, seed: int = 0) -> Array:
    drawn = np.random.default_rng(seed).random((rows, 3), dtype=np.float32) + np.float32(0.01)
    values: Array = drawn / drawn.sum(axis=1, keepdims=True)
    return values


def target(question: str, values: Array, **changes: Any) -> Target:
    made = Target(
        question=question,
        fitted={"1": values, "last": values[::-1]},
        losses=(1.5, 0.25),
        settings={"optimizer": "torch.optim.Adam", "lr": 0.1, "fused": None, "amsgrad": False},
        steps=2,
        split=10,
        first=4.7e-7,
        rest=1.2e-7,
        runs=10,
    )
    return replace(made, **changes)


def targets(rows: int = 12, **changes: Any) -> Targets:
    values = probabilities(rows)
    made = Targets(
        assignment="a",
        fingerprint="cpu-f",
        environment={"torch": "2", "threads": 1},
        digest="",
        labels=(0, 1, 2) * (rows // 3),
        axis=("!", "가", "b"),
        items={"1-2": target("1-2", values), "1-3": target("1-3", values.copy())},
    )
    return replace(made, **changes)


def assert_equal(read: Targets, written: Targets) -> None:
    for question, wanted in written.items.items():
        found = read.items[question]
        assert replace(found, fitted={}) == replace(wanted, fitted={})
        assert found.fitted.keys() == wanted.fitted.keys()
        assert all(np.array_equal(found.fitted[step], values) for step, values in wanted.fitted.items())
    assert replace(read, items={}, digest="") == replace(written, items={}, digest="")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_targets(targets(), tmp_path)
    read = read_targets(tmp_path)
    assert_equal(read, targets())
    assert len(read.digest) == 64


@given(
    first=st.floats(1e-9, 1, allow_subnormal=False),
    losses=st.lists(st.floats(0, 1e6), min_size=1, max_size=5),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_every_number_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, first: float, losses: list[float], seed: int
) -> None:
    folder = tmp_path_factory.mktemp("targets")
    item = target("1", probabilities(12, seed), first=first, losses=tuple(losses), steps=len(losses))
    written = targets(items={"1": item})
    write_targets(written, folder)
    assert_equal(read_targets(folder), written)


def test_digest_tells_contents_apart(tmp_path: Path) -> None:
    digests = set()
    for number, made in enumerate([targets(), targets(assignment="b"), targets(labels=(2, 1, 0) * 4)]):
        write_targets(made, tmp_path / str(number))
        digests.add(read_targets(tmp_path / str(number)).digest)
    assert len(digests) == 3


def test_equal_arrays_are_kept_once(tmp_path: Path) -> None:
    write_targets(targets(), tmp_path)
    kept = json.loads((tmp_path / "targets.json").read_text(encoding="utf-8"))["items"]
    assert kept["1-3"]["fitted"] == kept["1-2"]["fitted"]


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def _edit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "4.7e-07" in text
    path.write_text(text.replace("4.7e-07", "4.7e-01"), encoding="utf-8")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit in an array": lambda folder: _flip(folder / "targets.safetensors"),
    "an envelope changed by hand": lambda folder: _edit(folder / "targets.json"),
    "no arrays": lambda folder: (folder / "targets.safetensors").unlink(),
    "no numbers": lambda folder: (folder / "targets.json").unlink(),
    "half an array file": lambda folder: (folder / "targets.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{"),
    "an empty file": lambda folder: (folder / "targets.json").write_text(""),
    "a list": lambda folder: (folder / "targets.json").write_text("[]"),
    "not text": lambda folder: (folder / "targets.json").write_bytes(b"\xff\xfe\x00"),
    "another schema": lambda folder: (folder / "targets.json").write_text('{"schema": 99, "digest": ""}'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_damage_is_found(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    write_targets(targets(), tmp_path)
    damage(tmp_path)
    with pytest.raises(TargetsError, match="cannot be used") as caught:
        read_targets(tmp_path)
    assert str(tmp_path) in str(caught.value)


def _with_nan(values: Array) -> Array:
    values = values.copy()
    values[3, 1] = np.nan
    return values


@pytest.mark.parametrize(
    "broken",
    [
        targets(labels=(0, 1, 3) * 4),
        targets(labels=(0, 1, 2) * 3),
        targets(axis=("a", "b")),
        targets(items={"1": target("1", _with_nan(probabilities(12)))}),
        targets(items={"1": target("1", probabilities(12) * np.float32(2))}),
        targets(items={"1": target("1", probabilities(12).astype(np.float64))}),
        targets(items={"1": target("1", probabilities(12), first=float("nan"))}),
        targets(items={"1": target("1", probabilities(12), rest=0.0)}),
        targets(items={"1": target("1", probabilities(12), losses=(1.0,))}),
        targets(items={"1": target("1", probabilities(12), fitted={"1": probabilities(12)})}),
        targets(items={"1": target("1", probabilities(12), runs=0)}),
    ],
    ids=["label", "length", "axis", "nan", "sum", "type", "envelope", "zero", "steps", "no last", "no runs"],
)
def test_nonsense_with_a_right_digest_is_refused(
    tmp_path: Path, broken: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.calibrate.store.targets_table", lambda _: "")  # it has no words for nonsense
    write_targets(broken, tmp_path)
    with pytest.raises(TargetsError, match="cannot be used"):
        read_targets(tmp_path)


def test_page_for_people_shows_what_was_measured(tmp_path: Path) -> None:
    write_targets(targets(), tmp_path)
    page = (tmp_path / "targets.md").read_text(encoding="utf-8")
    assert "| 1-2 | 2 | 0.250000 |" in page
    assert "1.2e-07 | 1.8e-06 |" in page  # fifteen times as much
    assert "| threads | 1 |" in page

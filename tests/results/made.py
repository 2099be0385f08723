"""Evidence made up for tests: a small one by hand, and any one that the types allow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from grader.model import (
    Answer,
    AnswerPart,
    Answers,
    Array,
    Cell,
    CellRun,
    Evidence,
    Run,
    Snapshot,
    StaticFacts,
    Submission,
    Training,
)


def evidence(key: str = "k1", *, version: int = 0, size: int = 30) -> Evidence:
    """One trained answer; `version` tells two from one another, `size` is that of its array."""
    source = f"loss = {version}  # 한글"
    fitted = np.full((size, 7), version, np.float32)
    return Evidence(
        key=key,
        submission=Submission("s001", "가나다", "s001.ipynb", "0" * 64, (Cell(0, "code", source),)),
        answers=Answers({"1-1": Answer("1-1", (AnswerPart((0,)),), 0.9)}),
        facts=StaticFacts(),
        runs=(
            Run(
                "first",
                (CellRun(0, "ok", cpu_seconds=1.5),),
                (
                    Training(
                        "1-1", 0, (0,), "Adam", {"lr": 0.1}, 2, losses=(1.9, 0.5), fitted={"last": fitted}
                    ),
                ),
                (Snapshot("1-1", 0, {"yhat": fitted}, {"answers": [True, False]}),),
            ),
        ),
        device="cpu",
        isolation="none",
        fingerprint="cpu",
    )


texts = st.text(st.characters(), max_size=8) | st.sampled_from(
    [
        "a/b",
        "__metadata__",
        "..",
        "\x00",
        "\x1a",
        "\x1ad800",
        "\ud800",
        "\ud83d\ude00",
        "\U0001f600",
        "가",
        "\u2028",
    ]
)
floats = st.floats() | st.sampled_from([float("nan"), float("inf"), -0.0, 5e-324])
integers = st.integers() | st.sampled_from([2**53, 2**53 + 1, -(2**63), 10**400])
scalars: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: integers,
    float: floats,
    bool: st.booleans(),
    NoneType: st.none(),
}
plain = st.recursive(
    st.one_of(*scalars.values()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.one_of(*scalars.values()), inner, max_size=3)
    ),
    max_leaves=6,
)
arrays = st_numpy.arrays(
    st.sampled_from([np.float32, np.float64, np.float16, np.int64]),
    st_numpy.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
) | st_numpy.arrays(np.dtype(">f4"), (2, 3)).map(np.transpose)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a declared type; a type that evidence cannot hold is an error."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in scalars:
        return scalars[hint]
    if hint is Any:
        return plain
    if hint == Array:
        return arrays
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(
            hint, **{field.name: values(hints[field.name]) for field in dataclasses.fields(hint)}
        )
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (Union, UnionType):
        return st.one_of([values(arg) for arg in args])
    if origin is tuple and args[1:] == (...,):
        return st.lists(values(args[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, args))
    if origin is frozenset:
        return st.frozensets(values(args[0]), max_size=3)
    if origin is Mapping:
        return st.dictionaries(values(args[0]), values(args[1]), max_size=2)
    raise TypeError(hint)


def same(one: Any, other: Any) -> bool:
    """Equality to the last bit and type, NaN included; byte order and layout in memory aside."""
    if isinstance(one, np.ndarray):
        little = one.astype(one.dtype.newbyteorder("<"))
        return (
            isinstance(other, np.ndarray)
            and (little.dtype, one.shape) == (other.dtype, other.shape)
            and bool(little.tobytes() == other.tobytes())
        )
    if type(one) is not type(other):
        return False
    if dataclasses.is_dataclass(one):
        return all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(one)
        )
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return bool(one.hex() == other.hex())
    return bool(one == other)


def read_all(folder: Path) -> dict[str, bytes]:
    """Everything below a folder, by relative path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

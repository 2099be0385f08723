"""Targets as files: targets.json, targets.safetensors, and targets.md for people.

The digest covers every number and every array. Reading checks it, and checks shapes, types and
ranges besides, so that what is read can be used in arithmetic without another look.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from grader.calibrate.table import targets_table
from grader.errors import TargetsError
from grader.model import Array, Target, Targets

SCHEMA = 2
_JSON, _TENSORS, _TABLE = "targets.json", "targets.safetensors", "targets.md"
_SUM_SLACK = 1e-4  # float32 softmax rows sum to one within a few 1e-7


def write_targets(targets: Targets, folder: Path) -> None:
    """Write the three files into `folder`, which is made if needed; the digest is computed anew."""
    body, arrays = _split(targets)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _TENSORS).write_bytes(save_tensors(arrays))
    (folder / _TABLE).write_text(targets_table(targets), encoding="utf-8")
    text = json.dumps({**body, "digest": _digest(body, arrays)}, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / _JSON).write_text(text + "\n", encoding="utf-8")


def read_targets(folder: Path) -> Targets:
    """The targets kept in `folder`; TargetsError where a file is missing, changed or makes no sense."""
    try:
        body = json.loads((folder / _JSON).read_text(encoding="utf-8"))
        arrays = load_tensors((folder / _TENSORS).read_bytes())
        digest = body.pop("digest")
        if body.get("schema") != SCHEMA:
            raise ValueError(f"schema {body.get('schema')!r}, this grader reads schema {SCHEMA}")
        if digest != _digest(body, arrays):
            raise ValueError("the content does not match its digest: a file was changed or damaged")
        return _join(body, arrays, digest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise TargetsError(
            str(folder), "these targets cannot be used", f"{type(error).__name__}: {error}"
        ) from error


def check_fitted(values: Array, shape: tuple[int, int]) -> None:
    """ValueError unless `values` are float32 probabilities of this shape, each row summing to one."""
    if values.shape != shape or values.dtype != np.float32:
        raise ValueError(f"fitted values are {values.dtype} of shape {values.shape}, not float32 of {shape}")
    if not np.isfinite(values).all():
        raise ValueError("fitted values are not finite")
    if (values < 0).any() or (values > 1).any() or (abs(values.sum(axis=1) - 1) > _SUM_SLACK).any():
        raise ValueError("fitted values are not probabilities")


def _split(targets: Targets) -> tuple[dict[str, Any], dict[str, Array]]:
    """The plain part and the arrays; equal arrays are kept once, under the name met first."""
    arrays: dict[str, Array] = {}
    names: dict[bytes, str] = {}
    items: dict[str, Any] = {}
    for question, target in targets.items.items():
        kept = {}
        for step, fitted in target.fitted.items():
            values = np.ascontiguousarray(fitted)
            name = names.setdefault(values.tobytes(), f"{question}/{step}")
            arrays.setdefault(name, values)
            kept[step] = name
        items[question] = {
            "fitted": kept,
            "losses": list(target.losses),
            "settings": dict(target.settings),
            "steps": target.steps,
            "split": target.split,
            "first": target.first,
            "rest": target.rest,
            "runs": target.runs,
            "initial": list(target.initial),
        }
    body = {
        "schema": SCHEMA,
        "assignment": targets.assignment,
        "fingerprint": targets.fingerprint,
        "environment": dict(targets.environment),
        "labels": list(targets.labels),
        "axis": list(targets.axis),
        "items": items,
    }
    return body, arrays


def _join(body: Mapping[str, Any], arrays: Mapping[str, Array], digest: str) -> Targets:
    shape = (len(body["labels"]), len(body["axis"]))
    if any(type(label) is not int or not 0 <= label < shape[1] for label in body["labels"]):
        raise ValueError("a label is not a position on the axis")
    for values in arrays.values():
        check_fitted(values, shape)
    return Targets(
        assignment=str(body["assignment"]),
        fingerprint=str(body["fingerprint"]),
        environment=body["environment"],
        digest=digest,
        labels=tuple(body["labels"]),
        axis=tuple(body["axis"]),
        items={name: _target(name, item, arrays, shape[0]) for name, item in body["items"].items()},
    )


def _target(question: str, item: Mapping[str, Any], arrays: Mapping[str, Array], positions: int) -> Target:
    losses = tuple(float(loss) for loss in item["losses"])
    spread = (float(item["first"]), float(item["rest"]))
    initial = tuple(float(value) for value in item["initial"])
    if not all(map(math.isfinite, (*losses, *spread, *initial))) or min(spread) <= 0:
        raise ValueError(f"{question}: losses or envelopes are not usable numbers")
    if len(losses) != item["steps"] or not 0 <= item["split"] <= positions or item["runs"] < 1:
        raise ValueError(f"{question}: steps, split or runs do not fit together")
    if "last" not in item["fitted"]:
        raise ValueError(f"{question}: the last fitted values are missing")
    return Target(
        question=question,
        fitted={step: arrays[name] for step, name in item["fitted"].items()},
        losses=losses,
        settings=item["settings"],
        steps=int(item["steps"]),
        split=int(item["split"]),
        first=spread[0],
        rest=spread[1],
        runs=int(item["runs"]),
        initial=initial,
    )


def _digest(body: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """SHA-256 over the plain part in canonical form and every array with its name, type and shape."""
    state = sha256(json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())
    for name in sorted(arrays):
        values = arrays[name]
        state.update(f"\0{name}\0{values.dtype.str}\0{values.shape}\0".encode())
        state.update(values.tobytes())
    return state.hexdigest()

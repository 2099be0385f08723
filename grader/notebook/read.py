"""Bytes of a notebook file to a `Submission`, whatever the file went through.

Only what grading needs is kept: kind, source and saved execution count of each cell. Saved outputs,
attachments and metadata are dropped; a saved output proves nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from grader.model import Cell, Reason, Submission
from grader.notebook.encoding import decode
from grader.notebook.file_kind import binary_kind, text_kind

MAX_FILE_BYTES = 100 << 20
MAX_SOURCE_CHARACTERS = 5_000_000
MAX_CELLS = 5_000
MAX_JSON_VALUES = 12_000_000  # about 1 GB when parsed; outputs of an honest notebook stay far below

_BLANK = " \t\r\n\0\ufeff"
_LARGE_NUMBERS = json.JSONDecoder(
    parse_int=lambda digits: int(digits) if len(digits) < 4000 else float(digits)
)
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_CELLS_START = re.compile(r'"cells"\s*:\s*\[\s*')
_CONFLICT = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_KINDS: dict[str, Literal["code", "markdown", "raw"]] = {
    "code": "code",
    "markdown": "markdown",
    "raw": "raw",
    "heading": "markdown",  # format 3
    "html": "markdown",  # format 3
}


@dataclass(frozen=True, slots=True)
class _Found:
    """What was made of a file so far: a notebook's top level, or why there is none."""

    document: dict[str, Any] = field(default_factory=dict)
    notes: tuple[Reason, ...] = ()
    problem: Reason | None = None


def read_notebook(data: bytes, *, student: str, name: str, filename: str) -> Submission:
    """Return the notebook in these bytes; never raises for anything they hold.

    What cannot be read has no cells and a `problem`; what had to be repaired has `notes`.
    """
    digest = hashlib.sha256(data).hexdigest()
    found = _document(data)
    cells: tuple[Cell, ...] = ()
    if found.problem is None:
        cells, found = _cells(found)
    return Submission(student, name, filename, digest, cells, found.notes, found.problem)


# -- bytes to JSON ------------------------------------------------------------------------------


def _document(data: bytes) -> _Found:
    if not data:
        return _problem("read.empty")
    if len(data) > MAX_FILE_BYTES:
        return _problem("read.too_large", megabytes=len(data) >> 20, limit=MAX_FILE_BYTES >> 20)
    if kind := binary_kind(data):
        return _problem("read.other_file", found=kind)
    text, note = decode(data)
    text = text.strip(_BLANK)
    if not text:
        return _problem("read.blank", bytes=len(data))
    if text[0] not in "{[":
        return _problem("read.other_file", found=text_kind(text))
    return _parsed(text, (note,) if note else ())


def _parsed(text: str, notes: tuple[Reason, ...]) -> _Found:
    if _values(text) > MAX_JSON_VALUES and _values(_STRING.sub("", text)) > MAX_JSON_VALUES:
        return _problem("read.too_many_values", limit=MAX_JSON_VALUES)
    try:
        document, end = _decode_json(text)
    except json.JSONDecodeError as error:
        return _broken(text, error)
    except (RecursionError, MemoryError):
        return _problem("read.too_deep")
    if end < len(text):
        return _continued(text, document, end, notes)
    return _notebook(document, notes)


def _decode_json(text: str) -> tuple[Any, int]:
    try:
        return json.JSONDecoder().raw_decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a whole number of thousands of digits
        return _LARGE_NUMBERS.raw_decode(text)


def _values(text: str) -> int:
    """Return an upper bound of the JSON values in a text that has no strings."""
    return text.count(",") + text.count("[") + text.count("{")


def _broken(text: str, error: json.JSONDecodeError) -> _Found:
    if conflict := _CONFLICT.search(text):
        return _problem("read.merge_conflict", line=text.count("\n", 0, conflict.start()) + 1)
    whole = _whole_cells(text)
    cut = error.pos >= len(text) or error.msg.startswith("Unterminated string")
    if cut:
        return _problem("read.truncated", characters=len(text), lines=text.count("\n") + 1, cells=whole)
    return _problem("read.damaged", line=error.lineno, column=error.colno, cells=whole)


def _whole_cells(text: str) -> int:
    """Return how many cells of a broken file can be read before the damage."""
    start = _CELLS_START.search(text)
    count, position = 0, start.end() if start else len(text)
    while position < len(text):
        try:
            _, position = _LARGE_NUMBERS.raw_decode(text, position)
        except (ValueError, RecursionError, MemoryError):
            break
        count += 1
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
    return count


def _continued(text: str, document: Any, end: int, notes: tuple[Reason, ...]) -> _Found:
    """Judge a file that goes on after its first JSON document: junk is dropped, cells never are."""
    rest = text[end:].strip(_BLANK)
    line = text.count("\n", 0, end) + 1
    try:
        repeated = _decode_json(rest) == (document, len(rest))
    except (ValueError, RecursionError, MemoryError):
        repeated = False
    if not repeated and '"cell_type"' in rest:
        return _problem("read.two_documents", line=line)
    return _notebook(document, (*notes, Reason("read.trailing", {"line": line, "characters": len(rest)})))


# -- JSON to cells ------------------------------------------------------------------------------


def _notebook(document: Any, notes: tuple[Reason, ...]) -> _Found:
    if not isinstance(document, dict):
        return _problem("read.other_json", found=f"[{len(document)}]")
    major = document.get("nbformat")
    if "cells" not in document and isinstance(document.get("worksheets"), list):
        sheets = [sheet.get("cells") for sheet in document["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
        document = {**document, "cells": cells}
        notes = (*notes, Reason("read.old_format", {"version": major if isinstance(major, int) else 3}))
    elif "cells" not in document:
        return _problem("read.other_json", found=_short(", ".join(list(document)[:6]) or "{}"))
    elif not isinstance(major, int) or isinstance(major, bool):
        notes = (*notes, Reason("read.no_version"))
    elif major > 4:
        notes = (*notes, Reason("read.new_format", {"version": _short(major)}))
    if not isinstance(document["cells"], list):
        return _problem("read.cells_wrong_type", found=type(document["cells"]).__name__)
    return _Found(document, (*notes, *_kernel_notes(document.get("metadata"))))


def _kernel_notes(metadata: Any) -> tuple[Reason, ...]:
    spec = _mapping(_mapping(metadata).get("kernelspec"))
    info = _mapping(_mapping(metadata).get("language_info"))
    kernel, version = spec.get("name"), info.get("version")
    language = next(
        (value for value in (spec.get("language"), info.get("name")) if isinstance(value, str)), ""
    )
    if language and language.lower() not in ("python", "ipython"):
        return (Reason("read.language", {"language": _short(language)}),)
    if kernel == "python2" or (isinstance(version, str) and version.startswith("2.")):
        return (Reason("read.language", {"language": "Python 2"}),)
    if isinstance(kernel, str) and kernel != "python3":
        return (Reason("read.kernel", {"kernel": _short(kernel)}),)
    return ()


def _cells(found: _Found) -> tuple[tuple[Cell, ...], _Found]:
    raw: list[Any] = found.document["cells"]
    if not raw:
        return (), _problem("read.no_cells")
    if len(raw) > MAX_CELLS:
        return (), _problem("read.too_many_cells", count=len(raw), limit=MAX_CELLS)
    repairs: dict[str, list[int]] = {}
    cells = tuple(_cell(index, cell, repairs) for index, cell in enumerate(raw))
    size = sum(len(cell.source) for cell in cells)
    if size > MAX_SOURCE_CHARACTERS:
        return (), _problem("read.too_much_source", characters=size, limit=MAX_SOURCE_CHARACTERS)
    notes = (_repaired(id, where) for id, where in repairs.items())
    return cells, _Found({}, (*found.notes, *notes))


def _repaired(id: str, where: list[int]) -> Reason:
    return Reason(id, {"count": len(where), "cell": where[0]})


def _cell(index: int, raw: Any, repairs: dict[str, list[int]]) -> Cell:
    """Return one cell; its place is kept whatever it holds, so that cell numbers stay true."""

    def repair(id: str) -> None:
        if not (where := repairs.setdefault(id, [])) or where[-1] != index:
            where.append(index)

    if not isinstance(raw, dict):
        repair("read.cell_lost")
        return Cell(index, "raw", "")
    name = raw.get("cell_type")
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        repair("read.cell_kind")
        kind = "code" if "outputs" in raw or "execution_count" in raw else "raw"
    source = raw.get("source", raw.get("input"))  # `input` in format 3
    if isinstance(source, list):
        parts = [part for part in source if isinstance(part, str)]
        if len(parts) != len(source):
            repair("read.cell_source")
        source = "".join(parts)
    if not isinstance(source, str):
        repair("read.cell_source")
        source = ""
    if name == "heading" and isinstance(level := raw.get("level"), int):
        source = "#" * min(max(level, 1), 6) + " " + source
    count = raw.get("execution_count", raw.get("prompt_number"))
    return Cell(index, kind, _plain(source, repair), count if _is_count(count) else None)


def _plain(source: str, repair: Callable[[str], None]) -> str:
    if "\r" in source:
        source = source.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in source:
        repair("read.characters")
        source = source.replace("\0", "")
    if _SURROGATE.search(source):
        whole = source.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if "\N{REPLACEMENT CHARACTER}" in whole:
            repair("read.characters")
        source = whole
    return source


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _short(value: str | int) -> str:
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", str(value)[:80])


def _problem(id: str, **params: str | int) -> _Found:
    return _Found(problem=Reason(id, params))

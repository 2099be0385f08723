"""What a file is that is no notebook, so that a person knows at once what to ask the student for."""

from __future__ import annotations

import ast
import re
import warnings

_SIGNATURES = (
    (b"%PDF", "read.kind.pdf"),
    (b"PK\x03\x04", "read.kind.zip"),
    (b"PK\x05\x06", "read.kind.zip"),
    (b"\x1f\x8b", "read.kind.archive"),
    (b"7z\xbc\xaf\x27\x1c", "read.kind.archive"),
    (b"Rar!", "read.kind.archive"),
    (b"\xd0\xcf\x11\xe0", "read.kind.office"),
    (b"\x89PNG", "read.kind.image"),
    (b"\xff\xd8\xff", "read.kind.image"),
    (b"GIF8", "read.kind.image"),
    (b"MZ", "read.kind.program"),
    (b"\x7fELF", "read.kind.program"),
)
_OFFICE_PARTS = (b"word/", b"xl/", b"ppt/", b"application/hwp+zip", b"Contents/content.hpf")
_LOGIN = re.compile(r"type\s*=\s*[\"']?password|\blog ?in\b|\bsign ?in\b|로그인", re.IGNORECASE)
_SCRIPT_WORDS = re.compile(r"^\s*(?:import|from|def|class|for|print)\b|[=(]", re.MULTILINE)
_SHELL = re.compile(r"^#!.*\b(?:sh|bash)\b")


def binary_kind(data: bytes) -> str | None:
    """Return the sentence id for a well-known binary file, None for anything else."""
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            office = kind == "read.kind.zip" and any(
                part in data[:4096] or part in data[-65536:] for part in _OFFICE_PARTS
            )
            return "read.kind.office" if office else kind
    return None


def text_kind(text: str) -> str:
    """Return the sentence id for what a text that is not JSON seems to be."""
    head = text[:200_000].lstrip()
    lower = head[:2000].lower()
    if lower.startswith(("<!doctype html", "<html")) or "<html" in lower:
        return "read.kind.login" if _LOGIN.search(head) else "read.kind.html"
    if text.count("\0") > len(text) // 10:
        return "read.kind.unknown"
    if lower.startswith("<?xml") or _SHELL.match(lower):
        return "read.kind.text"
    return "read.kind.script" if _is_python(head) else "read.kind.text"


def _is_python(text: str) -> bool:
    if not _SCRIPT_WORDS.search(text):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(ast.parse(text).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # A script with one typing mistake is still a script.
        return len(re.findall(r"^(?:import|from) [\w.]+", text, re.MULTILINE)) > 0

"""Static facts from source: which networks reach a loss that is differentiated. Nothing is executed."""

from __future__ import annotations

from .facts import SourceCell, facts

__all__ = ["SourceCell", "facts"]

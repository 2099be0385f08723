"""The sentence catalogues: reason ids to sentences in Korean and English.

A catalogue is a flat TOML file `grader/catalogue/NAME.LANGUAGE.toml` of `"id" = "sentence"`. A sentence
has slots: `{module}`, or with a kind `{cell:place}`. Nothing else is understood between braces, so that
neither a catalogue nor a parameter can reach into an object. The kinds are

- none        as it is; numbers short, None as "not available"
- `percent`   a share from 0 to 1
- `place`     a 0-based cell, shown as "cell 13"; the line follows where one is given: `line` beside
              `{cell:place}`, `made_line` beside `{made_cell:place}`
- `word`      one of a closed set, by the sentence `word.VALUE`: `True`, `memory`; other text as it is
- `sentence`  the id of another sentence, said with the same parameters; other text as it is
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from grader.model import Place, Reason, Scalar
from grader.report.text import visible
from grader.rubric import Text

LANGUAGES = ("ko", "en")
KINDS = ("", "percent", "place", "word", "sentence")
SLOT = re.compile(r"\{([a-z][a-z0-9_]*)(?::([a-z]+))?\}")

_PARAMETER_LIMIT = 300
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return every sentence of one language by id."""
    sentences: dict[str, str] = {}
    for file in resources.files("grader.catalogue").iterdir():
        if file.name.endswith(f".{language}.toml"):
            sentences.update(tomllib.loads(file.read_text(encoding="utf-8")))
    return MappingProxyType(sentences)


@dataclass(frozen=True, slots=True)
class Words:
    """Says reasons, places and labels in one language. Never raises for what it is asked to say."""

    language: str

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(f"no catalogue for language {self.language!r}; there are {', '.join(LANGUAGES)}")

    def say(self, reason: Reason) -> str:
        """Return the sentence; an unknown id or a missing parameter shows the id and the parameters."""
        return self._say(reason, nested=True)

    def __call__(self, id: str, **params: Scalar) -> str:
        return self.say(Reason(id, params))

    def pick(self, text: Text) -> str:
        """Return the course's own sentence in this language, or in the other where there is none."""
        return (text.ko or text.en) if self.language == "ko" else (text.en or text.ko)

    def place(self, place: Place, count: int = 0) -> str:
        """Return "cell 13 of 40, line 4"; without `count`, "cell 13, line 4"."""
        which = "cell_of" if count else "cell"
        line = "" if place.line is None else "_line"
        return self(f"word.{which}{line}", number=place.cell + 1, count=count, line=place.line)

    def names(self, ids: Iterable[str]) -> str:
        return ", ".join(visible(id, 40) for id in ids)

    def _say(self, reason: Reason, nested: bool) -> str:
        sentence = catalogue(self.language).get(reason.id)
        if sentence is None or any(slot[1] not in reason.params for slot in SLOT.finditer(sentence)):
            return _bare(reason)
        return SLOT.sub(lambda slot: self._fill(reason.params, slot[1], slot[2] or "", nested), sentence)

    def _fill(self, params: Mapping[str, Scalar], name: str, kind: str, nested: bool) -> str:
        value = params[name]
        if kind == "place" and isinstance(value, int):
            line = params.get(f"{name.removesuffix('cell')}line")
            return self.place(Place(value, line if isinstance(line, int) and line > 0 else None))
        if value is None:
            return self("word.none")
        if kind == "word" and (word := f"word.{str(value).lower()}") in catalogue(self.language):
            return self(word)
        if kind == "percent" and isinstance(value, int | float) and math.isfinite(value):
            return f"{math.floor(value * 10_000 + 1e-6) / 100:g}%"  # down: 98.996 is not 99
        if kind == "sentence":
            said = visible(str(value), _PARAMETER_LIMIT)
            if nested and value in catalogue(self.language):
                said = self._say(Reason(str(value), params), nested=False)
            return said.rstrip(".")  # the sentence around it ends itself
        return number(value) if isinstance(value, float) else visible(str(value), _PARAMETER_LIMIT)


def say_both(reason: Reason) -> dict[str, str]:
    """Return the sentence in every language, by language."""
    return {language: Words(language).say(reason) for language in LANGUAGES}


def number(value: float) -> str:
    """Return a number for people: `0.0274`, `4.8 × 10⁻⁷`, `NaN`."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


def _bare(reason: Reason) -> str:
    shown = (f"{visible(name, 40)}={visible(str(value), 120)}" for name, value in reason.params.items())
    params = ", ".join(shown)
    return visible(f"{reason.id} ({params})" if params else reason.id, 1000)

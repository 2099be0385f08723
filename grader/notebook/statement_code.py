"""True/false answers in code cells: `{1: True}`, `[True, False]`, `ans1 = 'O'`, `False  # reason`."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from grader.model import Cell, Place, Reading, Submission
from grader.notebook.label import read_label
from grader.notebook.source import to_python
from grader.notebook.truth import read_pairs, read_sequence, read_truth, says_nothing

_NAME_NUMBER = re.compile(r"(?P<word>.*?)_?(?:(?P<part>\d{1,2})_)?(?P<number>\d{1,2})(?:번)?")
_ANSWER_WORD = re.compile(
    r"(?:my_?)?(?:answers?|ans|ansr|a|q|p|prob|problem|quiz|question|tf|ox|result|sol|solution|답|정답|답안|문제|풀이)_?",
    re.IGNORECASE,
)
_ANSWERS = re.compile(r"(?:my_?)?(?:answers?|ans|tf|ox|답|정답|답안)_?", re.IGNORECASE)
_KEY = re.compile(r"\D{0,12}?(?:(?P<part>\d{1,2})\s?[-_.(]+\s?)?(?P<number>\d{1,2})\W*번?\W*")
_VALUE_NAMES = frozenset(
    {"O", "X", "T", "F", "o", "참", "거짓", "true", "false", "TRUE", "FALSE", "맞다", "틀리다"}
)

LONGEST_CODE = 200_000  # characters of a cell that is read for answers
BARE = ""  # stands for the number of a value that has none

Numbered = tuple[str, Reading]


@dataclass(frozen=True, slots=True)
class _Context:
    """Where a value stands: its cell, the statements' part and numbers, and names bound in the notebook.

    `above[n]` is the number that the last comment above line n + 1 gives, `BARE` if there is none.
    """

    cell: int
    lines: Sequence[str]
    above: Sequence[str]
    part: str
    numbers: Sequence[str]
    home: str | None
    bound: frozenset[str]

    def reading(
        self, node: ast.AST, value: bool | None, variable: str | None = None, key: str | int | None = None
    ) -> Reading:
        line = getattr(node, "lineno", 1)
        return Reading(Place(self.cell, line), value, self.lines[line - 1].strip()[:200], variable, key)


@dataclass(frozen=True, slots=True)
class CodeReadings:
    """What a code cell answers: (number, reading) pairs.

    Where there are none: the cell's `text` (its comments, or all of it if it is no Python), whether it holds
    `code`, and whether that is `suspicious`: it names truth values without saying plainly of what.
    """

    readings: tuple[Numbered, ...]
    text: str = ""
    code: bool = False
    suspicious: bool = False


def code_readings(
    cell: Cell, part: str, numbers: Sequence[str], home: str | None, bound: frozenset[str]
) -> CodeReadings:
    """Return what this cell answers.

    `home` is the number of the statement that it stands below; `bound` are the `bound_names` of the notebook.
    """
    if len(cell.source) > LONGEST_CODE:  # no honest answer; a person looks
        return CodeReadings((), code=True, suspicious=True)
    python = to_python(cell.source)
    lines = cell.source.split("\n")
    if python.syntax_error is not None:
        return CodeReadings((), "\n".join(_uncommented(line) for line in lines))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(python.text)
    above = _numbers_above(lines, part, numbers)
    context = _Context(cell.index, lines, above, part, numbers, home, bound)
    readings = [reading for node in tree.body for reading in _statement(node, context)]
    comments = "\n".join(_uncommented(line) if line.lstrip().startswith("#") else "" for line in lines)
    suspicious = any(isinstance(node, ast.Constant) and _is_truth(node, context) for node in ast.walk(tree))
    return CodeReadings(
        tuple(_in_order(readings, context)), comments, not all(map(_is_unanswered, tree.body)), suspicious
    )


def _uncommented(line: str) -> str:
    return line.lstrip().lstrip("#")


def _in_order(readings: Sequence[Numbered], context: _Context) -> Iterator[Numbered]:
    """Tell several bare values under one statement, `True` and `False` line by line, from several answers."""
    bare = [reading for number, reading in readings if number == BARE]
    if len(bare) == 1 and context.home is not None:
        yield context.home, bare[0]
    elif len(bare) == len(context.numbers):
        yield from zip(context.numbers, bare, strict=True)
    elif bare:
        yield from ((number, replace(bare[0], value=None)) for number in context.numbers)
    yield from (one for one in readings if one[0] != BARE)


def bound_names(submission: Submission) -> frozenset[str]:
    """Return short names that some cell assigns: they are variables there, not answers."""
    text = "\n".join(cell.source for cell in submission.code)
    return frozenset(
        name for name in _VALUE_NAMES if re.search(rf"(?<![\w.]){name}\s*(?:,\s*\w+\s*)*=(?!=)", text)
    )


def _statement(node: ast.stmt, context: _Context) -> Iterator[Numbered]:
    match node:
        case ast.Assign(
            targets=[ast.Tuple(elts=names) | ast.List(elts=names)],
            value=ast.Tuple(elts=values) | ast.List(elts=values),
        ):
            for name, value in zip(names, values, strict=False):
                yield from _assigned(name, value, context)
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(target, value, context)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _assigned(target, value, context)
        case ast.Expr(value=ast.Call(func=ast.Name(id="print" | "display"), args=[value, *more])):
            yield from _shown_value(ast.Tuple(elts=[value, *more]) if more else value, node, context)
        case ast.Expr(value=value):
            yield from _shown_value(value, node, context)


def _assigned(target: ast.expr, value: ast.expr, context: _Context) -> Iterator[Numbered]:
    match target, _unwrapped(value):
        case ast.Name(id=name), ast.Dict() as answers:
            yield from _dict(name, answers, context)
        case ast.Name(id=name), ast.List() | ast.Tuple() as answers:
            yield from _list(name, answers, context)
        case ast.Name(id=name), _:
            number = _number_of_name(name, context)
            if number is not None:
                yield from _one(number, value, name, None, context, certain=bool(_answer_word(name)))
            elif _ANSWER_WORD.fullmatch(name) and isinstance(value, ast.Constant | ast.Name):
                yield from _text(value, context)
            elif _ANSWERS.fullmatch(name):  # made by a loop, a call: nobody knows yet which value is whose
                yield from ((number, context.reading(value, None)) for number in context.numbers)
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str() | int() as key)), _:
            number = _number_of_key(key, context)
            if number is not None and not isinstance(key, bool):
                yield from _one(number, value, name, key, context, certain=bool(_ANSWER_WORD.fullmatch(name)))
        case _:
            pass


def _shown_value(value: ast.expr, node: ast.stmt, context: _Context) -> Iterator[Numbered]:
    """An expression by itself: its value is the answer to the statement above it."""
    match _unwrapped(value):
        case ast.Dict() as answers:
            yield from _dict(None, answers, context)
        case ast.List() | ast.Tuple() as answers:
            yield from _list(None, answers, context)
        case ast.Constant() | ast.Name():
            ast.copy_location(value, node)
            yield from _text(value, context)
        case _:
            pass


def _text(value: ast.expr, context: _Context) -> Iterator[Numbered]:
    """A single value; a string may hold all answers at once."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        pairs = read_pairs(value.value, context.part, context.numbers)
        sequence = read_sequence(value.value, context.numbers)
        if not pairs and sequence and len(sequence) == len(context.numbers):
            pairs = list(zip(context.numbers, sequence, strict=True))
        if pairs:
            yield from ((number, context.reading(value, one)) for number, one in pairs)
            return
    yield from _one(
        context.above[value.lineno - 1], value, None, None, context, certain=isinstance(value, ast.Constant)
    )


def _dict(name: str | None, answers: ast.Dict, context: _Context) -> Iterator[Numbered]:
    keyed: list[tuple[str, str | int, ast.expr]] = []
    foreign = False
    for key, value in zip(answers.keys, answers.values, strict=True):
        if (
            not isinstance(key, ast.Constant)
            or not isinstance(key.value, str | int)
            or isinstance(key.value, bool)
        ):
            return
        number = _number_of_key(key.value, context)
        foreign |= number is None and isinstance(key.value, int)
        if number is not None:
            keyed.append((number, key.value, value))
    for number, written, value in keyed:
        if foreign and not _is_empty(value):  # keys that run from 0, say: which statement is meant?
            yield number, context.reading(value, None)
        else:
            yield from _one(number, value, name, written, context, certain=True)


def _list(name: str | None, answers: ast.List | ast.Tuple, context: _Context) -> Iterator[Numbered]:
    if all(_is_empty(value) for value in answers.elts) or not any(
        _is_truth(value, context) for value in answers.elts
    ):
        return
    complete = len(answers.elts) == len(context.numbers)
    for position, number in enumerate(context.numbers):
        if complete:
            yield from _one(number, answers.elts[position], name, position, context, certain=True)
        else:
            yield number, context.reading(answers, None)


def _one(
    number: str, value: ast.expr, name: str | None, key: str | int | None, context: _Context, *, certain: bool
) -> Iterator[Numbered]:
    """One answer; a value that only the run can tell is looked up later if it is `certain` to be one."""
    if (number != BARE and number not in context.numbers) or _is_empty(value):
        return
    match value:
        case ast.Constant(value=bool() as plain):
            yield number, context.reading(value, plain)
        case ast.Constant(value=str() as text):
            truth = read_truth(text)
            if (certain and not says_nothing(text)) or truth is not None:
                yield number, context.reading(value, truth)
        case ast.Name(id=word) if word in _VALUE_NAMES and word not in context.bound:
            yield number, context.reading(value, read_truth(word))
        case ast.Constant() if certain:
            yield number, context.reading(value, None)
        case _ if certain and name is not None:
            yield number, context.reading(value, None, name, key)
        case _ if certain:
            yield number, context.reading(value, None)


def _is_truth(value: ast.expr, context: _Context) -> bool:
    match value:
        case ast.Constant(value=bool()):
            return True
        case ast.Constant(value=str() as text):
            return read_truth(text) is not None
        case ast.Name(id=word):
            return word in _VALUE_NAMES and word not in context.bound
        case _:
            return False


def _is_unanswered(node: ast.stmt) -> bool:
    """Tell whether a statement is the exam's own form, still blank: `answers = {1: None}`."""
    match node:
        case ast.Assign(value=ast.Dict(values=values)):
            return all(_is_empty(value) for value in values)
        case ast.Assign(value=ast.List(elts=values) | ast.Tuple(elts=values)):
            return all(_is_empty(value) for value in values)
        case ast.Assign(value=value):
            return _is_empty(value)
        case _:
            return False


def _is_empty(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and (
        value.value is None or value.value is ... or value.value == ""
    )


def _unwrapped(value: ast.expr) -> ast.expr:
    """Look through `np.array([...])` and `dict(q1=True)`."""
    match value:
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=[*pairs]) if pairs and all(
            pair.arg for pair in pairs
        ):
            keys: list[ast.expr | None] = [ast.Constant(value=pair.arg) for pair in pairs]
            return ast.Dict(keys=keys, values=[pair.value for pair in pairs])
        case ast.Call(args=[ast.List() | ast.Tuple() | ast.Dict() as inner], keywords=[]):
            return inner
        case _:
            return value


def _number_of_name(name: str, context: _Context) -> str | None:
    match = _NAME_NUMBER.fullmatch(name)
    if match is None or match["part"] not in (None, context.part) or match["number"] not in context.numbers:
        return None
    return match["number"]


def _answer_word(name: str) -> bool:
    match = _NAME_NUMBER.fullmatch(name)
    return bool(match and _ANSWER_WORD.fullmatch(match["word"]))


def _number_of_key(key: str | int, context: _Context) -> str | None:
    if isinstance(key, int):
        return str(key) if str(key) in context.numbers else None
    label = read_label(key)
    part, number = (label.part, label.number) if label else ("", "")
    if label is None and (match := _KEY.fullmatch(key)):
        part, number = match["part"] or "", match["number"]
    return number if part in ("", context.part) and number in context.numbers else None


def _numbers_above(lines: Sequence[str], part: str, numbers: Sequence[str]) -> list[str]:
    above: list[str] = []
    current = BARE
    for line in lines:
        above.append(current)
        label = read_label(line) if line.lstrip().startswith("#") else None
        if label and label.part in ("", part) and label.number in numbers:
            current = label.number
    return above

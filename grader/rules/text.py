"""Text that a program puts together from constants, as names are sometimes hidden; folded if short."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from .machine import Machine
from .values import NOTHING, Call, Const, Value, constants, join, texts

MAX_TEXT = 2_000
MAX_OPERAND = 100
MAX_ALTERNATIVES = 8


def alternatives(value: Value) -> list[str]:
    """The texts that a value may be; none if it may be anything else."""
    found = texts(value)
    return found if len(found) == len(value) else []


def concatenated(values: Sequence[Value]) -> Value:
    """The texts of constants one after the other, as in an f-string; nothing if one is not constant."""
    pieces = [""]
    for value in values:
        words = [str(each) for each in constants(value)]
        if not words or len(words) < len(value):
            return NOTHING
        pieces = [piece + word for piece in pieces for word in words if len(piece) + len(word) <= MAX_TEXT]
        pieces = pieces[:MAX_ALTERNATIVES]
    return join(tuple(Const(piece) for piece in pieces))


def operation(operator: ast.operator, left: Value, right: Value) -> Value:
    """`"RNN" + "Cell"` and `"%sCell" % "RNN"`; nothing for anything else."""
    if isinstance(operator, ast.Add) and alternatives(left) and alternatives(right):
        return concatenated((left, right))
    template = alternatives(left)
    if isinstance(operator, ast.Mod) and len(template) == 1:
        pieces = template[0].split("%s")
        words = _words_of(right)
        if len(pieces) == len(words) + 1 and "%" not in "".join(pieces):
            return _filled(pieces, words)
    return NOTHING


def _words_of(value: Value) -> list[str]:
    """One text, or those of a tuple of single texts."""
    items = [item for atom in value for item in getattr(atom, "items", ((atom,),))]
    words = [alternatives(item) for item in items]
    return [word[0] for word in words] if all(len(word) == 1 for word in words) else []


def _filled(pieces: list[str], words: list[str]) -> Value:
    """Pieces of a template with words between them."""
    if sum(map(len, (*pieces, *words))) > MAX_TEXT:
        return NOTHING
    return (Const("".join(piece + word for piece, word in zip(pieces, [*words, ""], strict=True))),)


def sliced(value: Value, bounds: Sequence[Value]) -> Value:
    """`text[lower:upper:step]` of constants; nothing for anything else."""
    numbers = [_integer(bound) for bound in bounds]
    known = all(not bound or number is not None for bound, number in zip(bounds, numbers, strict=True))
    if not known or numbers[2] == 0:
        return NOTHING
    chosen = slice(numbers[0], numbers[1], numbers[2])
    return tuple(Const(word[chosen]) for word in alternatives(value) if len(word) <= MAX_TEXT)


def _integer(value: Value) -> int | None:
    known = value[0].value if len(value) == 1 and isinstance(value[0], Const) else None
    return known if isinstance(known, int) else None


def method(m: Machine, name: str, receivers: Value, call: Call) -> Value:
    """A method of one short text whose arguments are short texts; nothing for anything else."""
    operand = alternatives(receivers)
    if len(operand) != 1 or len(operand[0]) > MAX_OPERAND or call.keywords or call.spread:
        return NOTHING
    if name == "join" and len(call.args) == 1:
        words = [alternatives(item) for item in m.sequence(call.args[0]) or ()]
        if words and all(len(word) == 1 for word in words):
            joined = operand[0].join(word[0] for word in words if len(word[0]) <= MAX_OPERAND)
            return (Const(joined),) if len(joined) <= MAX_TEXT else NOTHING
        return NOTHING
    given = [alternatives(value) for value in call.args]
    if any(len(each) != 1 or len(each[0]) > MAX_OPERAND for each in given):
        return NOTHING
    return _method_of_texts(m, name, operand[0], [each[0] for each in given], call)


def _method_of_texts(m: Machine, name: str, word: str, given: list[str], call: Call) -> Value:
    if name == "split" and len(given) <= 1 and "" not in given:
        pieces = word.split(given[0] if given else None)
        return m.container("list", call.node, tuple((Const(piece),) for piece in pieces))
    if not given and name in ("upper", "lower", "strip", "title", "capitalize", "swapcase"):
        return (Const(getattr(word, name)()),)
    if len(given) == 2 and name == "replace":
        return (Const(word.replace(given[0], given[1])),)
    pieces = word.split("{}")
    if name == "format" and len(pieces) == len(given) + 1 and not set("{}") & set("".join(pieces)):
        return _filled(pieces, given)
    return NOTHING

"""Values of declared types <-> standard JSON, with the arrays set aside.

    encode(Evidence, evidence)        -> JSON, arrays      strict: a value must have its field's type
    decode(Evidence, json, arrays)    -> evidence          strict: so must what is read; nothing is filled in

What standard JSON cannot say is spelled out: floats as `{"float": "nan"}`, integers beyond 2**53 as
`{"int": "0x..."}`, and in strings surrogates, which UTF-8 has no bytes for, as U+001A with four
hexadecimal digits. An array stands as its number. Plain values in fields that may hold any add
`{"tuple": [...]}` and `{"dict": [[key, value], ...]}`. Mappings keep their order, sets are sorted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

from grader.model import Array

ARRAY_DTYPES = tuple(np.dtype(kind) for kind in ("<f2", "<f4", "<f8", "<i8"))
MAX_DIMENSIONS = 16

_MAX_DEPTH = 64  # of plain values inside one another
_SAFE_INTEGER = 2**53  # beyond it other readers of JSON round
_ESCAPE = "\x1a"

Json: TypeAlias = Any
T = TypeVar("T")


class Mismatch(TypeError):
    """A value is not of its declared type: on writing our own fault, on reading damage."""


def encode(cls: type[T], value: T) -> tuple[Json, dict[str, Array]]:
    """The value as JSON, and its arrays by the names ("0", "1", ...) that stand for them there."""
    arrays: list[Array] = []
    data = _form(cast(Hashable, cls)).encode(value, arrays)
    return data, {str(number): array for number, array in enumerate(arrays)}


def decode(cls: type[T], data: Json, arrays: Mapping[str, Array]) -> T:
    """The value again; every array must be mentioned exactly once."""
    left = dict(arrays)
    value = _form(cast(Hashable, cls)).decode(data, left)
    if left:
        raise Mismatch(f"{len(left)} arrays belong to nothing")
    return cast(T, value)


# -- one form per type ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Form:
    """How the values of one type are written and read.

    `encode` appends the arrays it meets; `decode` takes those it needs out of the named ones.
    """

    encode: Callable[[Any, list[Array]], Json]
    decode: Callable[[Json, dict[str, Array]], Any]


@cache
def _form(hint: Hashable) -> _Form:
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _choice({member: member.value for member in hint})
    if hint is Any:
        return _Form(lambda value, _: _encode_plain(value), lambda data, _: _decode_plain(data))
    if origin is Literal:
        return _choice({value: value for value in args})
    if origin in (Union, UnionType) or hint in _SCALARS:
        return _union(args or (hint,))
    if origin is np.ndarray:
        return _Form(_encode_array, _decode_array)
    if origin is tuple:
        return _sequence(_form(args[0])) if args[1:] == (...,) else _fixed([_form(arg) for arg in args])
    if origin is frozenset and args == (str,):
        return _NAMES
    if origin is Mapping and args[0] is str:
        return _mapping(_form(args[1]))
    raise Mismatch(f"fields of type {hint} cannot be written")


def _dataclass(cls: type) -> _Form:
    hints = get_type_hints(cls)
    forms = {field.name: _form(hints[field.name]) for field in fields(cls)}

    def encode(value: Any, arrays: list[Array]) -> Json:
        if type(value) is not cls:
            raise _mismatch(cls.__name__, value)
        return {name: inside(name, form.encode, getattr(value, name), arrays) for name, form in forms.items()}

    def decode(data: Json, arrays: dict[str, Array]) -> Any:
        if type(data) is not dict:
            raise _mismatch(cls.__name__, data)
        if data.keys() != forms.keys():
            odd = ", ".join(sorted(data.keys() ^ forms.keys()))
            raise Mismatch(f"{cls.__name__}: written with other fields than this version has: {odd!r:.200}")
        return cls(**{name: inside(name, form.decode, data[name], arrays) for name, form in forms.items()})

    def inside(name: str, step: Callable[[Any, Any], Any], value: Any, arrays: Any) -> Any:
        try:
            return step(value, arrays)
        except Mismatch as fault:
            raise Mismatch(f"{cls.__name__}.{name}: {fault}") from None

    return _Form(encode, decode)


def _choice(written: Mapping[Any, Any]) -> _Form:
    """One of a few values; they are compared with their types, as 1 == True == 1.0."""
    to_json = {(type(value), value): data for value, data in written.items()}
    to_value = {(type(data), data): value for value, data in written.items()}

    def look_up(table: Mapping[Any, Any], value: Any) -> Any:
        try:
            return table[type(value), value]
        except (KeyError, TypeError):
            raise _mismatch(f"one of {list(written)}", value) from None

    return _Form(lambda value, _: look_up(to_json, value), lambda data, _: look_up(to_value, data))


def _sequence(item: _Form) -> _Form:
    def encode(value: Any, arrays: list[Array]) -> Json:
        return [item.encode(each, arrays) for each in _expect(tuple, value)]

    def decode(data: Json, arrays: dict[str, Array]) -> Any:
        return tuple([item.decode(each, arrays) for each in _expect(list, data)])

    return _Form(encode, decode)


def _fixed(items: list[_Form]) -> _Form:
    def check(kind: type, value: Any) -> Any:
        if len(_expect(kind, value)) != len(items):
            raise _mismatch(f"{len(items)} values", value)
        return value

    def encode(value: Any, arrays: list[Array]) -> Json:
        return [item.encode(each, arrays) for item, each in zip(items, check(tuple, value), strict=True)]

    def decode(data: Json, arrays: dict[str, Array]) -> Any:
        return tuple([item.decode(each, arrays) for item, each in zip(items, check(list, data), strict=True)])

    return _Form(encode, decode)


def _mapping(item: _Form) -> _Form:
    def encode(value: Any, arrays: list[Array]) -> Json:
        if not isinstance(value, Mapping):
            raise _mismatch("a mapping", value)
        return {_escape(_expect(str, key)): item.encode(each, arrays) for key, each in value.items()}

    def decode(data: Json, arrays: dict[str, Array]) -> Any:
        return {_unescape(key): item.decode(each, arrays) for key, each in _expect(dict, data).items()}

    return _Form(encode, decode)


def _encode_names(value: Any, _: list[Array]) -> Json:
    return sorted(_escape(_expect(str, name)) for name in _expect(frozenset, value))


def _decode_names(data: Json, _: dict[str, Array]) -> Any:
    return frozenset(_unescape(_expect(str, name)) for name in _expect(list, data))


_NAMES = _Form(_encode_names, _decode_names)


def _encode_array(value: Any, arrays: list[Array]) -> Json:
    if not isinstance(value, np.ndarray):
        raise _mismatch("an array", value)
    if value.dtype.newbyteorder("<") not in ARRAY_DTYPES or value.ndim > MAX_DIMENSIONS:
        raise Mismatch(f"arrays of {value.dtype} with {value.ndim} axes cannot be written")
    arrays.append(value)
    return str(len(arrays) - 1)


def _decode_array(data: Json, arrays: dict[str, Array]) -> Any:
    try:
        return arrays.pop(_expect(str, data))
    except KeyError:
        raise Mismatch(f"array {data!r:.40} is missing, or mentioned twice") from None


# -- scalars and plain values ----------------------------------------------------------------------

_SCALARS = (str, int, float, bool)


def _union(members: tuple[Any, ...]) -> _Form:
    """Scalars of several types, each read back as the type it was; or one other form; or None."""
    others = [member for member in members if member not in (*_SCALARS, NoneType)]
    scalars = frozenset(members) - frozenset(others)
    if not others:
        return _Form(
            lambda value, _: _encode_scalar(value, scalars), lambda data, _: _decode_scalar(data, scalars)
        )
    if len(others) > 1 or scalars != {NoneType}:
        raise Mismatch(f"fields of type {members} cannot be written")
    form = _form(others[0])
    return _Form(
        lambda value, arrays: None if value is None else form.encode(value, arrays),
        lambda data, arrays: None if data is None else form.decode(data, arrays),
    )


def _encode_scalar(value: Any, allowed: frozenset[Any]) -> Json:
    if isinstance(value, int) and type(value) is not bool and int not in allowed and float in allowed:
        value = _as_float(value)  # a whole number of seconds is a number of seconds
    if isinstance(value, str) and str in allowed:
        return _escape(value)
    if isinstance(value, float) and float in allowed:  # numpy's float64 is one
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if type(value) not in allowed:
        raise _mismatch(_names(allowed), value)
    if type(value) is int and abs(value) > _SAFE_INTEGER:
        return {"int": hex(value)}
    return value


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        raise Mismatch("a whole number too large for a float") from None


def _decode_scalar(data: Json, allowed: frozenset[Any]) -> Any:
    match data:
        case str() if str in allowed:
            return _unescape(data)
        case {"float": "nan" | "inf" | "-inf" as text} if len(data) == 1 and float in allowed:
            return float(text)
        case {"int": str(text)} if len(data) == 1 and int in allowed and re.fullmatch(r"-?0x[0-9a-f]+", text):
            return int(text, 16)
        case _ if type(data) in allowed and (type(data) is not float or math.isfinite(data)):
            return data
    raise _mismatch(_names(allowed), data)


_PLAIN = frozenset((*_SCALARS, NoneType))


def _encode_plain(value: Any, depth: int = _MAX_DEPTH) -> Json:
    if depth == 0:
        raise Mismatch(f"values more than {_MAX_DEPTH} levels deep")
    if isinstance(value, list):
        return [_encode_plain(each, depth - 1) for each in value]
    if isinstance(value, tuple):
        return {"tuple": [_encode_plain(each, depth - 1) for each in value]}
    if isinstance(value, dict):
        return {"dict": [[_encode_plain(pair, depth - 1) for pair in item] for item in value.items()]}
    return _encode_scalar(value, _PLAIN)


def _decode_plain(data: Json, depth: int = _MAX_DEPTH) -> Any:
    if depth == 0:
        raise Mismatch(f"values more than {_MAX_DEPTH} levels deep")
    match data:
        case list():
            return [_decode_plain(each, depth - 1) for each in data]
        case {"tuple": list(items)} if len(data) == 1:
            return tuple([_decode_plain(each, depth - 1) for each in items])
        case {"dict": list(items)} if len(data) == 1:
            return _decode_pairs(items, depth)
    return _decode_scalar(data, _PLAIN)


def _decode_pairs(items: list[Json], depth: int) -> dict[Any, Any]:
    pairs = {}
    for item in items:
        if len(_expect(list, item)) != 2:
            raise _mismatch("a key and a value", item)
        key, value = (_decode_plain(each, depth - 1) for each in item)
        try:
            pairs[key] = value
        except TypeError:
            raise _mismatch("a key", key) from None
    return pairs


def _escape(text: str) -> str:
    return re.sub("[\x1a\ud800-\udfff]", lambda found: f"{_ESCAPE}{ord(found[0]):04x}", text)


def _unescape(text: str) -> str:
    if _ESCAPE not in text:
        return text
    plain = re.sub(f"{_ESCAPE}([0-9a-f]{{4}})", lambda found: chr(int(found[1], 16)), text)
    if _escape(plain) != text:
        raise Mismatch("a string with a wrong escape")
    return plain


def _expect(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise _mismatch(kind.__name__, value)
    return value


def _names(allowed: frozenset[Any]) -> str:
    return " or ".join(sorted("None" if kind is NoneType else kind.__name__ for kind in allowed))


def _mismatch(expected: str, found: Any) -> Mismatch:
    return Mismatch(f"expected {expected}, found {type(found).__name__}")

"""A tree of YAML nodes read as a tree of dataclasses, with every fault and its place.

The dataclasses' own type hints say what is expected, so a new key or check is a new field or class
and nothing here changes. Reading goes in two steps: `read_as` notes what it finds and what is wrong,
`build` makes the values once nothing is. In between, rules between fields (grader/rubric_rules.py)
look at whatever could be read, so that they speak up in the same message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from grader.errors import Fault
from grader.rubric_nodes import Entry, Leaf, Node, Spot, near
from grader.rubric_scalars import DECIMAL, POINTS, TEXT, TRUTH, WHOLE, Scalar, writing_of

MAX_VALUES = 20_000
NOT_A_KEY = {"not a key": True}

_PLAIN: Mapping[Any, Scalar] = {str: TEXT, bool: TRUTH, int: WHOLE, float: DECIMAL, Decimal: POINTS}


@dataclass(frozen=True, slots=True)
class OneOf:
    """Marks a field that is chosen by a key: exactly one of these keys stands in the mapping."""

    what: str
    types: Mapping[str, type]


@dataclass(frozen=True, slots=True)
class Found:
    """A value as read, and where it is used.

    `value` is a plain value, a dict of Found by field name, a list of Found, or None where it could
    not be read. `type` is the dataclass to build; `name` the key that chose it, for a `OneOf`.
    """

    value: Any
    at: Spot
    type: Callable[..., Any] | None = None
    name: str = ""

    def part(self, field: str) -> Found | None:
        """The part of that name, None where it is missing or could not be read."""
        part = self.value.get(field) if isinstance(self.value, dict) else None
        return part if part is not None and part.value is not None else None

    def plain(self, field: str) -> Any:
        """The plain value of that part, None where it is missing or could not be read."""
        part = self.part(field)
        return None if part is None else part.value

    def parts(self, field: str) -> list[Found]:
        """The entries of a list, also those that could not be read."""
        value = self.plain(field)
        return value if isinstance(value, list) else []


def build(found: Found) -> Any:
    """The value itself; only for what was read without a fault."""
    if isinstance(found.value, list):
        return tuple(build(item) for item in found.value)
    if isinstance(found.value, dict):
        parts = {name: build(part) for name, part in found.value.items()}
        return found.type(**parts) if found.type else parts
    return found.value


def read_as(kind: type, node: Node) -> tuple[Found, list[Fault]]:
    """A node read as a dataclass, and everything that is wrong with its shape."""
    reader = _Reader()
    try:
        found = reader.read(kind, node, kind.__name__.lower())
    except _TooMuch:
        message = f"aliases (`*name`) make more than {MAX_VALUES:,} values, which no rubric needs"
        return Found(None, node.at), [node.at.fault(message)]
    return found, reader.faults


class _TooMuch(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Field:
    key: str
    name: str
    kind: Any
    required: bool
    one_of: OneOf | None


@cache
def _fields_of(kind: type) -> tuple[_Field, ...]:
    hints = get_type_hints(kind, include_extras=True)
    result = []
    for field in fields(kind):
        if field.metadata.get("not a key"):
            continue
        required = field.default is MISSING and field.default_factory is MISSING
        marks = get_args(hints[field.name])[1:] if get_origin(hints[field.name]) is Annotated else ()
        one_of = next((mark for mark in marks if isinstance(mark, OneOf)), None)
        result.append(_Field(field.name.rstrip("_"), field.name, hints[field.name], required, one_of))
    return tuple(result)


def _empty(node: Node) -> bool:
    return isinstance(node.content, Leaf) and writing_of(node.content.text, node.content.plain) == "nothing"


def _shown(node: Node) -> str:
    if not isinstance(node.content, Leaf):
        return "a mapping" if isinstance(node.content, Mapping) else "a list"
    text = node.content.text if len(node.content.text) <= 40 else node.content.text[:37] + "..."
    writing = writing_of(node.content.text, node.content.plain)
    return f"the text {text!r}" if writing == "text" else text or "nothing"


def _hint(node: Node, scalar: Scalar) -> str:
    """What one pair of quotes more or less would mend."""
    if not isinstance(node.content, Leaf):
        return ""
    text, plain = node.content.text, node.content.plain
    if scalar.accepts(writing_of(text, not plain), text):
        return "; put it in quotes" if plain else "; leave the quotes out"
    return ""


class _Reader:
    """Walks nodes and types together and collects faults; every method returns a Found, broken or not."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.values = 0

    def broken(self, node: Node, message: str) -> Found:
        self.faults.append(node.at.fault(message))
        return Found(None, node.used)

    def read(self, kind: Any, node: Node, key: str, required: bool = False) -> Found:
        self.values += 1
        if self.values > MAX_VALUES:
            raise _TooMuch
        if _empty(node):
            remedy = "give it a value" if required else "give it a value or delete the key"
            return self.broken(node, f"`{key}` is empty; {remedy}")
        origin, args = get_origin(kind), get_args(kind)
        if origin is Annotated:
            scalar = next((mark for mark in args[1:] if isinstance(mark, Scalar)), None)
            return self.scalar(scalar, node, key) if scalar else self.read(args[0], node, key)
        if origin in (Union, UnionType):  # only ever `X | None`: absent, or an X
            return self.read(next(arg for arg in args if arg is not NoneType), node, key)
        if origin is Literal:
            return self.choice(args, node, key)
        if origin is tuple:
            return self.sequence(args, node, key, required)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self.free_mapping(args[1], node, key)
        if kind in _PLAIN:
            return self.scalar(_PLAIN[kind], node, key)
        return self.record(kind, node, key)

    def scalar(self, scalar: Scalar, node: Node, key: str) -> Found:
        if isinstance(node.content, Leaf):
            text = node.content.text
            writing = writing_of(text, node.content.plain)
            if scalar.accepts(writing, text):
                return Found(scalar.readers[writing](text), node.used)
        found = f"found {_shown(node)}{_hint(node, scalar)}"
        return self.broken(node, f"`{key}`: expected {scalar.what}; {found}")

    def choice(self, options: tuple[str, ...], node: Node, key: str) -> Found:
        if isinstance(node.content, Leaf) and node.content.text in options:
            return Found(node.content.text, node.used)
        close = near(node.content.text, options) if isinstance(node.content, Leaf) else ""
        expected = options[0] if len(options) == 1 else "one of " + ", ".join(options)
        return self.broken(node, f"`{key}`: expected {expected}; found {_shown(node)}{close}")

    def sequence(self, args: tuple[Any, ...], node: Node, key: str, required: bool) -> Found:
        """A list; one without a default needs an entry, `tuple[int, int]` exactly two."""
        repeated = args[-1] is Ellipsis
        if not isinstance(node.content, tuple):
            return self.broken(node, f"`{key}`: expected a list such as [a, b]; found {_shown(node)}")
        if not repeated and len(node.content) != len(args):
            return self.broken(node, f"`{key}`: expected a list of {len(args)}; found {len(node.content)}")
        if required and not node.content:
            return self.broken(node, f"`{key}` needs at least one entry")
        kinds = [args[0]] * len(node.content) if repeated else args
        items = [self.read(kind, item, key, True) for kind, item in zip(kinds, node.content, strict=True)]
        return Found(items, node.used)

    def free_mapping(self, kind: Any, node: Node, key: str) -> Found:
        if not isinstance(node.content, Mapping):
            return self.broken(node, f"`{key}`: expected a mapping such as {{name: 1}}; found {_shown(node)}")
        parts = {name: self.read(kind, entry.node, name) for name, entry in node.content.items()}
        return Found(parts, node.used)

    def record(self, kind: type, node: Node, key: str, name: str = "") -> Found:
        """A dataclass: a mapping with its fields as keys, or its only field's value if that is `value`."""
        known = _fields_of(kind)
        if [field.key for field in known] == ["value"]:
            return Found({"value": self.read(known[0].kind, node, key, True)}, node.used, kind, name)
        if not isinstance(node.content, Mapping):
            keys = ", ".join(field.key for field in known if not field.one_of)
            return self.broken(node, f"`{key}`: expected a mapping with {keys}; found {_shown(node)}")
        self.unknown_keys(known, node.content, key)
        parts: dict[str, Found] = {}
        for field in known:
            entry = node.content.get(field.key)
            if field.one_of:
                part = self.chosen(field.one_of, node, node.content, known)
            elif entry:
                part = self.read(field.kind, entry.node, field.key, field.required)
            elif field.required:
                part = self.broken(node, f"`{field.key}` is missing here, in `{key}`")
            else:
                continue
            parts[field.name] = part
        return Found(parts, node.used, kind, name)

    def chosen(
        self, one_of: OneOf, node: Node, entries: Mapping[str, Entry], known: tuple[_Field, ...]
    ) -> Found:
        present = [key for key in entries if key in one_of.types]
        if len(present) == 1:
            key = present[0]
            child = entries[key].node
            if _empty(child):
                return self.broken(child, f"`{key}` is empty; give it a value, or {{}} for its defaults")
            return self.record(one_of.types[key], child, key, key)
        if present:
            first, second = present[:2]
            message = f"one {one_of.what} at a time, but here are `{first}` and `{second}`; make two of them"
            self.faults.append(entries[second].key.fault(message))
        elif all(key in {field.key for field in known} for key in entries):  # else an unknown key says it all
            self.broken(node, f"a {one_of.what} is missing here: one of {', '.join(one_of.types)}")
        return Found(None, node.used)

    def unknown_keys(self, known: tuple[_Field, ...], entries: Mapping[str, Entry], place: str) -> None:
        keys = [field.key for field in known if not field.one_of]
        for field in known:
            keys += field.one_of.types if field.one_of else ()
        for key, entry in entries.items():
            if key not in keys:
                message = f"`{key}` is not a key of `{place}`{near(key, keys)}; known here: {', '.join(keys)}"
                self.faults.append(entry.key.fault(message))

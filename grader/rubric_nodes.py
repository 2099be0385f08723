"""The bytes of a YAML file as a tree in which every value knows its line.

PyYAML supplies the events; the tree is put together here because its own composer forgets where an
alias stands, keeps duplicate keys silently, and stops at the first fault. The limits make a
hostile or mistaken file a fault, never a hang.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, TypeAlias

import yaml

from grader.errors import Fault

MAX_BYTES = 256 << 10
MAX_DEPTH = 24
MAX_NODES = 20_000

_REMEDIES = (
    ("cannot start any token", "indent with spaces, not tabs, and quote a text that begins with @ ` or %"),
    ("mapping values are not allowed", "quote a text that holds `: `, and check this line's indentation"),
    ("expected ',' or", "close the bracket, and quote a text that holds , : [ ] { or }"),
    ("expected <block end>", "check the indentation of this line"),
    ("could not find expected ':'", "a key is followed by a colon and a space"),
    ("expected URI", "quote a text that begins with !"),
    ("tag", "quote a text that begins with !"),
    ("alphabetic or numeric", "quote a text that begins with & or *"),
    ("expected the node content", "quote a text that begins with a sign, and check for a value left out"),
)


@dataclass(frozen=True, slots=True)
class Spot:
    """A 1-based line and column."""

    line: int
    column: int

    def fault(self, message: str) -> Fault:
        """A fault here; what the file contributes to the message is kept to one short, printable line."""
        shown = "".join(char if char.isprintable() else "?" for char in message)
        return Fault(shown if len(shown) <= 400 else shown[:397] + "...", self.line, self.column)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value; `plain` when it is written without quotes."""

    text: str
    plain: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's place and its value."""

    key: Spot
    node: Node


Content: TypeAlias = "Leaf | tuple[Node, ...] | Mapping[str, Entry]"


@dataclass(frozen=True, slots=True)
class Node:
    """A value `at` its place; `used` differs where an alias (`*name`) brought it."""

    content: Content
    at: Spot
    used: Spot


class _Unreadable(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def near(word: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)` if one of the known words is close, else nothing."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean `{close[0]}`?)" if close else ""


def read_nodes(data: bytes) -> tuple[Node | None, list[Fault]]:
    """The tree of a YAML file and what is wrong with its syntax; no tree if nothing can be made of it."""
    try:
        tree = _Tree(_decode(data))
        return tree.compose(), tree.faults
    except _Unreadable as unreadable:
        return None, [unreadable.fault]
    except yaml.MarkedYAMLError as error:
        return None, [_syntax_fault(error)]
    except (ValueError, OverflowError):
        # PyYAML hands what an escape or a %YAML line says to chr() and int() without a look at it.
        message = "a number is too large in a %YAML line or in an escape such as \\UFFFFFFFF in double quotes"
        return None, [Fault(f"not valid YAML: {message}")]


def _decode(data: bytes) -> str:
    """UTF-8 text in composed form; a byte order mark is dropped, Hangul typed on a Mac is composed."""
    if len(data) > MAX_BYTES:
        raise _Unreadable(Fault(f"the file is larger than {MAX_BYTES >> 10} KiB, which no rubric needs"))
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:4]:
        raise _Unreadable(Fault("the file is in UTF-16; save it as UTF-8", 1, 1))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", errors="replace")
        spot = _place(before, len(before))
        message = f"the byte 0x{data[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise _Unreadable(spot.fault(message)) from None
    text = unicodedata.normalize("NFC", text)
    if sign := yaml.reader.Reader.NON_PRINTABLE.search(text):
        message = f"the invisible sign U+{ord(sign[0]):04X} may not stand in a YAML file; delete it"
        raise _Unreadable(_place(text, sign.start()).fault(message))
    return text


def _place(text: str, position: int) -> Spot:
    before = text[:position]
    return Spot(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _spot(mark: Any) -> Spot:
    return Spot(mark.line + 1, mark.column + 1) if mark else Spot(1, 1)


def _syntax_fault(error: yaml.MarkedYAMLError) -> Fault:
    """One sentence in place of PyYAML's: where, what is wrong, in what, and the usual remedy."""
    problem, context = error.problem or "something is wrong", error.context or ""
    began, noticed = _spot(error.context_mark), _spot(error.problem_mark or error.context_mark)
    if "unexpected end of stream" in problem:
        return began.fault("not valid YAML: this quote is never closed")
    if context.startswith("while parsing a flow") and began.line < noticed.line:
        # What is wrong stands where the bracket opens; it is noticed at the next thing that cannot be in it.
        message = f"not valid YAML: this bracket, or a quote in it, is not closed before line {noticed.line}"
        return began.fault(message)
    hints = (remedy for piece, remedy in _REMEDIES if piece in problem)
    remedy = next(hints, "what follows was not read")
    since = f" ({context} that begins on line {began.line})" if context else ""
    return noticed.fault(f"not valid YAML: {problem}{since}; {remedy}")


class _Tree:
    """Puts a tree together from parser events, collecting the faults that do not stop it."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self.anchors: dict[str, Node | None] = {}
        self.faults: list[Fault] = []
        self.nodes = 0

    def compose(self) -> Node | None:
        """The only document's root; None where the file is empty."""
        next(self.events)  # the stream's start
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        root = self._node(next(self.events), 0)
        next(self.events)  # the document's end
        more = next(self.events)
        if not isinstance(more, yaml.StreamEndEvent):
            message = "a rubric is one document; delete this `---` and what follows it"
            raise _Unreadable(_spot(more.start_mark).fault(message))
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        at = _spot(event.start_mark)
        if depth > MAX_DEPTH:
            raise _Unreadable(at.fault(f"nested more than {MAX_DEPTH} levels deep, which no rubric needs"))
        self._count(1, at)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), at)
        assert isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent)
        if event.tag is not None:
            self.fault(at, f"`{event.tag}` is read as a YAML tag; quote a text that begins with !")
        if event.anchor is not None:
            self.anchors[event.anchor] = None  # still open: an alias to it in here would never end
        content: Content
        if isinstance(event, yaml.ScalarEvent):
            content = Leaf(event.value, plain=event.style is None)
        elif isinstance(event, yaml.SequenceStartEvent):
            content = tuple(self._node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent))
        else:
            content = self._mapping(depth)
        node = Node(content, at, at)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def fault(self, at: Spot, message: str) -> None:
        self.faults.append(at.fault(message))

    def _count(self, more: int, at: Spot) -> None:
        self.nodes += more
        if self.nodes > MAX_NODES:
            raise _Unreadable(at.fault(f"more than {MAX_NODES:,} values up to here, which no rubric needs"))

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self.events), end):
            yield event

    def _alias(self, name: str, at: Spot) -> Node:
        if name not in self.anchors:
            hint = near(name, self.anchors)
            raise _Unreadable(at.fault(f"`*{name}` has no `&{name}` above it{hint}"))
        node = self.anchors[name]
        if node is None:
            raise _Unreadable(at.fault(f"`*{name}` stands inside `&{name}` itself"))
        return replace(node, used=at)

    def _mapping(self, depth: int) -> Mapping[str, Entry]:
        own: dict[str, Entry] = {}
        merged: dict[str, Entry] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            node = self._node(next(self.events), depth + 1)
            if not isinstance(key.content, Leaf):
                self.fault(key.at, "a key is a single word; quote a text that begins with [ { or ?")
            elif key.content == Leaf("<<", plain=True):
                merged = self._merge(node) | merged
            elif (first := own.get(key.content.text)) is not None:
                again = f"the key `{key.content.text}` stands here again"
                self.fault(key.at, f"{again}; it is on line {first.key.line} already")
            else:
                own[key.content.text] = Entry(key.used, node)
        return merged | own

    def _merge(self, node: Node) -> dict[str, Entry]:
        """What `<<` brings in: a mapping's entries, or several mappings', of which the first wins."""
        sources = node.content if isinstance(node.content, tuple) else (node,)
        entries: dict[str, Entry] = {}
        for source in sources:
            if isinstance(source.content, Mapping):
                self._count(len(source.content), source.used)
                entries = {**source.content, **entries}
            else:
                self.fault(source.used, "`<<` takes a mapping such as *name, or a list of them")
        return entries

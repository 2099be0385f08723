"""Abstract values: what a name may stand for while source is read instead of executed.

A `Value` is a small ordered set of atoms, each one thing that the name may be. Ordered, because
the facts end up in evidence and have to come out the same every time. Atoms that stand for something
mutable (`Instance`, `UserClass`, `Function`) are compared by identity: one per place in the source
and way of getting there, however often that place is run. All others are compared by content.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from grader.model import Place

How: TypeAlias = Literal["core", "own", "parameters", "functional", "maybe"]
Key: TypeAlias = str | int | bool | bytes | None

MAX_ATOMS = 48
MAX_TUPLE = 64


# -- atoms ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plain:
    """Data of no further interest: a number that is computed, a tensor that no network fed."""


@dataclass(frozen=True, slots=True)
class Const:
    """A constant whose value may matter: a name to look up, text to execute, a flag."""

    value: Key


@dataclass(frozen=True, slots=True)
class External:
    """Something that is not defined in the notebook, by its canonical dotted path."""

    path: str


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Something that cannot be known without running the code, and why."""

    why: str
    what: str
    place: Place


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor through which gradients flow to `source`; `at` is where that was produced."""

    source: Instance
    how: How
    at: Place


@dataclass(frozen=True, slots=True)
class TupleOf:
    """A tuple of known length; `size` counts the atoms inside, nested ones included."""

    items: tuple[Value, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Namespace:
    """The names of something as a dictionary: `globals()`, `vars(x)`, `x.__dict__`, `net._modules`."""

    of: Scope | External | Instance | UserClass


@dataclass(frozen=True, slots=True)
class GradMode:
    """`torch.no_grad()` and its relatives; `enabled` is None where it depends on the run."""

    enabled: bool | None


@dataclass(frozen=True, slots=True)
class Super:
    """`super()`: attributes of `receiver` that classes after `after` in its order of ancestors define."""

    after: UserClass
    receiver: Atom


@dataclass(frozen=True, slots=True)
class BoundFunction:
    """A method of a class in the notebook, with its object (or, for a classmethod, its class)."""

    function: Function
    receiver: Atom


@dataclass(frozen=True, slots=True)
class BoundExternal:
    """A method that is not defined in the notebook, by the path of its class, with its object."""

    path: str
    receiver: Atom

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """A callable with some arguments given; `differentiates` for `torch.func.grad(f)` and the like."""

    target: Value
    call: Call
    differentiates: bool = False


@dataclass(eq=False, slots=True)
class Instance:
    """An object, by the place that makes it: a network, an optimizer, a list, a tensor to write into.

    `keyed` holds contents whose position or key is known, `rest` all others. `many`: that place
    made several objects, so that one assignment does not replace what the others hold.
    """

    cls: External | UserClass
    place: Place
    region: Region
    attributes: dict[str, Value] = field(default_factory=dict)
    keyed: dict[Key, Value] = field(default_factory=dict)
    rest: Value = ()
    hooks: Value = ()
    many: bool = False
    frozen: bool = False
    kernel: tuple[str, ...] = ()

    @property
    def contents(self) -> Value:
        return join(self.rest, *self.keyed.values()) if self.keyed else self.rest


@dataclass(eq=False, slots=True)
class UserClass:
    """A class that is defined in the notebook; `fields` are those of a dataclass or named tuple,
    `annotated` all names with a type in its body."""

    name: str
    place: Place
    region: Region
    bases: tuple[Value, ...] = ()
    metaclass: Value = ()
    attributes: dict[str, Value] = field(default_factory=dict)
    annotated: tuple[str, ...] = ()
    fields: tuple[str, ...] | None = None


@dataclass(eq=False, slots=True)
class Function:
    """A function or lambda that is defined in the notebook, with the scope it was defined in."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    code: Code
    owner: UserClass | None = None
    kind: Literal["function", "static", "class", "property"] = "function"
    defaults: dict[str, Value] = field(default_factory=dict)
    grad: GradMode | None = None
    setter: Value = ()
    attributes: dict[str, Value] = field(default_factory=dict)


Atom: TypeAlias = (
    Plain
    | Const
    | External
    | Unresolved
    | Tensor
    | TupleOf
    | Namespace
    | GradMode
    | Super
    | BoundFunction
    | BoundExternal
    | Partial
    | Instance
    | UserClass
    | Function
)
Value: TypeAlias = tuple[Atom, ...]

# The branches (positive) and loops (negative) that are open, outermost first.
Region: TypeAlias = tuple[int, ...]

CALLABLE = (External, UserClass, Function, BoundFunction, BoundExternal, Instance, Partial, Super, GradMode)
NOTHING: Value = ()
PLAIN: Value = (Plain(),)
NONE: Value = (Const(None),)
OVERFLOW = Unresolved("rules.budget", "", Place(-1))


def join(*values: Value) -> Value:
    """Everything that any of the values may be; cut at MAX_ATOMS, and then marked as unresolved."""
    result: Value = ()
    for value in values:
        if not result:
            result = value
        elif value and value is not result and value != result:
            result = tuple(dict.fromkeys(result + value))
    if len(result) > MAX_ATOMS:
        result = (*result[: MAX_ATOMS - 1], OVERFLOW)
    return result


def make_tuple(items: tuple[Value, ...]) -> Value:
    """A tuple of these items; one that is too large only keeps what it contains."""
    size = 1 + sum(atom.size if isinstance(atom, TupleOf) else 1 for item in items for atom in item)
    if size <= MAX_TUPLE:
        return (TupleOf(items, size),)
    contents: Value = ()
    for item in items:
        contents = join(contents, flat(item))
    return join(PLAIN, contents)


def flat(value: Value) -> Value:
    """The atoms of a value and of the tuples in it, without the tuples."""
    if not any(isinstance(atom, TupleOf) for atom in value):
        return value
    return join(*(flat_atom(atom) for atom in value))


def flat_atom(atom: Atom) -> Value:
    if isinstance(atom, TupleOf):
        return join(*(flat(item) for item in atom.items))
    return (atom,)


def constants(value: Value) -> list[Key]:
    return [atom.value for atom in value if isinstance(atom, Const)]


def texts(value: Value) -> list[str]:
    return [atom.value for atom in value if isinstance(atom, Const) and isinstance(atom.value, str)]


def truth(value: Value) -> bool | None:
    """Whether a value is true, where that does not depend on the run."""
    if len(value) == 1 and isinstance(value[0], Const):
        return bool(value[0].value)
    return None


# -- code, scopes, calls -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """The text that a syntax tree was made from: its cell and, for each of its lines, the original one.

    `fixed` is set for text that the notebook executes: everything in it stands where it is executed.
    """

    cell: int
    lines: tuple[int, ...] = ()
    fixed: Place | None = None

    def place(self, node: ast.AST) -> Place:
        if self.fixed is not None:
            return self.fixed
        line: int | None = getattr(node, "lineno", None)
        if line is not None and self.lines:
            line = self.lines[min(line, len(self.lines)) - 1]
        return Place(self.cell, line)


@dataclass(eq=False, slots=True)
class Scope:
    """The names of a module, a running function, a class body or a comprehension.

    `function` and `first` (its first argument) are what `super()` without arguments needs; `owner` is
    the class whose body this is.
    """

    parent: Scope | None = None
    kind: Literal["module", "function", "class", "comprehension"] = "function"
    names: dict[str, Value] = field(default_factory=dict)
    function: Function | None = None
    first: Value = ()
    owner: UserClass | None = None
    global_names: set[str] = field(default_factory=set)
    nonlocal_names: set[str] = field(default_factory=set)
    returns: Value = ()
    yields: Value = ()

    def chain(self) -> Iterator[Scope]:
        """This scope and the ones around it, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Arguments of one call; `spread` is what arguments at unknown positions may be."""

    node: ast.AST
    args: tuple[Value, ...] = ()
    keywords: dict[str, Value] = field(default_factory=dict)
    spread: Value = ()

    def argument(self, position: int, *names: str) -> Value:
        """The argument at a 0-based position or by one of its names; empty if it is not given."""
        if position < len(self.args):
            return self.args[position]
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        return self.spread

    def shifted(self, count: int = 1) -> Call:
        """The same call without its first arguments."""
        return Call(self.node, self.args[count:], self.keywords, self.spread)

    def all(self) -> Value:
        return join(*self.args, *self.keywords.values(), self.spread)

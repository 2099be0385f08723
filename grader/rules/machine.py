"""The interpreter's state and what every layer of it needs: names, objects, branches, records, budget.

`Machine` is the lowest of the interpreter's layers, each a class that extends the one before. What a
lower layer needs of a higher one is declared in it as an abstract method.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from grader.model import Place

from . import classes
from .intrusions import leads_behind
from .record import Backward, CellRecord, PartRecord, Unclear
from .torch_names import BUILTINS, CUT, TENSOR, from_star, is_seen
from .values import (
    NOTHING,
    PLAIN,
    Atom,
    BoundExternal,
    BoundFunction,
    Call,
    Code,
    Const,
    External,
    Function,
    How,
    Instance,
    Key,
    Partial,
    Region,
    Scope,
    Tensor,
    TupleOf,
    Unresolved,
    UserClass,
    Value,
    flat,
    join,
    texts,
)

# An exam of six trainings takes 2,500 steps. A hostile cell is given up after about half a second.
CELL_STEPS = 20_000
TOTAL_STEPS = 100_000
UNROLLED = 8
KNOWN_POSITIONS = 64

# Why a thing that nobody names may be anything at all: `exec`, or a part of the reader's own foundations.
UNNAMED = frozenset({"rules.dynamic_name", "rules.dynamic_import", "rules.introspection"})

_NOTEBOOK_NAMES = frozenset({"get_ipython", "display", "exit", "quit"})


# The names of some scopes at one moment.
Saved: TypeAlias = list[tuple[Scope, dict[str, Value]]]


class Exhausted(Exception):  # not an error: how reading stops when its budget is spent
    """The budget of a cell, or of the whole notebook, is spent."""


class Machine(ABC):
    """Everything that is known at one moment of the reading."""

    def __init__(self) -> None:
        names = {name: (External(name),) for name in BUILTINS | _NOTEBOOK_NAMES}
        self.builtin = Scope(kind="module", names={**names, "__builtins__": (External("builtins"),)})
        self.globals = Scope(kind="module", names={"__name__": (Const("__main__"),)})
        self.stars: list[str] = []
        self.patches: dict[str, Value] = {}
        self.binders: dict[str, int] = {}
        self.instances: dict[tuple[object, ...], Instance] = {}
        self.functions: dict[tuple[object, ...], Function] = {}
        self.classes: dict[tuple[object, ...], UserClass] = {}
        self.everywhere: dict[Unclear, None] = {}
        self.adrift: dict[str, Value] = {}  # callables put on things that are not followed, by attribute
        self.thrown: Value = NOTHING  # the notebook's own exceptions that were raised so far
        self.lost = False  # whether a network was handed to something that is not followed
        self.changes = 0  # counts what was added to objects; loops run until nothing is
        self.steps = 0
        self.limit = 0
        self.grad: bool | None = True  # of torch.set_grad_enabled and the like, across cells
        self.begin(Code(-1), PartRecord(), CellRecord(-1))

    def begin(self, code: Code, part: PartRecord, cell: CellRecord) -> None:
        """Make ready for a cell: nothing is open, and what happens is written into these records."""
        self.code = code
        self.part = part
        self.cell = cell
        self.limit = min(self.steps + CELL_STEPS, TOTAL_STEPS)
        self.context: tuple[int, ...] = ()  # calls and unrolled iterations on the way here
        self.region: Region = ()
        self.running: list[Function] = []
        self.called: list[Place] = []  # where the running functions were called
        self.top: ast.AST | None = None  # the cell's own statement that is being read
        self.loops: list[tuple[int, ...]] = []
        self.sure = True  # False inside a call of which it is not certain what is called
        self.depth = 0
        self.produced: dict[Atom, None] | None = None  # outputs of networks, inside an autograd function
        self.scope = self.globals  # where the call stands that is being made

    # -- provided by the layers above

    @abstractmethod
    def read(self, value: Value, name: str, node: ast.AST) -> Value:
        """The attribute `name` of whatever `value` may be."""

    @abstractmethod
    def write(self, target: Value, name: str, value: Value, node: ast.AST) -> None:
        """Assign an attribute."""

    @abstractmethod
    def call(self, callee: Value, call: Call) -> Value:
        """The result of calling whatever `callee` may be."""

    @abstractmethod
    def call_instance(self, instance: Instance, call: Call, *, own: bool = True) -> Value:
        """The result of calling an object; without `own`, only what torch's own classes do counts."""

    @abstractmethod
    def instantiate(self, cls: External | UserClass, call: Call) -> Value:
        """The object that a class makes."""

    @abstractmethod
    def subscript(self, value: Value, key: Value, node: ast.AST) -> Value:
        """The item `key` of whatever `value` may be."""

    @abstractmethod
    def store(self, target: Value, key: Value, value: Value, node: ast.AST) -> None:
        """Assign an item."""

    @abstractmethod
    def execute_text(self, text: str, node: ast.AST, scope: Scope | None = None) -> Value:
        """Run constant text as code; the value of its last expression."""

    # -- budget

    def spend(self, steps: int = 1) -> None:
        self.steps += steps
        if self.steps > self.limit:
            raise Exhausted

    # -- writing down

    def note(self, why: str, what: str, node: ast.AST, *, everywhere: bool = False) -> None:
        """Something that reading cannot follow; `everywhere`: it may concern all later cells too."""
        place = self.code.place(node)
        entry = (why, shortened(what), place)
        self.part.add_unclear(entry)
        if everywhere:
            self.everywhere[entry] = None

    def unresolved(self, why: str, what: str, node: ast.AST) -> Value:
        return (Unresolved(why, shortened(what), self.code.place(node)),)

    def external(self, path: str, node: ast.AST) -> Value:
        """Something that the notebook does not define, by its canonical path, where it is come upon."""
        if leads_behind(path):
            self.note("rules.introspection", path, node, everywhere=True)
        return (External(path),)

    def note_backward(self, value: Value, node: ast.AST) -> None:
        """Gradients are computed of `value`."""
        training = self.loops[0] if self.loops else (id(self.top),)
        called = self.called[0] if self.called else None
        key = (*self.context, id(node))
        event = self.part.backwards.pop(key, None)
        event = event or Backward(self.code.place(node), called, training, self.certain)
        event.training = training
        for atom in self.taints(value):
            event.atoms[atom] = None
        self.part.backwards[key] = event  # moved to the end: the last one is the last training

    # -- objects

    def instance(self, cls: External | UserClass, node: ast.AST) -> Instance:
        """The object that a class makes at this place; the same one when the place is run again."""
        key = (self.context, id(node), cls)
        found = self.instances.get(key)
        if found is None:
            found = self.instances[key] = Instance(cls, self.code.place(node), self.region)
        else:
            found.many = True
        return found

    def container(self, kind: str, node: ast.AST, items: tuple[Value, ...] = (), rest: Value = ()) -> Value:
        """A list (or set, generator, ...) with these items in order and `rest` at unknown positions."""
        made = self.instance(External(kind), node)
        if made.many or len(items) > KNOWN_POSITIONS:
            self.put(made, None, join(rest, *items))
            return (made,)
        made.keyed = dict(enumerate(items))
        made.rest = rest
        return (made,)

    def dictionary(self, node: ast.AST, keyed: Mapping[Any, Value], rest: Value = ()) -> Value:
        made = self.instance(External("dict"), node)
        for key, value in keyed.items():
            self.put(made, key, value)
        self.put(made, None, rest)
        return (made,)

    def put(self, instance: Instance, key: Key, value: Value) -> None:
        """Add contents under a key, or, for the key None, at an unknown position."""
        self.spend()
        if key is not None and (key in instance.keyed or len(instance.keyed) < KNOWN_POSITIONS):
            old = instance.keyed.get(key, NOTHING)
            new = value if self.replaces(instance) else join(old, value)
            if new != old:
                instance.keyed[key] = new
                self.changes += 1
            return
        new = join(instance.rest, value)
        if new != instance.rest:
            instance.rest = new
            self.changes += 1

    def append(self, instance: Instance, value: Value) -> None:
        """Add one item at the end of a list."""
        once = instance.region == self.region and not instance.many and not instance.rest
        self.put(instance, len(instance.keyed) if once else None, value)

    def scatter(self, instance: Instance) -> None:
        """Forget at which positions the contents stand."""
        instance.rest, instance.keyed = instance.contents, {}

    def replaces(self, thing: Instance | UserClass) -> bool:
        """Whether an assignment now surely replaces what was there: no branch was entered since."""
        if isinstance(thing, Instance) and thing.many:
            return False
        common = len(thing.region) if self.region[: len(thing.region)] == thing.region else 0
        return all(entry < 0 for entry in self.region[common:])

    @property
    def certain(self) -> bool:
        """Whether the statement that is being read is surely run: no branch is open."""
        return not any(entry > 0 for entry in self.region)

    @contextmanager
    def inside(self, entry: int) -> Iterator[None]:
        """A branch (positive) or a loop (negative) is open."""
        self.region = (*self.region, entry)
        yield
        self.region = self.region[:-1]

    # -- names

    def lookup(self, name: str, scope: Scope, node: ast.AST) -> Value:
        for around in scope.chain():
            if name in around.names:
                if around is self.globals:
                    self._note_read(name)
                return around.names[name]
        if name in self.builtin.names:
            return self.builtin.names[name]
        for module in reversed(self.stars):
            path = from_star(module, name)
            if path is not None:
                return (External(path),)
        self._note_read(name)
        unseen = next((module for module in self.stars if not is_seen(module)), None)
        if unseen is not None:
            return self.unresolved("rules.unseen_code", f"{name} (from {unseen} import *)", node)
        return self.unresolved("rules.unbound_name", name, node)

    def _note_read(self, name: str) -> None:
        if self.binders.get(name) != self.cell.index and name != "__name__":
            self.cell.reads.add(name)

    def bind(self, name: str, value: Value, scope: Scope) -> None:
        while scope.kind == "comprehension" and scope.parent is not None and name not in scope.names:
            scope = scope.parent
        if name in scope.global_names:
            scope = self.globals
        elif name in scope.nonlocal_names:
            owner = next(
                (around for around in scope.chain() if around is not scope and name in around.names), None
            )
            if owner is not None:
                scope, value = owner, value if self.certain else join(owner.names[name], value)
        scope.names[name] = value
        if scope is self.globals:
            self.part.bound.add(name)
            self.cell.binds.add(name)
            self.binders[name] = self.cell.index

    def save(self, scope: Scope) -> Saved:
        """The names before a branch, to be restored or joined later."""
        scopes = (scope,) if scope is self.globals else (scope, self.globals)
        self.spend(1 + sum(len(each.names) for each in scopes) // 32)
        return [(each, dict(each.names)) for each in scopes]

    def restore(self, saved: Saved) -> None:
        for scope, names in saved:
            scope.names = dict(names)

    def left_over(self) -> dict[str, Value]:
        """The notebook's names as other questions left them."""
        return {name: value for name, value in self.globals.names.items() if name not in self.part.bound}

    def forget(self, saved: Saved, left: dict[str, Value]) -> None:
        """Forget outputs that other questions left in names that only another branch binds.

        `if t == 0: h = zeros` leaves what `h` was in the question before as a possibility that Python
        itself never meets; and a graph that was differentiated there cannot be a second time.
        """
        for scope, names in saved:
            for name, value in left.items() if scope is self.globals else ():
                if names.get(name) is value and name in self.part.bound:
                    names[name] = join(PLAIN, tuple(atom for atom in value if not is_output(atom)))

    def merge(self, saved: Saved) -> None:
        """Names may also be as they were when saved."""
        for scope, names in saved:
            for name, value in names.items():
                now = scope.names.get(name)
                if now is not value:
                    scope.names[name] = value if now is None else join(now, value)

    # -- tensors

    def taints(self, value: Value) -> Value:
        """Tensors and unresolved things in a value and in the containers it holds."""
        found: dict[Atom, None] = {}
        self._collect_taints(value, found, set())
        return join(tuple(found)) if found else NOTHING

    def _collect_taints(self, value: Value, found: dict[Atom, None], entered: set[Instance]) -> None:
        for atom in value:
            if isinstance(atom, Tensor | Unresolved):
                found[atom] = None
            elif isinstance(atom, BoundExternal):  # an attribute that is used as data
                cut = atom.name in CUT and isinstance(atom.receiver, Tensor)
                if isinstance(atom.receiver, Tensor | Unresolved) and not cut:
                    found[atom.receiver] = None
            elif isinstance(atom, TupleOf):
                for item in atom.items:
                    self._collect_taints(item, found, entered)
            elif isinstance(atom, Instance) and atom not in entered and self.holds_data(atom):
                entered.add(atom)
                self.spend()
                self._collect_taints(atom.rest, found, entered)
                for item in atom.keyed.values():
                    self._collect_taints(item, found, entered)

    def holds_data(self, instance: Instance) -> bool:
        """True for lists, dictionaries and tensors to write into, not for networks."""
        path = instance.cls.path if isinstance(instance.cls, External) else ""
        if path.startswith("torch.nn."):
            return False
        return path == TENSOR or classes.container_kind(instance.cls) is not None

    def computed(self, *values: Value) -> Value:
        """What is computed from the values: data, with their gradients if these are kept."""
        if self.grad is False:
            return PLAIN
        return join(PLAIN, *(self.taints(value) for value in values))

    def output(self, source: Instance, how: How, node: ast.AST) -> Value:
        """A tensor that `source` produces here."""
        if self.produced is not None:
            sure = "maybe" if self.grad is False else how
            self.produced[Tensor(source, sure, self.code.place(node))] = None
        if self.grad is False:
            return PLAIN
        if source.frozen or self.grad is None or not self.sure:
            how = "maybe"
        return (Tensor(source, how, self.code.place(node)),)

    # -- iteration

    def items(self, atom: Atom) -> tuple[Value, ...] | None:
        """What iterating over it yields, in order; None if that is not known exactly."""
        if isinstance(atom, TupleOf):
            return atom.items
        if isinstance(atom, Const) and isinstance(atom.value, str) and len(atom.value) <= UNROLLED:
            return tuple((Const(letter),) for letter in atom.value)
        if not isinstance(atom, Instance) or atom.rest or atom.many:
            return None
        kind = classes.container_kind(atom.cls)
        if kind == "dict":
            return tuple((Const(key),) for key in atom.keyed)
        return tuple(atom.keyed.values()) if kind == "list" else None

    def sequence(self, value: Value) -> tuple[Value, ...] | None:
        """The items of a value that is one thing with known items."""
        return self.items(value[0]) if len(value) == 1 else None

    def element(self, value: Value, node: ast.AST) -> Value:
        """Anything that iterating over the value may yield."""
        found = join(*(self._element(atom, node) for atom in value))
        return found or PLAIN

    def _element(self, atom: Atom, node: ast.AST) -> Value:
        if isinstance(atom, TupleOf):
            return join(*atom.items)
        if isinstance(atom, Tensor | Unresolved):
            return (atom,)
        if isinstance(atom, Instance):
            kind = classes.container_kind(atom.cls)
            if kind == "dict":
                return join(PLAIN, tuple(Const(key) for key in atom.keyed))
            if kind == "list" or self.holds_data(atom):
                return join(atom.contents, PLAIN if self.holds_data(atom) else NOTHING)
            return self.iterate_object(atom, node)
        return PLAIN

    def iterate_object(self, instance: Instance, node: ast.AST) -> Value:
        """What a user's object yields by its own `__iter__`, `__next__` or `__getitem__`."""
        for name in ("__iter__", "__next__", "__getitem__"):
            method = classes.defined(instance.cls, name)
            if method is not None and method[0]:
                args = (PLAIN,) if name == "__getitem__" else ()
                made = self.call(self.read((instance,), name, node), Call(node, args))
                if instance in made:
                    continue  # an iterator that is its own; what it yields is the result of __next__
                return self.element(made, node) if name == "__iter__" else made
        return join(PLAIN, instance.contents)

    def iterations(self, value: Value, node: ast.AST) -> tuple[Value, ...]:
        """The values of a loop's passes where these are few and differ in kind, else one for all."""
        items = self.sequence(value)
        if items is not None and (not items or (len(items) <= UNROLLED and any(map(matters, items)))):
            return items
        return (self.element(value, node),)


def shortened(what: str) -> str:
    """Text of the notebook as it is kept in reasons."""
    return what if len(what) <= 80 else what[:79] + "…"


def is_output(atom: Atom) -> bool:
    return isinstance(atom, Tensor) and atom.how != "parameters"


def matters(value: Value) -> bool:
    """Whether a value holds anything that can be called or names something: a loop over it is unrolled."""
    kinds = (Instance, Function, External, UserClass, BoundFunction, BoundExternal, Partial)
    return any(isinstance(atom, kinds) for atom in flat(value)) or bool(texts(value))

"""Items: `value[key]` read and assigned, of tuples, containers, namespaces and the user's own objects."""

from __future__ import annotations

import ast

from . import classes
from .calls import Calls
from .machine import UNNAMED
from .torch_names import canonical, is_patch, is_seen
from .values import (
    CALLABLE,
    NOTHING,
    PLAIN,
    Atom,
    BoundExternal,
    Call,
    External,
    Instance,
    Namespace,
    Plain,
    Scope,
    Tensor,
    TupleOf,
    Unresolved,
    UserClass,
    Value,
    constants,
    join,
    texts,
)


class Items(Calls):
    """Reads and writes items."""

    def subscript(self, value: Value, key: Value, node: ast.AST) -> Value:
        return join(*(self._item(atom, key, node) for atom in value)) or PLAIN

    def _item(self, atom: Atom, key: Value, node: ast.AST) -> Value:
        if isinstance(atom, TupleOf):
            return by_position(atom.items, key) or self.element((atom,), node)
        if isinstance(atom, Namespace):
            return self._name_in(atom, key, node)
        if isinstance(atom, Instance):
            return self._item_of_instance(atom, key, node)
        if isinstance(atom, Tensor | Unresolved | UserClass):
            return (atom,)  # a class: `list[int]`
        if isinstance(atom, External):
            return self._item_of_external(atom, key, node)
        return self.computed((atom,))

    def _item_of_external(self, atom: External, key: Value, node: ast.AST) -> Value:
        if atom.path != "sys.modules":
            return (atom,)
        found = join(*(self.external(canonical(name), node) for name in texts(key)))
        if len(texts(key)) < len(key):
            found = join(found, self.unresolved("rules.dynamic_import", "sys.modules[…]", node))
        return found or (atom,)

    def _item_of_instance(self, thing: Instance, key: Value, node: ast.AST) -> Value:
        kind = classes.container_kind(thing.cls)
        if kind is None:
            method = self.of_class(thing.cls, thing, "__getitem__", node)
            if method is not None and not isinstance(method[0], BoundExternal):
                return self.call(method, Call(node, (key,)))
            return join((thing,) if self.holds_data(thing) else NOTHING, thing.contents, PLAIN)
        keys = constants(key)
        exact = len(keys) == len(key) and key != NOTHING
        if kind == "list" and exact and not thing.rest and not thing.many:
            found = by_position(tuple(thing.keyed.values()), key)
            if found:
                return found
        if exact and all(each in thing.keyed for each in keys) and not (kind == "list" and thing.rest):
            return join(*(thing.keyed[each] for each in keys))
        if kind == "list" and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            return self.container("list", node, rest=thing.contents)
        return thing.contents or PLAIN

    def _name_in(self, space: Namespace, key: Value, node: ast.AST) -> Value:
        """`globals()["rnn"]`, `vars(torch.nn)["RNN"]`, `net._modules["cell"]`."""
        names = texts(key)
        if names and len(names) == len(key):
            if isinstance(space.of, Scope):
                return join(*(self.lookup(name, space.of, node) for name in names))
            owner: Value = (space.of,)
            return join(*(self.read(owner, name, node) for name in names))
        if (
            isinstance(space.of, External)
            and is_seen(space.of.path)
            and not space.of.path.startswith("torch")
        ):
            return PLAIN
        if isinstance(space.of, Instance):
            held = self.names_in(space, node) or {}
            return join(*held.values(), self.parameters(space.of, node)) or PLAIN
        return self.unresolved("rules.dynamic_name", "[…]", node)

    def store(self, target: Value, key: Value, value: Value, node: ast.AST) -> None:
        for atom in target:
            if isinstance(atom, Namespace):
                self._store_name(atom, key, value, node)
            elif isinstance(atom, Instance):
                self._store_item(atom, key, value, node)
            elif isinstance(atom, Plain | BoundExternal) and any(
                isinstance(each, CALLABLE) for each in value
            ):
                self.lost = True
            elif isinstance(atom, External) and is_patch(atom.path):
                self.note("rules.patched_library", f"{atom.path}[…]", node, everywhere=True)
            elif isinstance(atom, Unresolved) and atom.why in UNNAMED:
                self.note(atom.why, atom.what, node, everywhere=True)

    def _store_name(self, space: Namespace, key: Value, value: Value, node: ast.AST) -> None:
        names = texts(key)
        for name in names:
            if isinstance(space.of, Scope):
                self.bind(name, value, space.of)
            else:
                self.write((space.of,), name, value, node)
        if not names or len(names) < len(key):
            self.note("rules.dynamic_name", "[…] = …", node, everywhere=True)

    def _store_item(self, thing: Instance, key: Value, value: Value, node: ast.AST) -> None:
        if classes.container_kind(thing.cls) is None:
            method = self.of_class(thing.cls, thing, "__setitem__", node)
            if method is not None and not isinstance(method[0], BoundExternal):
                self.call(method, Call(node, (key, value)))
            elif self.grad is not False:
                self.put(thing, None, self.taints(value) if self.holds_data(thing) else value)
            return
        keys = constants(key)
        if len(keys) == 1 == len(key):
            place = keys[0]
            if place in thing.keyed or classes.container_kind(thing.cls) == "dict":
                self.put(thing, place, value)
                return
        self.scatter(thing)
        self.put(thing, None, value)


def by_position(items: tuple[Value, ...], key: Value) -> Value:
    """The items at constant positions; nothing if a position is not known."""
    positions = constants(key)
    if not positions or len(positions) < len(key):
        return NOTHING
    if not all(isinstance(each, int) and -len(items) <= each < len(items) for each in positions):
        return NOTHING
    return join(*(items[each] for each in positions if isinstance(each, int)))

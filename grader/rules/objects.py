"""Attributes: how they are looked up and assigned, on whatever a value may be."""

# ruff: noqa: ARG001 (every kind of atom is read with the same arguments)
from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, TypeAlias

from . import classes
from .intrusions import BASES, FRAMES, REMADE, WATCHED, is_machinery, is_machinery_written, leads_behind
from .machine import UNNAMED, Machine
from .torch_names import CUT, TENSOR, canonical, is_parameter_name, is_patch
from .values import (
    CALLABLE,
    NOTHING,
    PLAIN,
    Atom,
    BoundExternal,
    BoundFunction,
    Call,
    Const,
    External,
    Function,
    Instance,
    Namespace,
    Partial,
    Plain,
    Scope,
    Super,
    Tensor,
    Unresolved,
    UserClass,
    Value,
    flat,
    join,
    make_tuple,
    truth,
)

_REGISTERED = frozenset({"_modules", "_parameters", "_buffers", "__dict__"})
_DATA = frozenset({"data", "grad", "requires_grad"})
_HIDDEN = frozenset(
    {"__code__", "__closure__", "__subclasses__", "__reduce__", "__reduce_ex__", "__builtins__"}
)


class Objects(Machine):
    """Reads and writes attributes."""

    # -- reading

    def read(self, value: Value, name: str, node: ast.AST) -> Value:
        self.spend()
        if name in WATCHED:
            self._note_insides(value, name, node)
        found = [_READ.get(type(atom), _of_data)(self, atom, name, node) for atom in value]
        return found[0] if len(found) == 1 else join(*found)

    def _note_insides(self, value: Value, name: str, node: ast.AST) -> None:
        """The insides of what the notebook does not define, and frames: any name may be found there."""
        silent = (Function, BoundFunction, UserClass, Instance, Super, Unresolved)
        for atom in value:
            known = isinstance(atom, Instance) and name in atom.attributes
            if not known and (name in FRAMES - {"cell_contents"} or not isinstance(atom, silent)):
                why = "rules.dynamic_name" if name == "__subclasses__" else "rules.introspection"
                self.note(why, name, node, everywhere=True)

    def of_class(self, cls: External | UserClass, receiver: Atom, name: str, node: ast.AST) -> Value | None:
        """An attribute as an object or class finds it in its class; None if no class has it."""
        found = classes.defined(cls, name)
        if found is None:
            return None
        value, owner = found
        if isinstance(owner, UserClass):
            return join(*(self.bound(atom, receiver, cls, node) for atom in value)) or PLAIN
        if isinstance(owner, Unresolved):
            return (owner,)
        return (BoundExternal(canonical(f"{owner.path}.{name}"), receiver),)

    def bound(self, atom: Atom, receiver: Atom, cls: External | UserClass, node: ast.AST) -> Value:
        """A class attribute as seen through an object: functions become methods."""
        if isinstance(atom, External):
            owner, _, last = atom.path.rpartition(".")
            binds = owner.rpartition(".")[2][:1].isupper() and not last[:1].isupper()
            return (BoundExternal(atom.path, receiver),) if binds else (atom,)  # builtins do not bind
        if isinstance(atom, Instance) and isinstance(atom.cls, UserClass):
            descriptor = classes.defined(atom.cls, "__get__")
            if descriptor is not None and descriptor[0]:
                return self.call(self.read((atom,), "__get__", node), Call(node, ((receiver,), (cls,))))
        if not isinstance(atom, Function) or atom.kind == "static":
            return (atom,)
        if atom.kind == "class":
            return (BoundFunction(atom, cls),)
        if isinstance(receiver, UserClass) and atom.kind == "function":
            return (atom,)
        method = BoundFunction(atom, receiver)
        return self.call((method,), Call(node)) if atom.kind == "property" else (method,)

    def parameters(self, instance: Instance, node: ast.AST) -> Value:
        """Parameters of a network and of everything it holds."""
        found: dict[Atom, None] = {}
        entered: set[Instance] = set()
        waiting: list[Instance] = [instance]
        while waiting:
            holder = waiting.pop()
            if holder in entered:
                continue
            entered.add(holder)
            self.spend()
            if classes.is_module(holder.cls) and (holder.attributes or classes.core_base(holder.cls)):
                found[Tensor(holder, "parameters", self.code.place(node))] = None
            held = [*holder.attributes.values(), holder.rest, *holder.keyed.values()]
            for atom in (atom for value in held for atom in flat(value)):
                if isinstance(atom, Instance):
                    waiting.append(atom)
                elif isinstance(atom, Tensor) and atom.how == "parameters":
                    found[atom] = None
        return join(tuple(found))

    def names_in(self, space: Namespace, node: ast.AST) -> dict[str, Value] | None:
        """The entries of a namespace where all of them are known."""
        owner = space.of
        if isinstance(owner, Scope):
            return owner.names
        if isinstance(owner, UserClass):
            return owner.attributes
        if isinstance(owner, Instance):
            if classes.core_base(owner.cls) is not None and not owner.attributes:
                return {"weight": self.parameters(owner, node)}
            return {**owner.attributes, **{str(key): value for key, value in owner.keyed.items()}}
        return None

    # -- writing

    def write(self, target: Value, name: str, value: Value, node: ast.AST) -> None:
        self.spend()
        for atom in target:
            if isinstance(atom, Instance):
                self._write_instance(atom, name, value, node, alone=len(target) == 1)
            elif isinstance(atom, UserClass):
                if name in BASES:
                    self.note("rules.changed_class", f"{atom.name}.{name}", node, everywhere=True)
                self._note_intercepted(atom, name, node)
                alone = len(target) == 1 and self.replaces(atom)
                atom.attributes[name] = value if alone else join(atom.attributes.get(name, NOTHING), value)
                self.changes += 1
            elif isinstance(atom, Function) and name not in REMADE:
                atom.attributes[name] = join(atom.attributes.get(name, NOTHING), value)
            elif isinstance(atom, External):
                path = canonical(f"{atom.path}.{name}")
                self.patches[path] = value
                if is_patch(path) or leads_behind(path):
                    self.note("rules.patched_library", path, node, everywhere=True)
            elif name in REMADE:
                self.note("rules.introspection", f"{name} = …", node, everywhere=True)
            elif isinstance(atom, Unresolved) and atom.why in UNNAMED and name not in _DATA:
                self.note(atom.why, f"{atom.what}.{name} = …", node, everywhere=True)
            elif isinstance(atom, Plain | BoundExternal) and name not in _DATA:
                self._set_adrift(name, value)
            elif isinstance(atom, Tensor) and name == "requires_grad" and atom.how == "parameters":
                atom.source.frozen = truth(value) is False

    def _set_adrift(self, name: str, value: Value) -> None:
        """What can be called, put on a thing that is not followed: by that name it may be found on any."""
        kept = tuple(atom for atom in value if isinstance(atom, CALLABLE))
        if kept:
            self.adrift[name] = join(self.adrift.get(name, NOTHING), kept)

    def _note_intercepted(self, cls: External | UserClass, name: str, node: ast.AST) -> None:
        """A name by which torch calls networks and optimizers gets another meaning."""
        if is_machinery_written(name) and (classes.is_module(cls) or classes.is_optimizer(cls)):
            self.note("rules.introspection", f"{name} = …", node, everywhere=True)

    def _write_instance(
        self, thing: Instance, name: str, value: Value, node: ast.AST, *, alone: bool
    ) -> None:
        if name == "__class__":
            self._change_class(thing, value, node)
            return
        if self.holds_data(thing) and name in _DATA:
            return
        self._note_intercepted(thing.cls, name, node)
        setter = classes.defined(thing.cls, name)
        for atom in setter[0] if setter is not None else ():
            if isinstance(atom, Function) and atom.setter:
                self.call(atom.setter, Call(node, ((thing,), value)))
                return
        if name == "__dict__":
            for atom in value:
                if isinstance(atom, Namespace) and isinstance(atom.of, Instance):
                    thing.attributes.update(atom.of.attributes)
                elif isinstance(atom, Instance):
                    named = {key: held for key, held in atom.keyed.items() if isinstance(key, str)}
                    thing.attributes.update(named)
                known = isinstance(atom, Namespace) or (isinstance(atom, Instance) and not atom.rest)
                if classes.is_module(thing.cls) and not known:
                    self.note("rules.dynamic_name", "__dict__ = …", node, everywhere=True)
            return
        if classes.is_module(thing.cls):
            value = tuple(self._adopted(atom, thing) for atom in value)
        old = thing.attributes.get(name, NOTHING)
        new = value if alone and self.replaces(thing) else join(old, value)
        if new != old:
            thing.attributes[name] = new
            self.changes += 1

    def _adopted(self, atom: Atom, owner: Instance) -> Atom:
        """A parameter that is assigned to a network becomes its own: whoever reads it there trains that
        network, not the one that lent its initial value."""
        if isinstance(atom, Tensor) and atom.how == "parameters":
            return Tensor(owner, "parameters", atom.at)
        return atom

    def _change_class(self, thing: Instance, value: Value, node: ast.AST) -> None:
        chosen = [atom for atom in value if isinstance(atom, External | UserClass)]
        if len(chosen) == 1 and self.replaces(thing):
            thing.cls = chosen[0]
            return
        self.note("rules.changed_class", classes.name_of(thing.cls), node)

    # -- making objects

    def instantiate(self, cls: External | UserClass, call: Call) -> Value:
        self.spend()
        made = self.instance(cls, call.node)
        recurrent = classes.recurrent_base(cls)
        if recurrent is not None:
            self.part.constructed[recurrent, made.place] = None
        if classes.is_optimizer(cls):
            self.part.optimizers[classes.external_bases(cls)[0], made.place] = None
            made.rest = join(made.rest, self.taints(call.all()))
        if isinstance(cls, UserClass):
            return self._instantiate_user_class(cls, made, call)
        self.fill(made, call)
        return (made,)

    def _instantiate_user_class(self, cls: UserClass, made: Instance, call: Call) -> Value:
        results: Value = (made,)
        maker = classes.defined(cls, "__new__")
        if maker is not None and isinstance(maker[1], UserClass):
            chosen = self.call(maker[0], Call(call.node, ((cls,), *call.args), call.keywords, call.spread))
            results = tuple(atom for atom in chosen if isinstance(atom, Instance | Unresolved)) or results
        for meta in cls.metaclass:
            if isinstance(meta, UserClass) and "__call__" in meta.attributes:
                results = join(
                    results, self.unresolved("rules.dynamic_code", f"metaclass {meta.name}", call.node)
                )
        for atom in results:
            if isinstance(atom, Instance) and cls in classes.order(atom.cls):
                self._initialize(cls, atom, call)
        return join(results, classes.unresolved_bases(cls))

    def _initialize(self, cls: UserClass, made: Instance, call: Call) -> None:
        starter = classes.defined(cls, "__init__")
        if starter is not None and isinstance(starter[1], UserClass):
            self.call(self.of_class(cls, made, "__init__", call.node) or NOTHING, call)
            return
        fields = next(
            (each.fields for each in classes.order(cls) if isinstance(each, UserClass) and each.fields), None
        )
        if fields is not None:
            for position, name in enumerate(fields):
                value = call.argument(position, name)
                if value:
                    self.write((made,), name, value, call.node)
                    self.put(made, position, value)
            after = self.of_class(cls, made, "__post_init__", call.node)
            if after is not None:
                self.call(after, Call(call.node))
            return
        self.fill(made, call)

    def fill(self, made: Instance, call: Call) -> None:
        """What torch's and Python's own containers, and modules around modules, keep of their arguments."""
        bases = classes.external_bases(made.cls) or (classes.name_of(made.cls),)
        kind = classes.container_kind(made.cls)
        if "types.SimpleNamespace" in bases:
            made.attributes.update(call.keywords)
        elif kind == "dict":
            for key, value in call.keywords.items():
                self.put(made, key, value)
            self.update(made, join(*call.args, call.spread), call.node)
        elif kind == "list" and "torch.nn.Sequential" in bases:
            for value in call.args:
                self._add_layers(made, value)
            self.extend(made, call.spread, call.node)
        elif kind == "list":
            self.extend(made, call.argument(0), call.node)
        elif classes.is_module(made.cls):
            keeps = (Instance, Function, BoundFunction)
            self.put(made, None, tuple(atom for atom in call.all() if isinstance(atom, keeps)))
        elif bases[0] == TENSOR:
            self.put(made, None, self.taints(call.all()))

    def _add_layers(self, made: Instance, value: Value) -> None:
        """One argument of Sequential: a layer, or a dictionary of layers."""
        if (
            len(value) == 1
            and isinstance(value[0], Instance)
            and classes.container_kind(value[0].cls) == "dict"
        ):
            for key, layer in value[0].keyed.items():
                self.append(made, layer)
                if isinstance(key, str):
                    made.attributes[key] = layer
            self.put(made, None, value[0].rest)
        else:
            self.append(made, value)

    def extend(self, made: Instance, value: Value, node: ast.AST) -> None:
        """Add everything that iterating over a value yields."""
        for atom in value:
            items = self.items(atom)
            if items is not None:
                for item in items:
                    self.append(made, item)
            else:
                self.put(made, None, self.element((atom,), node))

    def update(self, made: Instance, value: Value, node: ast.AST) -> None:
        """Add the entries of a dictionary, or of a sequence of pairs, to a dictionary."""
        for atom in value:
            if isinstance(atom, Instance) and classes.container_kind(atom.cls) == "dict":
                for key, item in atom.keyed.items():
                    self.put(made, key, item)
                self.put(made, None, atom.rest)
                continue
            if isinstance(atom, Namespace):
                names = self.names_in(atom, node)
                for name, item in (names or {}).items():
                    self.put(made, name, item)
                if names is None:
                    self.put(made, None, self.unresolved("rules.dynamic_name", "dict(…)", node))
                continue
            if atom == External("sys.modules"):
                self.put(made, None, self.unresolved("rules.dynamic_import", "sys.modules", node))
                continue
            for pair in self.items(atom) or (self.element((atom,), node),):
                for half in pair:
                    entry = self.items(half) if not isinstance(half, Const) else ()
                    if entry is not None and len(entry) == 2:
                        self.store((made,), entry[0], entry[1], node)
                    elif not isinstance(half, Const):
                        kept = self.element((half,), node) if isinstance(half, Instance) else NOTHING
                        self.put(made, None, join(self.taints((half,)), kept))


# -- attributes by kind of atom -------------------------------------------------------------------------


def _of_data(m: Objects, atom: Atom, name: str, node: ast.AST) -> Value:
    """An attribute of a tensor, a constant, or anything else that is only data."""
    if name in m.adrift:
        return join((BoundExternal(f"{TENSOR}.{name}", atom),), m.adrift[name])
    return (BoundExternal(f"{TENSOR}.{name}", atom),)


def _of_external(m: Objects, atom: External, name: str, node: ast.AST) -> Value:
    path = canonical(f"{atom.path}.{name}")
    if name == "__dict__":
        return (Namespace(atom),)
    if atom.path == "__main__":
        return m.lookup(name, m.globals, node)
    if name in _HIDDEN:
        return m.unresolved("rules.dynamic_name", path, node)
    if path in m.patches:
        return m.patches[path]
    if path in ("IPython.shell.user_ns", "IPython.shell.user_global_ns"):
        return (Namespace(m.globals),)
    if name == "__name__":
        return (Const(atom.path.rpartition(".")[2]),)
    return m.external(path, node)


def _of_class(m: Objects, atom: UserClass, name: str, node: ast.AST) -> Value:
    if name in ("__dict__", "__name__", "__qualname__"):
        return (Namespace(atom),) if name == "__dict__" else (Const(atom.name),)
    if name in ("__bases__", "__mro__"):
        return make_tuple(
            atom.bases if name == "__bases__" else tuple((each,) for each in classes.order(atom))
        )
    if name == "__base__":
        return atom.bases[0] if atom.bases else (External("object"),)
    if name in _HIDDEN:
        return m.unresolved("rules.dynamic_name", f"{atom.name}.{name}", node)
    found = classes.defined(atom, name)
    if found is not None and isinstance(found[1], External):
        _note_machinery(m, atom, name, node)
        path = canonical(f"{found[1].path}.{name}")
        return (BoundExternal(path, atom),) if path == "torch.autograd.Function.apply" else (External(path),)
    return m.of_class(atom, atom, name, node) or PLAIN


def _of_instance(m: Objects, atom: Instance, name: str, node: ast.AST) -> Value:
    if name == "__class__":
        return (atom.cls,)
    if name in _REGISTERED:
        return (Namespace(atom),)
    if name in atom.attributes:
        return atom.attributes[name]
    if is_parameter_name(name) and classes.core_base(atom.cls) is not None:
        return (Tensor(atom, "parameters", m.code.place(node)),)
    if m.holds_data(atom) and classes.container_kind(atom.cls) is None:
        return _of_data(m, atom, name, node)
    if name == "param_groups" and classes.is_optimizer(atom.cls):
        return atom.rest
    if name.startswith("_") and "__" in name[1:-2] and _unmangled(atom.cls, name) in atom.attributes:
        return atom.attributes[_unmangled(atom.cls, name)]
    found = m.of_class(atom.cls, atom, name, node)
    if found is not None and isinstance(found[0], BoundExternal):
        _note_machinery(m, atom.cls, name, node)
    if found is None or not isinstance(found[0], BoundExternal):
        return found if found is not None else _by_fallback(m, atom, name, node) or PLAIN
    return _by_fallback(m, atom, name, node) or found


def _note_machinery(m: Objects, cls: External | UserClass, name: str, node: ast.AST) -> None:
    """Hook tables and the like, which torch's networks and optimizers keep under private names."""
    if not name.startswith("_") or not is_machinery(name, own=isinstance(cls, UserClass)):
        return
    if classes.is_module(cls) or classes.is_optimizer(cls):
        m.note("rules.introspection", f"{classes.name_of(cls)}.{name}", node, everywhere=True)


def _unmangled(cls: External | UserClass, name: str) -> str:
    """`_Net__cell` as it stands in the class: `__cell`."""
    names = [each.name for each in classes.order(cls) if isinstance(each, UserClass)]
    return next((name[1 + len(each) :] for each in names if name.startswith(f"_{each}__")), name)


def _by_fallback(m: Objects, atom: Instance, name: str, node: ast.AST) -> Value:
    """What the user's own `__getattr__` gives for a name that is not defined otherwise."""
    if name.startswith("__") or isinstance(atom.cls, External):
        return NOTHING
    if name in (
        "forward",
        "parameters",
        "named_parameters",
        "to",
        "state_dict",
        "load_state_dict",
        "modules",
    ):
        return NOTHING
    fallback = classes.defined(atom.cls, "__getattr__")
    if fallback is None or not fallback[0]:
        return NOTHING
    method = m.of_class(atom.cls, atom, "__getattr__", node) or NOTHING
    return m.call(method, Call(node, ((Const(name),),)))


def _of_super(m: Objects, atom: Super, name: str, node: ast.AST) -> Value:
    receiver = atom.receiver
    cls = receiver.cls if isinstance(receiver, Instance) else receiver
    if not isinstance(cls, External | UserClass):
        return PLAIN
    found = classes.defined(cls, name, after=atom.after)
    if found is None:
        return (BoundExternal(f"object.{name}", receiver),)
    value, owner = found
    if isinstance(owner, External):
        _note_machinery(m, atom.after, name, node)
    if isinstance(owner, UserClass):
        return join(*(m.bound(each, receiver, cls, node) for each in value)) or PLAIN
    if isinstance(owner, Unresolved):
        return (owner,)
    if is_parameter_name(name) and isinstance(receiver, Instance):
        return (Tensor(receiver, "parameters", m.code.place(node)),)
    return (BoundExternal(canonical(f"{owner.path}.{name}"), receiver),)


def _of_function(m: Objects, atom: Function, name: str, node: ast.AST) -> Value:
    if name in atom.attributes:
        return atom.attributes[name]
    if name == "__globals__":
        return (Namespace(m.globals),)
    if name in _HIDDEN:
        return m.unresolved("rules.dynamic_name", f"{atom.name}.{name}", node)
    if name in ("__name__", "__qualname__"):
        return (Const(atom.name),)
    if name == "__get__":
        return (Partial((External("types.MethodType"),), Call(node, ((atom,),))),)
    if name in ("__call__", "__wrapped__", "__func__", "setter", "getter", "deleter"):
        return (BoundExternal(f"property.{name}", atom),) if name == "setter" else (atom,)
    return PLAIN


def _of_method(m: Objects, atom: BoundFunction, name: str, node: ast.AST) -> Value:
    if name == "__self__":
        return (atom.receiver,)
    return _of_function(m, atom.function, name, node) if name not in ("__call__", "__wrapped__") else (atom,)


def _of_external_method(m: Objects, atom: BoundExternal, name: str, node: ast.AST) -> Value:
    if name == "__self__":
        return (atom.receiver,)
    if name in ("__call__", "__func__", "__wrapped__"):
        return (atom,)
    # an attribute of an attribute, such as `net.weight_ih.data` or `x.grad.zero_`
    if atom.name in CUT and not isinstance(atom.receiver, Unresolved):
        return (BoundExternal(f"{TENSOR}.{name}", Const(None)),)
    return (BoundExternal(f"{TENSOR}.{name}", atom.receiver),)


def _of_partial(m: Objects, atom: Partial, name: str, node: ast.AST) -> Value:
    return atom.target if name == "func" else PLAIN


_Reader: TypeAlias = Callable[[Objects, Any, str, ast.AST], Value]
_READ: dict[type, _Reader] = {
    External: _of_external,
    UserClass: _of_class,
    Instance: _of_instance,
    Super: _of_super,
    Function: _of_function,
    BoundFunction: _of_method,
    BoundExternal: _of_external_method,
    Partial: _of_partial,
}

"""What binds names: targets of assignments, and definitions of functions and classes."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

from . import classes
from .expressions import Expressions, absorb
from .intrusions import INTERCEPTING
from .machine import Exhausted
from .values import (
    NOTHING,
    Atom,
    Call,
    Const,
    External,
    Function,
    Instance,
    Namespace,
    Scope,
    UserClass,
    Value,
    join,
)

MAX_ANCESTORS = 60

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

_KINDS: dict[str, Any] = {
    "staticmethod": "static",
    "classmethod": "class",
    "property": "property",
    "functools.cached_property": "property",
    "abc.abstractproperty": "property",
}


class Bindings(Expressions):
    """Assigns and defines."""

    @abstractmethod
    def execute(self, statements: Sequence[ast.stmt], scope: Scope) -> bool:
        """Read statements in order; False if a `return` or `raise` ends them."""

    # -- assignment

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id, value, scope)
        elif isinstance(target, ast.Attribute):
            self.write(self.evaluate(target.value, scope), target.attr, value, target)
        elif isinstance(target, ast.Subscript):
            self._assign_item(target, value, scope)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, self.container("list", target, rest=self.element(value, target)), scope)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, value, scope)

    def _assign_item(self, target: ast.Subscript, value: Value, scope: Scope) -> None:
        base = self.evaluate(target.value, scope)
        self.store(base, self.evaluate(target.slice, scope), value, target)
        held = (Instance, Namespace, External, UserClass)
        if self.grad is not False and not any(isinstance(atom, held) for atom in base):
            absorb(self, target.value, self.taints(value), scope)

    def _unpack(self, target: ast.Tuple | ast.List, value: Value, scope: Scope) -> None:
        count = len(target.elts)
        starred = any(isinstance(each, ast.Starred) for each in target.elts)
        exact: list[tuple[Value, ...]] = []
        rest: list[Atom] = []
        for atom in value:
            items = self.items(atom)
            if items is not None and len(items) == count and not starred:
                exact.append(items)
            else:
                rest.append(atom)
        other = self.element(tuple(rest), target) if rest else NOTHING
        for position, each in enumerate(target.elts):
            self.assign(each, join(*(items[position] for items in exact), other), scope)

    # -- definitions

    def function(self, node: Definition | ast.Lambda, scope: Scope) -> Function:
        outer = scope
        while outer.kind == "class" and outer.parent is not None:
            outer = outer.parent
        defaults = self._defaults(node.args, scope)
        key = (self.context, id(node))
        made = self.functions.get(key)
        if made is None:
            name = "lambda" if isinstance(node, ast.Lambda) else node.name
            made = self.functions[key] = Function(name, node, outer, self.code)
        made.scope = outer
        made.owner = scope.owner if scope.kind == "class" else made.owner
        made.defaults = {
            name: join(made.defaults.get(name, NOTHING), value) for name, value in defaults.items()
        }
        return made

    def _defaults(self, accepted: ast.arguments, scope: Scope) -> dict[str, Value]:
        positional = [each.arg for each in (*accepted.posonlyargs, *accepted.args)]
        given = dict(zip(reversed(positional), reversed(accepted.defaults), strict=False))
        named = zip(accepted.kwonlyargs, accepted.kw_defaults, strict=True)
        given |= {each.arg: default for each, default in named if default is not None}
        return {name: self.evaluate(default, scope) for name, default in given.items()}

    def decorated(self, value: Value, decorators: list[ast.expr], scope: Scope) -> Value:
        """What decorators, innermost last, make of a function or class."""
        for decorator in reversed(decorators):
            wrapper = self.evaluate(decorator, scope)
            kind = next((_KINDS.get(atom.path) for atom in wrapper if isinstance(atom, External)), None)
            functions = [atom for atom in value if isinstance(atom, Function)]
            if kind is not None and functions:
                for each in functions:
                    each.kind = kind
                continue
            value = self.call(wrapper, Call(decorator, (value,))) or value
        return value

    def define_class(self, node: ast.ClassDef, scope: Scope) -> UserClass:
        key = (self.context, id(node))
        cls = self.classes.get(key)
        if cls is None:
            cls = self.classes[key] = UserClass(node.name, self.code.place(node), self.region)
        known, spread = self.evaluate_all(node.bases, scope)
        cls.bases = (*known, spread) if spread else known
        if len(classes.order(cls)) > MAX_ANCESTORS:
            raise Exhausted
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            if keyword.arg == "metaclass":
                cls.metaclass = value
        cls.annotated = tuple(
            each.target.id
            for each in node.body
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        )
        if "typing.NamedTuple" in classes.external_bases(cls):
            cls.fields = cls.annotated
        body = Scope(parent=scope, kind="class", owner=cls)
        self.execute(node.body, body)
        for name, value in body.names.items():
            cls.attributes[name] = value
            if name in INTERCEPTING:
                self.note("rules.introspection", name, node, everywhere=True)
        for name, value in body.names.items():
            self.special(value, "__set_name__", ((cls,), (Const(name),)), node)
        self._announce(cls, node)
        return cls

    def _announce(self, cls: UserClass, node: ast.ClassDef) -> None:
        """What ancestors and metaclasses do to a class that has just been made."""
        starter = classes.defined(cls, "__init_subclass__", after=cls)
        if starter is not None and starter[0]:
            self.call(starter[0], Call(node, ((cls,),)))
        for atom in join(
            cls.metaclass, *(each.metaclass for each in classes.order(cls) if isinstance(each, UserClass))
        ):
            if isinstance(atom, UserClass) and {"__new__", "__init__"} & atom.attributes.keys():
                self.note("rules.dynamic_code", f"metaclass {atom.name}", node, everywhere=True)

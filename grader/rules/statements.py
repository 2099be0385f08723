"""Statements: control flow, and what each kind of statement does to names and objects."""

# ruff: noqa: ARG001 (every kind of statement is executed with the same arguments)
from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from . import classes
from .bindings import Bindings, Definition
from .expressions import operate_in_place
from .machine import Saved
from .torch_names import canonical, is_seen
from .values import (
    NONE,
    NOTHING,
    PLAIN,
    Call,
    External,
    Function,
    GradMode,
    Instance,
    Namespace,
    Scope,
    UserClass,
    Value,
    constants,
    join,
    truth,
)

MAX_PASSES = 6


class Statements(Bindings):
    """Executes statements."""

    def run_body(self, function: Function, scope: Scope) -> Value:
        node = function.node
        if isinstance(node, ast.Lambda):
            return self.evaluate(node.body, scope)
        falls_through = self.execute(node.body, scope)
        if scope.yields:
            return self.container("generator", node, rest=scope.yields)
        return join(scope.returns, NONE) if falls_through and not scope.returns else scope.returns or NONE

    def execute(self, statements: Sequence[ast.stmt], scope: Scope) -> bool:
        """Read statements in order; False if a `return` or `raise` ends them."""
        for statement in statements:
            self.spend()
            if _EXECUTE.get(type(statement), _other)(self, statement, scope) is False:
                return False
        return True

    # -- control flow

    def branch(self, arms: Sequence[Callable[[], bool]], entry: int, scope: Scope) -> bool:
        """Read alternatives from the same state and join what they leave; False if none goes on."""
        before = self.save(scope)
        left = self.left_over()
        grad = self.grad
        ends: list[Saved] = []
        grads: set[bool | None] = set()
        for number, arm in enumerate(arms):
            self.restore(before)
            self.grad = grad
            with self.inside(entry + number):
                goes_on = arm()
            if goes_on:
                ends.append(self.save(scope))
                grads.add(self.grad)
        for end in ends:
            self.forget(end, left)
        self.restore(ends[0] if ends else before)
        for end in ends[1:]:
            self.merge(end)
        self.grad = (grads.pop() if len(grads) == 1 else None) if grads else grad
        return bool(ends)

    def loop(
        self, node: ast.For | ast.AsyncFor | ast.While, scope: Scope, passes: tuple[Value, ...] | None
    ) -> None:
        """Read a loop's body for each of `passes`, or, if there is only one kind, until nothing is new."""
        context = self.context
        with self.inside(-id(node)):
            if passes is not None and len(passes) != 1:
                for number, value in enumerate(passes):
                    self.context = (*context, number)
                    self.loops.append((*self.context, id(node)))
                    self._pass(node, scope, value)
                    self.loops.pop()
                self.context = context
                return
            self.loops.append((*context, id(node)))
            for _ in range(MAX_PASSES):
                before, changes = self.save(scope), self.changes
                self._pass(node, scope, passes[0] if passes else None)
                if self.changes == changes and all(each.names == names for each, names in before):
                    break
            self.loops.pop()

    def _pass(self, node: ast.For | ast.AsyncFor | ast.While, scope: Scope, value: Value | None) -> None:
        if not isinstance(node, ast.While) and value is not None:
            self.assign(node.target, value, scope)
        self.execute(node.body, scope)
        if isinstance(node, ast.While):
            self.evaluate(node.test, scope)


# -- one function per kind of statement; only what ends a block returns False -------------------------------


def _other(m: Statements, node: ast.stmt, scope: Scope) -> None:
    """Any other statement: only the expressions in it count (`assert`, ...)."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            m.evaluate(child, scope)


def _expression(m: Statements, node: ast.Expr, scope: Scope) -> None:
    m.evaluate(node.value, scope)


def _import(m: Statements, node: ast.Import, scope: Scope) -> None:
    for alias in node.names:
        path = alias.name if alias.asname else alias.name.partition(".")[0]
        m.external(canonical(alias.name), node)
        m.bind(alias.asname or path, (External(canonical(path)),), scope)


def _import_from(m: Statements, node: ast.ImportFrom, scope: Scope) -> None:
    module = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name == "*":
            m.stars.append(canonical(module))
            m.external(canonical(f"{module}.*"), node)
            if not is_seen(module) and not module.startswith("fastai"):
                m.note("rules.unseen_code", f"from {module} import *", node)
            continue
        path = canonical(f"{module}.{alias.name}")
        m.bind(alias.asname or alias.name, m.patches.get(path) or m.external(path, node), scope)


def _assign(m: Statements, node: ast.Assign, scope: Scope) -> None:
    value = m.evaluate(node.value, scope)
    for target in node.targets:
        m.assign(target, value, scope)


def _annotated(m: Statements, node: ast.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        m.assign(node.target, m.evaluate(node.value, scope), scope)


def _augmented(m: Statements, node: ast.AugAssign, scope: Scope) -> None:
    target = node.target
    value = m.evaluate(node.value, scope)
    before = m.evaluate(target, scope)
    lists = [
        atom for atom in before if isinstance(atom, Instance) and classes.container_kind(atom.cls) == "list"
    ]
    if lists and isinstance(node.op, ast.Add):
        for each in lists:
            m.extend(each, value, node)
        return
    if isinstance(target, ast.Attribute) and target.attr in ("data", "grad"):
        return
    for atom in before:
        if isinstance(atom, Namespace):  # `names |= {...}`
            m.call(m.read((atom,), "update", node), Call(node, (value,)))
            return
    m.assign(target, operate_in_place(m, node.op, before, value, node), scope)


def _function(m: Statements, node: Definition, scope: Scope) -> None:
    m.bind(node.name, m.decorated((m.function(node, scope),), node.decorator_list, scope), scope)


def _class(m: Statements, node: ast.ClassDef, scope: Scope) -> None:
    cls = m.define_class(node, scope)
    m.bind(node.name, m.decorated((cls,), node.decorator_list, scope), scope)


def _return(m: Statements, node: ast.Return, scope: Scope) -> bool:
    value = m.evaluate(node.value, scope) if node.value is not None else NONE
    around = next((each for each in scope.chain() if each.kind in ("function", "module")), scope)
    around.returns = join(around.returns, value)
    return False


def _raise(m: Statements, node: ast.Raise, scope: Scope) -> bool:
    thrown = m.evaluate(node.exc, scope)
    m.thrown = join(m.thrown, tuple(atom for atom in thrown if isinstance(atom, Instance)))
    m.evaluate(node.cause, scope)
    return False


def _if(m: Statements, node: ast.If, scope: Scope) -> bool:
    known = truth(m.evaluate(node.test, scope))
    if known is not None:
        return m.execute(node.body if known else node.orelse, scope)
    arms = (lambda: m.execute(node.body, scope), lambda: m.execute(node.orelse, scope))
    return m.branch(arms, id(node), scope)


def _for(m: Statements, node: ast.For | ast.AsyncFor, scope: Scope) -> bool:
    value = m.evaluate(node.iter, scope)
    passes = m.iterations(value, node.iter)
    if passes:
        m.loop(node, scope, passes)
    return m.execute(node.orelse, scope)


def _while(m: Statements, node: ast.While, scope: Scope) -> bool:
    if truth(m.evaluate(node.test, scope)) is not False:
        m.loop(node, scope, None)
    return m.execute(node.orelse, scope)


def _try(m: Statements, node: ast.Try, scope: Scope) -> bool:
    before, left = m.save(scope), m.left_over()
    goes_on = through = m.execute(node.body, scope) and m.execute(node.orelse, scope)
    if node.handlers:
        after = m.save(scope)
        m.forget(before, left)
        m.merge(before)  # the error may come before, between or after the body's statements
        caught = [lambda handler=handler: _handler(m, handler, scope) for handler in node.handlers]

        def nothing_raised() -> bool:
            m.restore(after)
            return through

        goes_on = m.branch([nothing_raised, *caught], id(node), scope)
    return m.execute(node.finalbody, scope) and goes_on


def _handler(m: Statements, node: ast.ExceptHandler, scope: Scope) -> bool:
    m.evaluate(node.type, scope)
    if node.name:
        m.bind(node.name, join(PLAIN, m.thrown), scope)
    return m.execute(node.body, scope)


def _with(m: Statements, node: ast.With | ast.AsyncWith, scope: Scope) -> bool:
    grad = m.grad
    entered: list[Value] = []
    for item in node.items:
        value = m.evaluate(item.context_expr, scope)
        modes = [atom.enabled for atom in value if isinstance(atom, GradMode)]
        if modes:
            m.grad = modes[0] if len(modes) == len(value) == 1 else None
        managers = tuple(
            atom for atom in value if isinstance(atom, Instance) and isinstance(atom.cls, UserClass)
        )
        result = value
        if managers:
            entered.append(managers)
            result = (
                m.call(m.read(managers, "__enter__", item.context_expr), Call(item.context_expr)) or value
            )
        elif any(isinstance(atom, Instance) and m.holds_data(atom) for atom in value):
            result = m.element(value, item.context_expr)  # a generator made a context manager
        if item.optional_vars is not None:
            m.assign(item.optional_vars, result, scope)
    goes_on = m.execute(node.body, scope)
    for opened in entered:
        m.call(m.read(opened, "__exit__", node), Call(node, (NONE, NONE, NONE)))
    m.grad = grad
    return goes_on


def _global(m: Statements, node: ast.Global, scope: Scope) -> None:
    scope.global_names.update(node.names)


def _nonlocal(m: Statements, node: ast.Nonlocal, scope: Scope) -> None:
    scope.nonlocal_names.update(node.names)


def _delete(m: Statements, node: ast.Delete, scope: Scope) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            scope.names.pop(target.id, None)
        elif isinstance(target, ast.Attribute):
            for atom in m.evaluate(target.value, scope):
                if isinstance(atom, Instance) and m.replaces(atom):
                    atom.attributes.pop(target.attr, None)
        elif isinstance(target, ast.Subscript):
            keys = constants(m.evaluate(target.slice, scope))
            for atom in m.evaluate(target.value, scope):
                if isinstance(atom, Instance) and m.replaces(atom) and len(keys) == 1:
                    atom.keyed.pop(keys[0], None)


def _match(m: Statements, node: ast.Match, scope: Scope) -> bool:
    subject = m.evaluate(node.subject, scope)
    arms = [lambda case=case: _case(m, case, subject, scope) for case in node.cases]
    return m.branch([*arms, lambda: True], id(node), scope)


def _case(m: Statements, case: ast.match_case, subject: Value, scope: Scope) -> bool:
    _bind_pattern(m, case.pattern, subject, scope)
    m.evaluate(case.guard, scope)
    return m.execute(case.body, scope)


def _bind_pattern(m: Statements, pattern: ast.pattern, subject: Value, scope: Scope) -> None:
    if isinstance(pattern, ast.MatchAs):
        if pattern.pattern is not None:
            _bind_pattern(m, pattern.pattern, subject, scope)
        if pattern.name is not None:
            m.bind(pattern.name, subject, scope)
        return
    if isinstance(pattern, ast.MatchStar) and pattern.name is not None:
        m.bind(pattern.name, m.container("list", pattern, rest=subject), scope)
    inner = subject if isinstance(pattern, ast.MatchOr) else m.element(subject, pattern)
    for name in ("patterns", "kwd_patterns"):
        for position, each in enumerate(getattr(pattern, name, ())):
            exact = [
                items for atom in subject if (items := m.items(atom)) is not None and position < len(items)
            ]
            chosen = (
                join(*(items[position] for items in exact))
                if isinstance(pattern, ast.MatchSequence)
                else NOTHING
            )
            _bind_pattern(m, each, chosen or inner, scope)


_Executor: TypeAlias = Callable[[Statements, Any, Scope], bool | None]
_EXECUTE: dict[type, _Executor] = {
    ast.Expr: _expression,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.Delete: _delete,
    ast.Match: _match,
}

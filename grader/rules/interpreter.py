"""Reads a notebook without running it: an abstract interpreter over Python's syntax tree.

It goes through the cells in order, statement by statement, as Python would, but computes with
*abstract values* (`values`): the set of things that a name may stand for. Numbers are not computed;
what is followed is which object, class or function a name means, and of which networks a tensor
carries the gradient. A worked example, with the names' values after each line:

    cell = torch.nn.RNNCell(7, 8)         cell    Instance of torch.nn.RNNCell, made here
    own.weight.data = cell.weight_ih.data         `.data` cuts gradients: only a value is read
    run = {"step": cell}["step"]          run     the same Instance
    h = run(x, h)                         h       Tensor(source=cell, how="core")
    loss = loss_fn(linear(h), y)          loss    Tensor(cell, "core"), Tensor(linear, "core")
    loss.backward()                               the record of this part: a Backward with these

The source of every tensor that reaches a place that differentiates becomes a `NetworkFact`. Reading
`cell.weight_ih` alone gives Tensor(cell, "parameters"); what the forward of a student's own class
returns is marked Tensor(object, "own"); inside `torch.no_grad()` nothing is marked.

How the parts of Python are treated:

- A name that may be several things holds them all. Branches are read one after the other and joined,
  unless their condition is a known constant. A loop is taken to run at least once and is read again
  until nothing new turns up; over a short list of different objects it is unrolled.
- Functions of the notebook are read through at every call. Objects are told apart by the place that
  makes them and the calls that led there, so that a function used by two questions makes two objects.
- What a library does is in tables: `library` (functions), `methods`, `torch_names` (names). Reading on
  past something that cannot be known leaves an `Unresolved` value, which matters only if it reaches a
  place that differentiates; what may concern anything at all (`exec` of computed text) is noted at once.
- Every step is counted. A cell that spends its budget is given up, and that is noted.

The layers, lowest first: `machine` (state), `objects` (attributes), `calls`, `expressions`, and here
the statements and cells.
"""

# ruff: noqa: ARG001 (every kind of statement is executed with the same arguments)
from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from grader.model import Reason

from . import classes
from .expressions import Expressions, absorb, operate
from .machine import TOTAL_STEPS, Exhausted
from .record import CellRecord, PartRecord
from .torch_names import canonical, is_seen
from .values import (
    NONE,
    NOTHING,
    PLAIN,
    Atom,
    BoundFunction,
    Call,
    Code,
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
MAX_SOURCE = 100_000  # characters of one cell
MAX_SOURCES = 500_000  # and of all cells
MAX_EXECUTED = 20_000
MAX_ANCESTORS = 60

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Interpreter(Expressions):
    """Reads cells one after the other; what it finds is in the records it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.characters = 0
        self.parsed: dict[str, ast.Module] = {}
        self.kept: list[ast.Module] = []  # nodes are known by their id, so no tree may be freed

    def read_cell(self, code: Code, text: str, part: PartRecord, cell: CellRecord) -> None:
        """Read one cell of plain Python. Never raises, whatever the text is."""
        self.begin(code, part, cell)
        for entry in self.everywhere:
            part.add_unclear(entry)
        tree = self._parse(code, text)
        if tree is None:
            return
        grad = self.grad
        try:
            for statement in tree.body:
                self.top = statement
                if not self.execute([statement], self.globals):
                    break
        except (Exhausted, RecursionError):
            self.begin(code, part, cell)
            self.grad = grad
            self.note("rules.budget", "", tree.body[0], everywhere=True)
            _names_by_syntax(tree, cell)

    def _parse(self, code: Code, text: str) -> ast.Module | None:
        node = ast.Pass(lineno=1)
        self.characters += len(text)
        if len(text) > MAX_SOURCE or self.characters > MAX_SOURCES or self.steps > TOTAL_STEPS:
            self.note("rules.budget", "", node, everywhere=True)
            return None
        try:
            tree = _parsed(text)
        except SyntaxError as error:
            line = code.place(ast.Pass(lineno=max(error.lineno or 1, 1))).line
            self.cell.syntax_error = Reason("rules.syntax_error", {"what": str(error.msg)[:80], "line": line})
            self.note("rules.not_read", str(error.msg), ast.Pass(lineno=max(error.lineno or 1, 1)))
            return None
        except (RecursionError, MemoryError, ValueError):
            self.note("rules.budget", "", node, everywhere=True)
            return None
        self.kept.append(tree)
        return tree

    def execute_text(self, text: str, node: ast.AST, scope: Scope | None = None) -> Value:
        """Run constant text as code; the value of its last expression."""
        tree = self.parsed.get(text)
        if tree is None:
            self.spend(1 + len(text) // 50)
            try:
                tree = _parsed(text.strip()) if len(text) <= MAX_EXECUTED else None
            except (SyntaxError, RecursionError, MemoryError, ValueError):
                tree = None
            if tree is None:
                self.note("rules.dynamic_code", text, node, everywhere=True)
                return self.unresolved("rules.dynamic_code", text, node)
            self.parsed[text] = tree
        code, context = self.code, self.context
        if len(context) > 30:
            raise Exhausted
        self.context = (*context, id(node))
        self.code = Code(code.cell, fixed=code.place(node))
        scope = scope or self.scope
        last = tree.body[-1] if tree.body else None
        self.execute(tree.body[:-1], scope)
        result = NOTHING
        if isinstance(last, ast.Expr):
            result = self.evaluate(last.value, scope)
        elif last is not None:
            self.execute([last], scope)
        self.code, self.context = code, context
        return result

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

    def function(self, node: _Definition | ast.Lambda, scope: Scope) -> Function:
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
        body = Scope(parent=scope, kind="class")
        self.execute(node.body, body)
        for name, value in body.names.items():
            cls.attributes[name] = value
            for atom in value:
                function = atom.function if isinstance(atom, BoundFunction) else atom
                if isinstance(function, Function) and function.owner is None:
                    function.owner = cls
            if name in ("__torch_function__", "__torch_dispatch__"):
                self.note("rules.introspection", name, node, everywhere=True)
        return cls

    # -- control flow

    def branch(self, arms: Sequence[Callable[[], bool]], entry: int, scope: Scope) -> bool:
        """Read alternatives from the same state and join what they leave; False if none goes on."""
        before = self.save(scope)
        left = {name: value for name, value in self.globals.names.items() if name not in self.part.bound}
        grad = self.grad
        ends: list[list[tuple[Scope, dict[str, Value]]]] = []
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
            self.weaken(end, left)
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


_KINDS: dict[str, Any] = {
    "staticmethod": "static",
    "classmethod": "class",
    "property": "property",
    "functools.cached_property": "property",
    "abc.abstractproperty": "property",
}


# -- one function per kind of statement; only what ends a block returns False -------------------------------


def _other(m: Interpreter, node: ast.stmt, scope: Scope) -> None:
    """Any other statement: only the expressions in it count (`assert`, ...)."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            m.evaluate(child, scope)


def _expression(m: Interpreter, node: ast.Expr, scope: Scope) -> None:
    m.evaluate(node.value, scope)


def _import(m: Interpreter, node: ast.Import, scope: Scope) -> None:
    for alias in node.names:
        path = alias.name if alias.asname else alias.name.partition(".")[0]
        m.bind(alias.asname or path, (External(canonical(path)),), scope)


def _import_from(m: Interpreter, node: ast.ImportFrom, scope: Scope) -> None:
    module = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name == "*":
            m.stars.append(canonical(module))
            if not is_seen(module) and not module.startswith("fastai"):
                m.note("rules.unseen_code", f"from {module} import *", node)
            continue
        path = canonical(f"{module}.{alias.name}")
        m.bind(alias.asname or alias.name, m.patches.get(path, (External(path),)), scope)


def _assign(m: Interpreter, node: ast.Assign, scope: Scope) -> None:
    value = m.evaluate(node.value, scope)
    for target in node.targets:
        m.assign(target, value, scope)


def _annotated(m: Interpreter, node: ast.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        m.assign(node.target, m.evaluate(node.value, scope), scope)


def _augmented(m: Interpreter, node: ast.AugAssign, scope: Scope) -> None:
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
    m.assign(target, operate(m, node.op, before, value, node), scope)


def _function(m: Interpreter, node: _Definition, scope: Scope) -> None:
    m.bind(node.name, m.decorated((m.function(node, scope),), node.decorator_list, scope), scope)


def _class(m: Interpreter, node: ast.ClassDef, scope: Scope) -> None:
    cls = m.define_class(node, scope)
    m.bind(node.name, m.decorated((cls,), node.decorator_list, scope), scope)


def _return(m: Interpreter, node: ast.Return, scope: Scope) -> bool:
    value = m.evaluate(node.value, scope) if node.value is not None else NONE
    around = next((each for each in scope.chain() if each.kind in ("function", "module")), scope)
    around.returns = join(around.returns, value)
    return False


def _raise(m: Interpreter, node: ast.Raise, scope: Scope) -> bool:
    _other(m, node, scope)
    return False


def _if(m: Interpreter, node: ast.If, scope: Scope) -> bool:
    known = truth(m.evaluate(node.test, scope))
    if known is not None:
        return m.execute(node.body if known else node.orelse, scope)
    arms = (lambda: m.execute(node.body, scope), lambda: m.execute(node.orelse, scope))
    return m.branch(arms, id(node), scope)


def _for(m: Interpreter, node: ast.For | ast.AsyncFor, scope: Scope) -> bool:
    value = m.evaluate(node.iter, scope)
    passes = m.iterations(value, node.iter)
    if passes:
        m.loop(node, scope, passes)
    return m.execute(node.orelse, scope)


def _while(m: Interpreter, node: ast.While, scope: Scope) -> bool:
    if truth(m.evaluate(node.test, scope)) is not False:
        m.loop(node, scope, None)
    return m.execute(node.orelse, scope)


def _try(m: Interpreter, node: ast.Try, scope: Scope) -> bool:
    before = m.save(scope)
    goes_on = through = m.execute(node.body, scope) and m.execute(node.orelse, scope)
    if node.handlers:
        after = m.save(scope)
        m.merge(before)  # the error may come before, between or after the body's statements
        caught = [lambda handler=handler: _handler(m, handler, scope) for handler in node.handlers]

        def nothing_raised() -> bool:
            m.restore(after)
            return through

        goes_on = m.branch([nothing_raised, *caught], id(node), scope)
    return m.execute(node.finalbody, scope) and goes_on


def _handler(m: Interpreter, node: ast.ExceptHandler, scope: Scope) -> bool:
    m.evaluate(node.type, scope)
    if node.name:
        m.bind(node.name, PLAIN, scope)
    return m.execute(node.body, scope)


def _with(m: Interpreter, node: ast.With | ast.AsyncWith, scope: Scope) -> bool:
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


def _global(m: Interpreter, node: ast.Global, scope: Scope) -> None:
    scope.global_names.update(node.names)


def _nonlocal(m: Interpreter, node: ast.Nonlocal, scope: Scope) -> None:
    scope.nonlocal_names.update(node.names)


def _delete(m: Interpreter, node: ast.Delete, scope: Scope) -> None:
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


def _match(m: Interpreter, node: ast.Match, scope: Scope) -> bool:
    subject = m.evaluate(node.subject, scope)
    arms = [lambda case=case: _case(m, case, subject, scope) for case in node.cases]
    return m.branch([*arms, lambda: True], id(node), scope)


def _case(m: Interpreter, case: ast.match_case, subject: Value, scope: Scope) -> bool:
    _bind_pattern(m, case.pattern, subject, scope)
    m.evaluate(case.guard, scope)
    return m.execute(case.body, scope)


def _bind_pattern(m: Interpreter, pattern: ast.pattern, subject: Value, scope: Scope) -> None:
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


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a student's invalid escape sequence is no news to us
        return ast.parse(text)


def _names_by_syntax(tree: ast.Module, cell: CellRecord) -> None:
    """The names of a cell that could not be read to its end: all that stand in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (cell.reads if isinstance(node.ctx, ast.Load) else cell.binds).add(node.id)


_Executor: TypeAlias = Callable[[Interpreter, Any, Scope], bool | None]
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
